// Frames of docs/formats/rpc.md: their bytes, their reader and their writer.
#pragma once
#include <deque>

#include "net/input_buffer.hpp"
#include "net/rpc.hpp"
#include "runtime/sync.hpp"

namespace stratos::net {

enum class FrameKind : std::uint8_t { request = 1, response = 2, error = 3, goodbye = 4 };

constexpr std::size_t kFrameHeaderBytes = 32;
constexpr std::size_t kMaxErrorTextBytes = 1024;
constexpr std::size_t kMaxExtensionBytes = 512;

struct FrameHeader {
  FrameKind kind = FrameKind::request;
  std::uint16_t method = 0;
  std::uint64_t id = 0;
  std::uint32_t head_bytes = 0;
  std::uint32_t body_bytes = 0;
  std::uint32_t value = 0;  // request: milliseconds left; error, goodbye: code
  std::uint16_t extension_bytes = 0;
};

// What a request may say besides its head: the record behind the header.
struct RequestExtension {
  TraceId trace;
  SpanId span;
  bool sampled = false;

  static void fields(auto& self, auto&& field) {
    field(1, self.trace);
    field(2, self.span);
    field(3, self.sampled);
  }
};

struct Frame {
  FrameHeader header;
  Bytes extension;
  Message message;
};

void encode_header(const FrameHeader& header, std::span<std::uint8_t, kFrameHeaderBytes> out);
// Errc::unknown_format, Errc::message_too_large, Errc::malformed_message.
Result<FrameHeader> decode_header(std::span<const std::uint8_t, kFrameHeaderBytes> in);

// Errc::message_too_large.
Result<void> check_size(const Message& message);
// Carries `trace` when that exists.
Frame request_frame(std::uint16_t method, std::uint64_t id, Duration left, Message message,
                    const TraceContext& trace);
// The trace that a request carries. Errc::bad_encoding for an extension that is no record.
Result<TraceContext> trace_of(const Frame& frame);
Frame answer_frame(std::uint64_t id, Result<Message> answer);
Frame goodbye_frame(std::optional<Errc> reason);
// The error that an error frame or a goodbye with a reason carries.
Error error_of(const Frame& frame);

// The next frame; nothing has happened on Errc::deadline_exceeded, which means that none began
// within `idle_timeout`. The body is read straight into its Buffer.
Task<Result<Frame>> read_frame(InputBuffer& input, Duration idle_timeout);

// Writes the frames of many calls to one stream, whole and in order. Small ones share system calls.
class FrameWriter {
 public:
  // `sent` counts bytes and outlives the writer.
  FrameWriter(Runtime& runtime, Stream& stream, metrics::Counter* sent = nullptr)
      : stream_(stream), sent_(sent), frames_ready_(runtime), room_ready_(runtime) {}

  // Waits while too much is queued. Errc::connection_lost once the writer has ended.
  Task<Result<void>> push(Frame frame, std::optional<Duration> timeout);
  // Runs until finish(), close() or a failed write, which closes the stream.
  Task<void> run();
  // Lets run() return when all is written.
  void finish();
  void close();

 private:
  bool gather(Buffer& body);

  Stream& stream_;
  metrics::Counter* sent_;
  WaitQueue frames_ready_;
  WaitQueue room_ready_;
  std::deque<Frame> queue_;
  std::size_t queued_bytes_ = 0;
  Bytes scratch_;
  bool finishing_ = false;
  bool closed_ = false;
};

}  // namespace stratos::net
