// How a storage node is paid: orders for the last bytes, epochs that end, hand-in.
#include <algorithm>

#include "base/log.hpp"
#include "meta/settlement_wire.hpp"
#include "resource/storage/storage_service_impl.hpp"

namespace stratos::resource {
namespace {

constexpr Duration kWindowTimeout = 10s;
constexpr Duration kHandInTimeout = 30s;
constexpr Duration kKeepCost = 2ms;
constexpr std::size_t kOrdersAtOnce = 1024;
constexpr Duration kShortestRetry = 1s;
constexpr std::string_view kFrozenNote = "settled_before";

constexpr std::uint16_t number(meta::SettleMethod method) {
  return static_cast<std::uint16_t>(method);
}

// No later try helps.
bool is_final(const Error& error) {
  return error.code() == Errc::settled_differently || error.code() == Errc::settlement_closed;
}

}  // namespace

WallTime StorageServiceImpl::meta_now() const {
  if (!heard_) return runtime_.wall_now();
  return heard_->time +
         std::chrono::duration_cast<std::chrono::milliseconds>(runtime_.now() - heard_at_);
}

// Kept before the answer: the client does not say it again to a process that comes after this one.
Task<Result<net::Reply<SignOffReply>>> StorageServiceImpl::sign_off(SignOffRequest request) {
  STRATOS_CO_TRY(const std::shared_ptr<FragmentStore> current, store());
  if (request.orders.size() > kMaxSignOff) co_return fail(Errc::too_large, "orders at once");
  net::Reply<SignOffReply> reply;
  for (const meta::Order& order : request.orders) {
    reply.head.taken.push_back(ledger_.take(order, meta_now()) ? 1 : 0);
  }
  STRATOS_CO_CHECK(co_await keep_orders(current));
  co_return reply;
}

Task<void> StorageServiceImpl::settle_loop() {
  while (!stopping_) {
    const Result<void> woken = co_await stopped_.wait(options_.settle_interval);
    if (!woken && woken.error().code() == Errc::cancelled) co_return;
    if (runtime_.now() < settle_next_) continue;
    const Result<void> settled = co_await settle_orders();
    if (settled || settled.error().code() == Errc::cancelled) continue;
    log::warn("storage.not_settled", {{"error", settled.error().to_string()}});
    const auto jitter = runtime_.random().below(static_cast<std::uint64_t>(kShortestRetry.count()));
    settle_next_ = runtime_.now() + kShortestRetry + Duration(static_cast<std::int64_t>(jitter));
  }
}

Task<Result<void>> StorageServiceImpl::settle_orders() {
  const auto current = store();
  if (!current || !heard_ || index_is_older_) co_return Result<void>{};
  std::optional<Epoch> epoch = ledger_.oldest_epoch();
  if (!epoch || *epoch >= heard_->epoch) co_return Result<void>{};
  meta::WindowRequest request;
  request.node = membership_->node;
  auto called = co_await net::call<meta::WindowReply>(meta_, number(meta::SettleMethod::window),
                                                      request, Buffer(), kWindowTimeout);
  STRATOS_CO_TRY(const net::Reply<meta::WindowReply> window, std::move(called));
  STRATOS_CO_CHECK(co_await freeze_before(*current, window.head.end));
  while (epoch && *epoch < window.head.end) {
    const bool open = *epoch >= window.head.first;
    Result<void> settled = fail(Errc::settlement_closed);
    if (open) settled = co_await hand_in(*epoch);
    if (!settled && !is_final(settled.error())) co_return settled;
    if (!settled) {
      std::uint64_t lost = 0;
      for (const auto& [key, order] : ledger_.orders_of(*epoch, Epoch(epoch->value + 1))) {
        lost += order.bytes;
      }
      metrics_.unpaid_bytes.add(lost);
      log::error("storage.not_paid", {{"epoch", std::to_string(epoch->value)},
                                      {"bytes", lost},
                                      {"error", settled.error().to_string()}});
    }
    STRATOS_CO_CHECK(co_await forget_epoch(*current, *epoch));
    epoch = ledger_.oldest_epoch();
  }
  settle_next_ = runtime_.now() + std::chrono::milliseconds(window.head.wait_ms);
  co_return Result<void>{};
}

// What is handed in must be the same after a crash: it is durable, and grows no more, before meta
// hears of it.
Task<Result<void>> StorageServiceImpl::freeze_before(std::shared_ptr<FragmentStore> store,
                                                     Epoch epoch) {
  if (frozen_ >= epoch) co_return Result<void>{};
  ledger_.freeze_before(epoch);
  while (ledger_.has_changed()) STRATOS_CO_CHECK(co_await keep_orders(store));
  // All of them again: an index that failed may have lost what was written before.
  std::vector<std::pair<Bytes, Bytes>> rows;
  for (const auto& [key, order] : ledger_.orders_of(Epoch(), epoch)) {
    rows.emplace_back(key_of(key), codec::encode(order));
  }
  auto work = [store, rows = std::move(rows), epoch]() -> Result<void> {
    for (std::size_t at = 0; at < rows.size(); at += kOrdersAtOnce) {
      const auto begin = rows.begin() + static_cast<std::ptrdiff_t>(at);
      const std::size_t count = std::min(kOrdersAtOnce, rows.size() - at);
      STRATOS_CHECK(store->keep_orders({begin, begin + static_cast<std::ptrdiff_t>(count)}, {}));
    }
    Bytes note;
    put_be(note, epoch.value);
    STRATOS_CHECK(store->set_note(kFrozenNote, note));
    return store->flush_index();
  };
  const Result<void> kept = co_await runtime_.offload(std::move(work), kKeepCost);
  check_store(store);
  if (!kept) co_return kept;
  frozen_ = epoch;
  co_return Result<void>{};
}

Task<Result<void>> StorageServiceImpl::hand_in(Epoch epoch) {
  const auto orders = ledger_.orders_of(epoch, Epoch(epoch.value + 1));
  if (orders.empty()) co_return Result<void>{};
  meta::HandInDigest digest;
  std::uint64_t bytes = 0;
  for (const auto& [key, order] : orders) {
    digest.add({key.grant, key.serial, order.bytes});
    bytes += order.bytes;
  }
  meta::HandInRequest request;
  request.node = membership_->node;
  request.epoch = epoch;
  request.digest = digest.finish();
  request.signature =
      signer_.sign(meta::kHandInDomain, meta::hand_in_message(request.node, epoch, request.digest));
  constexpr std::size_t kPage = meta::kMaxHandInPage;
  request.pages = static_cast<std::uint32_t>((orders.size() + kPage - 1) / kPage);
  for (request.page = 0; request.page < request.pages; ++request.page) {
    request.orders.clear();
    const std::size_t begin = request.page * kPage;
    for (std::size_t i = begin; i < std::min(begin + kPage, orders.size()); ++i) {
      const KeptOrder& kept = orders[i].second;
      request.orders.push_back({kept.limit, kept.bytes, kept.signature});
    }
    auto called = co_await net::call<meta::HandInReply>(meta_, number(meta::SettleMethod::hand_in),
                                                        request, Buffer(), kHandInTimeout);
    STRATOS_CO_TRY(const net::Reply<meta::HandInReply> reply, std::move(called));
    if (!reply.head.settled) continue;
    metrics_.settled_bytes.add(bytes);
    log::info("storage.settled", {{"epoch", std::to_string(epoch.value)}, {"bytes", bytes}});
    co_return Result<void>{};
  }
  co_return fail(Errc::bad_hand_in, "the meta node does not settle");
}

Task<Result<void>> StorageServiceImpl::forget_epoch(std::shared_ptr<FragmentStore> store,
                                                    Epoch epoch) {
  std::vector<Bytes> removals;
  for (const LimitKey& key : ledger_.forget_epoch(epoch)) removals.push_back(key_of(key));
  auto work = [store, removals = std::move(removals)] { return store->keep_orders({}, removals); };
  co_return co_await runtime_.offload(std::move(work), kKeepCost);
}

Task<Result<void>> StorageServiceImpl::load_frozen(std::shared_ptr<FragmentStore> store) {
  auto work = [store] { return store->get_note(kFrozenNote); };
  auto loaded = co_await runtime_.offload(std::move(work), kKeepCost);
  STRATOS_CO_TRY(const std::optional<Bytes> note, std::move(loaded));
  if (note && note->size() == 8) frozen_ = Epoch(get_be<std::uint64_t>(*note));
  ledger_.freeze_before(frozen_);
  co_return Result<void>{};
}

}  // namespace stratos::resource
