#include "cli/usage_rows.hpp"

#include <algorithm>
#include <set>

namespace stratos::cli {
namespace {

constexpr std::array kActions = {meta::Action::put, meta::Action::get, meta::Action::audit,
                                 meta::Action::repair};

}  // namespace

UsageRow::Bytes& UsageRow::Bytes::operator+=(const Bytes& more) {
  delivered += more.delivered;
  settled += more.settled;
  return *this;
}

UsageRow::Bytes UsageRow::total() const {
  Bytes sum;
  for (const auto& [action, bytes] : by_action) sum += bytes;
  return sum;
}

UsageRow::Bytes& UsageTable::cell(const Key& key, meta::Action action) {
  UsageRow& row = rows_[key];
  std::tie(row.account, row.epoch, row.kind, row.bucket, row.node) = key;
  return row.by_action[action];
}

void UsageTable::add_place(Epoch epoch, const meta::GetUsage::Session& session, NodeId node,
                           meta::Action action) {
  const auto share = std::ranges::find(session.shares, node, &meta::SessionShare::node);
  const bool settled = share != session.shares.end();
  const std::uint64_t bytes = settled ? meta::bytes_of(share->volume, action) : 0;
  AccountId payer = settled ? share->payer : AccountId();
  std::vector<meta::Split::Row> split;
  std::uint64_t sum = 0;
  if (session.split && (!settled || session.split->payer == payer)) {
    payer = session.split->payer;
    for (const meta::Split::Row& row : session.split->rows) {
      if (row.node != node || row.action != action) continue;
      split.push_back(row);
      sum += row.bytes;
    }
  }
  const bool fits = settled && sum == bytes;
  for (const meta::Split::Row& row : split) {
    const bool delivered = row.bucket != BucketId();
    if (!delivered && !fits) continue;
    const UsageKind kind = delivered ? UsageKind::bucket : UsageKind::undelivered;
    UsageRow::Bytes& cell = this->cell({payer, epoch, kind, row.bucket, node}, action);
    if (delivered) cell.delivered += row.bytes;
    if (fits) cell.settled += row.bytes;
  }
  if (fits || bytes == 0) return;
  cell({payer, epoch, UsageKind::unsplit, BucketId(), node}, action).settled += bytes;
}

void UsageTable::add(Epoch epoch, const meta::GetUsage::Session& session) {
  std::set<NodeId> nodes;
  for (const meta::SessionShare& share : session.shares) nodes.insert(share.node);
  if (session.split) {
    for (const meta::Split::Row& row : session.split->rows) nodes.insert(row.node);
  }
  for (const NodeId node : nodes) {
    for (const meta::Action action : kActions) add_place(epoch, session, node, action);
  }
}

std::vector<UsageRow> UsageTable::rows() const {
  std::vector<UsageRow> rows;
  for (const auto& [key, row] : rows_) rows.push_back(row);
  return rows;
}

}  // namespace stratos::cli
