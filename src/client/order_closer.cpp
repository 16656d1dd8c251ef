#include "client/order_closer.hpp"

#include <map>
#include <set>

#include "base/log.hpp"
#include "meta/settlement_wire.hpp"
#include "resource/storage/wire.hpp"

namespace stratos::client {
namespace {

constexpr Duration kPeriod = 500ms;
constexpr Duration kTellTimeout = 1s;
constexpr Duration kRetry = 5s;
constexpr std::size_t kMaxWaiting = 256;
// About an hour; a split that cannot be handed in by then is given up.
constexpr std::uint32_t kMaxAttempts = 720;

bool is_final(const Error& error) {
  return error.code() == Errc::settled_differently || error.code() == Errc::settlement_closed ||
         error.code() == Errc::invalid_argument || error.code() == Errc::too_large;
}

}  // namespace

Task<void> OrderCloser::run() {
  while (co_await runtime_.sleep(kPeriod)) {
    co_await sign_off(false);
    collect();
    co_await hand_in_some(false);
  }
}

Task<void> OrderCloser::finish(Duration timeout) {
  const Result<void> closed = co_await with_deadline(runtime_, close_all(), timeout);
  if (!closed) log::warn("client.books_open", {{"limits", orders_.unfinished()}});
}

Task<Result<void>> OrderCloser::close_all() {
  co_await sign_off(true);
  collect();
  co_await hand_in_some(true);
  co_return Result<void>{};
}

Task<void> OrderCloser::sign_off(bool all) {
  std::map<NodeId, std::vector<meta::Order>> by_node;
  for (OrderBook::Final& final : orders_.finals(all)) {
    std::vector<meta::Order>& orders = by_node[final.node];
    if (orders.size() < resource::kMaxSignOff) orders.push_back(std::move(final.order));
  }
  TaskGroup calls(runtime_, "sign off");
  for (auto& [node, orders] : by_node) calls.spawn(tell(node, std::move(orders)));
  co_await calls.join();
}

Task<void> OrderCloser::tell(NodeId id, std::vector<meta::Order> orders) {
  resource::SignOffRequest request;
  request.orders = std::move(orders);
  Bytes taken;
  if (auto node = co_await directory_.find(id)) {
    auto reply = co_await net::call<resource::SignOffReply>(
        *(*node)->channel, static_cast<std::uint16_t>(resource::NodeMethod::sign_off), request,
        Buffer(), kTellTimeout);
    if (reply) taken = std::move(reply->head.taken);
  }
  taken.resize(request.orders.size(), 0);
  for (std::size_t i = 0; i < taken.size(); ++i) {
    orders_.note_told(request.orders[i], taken[i] == 1);
  }
}

void OrderCloser::collect() {
  for (std::shared_ptr<TrafficTally>& tally : orders_.take_finished()) {
    // The oldest gives way: its bytes stay unsplit.
    if (waiting_.size() == kMaxWaiting) waiting_.pop_front();
    Waiting waiting;
    waiting.tally = std::move(tally);
    waiting.next = runtime_.now();
    waiting_.push_back(std::move(waiting));
  }
}

Task<void> OrderCloser::hand_in_some(bool all) {
  std::deque<Waiting> rest;
  while (!waiting_.empty()) {
    Waiting waiting = std::move(waiting_.front());
    waiting_.pop_front();
    const bool due = all || waiting.next <= runtime_.now();
    const bool done = due && co_await hand_in(*waiting.tally);
    if (due) waiting.next = runtime_.now() + kRetry;
    if (due) ++waiting.attempts;
    if (!done && waiting.attempts < kMaxAttempts) rest.push_back(std::move(waiting));
  }
  waiting_ = std::move(rest);
}

Task<bool> OrderCloser::hand_in(TrafficTally& tally) {
  const auto command = tally.split();
  if (!command) co_return true;
  const auto done = co_await meta_.execute(*command);
  if (done) co_return true;
  const Error& error = done.error();
  if (error.code() == Errc::split_mismatch) co_await leave_out_mismatches(tally);
  if (is_final(error)) {
    log::warn("client.not_split",
              {{"epoch", std::to_string(tally.epoch().value)}, {"error", error.to_string()}});
  }
  co_return is_final(error);
}

// A node that settled other bytes than this client signed for has lost orders, or was never told:
// what it settled stays unsplit.
Task<void> OrderCloser::leave_out_mismatches(TrafficTally& tally) {
  meta::GetSettlement settlement;
  settlement.epoch = tally.epoch();
  meta::GetUsage usage;
  usage.epoch = tally.epoch();
  usage.only = tally.signer().public_key();
  const auto settled = co_await meta_.query(settlement);
  const auto used = co_await meta_.query(usage);
  if (!settled || !used) co_return;
  std::set<NodeId> closed;
  for (const meta::SettledNode& node : settled->nodes) closed.insert(node.node);
  std::map<NodeId, value::Volume> shares;
  for (const auto& session : used->sessions) {
    for (const meta::SessionShare& share : session.shares) shares[share.node] = share.volume;
  }
  std::vector<TrafficTally::Place> wrong;
  for (const auto& [place, sum] : tally.sums()) {
    const std::uint64_t wanted = std::max(sum.delivered, sum.signed_bytes);
    const bool differs = meta::bytes_of(shares[place.first], place.second) != wanted;
    if (closed.contains(place.first) && differs) wrong.push_back(place);
  }
  for (const TrafficTally::Place& place : wrong) tally.leave_out(place.first, place.second);
}

}  // namespace stratos::client
