// A small map that forgets: saves a question that was asked a moment ago.
#pragma once
#include <string>
#include <unordered_map>

#include "base/time.hpp"

namespace stratos::gateway::s3 {

// Bounded; one thread. Pointers are valid until the next call.
template <class Value>
class BriefCache {
 public:
  BriefCache(Duration lifetime, std::size_t capacity) : lifetime_(lifetime), capacity_(capacity) {}

  const Value* find(const std::string& key, MonotonicTime now) const {
    const auto found = entries_.find(key);
    if (found == entries_.end() || found->second.expires <= now) return nullptr;
    return &found->second.value;
  }
  void store(std::string key, Value value, MonotonicTime now) {
    // Filling up again costs one question a key: not worth an order of use.
    if (entries_.size() >= capacity_) entries_.clear();
    entries_.insert_or_assign(std::move(key), Entry{std::move(value), now + lifetime_});
  }
  void forget(const std::string& key) { entries_.erase(key); }
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    Value value;
    MonotonicTime expires;
  };
  Duration lifetime_;
  std::size_t capacity_;
  std::unordered_map<std::string, Entry> entries_;
};

}  // namespace stratos::gateway::s3
