#include "meta/batcher.hpp"

#include <algorithm>
#include <iterator>

#include "meta/wire.hpp"

namespace stratos::meta {
namespace {

// Two, so that one batch is written while the one before is applied.
constexpr int kBatchesAtOnce = 2;
constexpr std::size_t kMaxWaitingBytes = 16 << 20;
constexpr Duration kOrderTimeout = 30s;

std::size_t size_of(const std::vector<Item>& items) {
  std::size_t size = 0;
  for (const Item& item : items) size += item.command.size() + 32;
  return size;
}

}  // namespace

struct Batcher::Request {
  explicit Request(Runtime& runtime) : done(runtime) {}
  std::vector<Item> items;
  std::size_t size_bytes = 0;
  std::optional<Result<Outcome>> outcome;
  WaitQueue done;
};

Batcher::Batcher(Runtime& runtime, ordering::EmbeddedLog& log, const IndexMachine& machine,
                 const crypto::MachineSigner& signer)
    : runtime_(runtime),
      log_(log),
      machine_(machine),
      signer_(signer),
      arrived_(runtime),
      tasks_(runtime, "meta.batcher") {
  for (int i = 0; i < kBatchesAtOnce; ++i) tasks_.spawn(run());
}

Task<Result<Batcher::Outcome>> Batcher::submit(std::vector<Item> items) {
  auto request = std::make_shared<Request>(runtime_);
  request->size_bytes = size_of(items);
  if (request->size_bytes > kMaxItemsBytes) co_return fail(Errc::too_large, "commands");
  if (waiting_bytes_ + request->size_bytes > kMaxWaitingBytes) co_return fail(Errc::overloaded);
  if (stopping_) co_return fail(Errc::log_stopped, "the meta node is shutting down");
  // One bad signature must not spoil what others put into the same entry.
  for (const Item& item : items) STRATOS_CO_CHECK(machine_.admit_item(item));
  request->items = std::move(items);
  waiting_bytes_ += request->size_bytes;
  waiting_.push_back(request);
  arrived_.wake_one();
  if (!request->outcome) STRATOS_CO_CHECK(co_await request->done.wait(kOrderTimeout));
  co_return std::move(*request->outcome);
}

Task<Result<Bytes>> Batcher::order_one(Verb verb, Bytes command) {
  std::vector<Item> items(1);
  items[0].verb = verb;
  items[0].command = std::move(command);
  STRATOS_CO_TRY(Outcome outcome, co_await submit(std::move(items)));
  ItemResult& result = outcome.results.at(0);
  if (result.code != 0) co_return fail(errc_from_number(result.code));
  co_return std::move(result.value);
}

std::vector<std::shared_ptr<Batcher::Request>> Batcher::take_batch() {
  std::vector<std::shared_ptr<Request>> batch;
  std::size_t size = 0;
  while (!waiting_.empty() && size + waiting_.front()->size_bytes <= kMaxItemsBytes) {
    size += waiting_.front()->size_bytes;
    batch.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  waiting_bytes_ -= size;
  return batch;
}

Task<void> Batcher::run() {
  while (true) {
    while (waiting_.empty()) {
      const Result<void> woken = co_await arrived_.wait(std::nullopt);
      if (!woken) co_return;
    }
    co_await order_batch(take_batch());
  }
}

Task<void> Batcher::order_batch(std::vector<std::shared_ptr<Request>> batch) {
  std::vector<Item> items;
  for (const auto& request : batch) {
    std::ranges::move(request->items, std::back_inserter(items));
  }
  Result<ordering::Ordered> ordered = co_await log_.submit(make_entry(items, signer_));
  Result<std::vector<ItemResult>> results = fail(Errc::internal);
  if (!ordered) {
    results = fail(ordered.error());
  } else if (!ordered->result.ok()) {
    results = fail(ordered->result.code, "entry");
  } else {
    results = parse_results(ordered->result.value);
  }
  std::size_t at = 0;
  for (const auto& request : batch) {
    if (!results) {
      request->outcome = fail(results.error());
    } else {
      Outcome outcome;
      outcome.height = ordered->height;
      for (std::size_t i = 0; i < request->items.size(); ++i) {
        outcome.results.push_back(std::move(results->at(at++)));
      }
      request->outcome = std::move(outcome);
    }
    request->done.wake_all();
  }
}

Task<void> Batcher::stop() {
  stopping_ = true;
  arrived_.close();
  co_await tasks_.join();
  for (const auto& request : waiting_) {
    request->outcome = fail(Errc::log_stopped);
    request->done.wake_all();
  }
  waiting_.clear();
}

}  // namespace stratos::meta
