#include "net/rpc_frame.hpp"

namespace stratos::net {
namespace {

constexpr std::array<std::uint8_t, 4> kMagic = {'S', 'R', 'P', 1};
constexpr std::size_t kMaxQueuedBytes = 16 << 20;
constexpr std::size_t kMaxQueuedFrames = 4096;
constexpr std::size_t kGatherBytes = 64 * 1024;
constexpr std::size_t kCopiedBodyBytes = 8 * 1024;
constexpr Duration kWriteTimeout = 30s;
constexpr Duration kWithinFrameTimeout = 30s;

std::size_t size_of(const Frame& frame) {
  return kFrameHeaderBytes + frame.extension.size() + frame.message.head.size() +
         frame.message.body.size();
}

std::uint32_t to_milliseconds(Duration left) {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(ms, 1, UINT32_MAX));
}

}  // namespace

void encode_header(const FrameHeader& header, std::span<std::uint8_t, kFrameHeaderBytes> out) {
  std::copy(kMagic.begin(), kMagic.end(), out.begin());
  out[4] = static_cast<std::uint8_t>(header.kind);
  out[5] = 0;
  store_le(&out[6], header.method);
  store_le(&out[8], header.id);
  store_le(&out[16], header.head_bytes);
  store_le(&out[20], header.body_bytes);
  store_le(&out[24], header.value);
  store_le(&out[28], header.extension_bytes);
  store_le(&out[30], std::uint16_t{0});
}

Result<FrameHeader> decode_header(std::span<const std::uint8_t, kFrameHeaderBytes> in) {
  if (!std::equal(kMagic.begin(), kMagic.begin() + 3, in.begin())) {
    return fail(Errc::malformed_message, "not a frame");
  }
  if (in[3] != kMagic[3]) return fail(Errc::unknown_format, "frame of another format");
  FrameHeader header;
  header.kind = static_cast<FrameKind>(in[4]);
  header.method = load_le<std::uint16_t>(&in[6]);
  header.id = load_le<std::uint64_t>(&in[8]);
  header.head_bytes = load_le<std::uint32_t>(&in[16]);
  header.body_bytes = load_le<std::uint32_t>(&in[20]);
  header.value = load_le<std::uint32_t>(&in[24]);
  header.extension_bytes = load_le<std::uint16_t>(&in[28]);
  const bool known = in[4] >= 1 && in[4] <= 4;
  if (!known || in[5] != 0 || load_le<std::uint16_t>(&in[30]) != 0) {
    return fail(Errc::malformed_message, "unknown kind or flags of a frame");
  }
  if (header.head_bytes > kMaxHeadBytes || header.body_bytes > kMaxBodyBytes ||
      header.extension_bytes > kMaxExtensionBytes) {
    return fail(Errc::message_too_large, "frame over its limit");
  }
  const bool has_code = header.kind == FrameKind::error || header.kind == FrameKind::goodbye;
  if ((header.kind != FrameKind::request && (header.method != 0 || header.extension_bytes != 0)) ||
      (has_code && (header.body_bytes != 0 || header.value > UINT16_MAX)) ||
      (header.kind == FrameKind::error && header.head_bytes > kMaxErrorTextBytes) ||
      (header.kind == FrameKind::goodbye && (header.head_bytes != 0 || header.id != 0))) {
    return fail(Errc::malformed_message, "fields that do not fit the kind of frame");
  }
  return header;
}

Result<void> check_size(const Message& message) {
  if (message.head.size() > kMaxHeadBytes || message.body.size() > kMaxBodyBytes) {
    return fail(Errc::message_too_large, "message over the limit");
  }
  return {};
}

Frame request_frame(std::uint16_t method, std::uint64_t id, Duration left, Message message,
                    const TraceContext& trace) {
  Frame frame;
  frame.header.kind = FrameKind::request;
  frame.header.method = method;
  frame.header.id = id;
  frame.header.value = to_milliseconds(left);
  frame.message = std::move(message);
  if (trace.exists()) {
    frame.extension = codec::encode(RequestExtension{trace.trace, trace.span, trace.sampled});
  }
  return frame;
}

Result<TraceContext> trace_of(const Frame& frame) {
  STRATOS_TRY(const RequestExtension extension, codec::decode<RequestExtension>(frame.extension));
  return TraceContext{extension.trace, extension.span, extension.sampled};
}

Frame answer_frame(std::uint64_t id, Result<Message> answer) {
  Frame frame;
  frame.header.id = id;
  if (answer) {
    if (auto checked = check_size(*answer); !checked) answer = fail(std::move(checked).error());
  }
  if (answer) {
    frame.header.kind = FrameKind::response;
    frame.message = std::move(*answer);
  } else {
    const std::string& text = answer.error().message();
    frame.header.kind = FrameKind::error;
    frame.header.value = static_cast<std::uint32_t>(answer.error().code());
    frame.message.head = to_bytes(as_bytes(std::string_view(text).substr(0, kMaxErrorTextBytes)));
  }
  return frame;
}

Frame goodbye_frame(std::optional<Errc> reason) {
  Frame frame;
  frame.header.kind = FrameKind::goodbye;
  frame.header.value = reason ? static_cast<std::uint32_t>(*reason) : 0;
  return frame;
}

Error error_of(const Frame& frame) {
  const Errc code = errc_from_number(static_cast<std::uint16_t>(frame.header.value));
  return Error(code, std::string(as_text(frame.message.head)));
}

Task<Result<Frame>> read_frame(InputBuffer& input, Duration idle_timeout) {
  if (input.pending().empty()) {
    STRATOS_CO_CHECK(co_await input.fill_to(1, idle_timeout));
  }
  // What is slow from here on is not an idle peer but a broken one.
  Result<void> more = co_await input.fill_to(kFrameHeaderBytes, kWithinFrameTimeout);
  if (!more) co_return fail(Errc::connection_lost, "inside a frame", std::move(more).error());
  Frame frame;
  STRATOS_CO_TRY(frame.header, decode_header(input.pending().first<kFrameHeaderBytes>()));
  input.consume(kFrameHeaderBytes);
  frame.extension.resize(frame.header.extension_bytes);
  more = co_await input.read_exactly(frame.extension, kWithinFrameTimeout);
  frame.message.head.resize(frame.header.head_bytes);
  if (more) more = co_await input.read_exactly(frame.message.head, kWithinFrameTimeout);
  if (more && frame.header.body_bytes != 0) {
    frame.message.body = Buffer::allocate(frame.header.body_bytes);
    more = co_await input.read_exactly(frame.message.body.mutable_view(), kWithinFrameTimeout);
  }
  if (!more) co_return fail(Errc::connection_lost, "inside a frame", std::move(more).error());
  co_return frame;
}

Task<Result<void>> FrameWriter::push(Frame frame, std::optional<Duration> timeout) {
  while (!closed_ && (queued_bytes_ >= kMaxQueuedBytes || queue_.size() >= kMaxQueuedFrames)) {
    const Result<void> room = co_await room_ready_.wait(timeout);
    if (!room && !closed_) co_return room;
  }
  if (closed_ || finishing_) co_return fail(Errc::connection_lost, "connection has ended");
  frame.header.extension_bytes = static_cast<std::uint16_t>(frame.extension.size());
  frame.header.head_bytes = static_cast<std::uint32_t>(frame.message.head.size());
  frame.header.body_bytes = static_cast<std::uint32_t>(frame.message.body.size());
  queued_bytes_ += size_of(frame);
  queue_.push_back(std::move(frame));
  frames_ready_.wake_one();
  co_return Result<void>{};
}

// Moves frames into scratch_ until there is enough for one write or a large body to follow it.
bool FrameWriter::gather(Buffer& body) {
  scratch_.clear();
  while (!queue_.empty() && scratch_.size() < kGatherBytes && body.empty()) {
    Frame& frame = queue_.front();
    queued_bytes_ -= size_of(frame);
    std::array<std::uint8_t, kFrameHeaderBytes> header;
    encode_header(frame.header, header);
    append(scratch_, header);
    append(scratch_, frame.extension);
    append(scratch_, frame.message.head);
    if (frame.message.body.size() <= kCopiedBodyBytes) {
      append(scratch_, frame.message.body.view());
    } else {
      body = std::move(frame.message.body);
    }
    queue_.pop_front();
  }
  return !scratch_.empty();
}

Task<void> FrameWriter::run() {
  while (!closed_) {
    Buffer body;
    if (!gather(body)) {
      if (finishing_ || !co_await frames_ready_.wait(std::nullopt)) break;
      continue;
    }
    room_ready_.wake_all();
    const Result<void> written = body.empty()
                                     ? co_await stream_.write(scratch_, kWriteTimeout)
                                     : co_await stream_.write(scratch_, body.view(), kWriteTimeout);
    if (!written) {
      stream_.close();
      break;
    }
    if (sent_ != nullptr) sent_->add(scratch_.size() + body.size());
    if (scratch_.capacity() > 4 * kGatherBytes) scratch_ = {};
  }
  close();
}

void FrameWriter::finish() {
  finishing_ = true;
  frames_ready_.wake_all();
}

void FrameWriter::close() {
  closed_ = true;
  queue_.clear();
  queued_bytes_ = 0;
  frames_ready_.close();
  room_ready_.close();
}

}  // namespace stratos::net
