#include "net/http_body.hpp"

namespace stratos::http {
namespace {

constexpr std::size_t kMaxDrainBytes = 64 * 1024;

std::unexpected<Error> malformed(const ParseFailure& failure) {
  return fail(Errc::malformed_message, std::string(failure.why));
}

std::unexpected<Error> ended_early() {
  return fail(Errc::body_incomplete, "the peer stopped inside a body");
}

}  // namespace

Duration BodyPace::begin() {
  if (runtime_ == nullptr || rate_ == 0) return timeout_;
  begun_ = runtime_->now();
  return allowance_;
}

void BodyPace::end(std::size_t bytes) {
  if (runtime_ == nullptr || rate_ == 0) return;
  // More earns no more than the whole allowance.
  const auto whole_seconds = static_cast<std::uint64_t>(timeout_ / 1s) + 1;
  const std::uint64_t counted = std::min<std::uint64_t>(bytes, whole_seconds * rate_);
  const Duration earned(static_cast<std::int64_t>(counted * 1'000'000'000 / rate_));
  allowance_ = std::min(timeout_, allowance_ - (runtime_->now() - begun_) + earned);
  allowance_ = std::max(allowance_, Duration::zero());
}

MessageBody::MessageBody(net::InputBuffer& input, BodyFraming framing, BodyPace pace)
    : input_(input), framing_(framing), pace_(pace) {
  if (framing.kind == Framing::sized) remaining_ = framing.length;
  if (framing.kind == Framing::none) state_ = State::done;
}

std::optional<std::uint64_t> MessageBody::length() const {
  if (framing_.kind == Framing::sized || framing_.kind == Framing::none) return framing_.length;
  return std::nullopt;
}

void MessageBody::withdraw_continue() {
  continue_withheld_ |= continue_to_ != nullptr;
  continue_to_ = nullptr;
}

Task<Result<Buffer>> MessageBody::read(std::size_t max_bytes) {
  STRATOS_ASSERT(max_bytes > 0, "a read of nothing");
  if (state_ == State::failed) co_return ended_early();
  if (state_ == State::done) co_return Buffer();
  Result<Buffer> part = co_await read_step(max_bytes);
  if (!part) {
    state_ = State::failed;
    const Errc code = part.error().code();
    if (code == Errc::connection_lost || code == Errc::cancelled) co_return ended_early();
  }
  co_return part;
}

Task<Result<Buffer>> MessageBody::read_step(std::size_t max_bytes) {
  if (continue_to_ != nullptr) STRATOS_CO_CHECK(co_await send_continue());
  if (framing_.kind == Framing::chunked && !in_chunk_) {
    STRATOS_CO_CHECK(co_await begin_chunk());
    if (state_ == State::done) co_return Buffer();
  }
  STRATOS_CO_TRY(Buffer part, co_await read_part(max_bytes));
  if (framing_.kind == Framing::until_close) {
    if (part.empty()) state_ = State::done;
    co_return part;
  }
  remaining_ -= part.size();
  if (remaining_ == 0 && framing_.kind == Framing::sized) state_ = State::done;
  if (remaining_ == 0 && framing_.kind == Framing::chunked) STRATOS_CO_CHECK(co_await end_chunk());
  co_return part;
}

Task<Result<void>> MessageBody::send_continue() {
  Stream* stream = std::exchange(continue_to_, nullptr);
  // A peer that has begun to send did not wait.
  if (!input_.pending().empty()) co_return Result<void>{};
  co_return co_await stream->write(as_bytes(kContinue), pace_.begin());
}

Task<Result<Buffer>> MessageBody::read_part(std::size_t max_bytes) {
  constexpr std::size_t kUnknownStepBytes = 64 * 1024;
  if (framing_.kind == Framing::until_close) {
    Buffer part = Buffer::allocate(std::min(max_bytes, kUnknownStepBytes));
    STRATOS_CO_TRY(const std::size_t count, co_await read_some(part.mutable_view()));
    co_return part.slice(0, count);
  }
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(max_bytes, remaining_));
  Buffer part = Buffer::allocate(size);
  for (std::size_t filled = 0; filled < size;) {
    STRATOS_CO_TRY(const std::size_t count,
                   co_await read_some(part.mutable_view().subspan(filled)));
    if (count == 0) co_return ended_early();
    filled += count;
  }
  co_return part;
}

Task<Result<std::size_t>> MessageBody::read_some(MutableByteView out) {
  const Duration patience = pace_.begin();
  STRATOS_CO_TRY(const std::size_t count, co_await input_.read_some(out, patience));
  pace_.end(count);
  co_return count;
}

Task<Result<void>> MessageBody::more(std::size_t limit_bytes) {
  const Duration patience = pace_.begin();
  STRATOS_CO_TRY(const std::size_t count, co_await input_.fill(limit_bytes, patience));
  pace_.end(count);
  if (count == 0) co_return ended_early();
  co_return Result<void>{};
}

// The line without its CRLF.
Task<Result<std::string>> MessageBody::read_line(std::size_t limit_bytes) {
  while (true) {
    const std::string_view text = as_text(input_.pending()).substr(0, limit_bytes);
    const std::size_t feed = text.find('\n');
    if (feed != std::string_view::npos) {
      if (feed == 0 || text[feed - 1] != '\r') {
        co_return fail(Errc::malformed_message, "bad line end");
      }
      std::string line(text.substr(0, feed - 1));
      input_.consume(feed + 1);
      co_return line;
    }
    if (text.size() >= limit_bytes) co_return fail(Errc::malformed_message, "line too long");
    STRATOS_CO_CHECK(co_await more(limit_bytes));
  }
}

Task<Result<void>> MessageBody::begin_chunk() {
  STRATOS_CO_TRY(const std::string line, co_await read_line(kMaxChunkLineBytes));
  const auto size = parse_chunk_size(line);
  if (!size) co_return malformed(size.error());
  if (*size == 0) co_return co_await read_trailers();
  remaining_ = *size;
  in_chunk_ = true;
  co_return Result<void>{};
}

Task<Result<void>> MessageBody::end_chunk() {
  in_chunk_ = false;
  STRATOS_CO_TRY(const std::string line, co_await read_line(2));
  if (!line.empty()) co_return fail(Errc::malformed_message, "chunk longer than its size");
  co_return Result<void>{};
}

Task<Result<void>> MessageBody::read_trailers() {
  std::string lines;
  while (!lines.ends_with("\r\n\r\n") && lines != "\r\n") {
    const std::size_t rest = kMaxTrailerBytes - std::min(lines.size(), kMaxTrailerBytes);
    STRATOS_CO_TRY(const std::string line, co_await read_line(rest));
    lines += line + "\r\n";
  }
  auto trailers = parse_trailers(lines);
  if (!trailers) co_return malformed(trailers.error());
  trailers_ = std::move(*trailers);
  state_ = State::done;
  co_return Result<void>{};
}

bool MessageBody::can_be_drained() const {
  if (state_ != State::open) return state_ == State::done;
  if (continue_to_ != nullptr || continue_withheld_) return false;
  return framing_.kind != Framing::sized || remaining_ <= kMaxDrainBytes;
}

Task<bool> MessageBody::drain() {
  std::size_t drained = 0;
  while (state_ == State::open && can_be_drained() && drained <= kMaxDrainBytes) {
    const Result<Buffer> part = co_await read(kMaxDrainBytes);
    if (part) drained += part->size();
  }
  co_return state_ == State::done;
}

}  // namespace stratos::http
