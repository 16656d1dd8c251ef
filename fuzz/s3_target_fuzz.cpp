// Input: method, target, host and one more header value, a line each.
#include <algorithm>

#include "base/assert.hpp"
#include "fuzz_target.hpp"
#include "gateway/s3/s3_headers.hpp"
#include "gateway/s3/s3_request.hpp"
#include "gateway/s3/s3_time.hpp"
#include "gateway/s3/utf8.hpp"

namespace {

using namespace stratos;
using namespace stratos::gateway::s3;

std::string take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string line(text.substr(0, end));
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

void parse_target_of(const http::Request& request) {
  static const std::vector<std::string> domains = {"localhost", "s3.example.com"};
  const auto parsed = parse_request(request, domains);
  if (!parsed) return;
  STRATOS_ASSERT((parsed->level == Level::service) == parsed->bucket.empty(), "level");
  STRATOS_ASSERT((parsed->level == Level::object) == !parsed->key.empty(), "level");
  STRATOS_ASSERT(parsed->key.size() <= kMaxKeyBytes && is_utf8(parsed->key), "key");
  STRATOS_ASSERT(parsed->bucket.empty() || validate_bucket_name(parsed->bucket), "bucket");
  if (const auto list = parse_list_query(*parsed)) STRATOS_ASSERT(list->max_keys <= 1000, "bound");
}

void parse_header_value(const std::string& value) {
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{100}, UINT64_MAX}) {
    const auto range = resolve_range(value, size);
    if (range && *range) {
      STRATOS_ASSERT((*range)->length > 0 && (*range)->offset < size &&
                         (*range)->length <= size - (*range)->offset,
                     "range outside of the object");
    }
    static_cast<void>(parse_copy_range(value, size));
  }
  if (const auto time = parse_http_date(value)) {
    STRATOS_ASSERT(parse_http_date(to_http_date(*time)) == time, "date");
  }
  if (const auto source = parse_copy_source(value)) {
    STRATOS_ASSERT(validate_bucket_name(source->bucket) && validate_key(source->key), "source");
  }
  http::Headers headers;
  for (const char* name : {"if-match", "if-none-match", "if-modified-since", "x-amz-meta-a",
                           "content-encoding", "x-amz-acl"}) {
    headers.add(name, value);
  }
  static_cast<void>(check_read(parse_conditions(headers, ""), "etag", {0}));
  static_cast<void>(parse_user_metadata(headers));
  static_cast<void>(parse_stored_headers(headers));
  static_cast<void>(check_headers_implemented(headers));
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = as_text({data, size});
  http::Request request;
  request.method = take_line(text);
  request.target = take_line(text);
  request.headers.add("Host", take_line(text));
  parse_target_of(request);
  parse_header_value(std::string(text));
  return 0;
}
