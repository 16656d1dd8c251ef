// The body of a message as it comes in: sized, chunked or up to the end of the connection.
#pragma once
#include "net/http_parser.hpp"
#include "net/input_buffer.hpp"

namespace stratos::http {

// Tells a client that waits with its body to send it.
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

// Bounds how long a peer may take: waiting uses an allowance up, bytes earn it again. Never more
// than `timeout`, so that what came fast does not pay for long silence.
class BodyPace {
 public:
  // Without a rate only silence is bounded.
  BodyPace(Duration timeout, Runtime* runtime, std::uint64_t min_bytes_per_s)
      : timeout_(timeout), allowance_(timeout), runtime_(runtime), rate_(min_bytes_per_s) {}

  // How long the next wait may take.
  Duration begin();
  void end(std::size_t bytes);

 private:
  Duration timeout_;
  Duration allowance_;
  Runtime* runtime_;
  std::uint64_t rate_;
  MonotonicTime begun_;
};

// Refers to the connection's input and stream, which outlive it.
// Sized bodies fill the wanted number of bytes; chunked ones return at the end of a chunk.
class MessageBody final : public BodyReader {
 public:
  MessageBody(net::InputBuffer& input, BodyFraming framing, BodyPace pace);
  MessageBody(net::InputBuffer& input, BodyFraming framing, Duration timeout)
      : MessageBody(input, framing, BodyPace(timeout, nullptr, 0)) {}

  // The peer waits for "100 Continue": sent to `stream` by the first read.
  void promise_continue(Stream& stream) { continue_to_ = &stream; }
  // The final answer is on its way: no interim one any more.
  void withdraw_continue();

  Task<Result<Buffer>> read(std::size_t max_bytes) override;
  std::optional<std::uint64_t> length() const override;
  const Headers& trailers() const override { return trailers_; }

  // Everything was read and the next message follows in the input.
  bool complete() const { return state_ == State::done; }
  // Whether drain() may succeed: not when too much is left, the peer still waits for leave to send,
  // or reading failed.
  bool can_be_drained() const;
  // Reads and drops what is left, if that is little; true when the next message follows.
  Task<bool> drain();

 private:
  enum class State : std::uint8_t { open, done, failed };

  Task<Result<Buffer>> read_step(std::size_t max_bytes);
  Task<Result<void>> send_continue();
  Task<Result<Buffer>> read_part(std::size_t max_bytes);
  Task<Result<void>> begin_chunk();
  Task<Result<void>> end_chunk();
  Task<Result<void>> read_trailers();
  Task<Result<std::string>> read_line(std::size_t limit_bytes);
  Task<Result<void>> more(std::size_t limit_bytes);
  Task<Result<std::size_t>> read_some(MutableByteView out);

  net::InputBuffer& input_;
  BodyFraming framing_;
  BodyPace pace_;
  Stream* continue_to_ = nullptr;
  bool continue_withheld_ = false;
  State state_ = State::open;
  bool in_chunk_ = false;
  std::uint64_t remaining_ = 0;  // of the sized body or the present chunk
  Headers trailers_;
};

}  // namespace stratos::http
