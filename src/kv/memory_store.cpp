#include <atomic>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>

#include "base/assert.hpp"
#include "kv/store.hpp"

namespace stratos::kv {
namespace {

using Sequence = std::uint64_t;

struct KeyLess {
  using is_transparent = void;
  bool operator()(ByteView a, ByteView b) const { return as_text(a) < as_text(b); }
};

struct Version {
  Sequence sequence;
  std::optional<Bytes> value;  // nullopt: removed
};
using Versions = std::vector<Version>;  // ascending
using Table = std::map<Bytes, Versions, KeyLess>;

// Every key with the versions that some reader may still ask for.
class Content {
 public:
  void apply(const Batch& batch) {
    const std::unique_lock hold(mutex_);
    ++last_;
    for (const Batch::Change& change : batch.changes()) {
      Versions& versions = table_[change.key];
      if (!versions.empty() && versions.back().sequence == last_) {
        versions.back().value = change.value;
      } else {
        versions.push_back({last_, change.value});
      }
      if (versions.size() > 1 || !change.value) stale_.emplace_back(last_, change.key);
    }
    collect();
  }

  // The present state, kept until release().
  Sequence acquire() {
    const std::unique_lock hold(mutex_);
    readers_.insert(last_);
    return last_;
  }
  void release(Sequence sequence) {
    const std::unique_lock hold(mutex_);
    readers_.erase(readers_.find(sequence));
    collect();
  }

  std::optional<Bytes> get(ByteView key, Sequence at) const {
    const std::shared_lock hold(mutex_);
    const auto entry = table_.find(key);
    const Bytes* value = entry == table_.end() ? nullptr : visible(entry->second, at);
    return value == nullptr ? std::nullopt : std::optional(*value);
  }

  // The first key >= target, or > target; false when there is none below `upper`.
  bool first_from(ByteView target, bool or_equal, ByteView upper, Sequence at, Bytes& key,
                  Bytes& value) const {
    const std::shared_lock hold(mutex_);
    auto entry = or_equal ? table_.lower_bound(target) : table_.upper_bound(target);
    for (; entry != table_.end(); ++entry) {
      if (!upper.empty() && !KeyLess()(entry->first, upper)) return false;
      if (take(*entry, at, key, value)) return true;
    }
    return false;
  }

  // The last key < target; false when there is none from `lower` on.
  bool last_before(ByteView target, ByteView lower, Sequence at, Bytes& key, Bytes& value) const {
    const std::shared_lock hold(mutex_);
    for (auto entry = table_.lower_bound(target); entry != table_.begin();) {
      --entry;
      if (KeyLess()(entry->first, lower)) return false;
      if (take(*entry, at, key, value)) return true;
    }
    return false;
  }

 private:
  static const Bytes* visible(const Versions& versions, Sequence at) {
    for (auto version = versions.rbegin(); version != versions.rend(); ++version) {
      if (version->sequence <= at) return version->value ? &*version->value : nullptr;
    }
    return nullptr;
  }

  static bool take(const Table::value_type& entry, Sequence at, Bytes& key, Bytes& value) {
    const Bytes* found = visible(entry.second, at);
    if (found == nullptr) return false;
    value = *found;
    key = entry.first;
    return true;
  }

  // Drops versions that no reader can see any more. Each was noted once, so the cost is spread.
  void collect() {
    const Sequence oldest = readers_.empty() ? last_ : *readers_.begin();
    for (; !stale_.empty() && stale_.front().first <= oldest; stale_.pop_front()) {
      const auto entry = table_.find(stale_.front().second);
      if (entry == table_.end()) continue;
      Versions& versions = entry->second;
      auto keep = versions.begin();
      while (keep + 1 != versions.end() && (keep + 1)->sequence <= oldest) ++keep;
      if (!keep->value && keep->sequence <= oldest) ++keep;
      versions.erase(versions.begin(), keep);
      if (versions.empty()) table_.erase(entry);
    }
  }

  mutable std::shared_mutex mutex_;
  Table table_;
  Sequence last_ = 0;
  std::multiset<Sequence> readers_;
  std::deque<std::pair<Sequence, Bytes>> stale_;  // keys with something to drop, by age
};
using ContentPtr = std::shared_ptr<Content>;

// A state of the content, kept for its readers.
class State {
 public:
  explicit State(ContentPtr source) : content_(std::move(source)), sequence_(content_->acquire()) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { content_->release(sequence_); }
  const Content& content() const { return *content_; }
  Sequence sequence() const { return sequence_; }

 private:
  ContentPtr content_;
  Sequence sequence_;
};
using StatePtr = std::shared_ptr<const State>;

class MemoryIterator final : public Iterator {
 public:
  MemoryIterator(StatePtr state, ByteView lower, ByteView upper)
      : state_(std::move(state)), lower_(to_bytes(lower)), upper_(to_bytes(upper)) {
    seek(lower_);
  }

  bool valid() const override { return valid_; }
  ByteView key() const override {
    STRATOS_ASSERT(valid_, "the iterator stands on no key");
    return key_;
  }
  ByteView value() const override {
    STRATOS_ASSERT(valid_, "the iterator stands on no key");
    return value_;
  }
  void next() override {
    STRATOS_ASSERT(valid_, "the iterator stands on no key");
    valid_ = content().first_from(key_, false, upper_, at(), key_, value_);
  }
  void previous() override {
    STRATOS_ASSERT(valid_, "the iterator stands on no key");
    valid_ = content().last_before(key_, lower_, at(), key_, value_);
  }
  void seek(ByteView target) override {
    const ByteView from = KeyLess()(target, lower_) ? ByteView(lower_) : target;
    valid_ = content().first_from(from, true, upper_, at(), key_, value_);
  }
  void seek_before(ByteView target) override {
    const bool beyond = !upper_.empty() && KeyLess()(upper_, target);
    valid_ = content().last_before(beyond ? ByteView(upper_) : target, lower_, at(), key_, value_);
  }
  Result<void> status() const override { return {}; }

 private:
  const Content& content() const { return state_->content(); }
  Sequence at() const { return state_->sequence(); }

  StatePtr state_;
  const Bytes lower_, upper_;
  bool valid_ = false;
  Bytes key_, value_;
};

class MemorySnapshot final : public Reader {
 public:
  explicit MemorySnapshot(ContentPtr content)
      : state_(std::make_shared<State>(std::move(content))) {}
  Result<std::optional<Bytes>> get(ByteView key) const override {
    return state_->content().get(key, state_->sequence());
  }
  std::unique_ptr<Iterator> iterate(ByteView lower, ByteView upper) const override {
    return std::make_unique<MemoryIterator>(state_, lower, upper);
  }

 private:
  StatePtr state_;
};

class MemoryStore final : public Store {
 public:
  Result<void> write(const Batch& batch) override {
    content_->apply(batch);
    unflushed_bytes_ += batch.size_bytes();
    return {};
  }
  Result<void> flush() override {
    unflushed_bytes_ = 0;
    return {};
  }
  std::unique_ptr<Reader> snapshot() const override {
    return std::make_unique<MemorySnapshot>(content_);
  }
  std::uint64_t unflushed_bytes() const override { return unflushed_bytes_; }
  Result<std::optional<Bytes>> get(ByteView key) const override {
    return content_->get(key, ~Sequence{0});
  }
  std::unique_ptr<Iterator> iterate(ByteView lower, ByteView upper) const override {
    return std::make_unique<MemoryIterator>(std::make_shared<State>(content_), lower, upper);
  }

 private:
  ContentPtr content_ = std::make_shared<Content>();
  std::atomic<std::uint64_t> unflushed_bytes_{0};
};

}  // namespace

std::unique_ptr<Store> make_memory_store() { return std::make_unique<MemoryStore>(); }

}  // namespace stratos::kv
