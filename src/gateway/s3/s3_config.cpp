// The documents of a bucket's configuration: one handler for each method, one row for each kind.
#include <algorithm>
#include <array>

#include "gateway/s3/operations.hpp"
#include "gateway/s3/s3_xml_versions.hpp"
#include "gateway/s3/website.hpp"

namespace stratos::gateway::s3 {
namespace {

using client::ConfigKind;
using enum Operation;

constexpr std::size_t kMaxDocumentBytes = 64 * 1024;
constexpr std::size_t kMaxBodyBytes = 128 * 1024;

// Checks what was sent and gives what is kept, which is also what is answered. Nothing: the
// document asks for nothing, so that there is nothing to keep.
using Normalise = Result<Bytes> (*)(Call& call, ByteView text);

template <class Text>
Result<Bytes> kept(const Text& text) {
  return to_bytes(as_bytes(text));
}

Result<Bytes> take_policy(Call& call, ByteView text) {
  STRATOS_TRY(const Policy policy, Policy::parse(as_text(text), call.s3.bucket));
  if (call.rules->block.block_public_policy && policy.is_public()) return fail(Errc::access_denied);
  return to_bytes(text);
}
Result<Bytes> take_cors(Call&, ByteView text) {
  STRATOS_TRY(const std::vector<CorsRule> rules, parse_cors(text));
  return kept(cors_document(rules));
}
Result<Bytes> take_access_block(Call&, ByteView text) {
  STRATOS_TRY(const PublicAccessBlock block, parse_public_access_block(text));
  return kept(public_access_block_document(block));
}
Result<Bytes> take_ownership(Call& call, ByteView text) {
  STRATOS_TRY(const ObjectOwnership ownership, parse_ownership(text));
  const bool shared = call.rules->acl != private_acl(call.bucket.owner);
  if (ownership == ObjectOwnership::bucket_owner_enforced && shared) {
    return fail(Errc::acl_with_ownership);
  }
  return kept(ownership_document(ownership));
}
Result<Bytes> take_tagging(Call&, ByteView text) {
  STRATOS_TRY(const client::Tags tags, parse_tagging(text, kMaxBucketTags));
  return kept(tagging_document(tags));
}
Result<Bytes> take_encryption(Call&, ByteView text) {
  STRATOS_TRY(const DefaultEncryption encryption, parse_encryption(text));
  return kept(encryption_document(encryption));
}

Result<Bytes> take_lifecycle(Call& call, ByteView text) {
  STRATOS_TRY(LifecycleRules rules, parse_lifecycle(text));
  for (LifecycleRule& rule : rules) {
    if (!rule.id.empty()) continue;
    Bytes id(16);
    call.backend.runtime.random().fill(id);
    rule.id = to_hex(id);
  }
  return kept(lifecycle_document(rules));
}

Result<Bytes> take_website(Call&, ByteView text) {
  STRATOS_TRY(const WebsiteRules rules, parse_website(text));
  return kept(website_document(rules));
}

struct Row {
  ConfigKind kind;
  Operation get;
  Operation put;
  Operation remove;
  Normalise normalise;
  Errc missing;
  int put_status = 200;
};
constexpr std::array kRows = {
    Row{ConfigKind::policy, get_bucket_policy, put_bucket_policy, delete_bucket_policy, take_policy,
        Errc::no_such_policy, 204},
    Row{ConfigKind::cors, get_bucket_cors, put_bucket_cors, delete_bucket_cors, take_cors,
        Errc::no_such_cors},
    Row{ConfigKind::public_access_block, get_public_access_block, put_public_access_block,
        delete_public_access_block, take_access_block, Errc::no_such_public_access_block},
    Row{ConfigKind::ownership_controls, get_ownership_controls, put_ownership_controls,
        delete_ownership_controls, take_ownership, Errc::no_ownership_controls},
    Row{ConfigKind::tagging, get_bucket_tagging, put_bucket_tagging, delete_bucket_tagging,
        take_tagging, Errc::no_such_tag_set},
    Row{ConfigKind::encryption, get_bucket_encryption, put_bucket_encryption,
        delete_bucket_encryption, take_encryption, Errc::no_encryption_configuration},
    Row{ConfigKind::lifecycle, get_bucket_lifecycle, put_bucket_lifecycle, delete_bucket_lifecycle,
        take_lifecycle, Errc::no_such_lifecycle},
    Row{ConfigKind::website, get_bucket_website, put_bucket_website, delete_bucket_website,
        take_website, Errc::no_such_website},
};

const Row& row_of(Operation operation) {
  return *std::ranges::find_if(kRows, [operation](const Row& row) {
    return operation == row.get || operation == row.put || operation == row.remove;
  });
}

Task<Result<void>> store(Call& call, ConfigKind kind, std::optional<Bytes> document) {
  STRATOS_CO_CHECK(
      co_await call.objects().set_bucket_config(call.s3.bucket, kind, std::move(document)));
  call.backend.access.forget_bucket(call.s3.bucket);
  co_return Result<void>{};
}

struct Unset {
  Operation operation;
  std::string_view document;  // below its root
  Errc missing = Errc::not_found;
};
constexpr std::array kUnset = {
    Unset{get_bucket_logging, "BucketLoggingStatus"},
    Unset{get_bucket_accelerate, "AccelerateConfiguration"},
    Unset{get_bucket_request_payment, "RequestPaymentConfiguration"},
    Unset{get_bucket_replication, "", Errc::no_such_replication},
};

}  // namespace

Task<Result<void>> get_bucket_config(Call& call) {
  const Row& row = row_of(call.s3.operation);
  const auto found = call.rules->documents.find(row.kind);
  if (found == call.rules->documents.end()) co_return fail(row.missing);
  std::string document(as_text(found->second));
  http::Headers headers;
  if (row.kind != ConfigKind::policy) {
    co_return co_await answer_document(call, std::move(headers), std::move(document));
  }
  headers.add("Content-Type", "application/json");
  co_return co_await answer(call, 200, std::move(headers), std::move(document));
}

Task<Result<void>> put_bucket_config(Call& call) {
  const Row& row = row_of(call.s3.operation);
  STRATOS_CO_TRY(const Bytes body,
                 co_await read_document(call, kMaxBodyBytes, Integrity::optional));
  STRATOS_CO_TRY(Bytes document, row.normalise(call, body));
  if (document.size() > kMaxDocumentBytes) co_return fail(Errc::too_large);
  if (!document.empty()) {
    STRATOS_CO_CHECK(co_await store(call, row.kind, std::move(document)));
  }
  http::Headers headers;
  co_return co_await answer_empty(call, row.put_status, std::move(headers));
}

Task<Result<void>> delete_bucket_config(Call& call) {
  STRATOS_CO_CHECK(co_await store(call, row_of(call.s3.operation).kind, std::nullopt));
  http::Headers headers;
  co_return co_await answer_empty(call, 204, std::move(headers));
}

Task<Result<void>> get_unset_config(Call& call) {
  const Unset& unset = *std::ranges::find(kUnset, call.s3.operation, &Unset::operation);
  if (unset.missing != Errc::not_found) co_return fail(unset.missing);
  const std::string_view payer =
      call.s3.operation == get_bucket_request_payment ? "BucketOwner" : "";
  http::Headers headers;
  co_return co_await answer_document(call, std::move(headers),
                                     unset_config_document(unset.document, payer));
}

Task<Result<void>> get_bucket_policy_status(Call& call) {
  const BucketRules& rules = *call.rules;
  const bool by_list =
      rules.acls_count() && !rules.block.ignore_public_acls && is_public(rules.acl);
  const bool by_policy =
      rules.policy && !rules.block.restrict_public_buckets && rules.policy->is_public();
  http::Headers headers;
  co_return co_await answer_document(call, std::move(headers),
                                     policy_status_document(by_list || by_policy));
}

Task<Result<void>> answer_preflight(Call& call) {
  const http::Headers& headers = call.headers();
  const auto origin = headers.get("origin");
  const auto method = headers.get("access-control-request-method");
  if (!origin) {
    co_return fail(Errc::bad_request, "Insufficient information. Origin request header needed.");
  }
  if (!method) {
    co_return fail(Errc::bad_request, "Invalid Access-Control-Request-Method: null");
  }
  if (call.s3.bucket.empty()) co_return fail(Errc::cors_forbidden);
  STRATOS_CO_TRY(const Access::Rules rules, co_await call.backend.access.rules_of(call.s3.bucket));
  if (rules->cors.empty()) {
    co_return fail(Errc::cors_forbidden, "CORSResponse: CORS is not enabled for this bucket.");
  }
  const CorsQuestion question{*origin, *method,
                              headers.get("access-control-request-headers").value_or("")};
  const CorsRule* rule = find_cors_rule(rules->cors, question);
  if (!rule) {
    co_return fail(Errc::cors_forbidden,
                   "CORSResponse: This CORS request is not allowed. This is usually because the "
                   "evaluation of Origin, request method / Access-Control-Request-Method or "
                   "Access-Control-Request-Headers are not allowed by the resource's CORS "
                   "spec.");
  }
  call.cors = cors_headers(*rule, question, true);
  http::Headers empty;
  co_return co_await answer_empty(call, 200, std::move(empty));
}

}  // namespace stratos::gateway::s3
