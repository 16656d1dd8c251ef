#include "client/order_book.hpp"

#include <algorithm>

namespace stratos::client {
namespace {
constexpr std::uint64_t kLimitBytes = 1ULL << 30;
constexpr std::size_t kNodesAtOnce = 64;
constexpr std::uint32_t kMaxRefusals = 2;
constexpr std::chrono::milliseconds kExpiryMargin{10'000};
}  // namespace

OrderBook::OrderBook(Runtime& runtime, meta::MetaClient& meta, const NodeDirectory& directory,
                     AccountId payer)
    : runtime_(runtime), meta_(meta), directory_(directory), payer_(payer), fetching_(runtime, 1) {}

bool OrderBook::usable(const Open& open, std::uint64_t bytes) {
  return open.used + bytes <= open.limit.bytes && open.refusals < kMaxRefusals &&
         runtime_.wall_now() + kExpiryMargin < open.limit.expires;
}

meta::Order OrderBook::draw(Open& open, std::uint64_t bytes) {
  open.used += bytes;
  // Half a step of credit stays for what is under way.
  if (open.used > open.signed_bytes + meta::kOrderStepBytes / 2 || open.signed_bytes == 0) {
    open.signed_bytes = open.used;
    open.signature = open.session->sign(
        meta::Order::kDomain,
        meta::order_message(open.limit.grant, open.limit.serial, open.signed_bytes));
  }
  meta::Order order;
  order.grant = open.limit.grant;
  order.serial = open.limit.serial;
  order.bytes = open.signed_bytes;
  order.signature = open.signature;
  if (!open.accepted) order.limit = open.signed_limit;
  return order;
}

Task<Result<meta::Order>> OrderBook::order(NodeId node, meta::Action action, std::uint64_t bytes) {
  const Key key(node, action);
  auto found = open_.find(key);
  if (found == open_.end() || !usable(found->second, bytes)) {
    STRATOS_CO_CHECK(co_await fetching_.acquire(10s));
    found = open_.find(key);
    Result<void> fetched;
    if (found == open_.end() || !usable(found->second, bytes)) {
      fetched = co_await fetch(node, action);
    }
    fetching_.release();
    if (!fetched) co_return fail(fetched.error());
    found = open_.find(key);
  }
  if (found == open_.end()) co_return fail(Errc::limit_refused, "no limit for this node");
  co_return draw(found->second, bytes);
}

Task<Result<void>> OrderBook::fetch(NodeId node, meta::Action action) {
  auto session =
      std::make_shared<const crypto::MachineSigner>(crypto::MachineSigner::draw(runtime_.random()));
  meta::LimitsRequest request;
  request.payer = payer_;
  request.session = session->public_key();
  request.action = action;
  request.bytes = kLimitBytes;
  request.nodes.push_back(node);
  for (NodeId other : directory_.known_nodes()) {
    const auto open = open_.find(Key(other, action));
    const bool needed = open == open_.end() || !usable(open->second, kLimitBytes / 4);
    if (other != node && needed && request.nodes.size() < kNodesAtOnce) {
      request.nodes.push_back(other);
    }
  }
  STRATOS_CO_TRY(meta::LimitsReply reply, co_await meta_.limits(request));
  for (meta::SignedLimit& signed_limit : reply.limits) {
    Open open;
    STRATOS_CO_TRY(open.limit, codec::decode<meta::Limit>(signed_limit.limit));
    open.signed_limit = std::move(signed_limit);
    open.session = session;
    open_[Key(open.limit.node, action)] = std::move(open);
  }
  co_return Result<void>{};
}

void OrderBook::note_accepted(NodeId node, meta::Action action, const meta::Order& order) {
  const auto found = open_.find(Key(node, action));
  if (found == open_.end() || found->second.limit.serial != order.serial) return;
  found->second.accepted = true;
  found->second.refusals = 0;
}

void OrderBook::note_refused(NodeId node, meta::Action action, const meta::Order& order) {
  const auto found = open_.find(Key(node, action));
  if (found == open_.end() || found->second.limit.serial != order.serial) return;
  found->second.accepted = false;
  found->second.signed_bytes = 0;
  ++found->second.refusals;
}

}  // namespace stratos::client
