// Listings of objects.
#include "gateway/s3/operations.hpp"

namespace stratos::gateway::s3 {
namespace {

// A token is the form's number and the place to go on, in Base64: nobody's business but ours.
constexpr char kTokenForm = 1;

std::string make_token(const std::string& next) {
  return to_base64(as_bytes(std::string(1, kTokenForm) + next));
}

Result<std::string> parse_token(const std::string& token) {
  const Result<Bytes> bytes = from_base64(token);
  if (!bytes || bytes->empty() || bytes->front() != kTokenForm) {
    return fail(Errc::invalid_argument, "The continuation token provided is incorrect");
  }
  return std::string(as_text(ByteView(*bytes).subspan(1)));
}

ObjectItem to_item(client::ListPage::Entry entry) {
  ObjectItem item;
  item.key = std::move(entry.key);
  item.modified = entry.modified;
  item.etag = entry.etag.to_string();
  item.size_bytes = entry.size;
  item.owner = entry.owner;
  if (entry.checksum_algorithms.empty()) return item;
  const auto algorithm = parse_checksum_algorithm(entry.checksum_algorithms.front());
  if (!algorithm) return item;
  item.checksum_algorithm = *algorithm;
  // Of a multipart object the listing knows the type only where there is just one.
  const ChecksumInfo& info = info_of(*algorithm);
  if (entry.etag.parts == 0 || !info.may_be_composite) {
    item.checksum_type = ChecksumType::full_object;
  } else if (!info.may_be_full_object) {
    item.checksum_type = ChecksumType::composite;
  }
  return item;
}

struct Listed {
  ObjectListing listing;
  std::string next;  // where it goes on
};

Task<Result<Listed>> run_list(Call& call, const ListQuery& query, std::string after) {
  Listed out;
  out.listing.bucket = call.s3.bucket;
  out.listing.prefix = query.prefix;
  out.listing.delimiter = query.delimiter;
  out.listing.max_keys = query.max_keys;
  out.listing.url_encoding = query.url_encoding;
  if (query.max_keys == 0) co_return out;
  client::ListRequest request;
  request.prefix = query.prefix;
  request.delimiter = query.delimiter;
  request.start_after = std::move(after);
  request.max_keys = static_cast<std::uint32_t>(query.max_keys);
  STRATOS_CO_TRY(client::ListPage page,
                 co_await call.objects().list(call.s3.bucket, std::move(request)));
  out.listing.truncated = page.truncated;
  out.listing.objects.reserve(page.entries.size());
  for (auto& entry : page.entries) out.listing.objects.push_back(to_item(std::move(entry)));
  out.listing.common_prefixes = std::move(page.common_prefixes);
  out.next = std::move(page.next_start_after);
  co_return out;
}

// Names of those whose objects a page shows, and of the bucket's owner.
Task<Result<Owners>> owners_of(Call& call, const ObjectListing& listing) {
  std::vector<AccountId> accounts;
  for (const ObjectItem& object : listing.objects) accounts.push_back(object.owner);
  co_return co_await named_owners(call, std::move(accounts));
}

}  // namespace

Task<Result<void>> list_objects(Call& call) {
  STRATOS_CO_TRY(const ListQuery query, parse_list_query(call.s3));
  STRATOS_CO_TRY(const Listed listed, co_await run_list(call, query, query.after));
  ListV1 page;
  page.marker = query.after;
  // Without a delimiter the last key is the marker, as S3 has it.
  if (listed.listing.truncated && !query.delimiter.empty()) page.next_marker = listed.next;
  STRATOS_CO_TRY(const Owners owners, co_await owners_of(call, listed.listing));
  http::Headers headers;
  headers.add("x-amz-bucket-region", call.bucket.region);
  co_return co_await answer_document(call, std::move(headers),
                                     list_objects_document(listed.listing, page, &owners));
}

Task<Result<void>> list_objects_v2(Call& call) {
  STRATOS_CO_TRY(const ListQuery query, parse_list_query(call.s3));
  std::string after = query.after;
  if (query.continuation_token) {
    STRATOS_CO_TRY(after, parse_token(*query.continuation_token));
  }
  STRATOS_CO_TRY(const Listed listed, co_await run_list(call, query, std::move(after)));
  ListV2 page;
  page.start_after = query.after;
  page.continuation_token = query.continuation_token.value_or("");
  if (listed.listing.truncated) page.next_continuation_token = make_token(listed.next);
  STRATOS_CO_TRY(const Owners owners, co_await owners_of(call, listed.listing));
  http::Headers headers;
  headers.add("x-amz-bucket-region", call.bucket.region);
  co_return co_await answer_document(
      call, std::move(headers),
      list_objects_v2_document(listed.listing, page, query.fetch_owner ? &owners : nullptr));
}

}  // namespace stratos::gateway::s3
