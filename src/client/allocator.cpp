#include "client/allocator.hpp"

#include <algorithm>

namespace stratos::client {
namespace {
// Old places name nodes that may be gone by now.
constexpr Duration kMaxAge = 3s;
// Stock grows with demand: ids are plenty, but placing them costs the index work.
constexpr std::uint32_t kMaxFetch = 128;
}  // namespace

bool Allocator::has_fresh(const Stock& stock) {
  return !stock.places.empty() && runtime_.now() - stock.fetched < kMaxAge;
}

Task<Result<Place>> Allocator::allocate(erasure::Shape shape) {
  std::shared_ptr<Stock>& slot = stocks_[{shape.k, shape.m}];
  if (!slot) slot = std::make_shared<Stock>(runtime_);
  const std::shared_ptr<Stock> stock = slot;
  if (!has_fresh(*stock)) {
    STRATOS_CO_CHECK(co_await stock->fetching.acquire(10s));
    Result<void> fetched;
    if (!has_fresh(*stock)) fetched = co_await fetch(stock, shape);
    stock->fetching.release();
    if (!fetched) co_return fail(fetched.error());
  }
  if (stock->places.empty()) co_return fail(Errc::unavailable, "no places for new segments");
  Place place = std::move(stock->places.front());
  stock->places.pop_front();
  co_return place;
}

Task<Result<void>> Allocator::fetch(std::shared_ptr<Stock> stock, erasure::Shape shape) {
  const bool ran_out = stock->places.empty() && runtime_.now() - stock->fetched < kMaxAge;
  stock->next_fetch = ran_out ? std::min(stock->next_fetch * 2, kMaxFetch) : 4;
  stock->places.clear();
  meta::AllocateRequest request;
  request.payer = payer_;
  request.k = shape.k;
  request.m = shape.m;
  request.segments = stock->next_fetch;
  STRATOS_CO_TRY(meta::AllocateReply reply, co_await meta_.allocate(request));
  stock->fetched = runtime_.now();
  for (auto& allocation : reply.allocations) {
    Place place;
    place.segment = allocation.segment;
    place.zone = reply.zone;
    place.table_version = reply.table_version;
    place.ranked = std::move(allocation.ranked);
    stock->places.push_back(std::move(place));
  }
  co_return Result<void>{};
}

}  // namespace stratos::client
