#include "fuzz_target.hpp"
#include "net/http_body.hpp"
#include "net/testing/memory_net.hpp"

using namespace stratos;

namespace {

constexpr std::size_t kMaxInput = 16 * 1024;  // less than a memory stream holds

// What a server makes of the bytes: the outcome of each request and of its body.
Task<std::string> read_requests(Runtime& runtime, ByteView bytes, net::testing::Arrival arrival) {
  net::testing::StreamPair pair = net::testing::make_stream_pair(runtime, arrival);
  [[maybe_unused]] const auto sent = co_await pair.a->write(bytes, 1s);
  pair.a->shutdown();
  net::InputBuffer input(*pair.b, 512);
  std::string outcome;
  std::size_t searched = 0;
  while (true) {
    const std::string_view text = as_text(input.pending());
    const std::size_t size = http::find_head_end(text, searched);
    searched = text.size();
    if (size == 0) {
      const auto more = co_await input.fill(64 * 1024, 1s);
      if (!more || *more == 0) co_return outcome + "end";
      continue;
    }
    auto head = http::parse_request_head(text.substr(0, size));
    if (!head) co_return outcome + std::to_string(head.error().status);
    STRATOS_ASSERT(head->target.starts_with('/') || head->target == "*", "origin form");
    for (const auto& [name, value] : head->headers.items()) {
      STRATOS_ASSERT(http::is_token(name) && http::is_field_text(value), "clean fields");
    }
    input.consume(size);
    outcome += head->method + " " + head->target + ";";
    http::MessageBody body(input, head->body, 1s);
    const auto whole = co_await http::read_all(body, 1 << 20);
    if (!whole) co_return outcome + std::string(name_of(whole.error().code()));
    outcome += as_text(*whole);
    searched = 0;
  }
}

}  // namespace

// However the bytes arrive, they mean the same.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static BlockingPool pool(1);
  static RealRuntime runtime(pool, "fuzz");
  if (size > kMaxInput) return 0;
  const ByteView bytes(data, size);
  const std::string whole = block_on(runtime, read_requests(runtime, bytes, {}));
  const std::string pieces = block_on(runtime, read_requests(runtime, bytes, {3, UINT64_MAX}));
  STRATOS_ASSERT(whole == pieces, "the same bytes are the same requests");

  const std::string_view text = as_text(bytes);
  [[maybe_unused]] const auto response = http::parse_response_head(text, false);
  [[maybe_unused]] const auto trailers = http::parse_trailers(text);
  const auto chunk = http::parse_chunk_size(text);
  STRATOS_ASSERT(!chunk || *chunk < std::uint64_t{1} << 60, "chunk sizes are bounded");
  return 0;
}
