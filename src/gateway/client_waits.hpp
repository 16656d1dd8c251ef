// A request's body and answer that tell its ticket when they wait for the client.
#pragma once
#include "gateway/admission.hpp"
#include "net/http.hpp"

namespace stratos::gateway {

// Both refer to what they are given, which outlives them.
class TicketedBody final : public http::BodyReader {
 public:
  TicketedBody(http::BodyReader& body, Admission::Ticket& ticket) : body_(body), ticket_(ticket) {}
  Task<Result<Buffer>> read(std::size_t max_bytes) override;
  std::optional<std::uint64_t> length() const override { return body_.length(); }
  const http::Headers& trailers() const override { return body_.trailers(); }

 private:
  http::BodyReader& body_;
  Admission::Ticket& ticket_;
};

class TicketedResponse final : public http::ResponseWriter {
 public:
  TicketedResponse(http::ResponseWriter& response, Admission::Ticket& ticket)
      : response_(response), ticket_(ticket) {}
  Task<Result<void>> send_head(int status, http::Headers headers,
                               std::optional<std::uint64_t> content_length) override;
  Task<Result<void>> write(Buffer data) override;
  Task<Result<void>> finish() override;
  Task<Result<void>> send(int status, http::Headers headers, Buffer body) override;
  bool head_sent() const override { return response_.head_sent(); }

 private:
  http::ResponseWriter& response_;
  Admission::Ticket& ticket_;
};

}  // namespace stratos::gateway
