#include "net/rpc_frame.hpp"

#include "fuzz_target.hpp"
#include "net/testing/memory_net.hpp"

using namespace stratos;

namespace {

constexpr std::size_t kMaxInput = 64 * 1024;  // less than a memory stream holds

Task<std::string> read_frames(Runtime& runtime, ByteView bytes, net::testing::Arrival arrival) {
  net::testing::StreamPair pair = net::testing::make_stream_pair(runtime, arrival);
  [[maybe_unused]] const auto sent = co_await pair.a->write(bytes, 1s);
  pair.a->shutdown();
  net::InputBuffer input(*pair.b, 512);
  std::string outcome;
  while (true) {
    const auto frame = co_await net::read_frame(input, 1s);
    if (!frame) co_return outcome + std::string(name_of(frame.error().code()));
    STRATOS_ASSERT(net::check_size(frame->message).has_value(), "frames are bounded");
    outcome += std::to_string(frame->header.id) + ":";
    outcome += as_text(frame->message.head);
    outcome += as_text(frame->message.body.view());
  }
}

}  // namespace

// A header that is read is written with the same bytes; frames mean the same however they arrive.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static BlockingPool pool(1);
  static RealRuntime runtime(pool, "fuzz");
  if (size < net::kFrameHeaderBytes || size > kMaxInput) return 0;
  const ByteView bytes(data, size);
  const auto first = bytes.first<net::kFrameHeaderBytes>();
  if (const auto header = net::decode_header(first)) {
    std::array<std::uint8_t, net::kFrameHeaderBytes> again;
    net::encode_header(*header, again);
    STRATOS_ASSERT(std::ranges::equal(first, again), "one form for each header");
  }
  const std::string whole = block_on(runtime, read_frames(runtime, bytes, {}));
  const std::string pieces = block_on(runtime, read_frames(runtime, bytes, {7, UINT64_MAX}));
  STRATOS_ASSERT(whole == pieces, "the same bytes are the same frames");
  return 0;
}
