#include "client/order_book.hpp"

#include <algorithm>

namespace stratos::client {
namespace {
constexpr std::uint64_t kLimitBytes = 1ULL << 30;
constexpr std::size_t kNodesAtOnce = 64;
constexpr std::uint32_t kMaxRefusals = 2;
constexpr Duration kIdle = 1s;
// A node that cannot be told that often is not paid for its last bytes.
constexpr std::uint32_t kMaxUntold = 120;
}  // namespace

OrderBook::OrderBook(Runtime& runtime, meta::MetaClient& meta, const NodeDirectory& directory,
                     AccountId payer)
    : runtime_(runtime), meta_(meta), directory_(directory), payer_(payer), fetching_(runtime, 1) {}

bool OrderBook::usable(const Open& open, std::uint64_t bytes) const {
  return !open.retired && open.used + bytes <= open.limit.bytes && open.refusals < kMaxRefusals &&
         runtime_.now() < open.good_until;
}

OrderBook::Open* OrderBook::current(const Place& place) {
  const auto key = current_.find(place);
  if (key == current_.end()) return nullptr;
  const auto found = open_.find(key->second);
  return found == open_.end() ? nullptr : &found->second;
}

void OrderBook::sign(Open& open, std::uint64_t bytes) {
  open.sign_now = false;
  if (bytes <= open.signed_bytes) return;
  open.signed_bytes = bytes;
  open.signature = open.session->signer().sign(
      meta::Order::kDomain,
      meta::order_message(open.limit.grant, open.limit.serial, open.signed_bytes));
  if (witness_) witness_(open.limit, bytes);
}

meta::Order OrderBook::order_of(const Open& open, bool with_limit) const {
  meta::Order order;
  order.grant = open.limit.grant;
  order.serial = open.limit.serial;
  order.bytes = open.signed_bytes;
  order.signature = open.signature;
  if (with_limit) order.limit = open.signed_limit;
  return order;
}

meta::Order OrderBook::draw(Open& open, std::uint64_t bytes) {
  open.used += bytes;
  ++open.under_way;
  open.last_use = runtime_.now();
  // Half a step of credit stays for what is under way.
  if (open.sign_now || open.used > open.signed_bytes + meta::kOrderStepBytes / 2) {
    sign(open, open.used);
  }
  return order_of(open, !open.accepted);
}

Task<Result<meta::Order>> OrderBook::order(NodeId node, meta::Action action, std::uint64_t bytes) {
  const Place place(node, action);
  Open* open = current(place);
  if (open == nullptr || !usable(*open, bytes)) {
    STRATOS_CO_CHECK(co_await fetching_.acquire(10s));
    open = current(place);
    Result<void> fetched;
    if (open == nullptr || !usable(*open, bytes)) fetched = co_await fetch(node, action);
    fetching_.release();
    if (!fetched) co_return fail(fetched.error());
    open = current(place);
  }
  if (open == nullptr) co_return fail(Errc::limit_refused, "no limit for this node");
  co_return draw(*open, bytes);
}

Task<Result<void>> OrderBook::fetch(NodeId node, meta::Action action) {
  if (!signer_) signer_ = crypto::MachineSigner::draw(runtime_.random());
  meta::LimitsRequest request;
  request.payer = payer_;
  const crypto::MachineSigner signer = *signer_;
  request.session = signer.public_key();
  request.action = action;
  request.bytes = kLimitBytes;
  request.nodes.push_back(node);
  for (NodeId other : directory_.known_nodes()) {
    const Open* const open = current({other, action});
    const bool needed = open == nullptr || !usable(*open, kLimitBytes / 4);
    if (other != node && needed && request.nodes.size() < kNodesAtOnce) {
      request.nodes.push_back(other);
    }
  }
  const MonotonicTime asked = runtime_.now();
  STRATOS_CO_TRY(meta::LimitsReply reply, co_await meta_.limits(request));
  const auto good_for = std::chrono::milliseconds(
      std::min<std::uint64_t>(reply.good_for_ms, std::chrono::milliseconds(24h).count()));
  for (meta::SignedLimit& signed_limit : reply.limits) {
    STRATOS_CO_TRY(meta::Limit limit, codec::decode<meta::Limit>(signed_limit.limit));
    add(std::move(signed_limit), std::move(limit), signer, asked + good_for);
  }
  co_return Result<void>{};
}

std::shared_ptr<TrafficTally> OrderBook::session_for(Epoch epoch,
                                                     const crypto::MachineSigner& signer) {
  std::shared_ptr<TrafficTally>& slot = sessions_[{epoch, signer.public_key()}];
  if (!slot) slot = std::make_shared<TrafficTally>(epoch, signer, payer_);
  return slot;
}

void OrderBook::add(meta::SignedLimit signed_limit, meta::Limit limit,
                    const crypto::MachineSigner& signer, MonotonicTime good_until) {
  const LimitKey key(limit.grant, limit.serial);
  const Place place(limit.node, limit.action);
  Open open;
  open.signed_limit = std::move(signed_limit);
  open.session = session_for(limit.epoch, signer);
  open.good_until = good_until;
  open.last_use = runtime_.now();
  open.limit = std::move(limit);
  if (Open* const before = current(place)) before->retired = true;
  open_[key] = std::move(open);
  current_[place] = key;
}

OrderBook::Open* OrderBook::finish_request(const meta::Order& order, std::uint64_t bytes) {
  const auto found = open_.find({order.grant, order.serial});
  if (found == open_.end()) return nullptr;
  Open& open = found->second;
  --open.under_way;
  open.used -= bytes;
  open.last_use = runtime_.now();
  return &open;
}

void OrderBook::note_delivered(const meta::Order& order, std::uint64_t bytes,
                               std::uint64_t delivered, BucketId bucket) {
  Open* const open = finish_request(order, bytes);
  if (open == nullptr) return;
  open->used += delivered;
  open->told_bytes = std::max(open->told_bytes, order.bytes);
  open->accepted = true;
  open->refusals = 0;
  open->session->add_delivered(open->limit.node, open->limit.action, bucket, delivered);
}

void OrderBook::note_refused(const meta::Order& order, std::uint64_t bytes) {
  Open* const open = finish_request(order, bytes);
  if (open == nullptr) return;
  open->accepted = false;
  open->sign_now = true;
  ++open->refusals;
}

void OrderBook::note_failed(const meta::Order& order, std::uint64_t bytes) {
  finish_request(order, bytes);
}

std::vector<OrderBook::Final> OrderBook::finals(bool all) {
  const MonotonicTime now = runtime_.now();
  std::vector<Final> finals;
  for (auto& [key, open] : open_) {
    open.retired = open.retired || all || !usable(open, 0);
    const bool rests = open.under_way == 0 && (open.retired || now - open.last_use >= kIdle);
    if (!rests) continue;
    sign(open, open.used);
    if (open.told_bytes >= open.signed_bytes) continue;
    finals.push_back({open.limit.node, order_of(open, true)});
  }
  return finals;
}

void OrderBook::note_told(const meta::Order& order, bool taken) {
  const auto found = open_.find({order.grant, order.serial});
  if (found == open_.end()) return;
  Open& open = found->second;
  if (taken) open.told_bytes = std::max(open.told_bytes, order.bytes);
  if (!taken) ++open.untold;
}

// Whatever was signed counts: the node may have seen it although nobody said so.
void OrderBook::close_finished() {
  for (auto it = open_.begin(); it != open_.end();) {
    Open& open = it->second;
    const bool told = open.told_bytes >= open.signed_bytes && open.used <= open.signed_bytes;
    const bool closes = open.retired && open.under_way == 0 && (told || open.untold >= kMaxUntold);
    if (!closes) {
      ++it;
      continue;
    }
    open.session->add_signed(open.limit.node, open.limit.action, open.signed_bytes);
    const auto current = current_.find({open.limit.node, open.limit.action});
    if (current != current_.end() && current->second == it->first) current_.erase(current);
    it = open_.erase(it);
  }
}

std::vector<std::shared_ptr<TrafficTally>> OrderBook::take_finished() {
  close_finished();
  std::vector<std::shared_ptr<TrafficTally>> finished;
  for (auto it = sessions_.begin(); it != sessions_.end();) {
    // Limits that are being fetched will be the current signer's.
    const bool is_current = signer_ && signer_->public_key() == it->first.second;
    const bool in_use = (is_current && fetching_.available() == 0) ||
                        std::ranges::any_of(open_, [&](const auto& entry) {
                          return entry.second.session == it->second;
                        });
    if (in_use) {
      ++it;
      continue;
    }
    if (is_current) signer_.reset();
    finished.push_back(std::move(it->second));
    it = sessions_.erase(it);
  }
  return finished;
}

std::size_t OrderBook::unfinished() const {
  return static_cast<std::size_t>(std::ranges::count_if(open_, [](const auto& entry) {
    const Open& open = entry.second;
    return open.under_way > 0 || open.told_bytes < open.signed_bytes ||
           open.signed_bytes < open.used;
  }));
}

}  // namespace stratos::client
