// The loops of the storage service: the meta layer's feed, leases that end, trash, orders.
#include <algorithm>

#include "base/log.hpp"
#include "resource/storage/storage_service_impl.hpp"

namespace stratos::resource {
namespace {

constexpr std::uint32_t kFeedPage = 10'000;
constexpr std::uint32_t kInventoryPage = 10'000;
constexpr std::size_t kConfirmPage = 10'000;
constexpr std::size_t kOrdersAtOnce = 64;
constexpr Duration kMetaTimeout = 10s;
constexpr Duration kIndexCost = 2ms;
constexpr Duration kUpkeepCost = 10ms;
constexpr double kMaxScrubDue = 256 << 20;
// Orders for the last bytes may come a little after their limit's end.
constexpr std::chrono::milliseconds kKeepUnused = 10min;
constexpr std::string_view kGenerationNote = "generation";

constexpr std::uint16_t number(meta::MetaMethod method) {
  return static_cast<std::uint16_t>(method);
}

void report_failure(std::string_view event, const Result<void>& result) {
  if (result || result.error().code() == Errc::cancelled) return;
  log::warn(event, {{"error", result.error().to_string()}});
}

}  // namespace

// --- feed
// ------------------------------------------------------------------------------------------

Task<void> StorageServiceImpl::feed_loop() {
  while (!stopping_) {
    report_failure("storage.feed_failed", co_await follow_feed());
    const Result<void> woken = co_await feed_wanted_.wait(options_.feed_interval);
    if (!woken && woken.error().code() == Errc::cancelled) co_return;
  }
}

Task<Result<void>> StorageServiceImpl::follow_feed() {
  const auto current = store();
  if (!current) co_return Result<void>{};  // not yet, or not now
  STRATOS_CO_CHECK(co_await check_generation(*current));
  if (must_reconcile_) {
    STRATOS_CO_CHECK(co_await reconcile(*current));
    must_reconcile_ = false;
  }
  bool more = true;
  while (more) STRATOS_CO_CHECK(co_await follow_page(*current, more));
  co_return Result<void>{};
}

Task<Result<void>> StorageServiceImpl::follow_page(std::shared_ptr<FragmentStore> store,
                                                   bool& more) {
  more = false;
  meta::FeedRequest request;
  request.node = membership_->node;
  request.after = store->durable_feed_cursor();
  request.limit = kFeedPage;
  auto called = co_await net::call<meta::FeedReply>(meta_, number(meta::MetaMethod::feed), request,
                                                    Buffer(), kMetaTimeout);
  STRATOS_CO_TRY(net::Reply<meta::FeedReply> reply, std::move(called));
  if (reply.head.cursor_too_old) co_return co_await reconcile(store);
  if (reply.head.entries.empty()) co_return Result<void>{};
  const std::uint64_t last = reply.head.entries.back().sequence;
  more = last < reply.head.end;
  // Durable before the next page is asked for: meta trims what lies behind the cursor.
  auto work = [store, entries = std::move(reply.head.entries), last,
               now = runtime_.wall_now()]() -> Result<FeedOutcome> {
    STRATOS_TRY(const FeedOutcome outcome, store->apply_feed(entries, last, now));
    STRATOS_CHECK(store->flush_index());
    return outcome;
  };
  const Result<FeedOutcome> applied = co_await runtime_.offload(std::move(work), kIndexCost);
  check_store(store);
  if (!applied) co_return fail(applied.error());
  metrics_.missing.add(applied->missing);
  co_return Result<void>{};
}

// An index that was restored from a backup has a higher generation: its feed is another one.
Task<Result<void>> StorageServiceImpl::check_generation(std::shared_ptr<FragmentStore> store) {
  if (generation_checked_) co_return Result<void>{};
  const std::uint64_t now = membership_->generation.value;
  auto work = [store, now]() -> Result<std::uint64_t> {
    STRATOS_TRY(const auto note, store->get_note(kGenerationNote));
    const std::uint64_t before = note && note->size() == 8 ? get_be<std::uint64_t>(*note) : now;
    if (note && before >= now) return before;
    Bytes value;
    put_be(value, now);
    STRATOS_CHECK(store->set_note(kGenerationNote, value));
    return before;
  };
  const Result<std::uint64_t> before = co_await runtime_.offload(std::move(work), kIndexCost);
  if (!before) co_return fail(before.error());
  index_is_older_ = now < *before;
  if (index_is_older_) co_return fail(Errc::stale_generation, "the index is older than before");
  must_reconcile_ = must_reconcile_ || now > *before;
  generation_checked_ = true;
  co_return Result<void>{};
}

Task<Result<void>> StorageServiceImpl::reconcile(std::shared_ptr<FragmentStore> store) {
  log::warn("storage.reconciling", {{"node", to_string(membership_->node)}});
  std::optional<FragmentId> after;
  std::optional<std::uint64_t> cursor;
  std::uint64_t missing = 0;
  bool more = true;
  while (more) {
    meta::InventoryRequest request;
    request.node = membership_->node;
    request.after = after;
    request.limit = kInventoryPage;
    auto called = co_await net::call<meta::InventoryReply>(
        meta_, number(meta::MetaMethod::inventory), request, Buffer(), kMetaTimeout);
    STRATOS_CO_TRY(net::Reply<meta::InventoryReply> reply, std::move(called));
    // What happened since the first page comes again with the feed.
    if (!cursor) cursor = reply.head.feed_end;
    more = reply.head.more && !reply.head.fragments.empty();
    const auto next = more ? std::optional(reply.head.fragments.back()) : std::nullopt;
    STRATOS_CO_TRY(const std::uint64_t gone,
                   co_await reconcile_page(store, after, std::move(reply.head)));
    missing += gone;
    after = next;
  }
  auto finish = [store, cursor]() -> Result<void> {
    STRATOS_CHECK(store->set_cursor(*cursor));
    return store->flush_index();
  };
  STRATOS_CO_CHECK(co_await runtime_.offload(std::move(finish), kIndexCost));
  metrics_.missing.add(missing);
  log::warn("storage.reconciled", {{"node", to_string(membership_->node)}, {"missing", missing}});
  co_return Result<void>{};
}

// Compares what the index says of (after, end of the page] with what is here.
Task<Result<std::uint64_t>> StorageServiceImpl::reconcile_page(std::shared_ptr<FragmentStore> store,
                                                               std::optional<FragmentId> after,
                                                               meta::InventoryReply page) {
  const auto last =
      page.more && !page.fragments.empty() ? std::optional(page.fragments.back()) : std::nullopt;
  auto work = [store, after, last, wanted = std::move(page.fragments),
               now = runtime_.wall_now()]() mutable -> Result<std::uint64_t> {
    std::ranges::sort(wanted);
    STRATOS_TRY(const std::uint64_t missing, store->reconcile(wanted, {}, now));
    while (true) {
      STRATOS_TRY(const auto items, store->list(after, kInventoryPage));
      std::vector<FragmentId> unwanted;
      bool beyond = items.empty();
      for (const auto& item : items) {
        beyond = beyond || (last && item.id > *last);
        if (!beyond && !std::ranges::binary_search(wanted, item.id)) unwanted.push_back(item.id);
      }
      STRATOS_CHECK(store->reconcile({}, unwanted, now));
      if (beyond) return missing;
      after = items.back().id;
    }
  };
  auto result = co_await runtime_.offload(std::move(work), kUpkeepCost);
  check_store(store);
  co_return result;
}

// --- leases
// ----------------------------------------------------------------------------------------

Task<void> StorageServiceImpl::expiry_loop() {
  while (!stopping_) {
    const Result<void> woken = co_await stopped_.wait(options_.expiry_interval);
    if (!woken && woken.error().code() == Errc::cancelled) co_return;
    report_failure("storage.expiry_failed", co_await settle_expired());
  }
}

// Only meta's time counts, and only its word drops a fragment.
Task<Result<void>> StorageServiceImpl::settle_expired() {
  const auto current = store();
  if (!current || !heard_ || index_is_older_) co_return Result<void>{};
  bool more = true;
  while (more) {
    auto find = [store = *current, before = heard_->time + -options_.grace] {
      return store->expired(before, kConfirmPage);
    };
    auto found = co_await runtime_.offload(std::move(find), kIndexCost);
    STRATOS_CO_TRY(const std::vector<FragmentId> asked, std::move(found));
    if (asked.empty()) co_return Result<void>{};
    meta::ConfirmRequest request;
    request.node = membership_->node;
    request.fragments = asked;
    auto called = co_await net::call<meta::ConfirmReply>(meta_, number(meta::MetaMethod::confirm),
                                                         request, Buffer(), kMetaTimeout);
    STRATOS_CO_TRY(const net::Reply<meta::ConfirmReply> reply, std::move(called));
    auto settle = [store = *current, asked, referenced = reply.head.referenced,
                   time = reply.head.time + -options_.grace, now = runtime_.wall_now()] {
      return store->settle_expired(asked, referenced, time, now);
    };
    const Result<void> settled = co_await runtime_.offload(std::move(settle), kIndexCost);
    check_store(*current);
    if (!settled) co_return settled;
    more = asked.size() == kConfirmPage && reply.head.time >= heard_->time;
  }
  co_return Result<void>{};
}

// --- upkeep
// ----------------------------------------------------------------------------------------

Task<void> StorageServiceImpl::upkeep_loop() {
  while (!stopping_) {
    const Result<void> woken = co_await stopped_.wait(options_.upkeep_interval);
    if (!woken && woken.error().code() == Errc::cancelled) co_return;
    report_failure("storage.upkeep_failed", co_await run_upkeep());
  }
}

Task<Result<void>> StorageServiceImpl::run_upkeep() {
  bool more = true;
  while (more && !stopping_) {
    const std::shared_ptr<FragmentStore> current = store_;
    if (current == nullptr) co_return Result<void>{};
    STRATOS_CO_CHECK(co_await keep_orders(current));
    STRATOS_CO_CHECK(co_await report_damaged(current));
    auto work = [current, now = runtime_.wall_now()] { return current->upkeep(now); };
    const Result<UpkeepOutcome> outcome = co_await runtime_.offload(std::move(work), kUpkeepCost);
    check_store(current);
    if (!outcome) co_return fail(outcome.error());
    metrics_.purged.add(outcome->purged);
    more = outcome->more;
  }
  co_return Result<void>{};
}

Task<Result<void>> StorageServiceImpl::report_damaged(std::shared_ptr<FragmentStore> store) {
  if (!membership_) co_return Result<void>{};
  meta::LostRequest request;
  request.node = membership_->node;
  using Damage = FragmentStore::Damage;
  const std::map<FragmentId, Damage> found = store->take_damaged();
  if (found.empty()) co_return Result<void>{};
  for (const auto& [id, damage] : found) {
    (damage == Damage::missing ? request.missing : request.damaged).push_back(id);
  }
  const auto called = co_await net::call<meta::LostReply>(
      meta_, number(meta::MetaMethod::report_lost), request, Buffer(), kMetaTimeout);
  if (called) co_return Result<void>{};
  for (const auto& [id, damage] : found) store->note_damaged(id, damage);
  co_return fail(called.error());
}

// --- scrubbing
// -------------------------------------------------------------------------------------

Task<void> StorageServiceImpl::scrub_loop() {
  constexpr Duration kPause = 1s;
  double due = 0;  // bytes to read and check
  while (!stopping_) {
    const Result<void> woken = co_await stopped_.wait(kPause);
    if (!woken && woken.error().code() == Errc::cancelled) co_return;
    const double share = std::chrono::duration<double>(kPause) / options_.scrub_within;
    due = std::min(due + static_cast<double>(usage().used_bytes) * share, kMaxScrubDue);
    if (due < 1) continue;
    std::uint64_t done = 0;
    report_failure("storage.scrub_failed",
                   co_await scrub_some(static_cast<std::uint64_t>(due), done));
    due -= static_cast<double>(done);
  }
}

// Reads and checks fragments in the order of their ids until `bytes` are done, or all of them.
Task<Result<void>> StorageServiceImpl::scrub_some(std::uint64_t bytes, std::uint64_t& done) {
  constexpr std::size_t kPage = 64;
  const std::shared_ptr<FragmentStore> current = store_;
  if (current == nullptr) co_return Result<void>{};
  while (done < bytes && !stopping_) {
    auto find = [current, after = scrubbed_] { return current->list(after, kPage); };
    const auto items = co_await runtime_.offload(std::move(find), kIndexCost);
    if (!items) co_return fail(items.error());
    if (items->empty()) {
      scrubbed_.reset();
      break;
    }
    for (const FragmentIndex::Item& item : *items) {
      if (done >= bytes || stopping_) break;
      scrubbed_ = item.id;
      if (item.fragment.state == FragmentState::trashed) continue;
      if (item.fragment.corrupt) current->note_damaged(item.id, FragmentStore::Damage::rotten);
      auto verify = [current, id = item.id] { return current->verify(id); };
      // What it finds is noted by the store.
      if (!item.fragment.corrupt) (void)co_await runtime_.offload(std::move(verify), kUpkeepCost);
      done += item.fragment.length;
      metrics_.scrubbed_bytes.add(item.fragment.length);
    }
  }
  check_store(current);
  co_return co_await report_damaged(current);
}

// --- orders
// ----------------------------------------------------------------------------------------

Task<Result<void>> StorageServiceImpl::load_orders(std::shared_ptr<FragmentStore> store) {
  if (ledger_.size() != 0) co_return Result<void>{};  // memory is newer
  auto work = [store] { return store->list_orders(OrderLedger::kMaxLimits); };
  auto loaded = co_await runtime_.offload(std::move(work), kUpkeepCost);
  STRATOS_CO_TRY(const std::vector<Bytes> orders, std::move(loaded));
  for (const Bytes& bytes : orders) {
    if (const auto order = codec::decode<KeptOrder>(bytes)) ledger_.restore(*order);
  }
  co_return Result<void>{};
}

Task<Result<void>> StorageServiceImpl::keep_orders(std::shared_ptr<FragmentStore> store) {
  auto changed = ledger_.take_changed(kOrdersAtOnce);
  const auto gone = ledger_.forget_unused(meta_now() + -kKeepUnused);
  if (changed.empty() && gone.empty()) co_return Result<void>{};
  std::vector<std::pair<Bytes, Bytes>> puts;
  std::vector<Bytes> removals;
  for (const auto& [key, order] : changed) puts.emplace_back(key_of(key), codec::encode(order));
  for (const LimitKey& key : gone) removals.push_back(key_of(key));
  auto work = [store, puts = std::move(puts), removals = std::move(removals)] {
    return store->keep_orders(puts, removals);
  };
  co_return co_await runtime_.offload(std::move(work), kIndexCost);
}

}  // namespace stratos::resource
