// Group commit: everything that arrived while the last group was synced becomes durable together.
#include "base/log.hpp"
#include "resource/storage/storage_service_impl.hpp"

namespace stratos::resource {
namespace {

constexpr Duration kCommitCost = 200us;
constexpr Duration kOpenCost = 10ms;
constexpr Duration kCloseWait = 5ms;
constexpr int kCloseTries = 6000;

}  // namespace

// One trip to the pool: appends the small fragments, syncs, indexes and signs.
struct StorageServiceImpl::Group {
  std::shared_ptr<FragmentStore> store;
  std::vector<SmallWrite> small;
  WallTime now;
  std::vector<Result<Appended>> appended;  // of the small ones
  Result<std::vector<meta::Receipt>> receipts;

  void run() {
    appended.reserve(small.size());
    for (const SmallWrite& write : small) appended.push_back(store->append(write.request, now));
    receipts = store->commit();
  }
};

Task<void> StorageServiceImpl::commit_loop() {
  while (!stopping_) {
    if (commit_due_ && store_ != nullptr) {
      commit_due_ = false;
      co_await commit_group();
      continue;
    }
    if (commit_due_) fail_tickets(Error(Errc::unavailable, "the store is being opened again"));
    if (!co_await commit_wanted_.wait(std::nullopt)) co_return;
  }
}

Task<void> StorageServiceImpl::commit_group() {
  const auto group = std::make_shared<Group>();
  group->store = store_;
  group->small.swap(small_);
  group->now = runtime_.wall_now();
  small_bytes_ = 0;
  const MonotonicTime begin = runtime_.now();
  auto work = [group] { group->run(); };
  co_await runtime_.offload(std::move(work), kCommitCost);
  metrics_.commit_seconds.observe_ns((runtime_.now() - begin).count());
  metrics_.commits.add();
  answer_group(*group);
  check_store(group->store);
}

void StorageServiceImpl::answer_group(Group& group) {
  const auto tell = [](WriteTicket& ticket, Result<meta::Receipt> answer) {
    if (ticket.answer) return;
    ticket.answer = std::move(answer);
    ticket.done.wake_all();
  };
  if (!group.receipts) {
    const Error why(Errc::unavailable, "the group was not made durable", group.receipts.error());
    for (const SmallWrite& write : group.small) tell(*write.ticket, fail(why));
    return fail_tickets(why);
  }
  metrics_.receipts.add(group.receipts->size());
  std::unordered_map<FragmentId, const meta::Receipt*> by_id;
  for (const meta::Receipt& receipt : *group.receipts) {
    by_id[receipt.fragment] = &receipt;
    const auto [first, last] = expected_.equal_range(receipt.fragment);
    for (auto it = first; it != last; ++it) tell(*it->second, receipt);
    expected_.erase(first, last);
  }
  for (std::size_t i = 0; i < group.small.size(); ++i) {
    WriteTicket& ticket = *group.small[i].ticket;
    const Result<Appended>& appended = group.appended[i];
    if (!appended) {
      tell(ticket, fail(appended.error()));
      continue;
    }
    ticket.repeated = appended->repeated;
    const auto found = by_id.find(group.small[i].request.fragment);
    if (found != by_id.end()) {
      tell(ticket, *found->second);
    } else {
      tell(ticket, fail(Errc::unavailable, "the fragment was purged just now"));
    }
  }
}

void StorageServiceImpl::fail_tickets(const Error& error) {
  commit_due_ = false;
  const auto tell = [&](WriteTicket& ticket) {
    if (ticket.answer) return;
    ticket.answer = fail(error);
    ticket.done.wake_all();
  };
  for (const SmallWrite& write : small_) tell(*write.ticket);
  for (const auto& [id, ticket] : expected_) tell(*ticket);
  small_.clear();
  small_bytes_ = 0;
  expected_.clear();
}

// --- after a failure
// -------------------------------------------------------------------------------

// Whoever used the store looks whether it still acknowledges.
void StorageServiceImpl::check_store(const std::shared_ptr<FragmentStore>& store) {
  const std::uint64_t corrupt = store->corrupt_found();
  if (store == store_ && corrupt > corrupt_seen_) {
    metrics_.corrupt.add(corrupt - corrupt_seen_);
    corrupt_seen_ = corrupt;
  }
  if (!store->stopped() || store != store_) return;
  store_.reset();
  reopen_wanted_.wake_all();
}

// A store that failed is never used again: what it holds is read from disk anew.
Task<void> StorageServiceImpl::reopen_loop() {
  while (!stopping_) {
    if (store_ != nullptr) {
      if (!co_await reopen_wanted_.wait(std::nullopt)) co_return;
      continue;
    }
    fail_tickets(Error(Errc::unavailable, "the store is being opened again"));
    co_await runtime_.sleep(options_.reopen_delay);
    if (stopping_) co_return;
    if (const Result<void> opened = co_await open_store(); !opened) {
      log::error("storage.not_reopened", {{"error", opened.error().to_string()}});
    } else {
      metrics_.reopened.add();
    }
  }
}

Task<Result<void>> StorageServiceImpl::open_store() {
  // Calls that are under way hold on to the old one, and it to its folder.
  for (int i = 0; i < kCloseTries && !old_store_.expired(); ++i) {
    co_await runtime_.sleep(kCloseWait);
  }
  if (!old_store_.expired()) co_return fail(Errc::unavailable, "the old store is still in use");
  auto work = [this] {
    return FragmentStore::open(fs_, folder_, options_.store, signer_, salt_seed_);
  };
  auto opened = co_await runtime_.offload(std::move(work), kOpenCost);
  if (!opened) co_return fail(std::move(opened).error());
  store_ = std::move(*opened);
  old_store_ = store_;
  corrupt_seen_ = 0;
  if (membership_) store_->set_node(membership_->node);
  STRATOS_CO_CHECK(co_await load_frozen(store_));
  STRATOS_CO_CHECK(co_await load_orders(store_));
  co_return Result<void>{};
}

}  // namespace stratos::resource
