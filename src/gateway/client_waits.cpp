#include "gateway/client_waits.hpp"

namespace stratos::gateway {
namespace {

class ClientWait {
 public:
  explicit ClientWait(Admission::Ticket& ticket) : ticket_(ticket) { ticket_.begin_client_wait(); }
  ~ClientWait() { ticket_.end_client_wait(); }
  ClientWait(const ClientWait&) = delete;
  ClientWait& operator=(const ClientWait&) = delete;

 private:
  Admission::Ticket& ticket_;
};

}  // namespace

Task<Result<Buffer>> TicketedBody::read(std::size_t max_bytes) {
  const ClientWait wait(ticket_);
  co_return co_await body_.read(max_bytes);
}

Task<Result<void>> TicketedResponse::send_head(int status, http::Headers headers,
                                               std::optional<std::uint64_t> content_length) {
  const ClientWait wait(ticket_);
  co_return co_await response_.send_head(status, std::move(headers), content_length);
}

Task<Result<void>> TicketedResponse::write(Buffer data) {
  const ClientWait wait(ticket_);
  co_return co_await response_.write(std::move(data));
}

Task<Result<void>> TicketedResponse::finish() {
  const ClientWait wait(ticket_);
  co_return co_await response_.finish();
}

Task<Result<void>> TicketedResponse::send(int status, http::Headers headers, Buffer body) {
  const ClientWait wait(ticket_);
  co_return co_await response_.send(status, std::move(headers), std::move(body));
}

}  // namespace stratos::gateway
