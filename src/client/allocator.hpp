// Allocator: segment ids with their places, fetched ahead so that a write need not wait for them.
#pragma once
#include <deque>
#include <map>

#include "erasure/reed_solomon.hpp"
#include "meta/meta_client.hpp"
#include "runtime/sync.hpp"

namespace stratos::client {

struct Place {
  SegmentId segment;
  ZoneId zone;
  std::uint64_t table_version = 0;
  std::vector<NodeId> ranked;
};

// Belongs to one runtime. References outlive it.
class Allocator {
 public:
  Allocator(Runtime& runtime, meta::MetaClient& meta, AccountId payer)
      : runtime_(runtime), meta_(meta), payer_(payer) {}
  // Errc::too_few_domains and what the index answers.
  Task<Result<Place>> allocate(erasure::Shape shape);
  // Forgets what was fetched: the nodes have changed.
  void forget() { stocks_.clear(); }

 private:
  struct Stock {
    explicit Stock(Runtime& runtime) : fetching(runtime, 1) {}
    std::deque<Place> places;
    MonotonicTime fetched;
    std::uint32_t next_fetch = 1;
    Semaphore fetching;
  };
  Task<Result<void>> fetch(std::shared_ptr<Stock> stock, erasure::Shape shape);
  bool has_fresh(const Stock& stock);

  Runtime& runtime_;
  meta::MetaClient& meta_;
  AccountId payer_;
  std::map<std::pair<std::uint8_t, std::uint8_t>, std::shared_ptr<Stock>> stocks_;
};

}  // namespace stratos::client
