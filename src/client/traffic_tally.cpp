#include "client/traffic_tally.hpp"

#include <algorithm>

namespace stratos::client {
namespace {

// Rows of undelivered bytes come on top.
constexpr std::size_t kMaxRows = meta::kMaxSplitRows / 2;

}  // namespace

void TrafficTally::add_delivered(NodeId node, meta::Action action, BucketId bucket,
                                 std::uint64_t bytes) {
  if (bytes == 0) return;
  Sum& sum = sums_[{node, action}];
  sum.delivered += bytes;
  if (const auto found = sum.buckets.find(bucket); found != sum.buckets.end()) {
    found->second += bytes;
  } else if (rows_ < kMaxRows) {
    ++rows_;
    sum.buckets[bucket] = bytes;
  } else {
    sum.left_out = true;
  }
}

void TrafficTally::add_signed(NodeId node, meta::Action action, std::uint64_t bytes) {
  if (bytes > 0) sums_[{node, action}].signed_bytes += bytes;
}

void TrafficTally::leave_out(NodeId node, meta::Action action) {
  const auto found = sums_.find({node, action});
  if (found != sums_.end()) found->second.left_out = true;
}

std::optional<meta::HandInSplit> TrafficTally::split() const {
  meta::Split split;
  split.epoch = epoch_;
  split.session = signer_.public_key();
  split.payer = payer_;
  for (const auto& [place, sum] : sums_) {
    if (sum.left_out || split.rows.size() + sum.buckets.size() >= meta::kMaxSplitRows) continue;
    std::map<BucketId, std::uint64_t> buckets = sum.buckets;
    if (sum.signed_bytes > sum.delivered) buckets[BucketId()] += sum.signed_bytes - sum.delivered;
    for (const auto& [bucket, bytes] : buckets) {
      split.rows.push_back({place.first, place.second, bucket, bytes});
    }
  }
  if (split.rows.empty()) return std::nullopt;
  meta::HandInSplit command;
  command.split = codec::encode(split);
  command.signature = signer_.sign(meta::Split::kDomain, command.split);
  return command;
}

}  // namespace stratos::client
