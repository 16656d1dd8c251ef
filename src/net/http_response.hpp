// The server's ResponseWriter.
#pragma once
#include "base/metrics.hpp"
#include "net/http_body.hpp"

namespace stratos::http {

// What decides the form of an answer.
struct ResponseContext {
  bool head_request = false;
  int minor_version = 1;
  bool keep_alive = true;
  std::string_view date;  // RFC 9110 form; outlives the response
  Duration write_timeout{};
  metrics::Counter* sent = nullptr;  // bytes; outlives the response
};

// Refers to the stream and the request's body, which outlive it.
class ResponseOutput final : public ResponseWriter {
 public:
  ResponseOutput(Stream& stream, MessageBody& request_body, const ResponseContext& context)
      : stream_(stream), request_body_(request_body), context_(context) {}

  Task<Result<void>> send_head(int status, Headers headers,
                               std::optional<std::uint64_t> content_length) override;
  Task<Result<void>> write(Buffer data) override;
  Task<Result<void>> finish() override;
  Task<Result<void>> send(int status, Headers headers, Buffer body) override;
  bool head_sent() const override { return state_ != State::fresh; }

  // Everything the head promised was written.
  bool complete() const { return state_ == State::done; }
  // Nothing more reaches the peer.
  bool peer_lost() const { return peer_lost_; }
  // Of the head; 0 before it.
  int status() const { return status_; }
  bool keep_alive() const { return context_.keep_alive; }
  void forbid_keep_alive() { context_.keep_alive = false; }

 private:
  enum class State : std::uint8_t { fresh, open, done, failed };

  Result<void> begin(int status, const Headers& headers,
                     std::optional<std::uint64_t> content_length);
  Result<void> append_fields(const Headers& headers);
  void append_framing(int status, std::optional<std::uint64_t> content_length);
  Task<Result<void>> flush(ByteView body);

  Stream& stream_;
  MessageBody& request_body_;
  ResponseContext context_;
  State state_ = State::fresh;
  int status_ = 0;
  bool bodiless_ = false;
  bool peer_lost_ = false;
  bool chunked_ = false;
  std::optional<std::uint64_t> remaining_;
  std::string pending_;  // head or chunk framing that leaves with the next bytes
};

}  // namespace stratos::http
