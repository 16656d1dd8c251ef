// Reads the input as every document that a bucket's owner may set, and as the policy of a form;
// what is taken decides without failing, and what is written reads back.
#include "base/assert.hpp"
#include "fuzz_target.hpp"
#include "gateway/s3/bucket_documents.hpp"
#include "gateway/s3/cors.hpp"
#include "gateway/s3/notification.hpp"
#include "gateway/s3/policy.hpp"
#include "gateway/s3/post_policy.hpp"
#include "gateway/s3/s3_xml_versions.hpp"

namespace {

using namespace stratos;
using namespace stratos::gateway::s3;

void decide_by(std::string_view text) {
  const auto policy = Policy::parse(text, "bucket");
  if (!policy) return;
  STRATOS_ASSERT(text.size() <= kMaxPolicyBytes, "a policy larger than its bound");
  const ConditionValues values = [](std::string_view key) {
    return key.contains("source") ? std::vector<std::string>{"10.0.0.1"}
                                  : std::vector<std::string>{};
  };
  for (std::string_view resource : {"bucket", "bucket/key", "bucket/a/b*c"}) {
    static_cast<void>(policy->evaluate({std::nullopt, "s3:GetObject", resource, values}));
    static_cast<void>(policy->evaluate({AccountId(), "s3:PutObject", resource, values}));
  }
  static_cast<void>(policy->is_public());
}

void read_documents(ByteView text) {
  if (const auto rules = parse_cors(text)) {
    const std::string document = cors_document(*rules);
    static_cast<void>(find_cors_rule(*rules, {as_text(text), "GET", as_text(text)}));
    STRATOS_ASSERT(!rules->empty() && rules->size() <= kMaxCorsRules, "bound");
  }
  if (const auto tags = parse_tagging(text, kMaxBucketTags)) {
    STRATOS_ASSERT(tags->size() <= kMaxBucketTags, "bound");
  }
  if (const auto acl = parse_acl_document(text)) {
    const Bytes stored = encode_acl(acl->acl, AccountId());
    const auto again = decode_acl(stored, AccountId());
    STRATOS_ASSERT(again && *again == acl->acl, "an access control list changed");
  }
  static_cast<void>(parse_public_access_block(text));
  static_cast<void>(parse_ownership(text));
  static_cast<void>(parse_encryption(text));
  static_cast<void>(parse_notification(text));
}

void check_form(std::string_view text) {
  const auto policy = PostPolicy::parse(text);
  if (!policy) return;
  Form form;
  form.fields.emplace_back("key", std::string(text));
  static_cast<void>(policy->check(form, "bucket", {0}));
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input{data, size};
  decide_by(as_text(input));
  read_documents(input);
  check_form(as_text(input));
  return 0;
}
