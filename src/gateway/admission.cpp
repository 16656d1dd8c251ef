#include "gateway/admission.hpp"

#include <algorithm>

namespace stratos::gateway {

Admission::Admission(Runtime& runtime, metrics::Registry& metrics, AdmissionOptions options,
                     std::size_t kinds)
    : runtime_(runtime),
      options_(options),
      limit_(options.limit, kinds),
      turns_(runtime),
      refused_(metrics.counter("stratos_gateway_refused_requests_total")),
      limit_gauge_(metrics.gauge("stratos_gateway_running_limit")) {}

Error Admission::refusal() {
  limit_.note_pressure(runtime_.now());
  refused_.add();
  return Error(Errc::slow_down, "more requests than can be served");
}

Task<Result<std::unique_ptr<Admission::Ticket>>> Admission::enter(std::uint64_t memory_bytes) {
  if (open_ >= options_.max_open || memory_ + memory_bytes > options_.memory_bytes) {
    co_return fail(refusal());
  }
  // Counted while it waits: the memory must be there when its turn comes.
  auto ticket = std::make_unique<Ticket>(*this, memory_bytes);
  if (waiting_ > 0 || !has_turn()) STRATOS_CO_CHECK(co_await wait_for_turn());
  ticket->begun_ = runtime_.now();
  ticket->has_place_ = true;
  ++running_;
  co_return ticket;
}

bool Admission::has_turn() {
  limit_gauge_.set(static_cast<std::int64_t>(limit_.value()));
  if (running_ < limit_.value()) return true;
  reclaim();
  return running_ < limit_.value();
}

// Takes the places of those that wait for their clients.
void Admission::reclaim() {
  const MonotonicTime now = runtime_.now();
  while (!at_clients_.empty()) {
    Ticket& ticket = *at_clients_.front();
    if (now - ticket.wait_begun_ < options_.client_patience) return;
    ticket.give_place();
  }
}

bool Admission::is_crowded() const {
  return runtime_.now() - queue_empty_at_ > options_.longest_wait;
}

Task<Result<void>> Admission::wait_for_turn() {
  if (waiting_ >= options_.max_waiting) co_return fail(refusal());
  limit_.note_pressure(runtime_.now());
  if (waiting_ == 0) queue_empty_at_ = runtime_.now();
  ++waiting_;
  const Duration patience = is_crowded() ? options_.crowded_wait : options_.longest_wait;
  const MonotonicTime give_up = runtime_.now() + patience;
  Result<void> turn;
  do {
    const Duration left = give_up - runtime_.now();
    turn = co_await turns_.wait(std::min(left, options_.client_patience));
    const bool is_late = !turn && turn.error().code() == Errc::deadline_exceeded;
    if (is_late && has_turn()) turn = {};
    if (turn || !is_late) break;
  } while (runtime_.now() < give_up);
  --waiting_;
  if (waiting_ == 0) queue_empty_at_ = runtime_.now();
  if (!turn && turn.error().code() == Errc::deadline_exceeded) co_return fail(refusal());
  co_return turn;
}

void Admission::leave_turn() {
  --running_;
  if (waiting_ > 0 && running_ < limit_.value()) turns_.wake_one();
}

Admission::Ticket::Ticket(Admission& admission, std::uint64_t memory_bytes)
    : admission_(admission), memory_bytes_(memory_bytes), has_place_(false) {
  ++admission_.open_;
  admission_.memory_ += memory_bytes_;
}

Admission::Ticket::~Ticket() {
  if (listed_) admission_.at_clients_.erase(*listed_);
  give_place();
  --admission_.open_;
  admission_.memory_ -= memory_bytes_;
}

void Admission::Ticket::give_place() {
  if (listed_) admission_.at_clients_.erase(*std::exchange(listed_, std::nullopt));
  if (std::exchange(has_place_, false)) admission_.leave_turn();
}

void Admission::Ticket::begin_client_wait() {
  if (waits_++ > 0) return;
  wait_begun_ = admission_.runtime_.now();
  if (has_place_) listed_ = admission_.at_clients_.insert(admission_.at_clients_.end(), this);
}

void Admission::Ticket::end_client_wait() {
  if (--waits_ > 0) return;
  at_client_ += admission_.runtime_.now() - wait_begun_;
  if (listed_) admission_.at_clients_.erase(*std::exchange(listed_, std::nullopt));
  // What runs already goes on, if need be beyond the limit.
  if (!std::exchange(has_place_, true)) ++admission_.running_;
}

Duration Admission::Ticket::worked() const {
  return admission_.runtime_.now() - begun_ - at_client_;
}

void Admission::Ticket::learn(std::size_t kind) {
  admission_.limit_.learn(kind, worked(), admission_.runtime_.now());
}

}  // namespace stratos::gateway
