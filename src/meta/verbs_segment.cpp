#include <algorithm>
#include <set>

#include "meta/inventory_pages.hpp"
#include "meta/placement.hpp"
#include "meta/verbs.hpp"

namespace stratos::meta {
namespace {

bool shape_is_known(const Params& params, std::uint8_t k, std::uint8_t m) {
  return std::ranges::any_of(params.profiles, [k, m](const Profile& profile) {
    return (profile.k == k && profile.m == m) || (k == 1 && profile.copies == m + 1);
  });
}

// The segment's id must come from an open grant and never have been used.
Result<void> check_identity(const State& state, const SegmentId& id) {
  const auto grant = state.load_shared<GrantRecord>(keys::grant(keys::grant_of(id)));
  if (!grant) return fail(Errc::no_such_grant, id.hex());
  if (keys::counter_of(id) >= grant->segments) return fail(Errc::grant_exhausted, id.hex());
  if (state.has(keys::segment(id)) || state.has(keys::spent_segment(id))) {
    return fail(Errc::already_exists, "segment " + id.hex());
  }
  return {};
}

// The node that signed must be the one registered, and the lease must last.
// With the node's key, or one that was its not longer ago than uploads last.
bool may_have_signed(const Context& context, const NodeRecord& node, const Receipt& receipt) {
  if (node.key == receipt.signer) return true;
  const auto orphan = static_cast<std::int64_t>(context.params.orphan_ms);
  return std::ranges::any_of(node.past_keys, [&](const PastKey& past) {
    return past.key == receipt.signer && context.time.ms <= past.until.ms + orphan;
  });
}

Result<std::shared_ptr<const NodeRecord>> check_receipt(const Context& context,
                                                        const Receipt& receipt) {
  auto node = context.state.load_shared<NodeRecord>(keys::node(receipt.node));
  if (!node) return fail(Errc::no_such_node, to_string(receipt.node));
  if (!may_have_signed(context, *node, receipt)) {
    return fail(Errc::bad_signature, to_string(receipt.node));
  }
  const auto margin = static_cast<std::int64_t>(context.params.lease_margin_ms);
  if (receipt.lease_until.ms < context.time.ms + margin) {
    return fail(Errc::lease_expired, to_string(receipt.fragment));
  }
  return node;
}

// Whether fragments of this length can hold the segment.
bool lengths_fit(const SegmentCommit& segment) {
  const std::uint64_t fragment_length = segment.receipts[0].length;
  return segment.length > 0 && segment.length <= kMaxSegmentLength &&
         fragment_length <= 2 * kMaxSegmentLength && fragment_length * segment.k >= segment.length;
}

// The nodes that may hold a segment of n fragments by one node table; none when it is unknown.
std::vector<NodeId> usable_nodes(const State& state, const SegmentId& id, std::size_t n,
                                 std::uint64_t table_version) {
  const auto table = state.load_shared<NodeTable>(keys::node_table(table_version));
  if (!table) return {};
  std::vector<NodeId> ranked = rank(segment_unit(id, *table), *table);
  ranked.resize(std::min(ranked.size(), usable_ranks(n)));
  return ranked;
}

bool is_usable(const State& state, const SegmentRecord& segment, std::uint64_t table_version,
               NodeId node) {
  const std::size_t n = std::size_t{segment.k} + segment.m;
  const std::vector<NodeId> ranked = usable_nodes(state, segment.id, n, table_version);
  return std::ranges::find(ranked, node) != ranked.end();
}

Result<void> check_holders(const Context& context, const SegmentCommit& segment) {
  const std::size_t n = std::size_t{segment.k} + segment.m;
  if (segment.receipts.size() < write_quorum(segment.k, segment.m)) {
    return fail(Errc::below_quorum, segment.id.hex());
  }
  if (!lengths_fit(segment)) return fail(Errc::invalid_argument, "length of the segment");
  const std::vector<NodeId> ranked =
      usable_nodes(context.state, segment.id, n, segment.table_version);
  std::set<std::uint8_t> indexes;
  std::set<NodeId> nodes;
  for (const Receipt& receipt : segment.receipts) {
    const bool fits = receipt.fragment.segment == segment.id && receipt.fragment.index < n &&
                      receipt.length == segment.receipts[0].length;
    if (!fits) return fail(Errc::invalid_argument, "receipt of another fragment");
    if (!indexes.insert(receipt.fragment.index).second || !nodes.insert(receipt.node).second) {
      return fail(Errc::bad_placement, "fragment or node named twice");
    }
    if (std::ranges::find(ranked, receipt.node) == ranked.end()) {
      return fail(Errc::bad_placement, to_string(receipt.node) + " is not placed here");
    }
    STRATOS_CHECK(check_receipt(context, receipt));
  }
  return {};
}

void add_holder_to(Context& context, SegmentRecord& segment, const Receipt& receipt) {
  Holder holder;
  holder.index = receipt.fragment.index;
  holder.node = receipt.node;
  holder.root = receipt.root;
  const auto place = std::ranges::lower_bound(segment.holders, holder.index, {}, &Holder::index);
  segment.holders.insert(place, holder);
  tell_node(context, receipt.node, FeedKind::keep,
            {receipt.fragment, receipt.root, receipt.length});
}

// Drops the fragment at this place of the list of holders.
void remove_holder(Context& context, SegmentRecord& segment, std::vector<Holder>::iterator place) {
  tell_node(context, place->node, FeedKind::drop,
            {{segment.id, place->index}, place->root, segment.fragment_length});
  segment.holders.erase(place);
}

// Repair finds what is incomplete without looking at everything.
void note_redundancy(Context& context, const SegmentRecord& segment, std::size_t holders_before) {
  const std::size_t n = std::size_t{segment.k} + segment.m;
  const bool was_full = holders_before == n;
  const bool is_full = segment.holders.size() == n;
  if (was_full && !is_full) context.state.put(keys::degraded(segment.id), {});
  if (!was_full && is_full) context.state.erase(keys::degraded(segment.id));
}

Result<void> commit_segment(Context& context, const SegmentCommit& commit) {
  if (!shape_is_known(context.params, commit.k, commit.m)) {
    return fail(Errc::invalid_argument, "shape of no profile");
  }
  STRATOS_CHECK(check_identity(context.state, commit.id));
  STRATOS_CHECK(check_holders(context, commit));
  SegmentRecord segment;
  segment.id = commit.id;
  segment.generation = Generation(1);
  segment.k = commit.k;
  segment.m = commit.m;
  segment.length = commit.length;
  segment.fragment_length = commit.receipts[0].length;
  segment.table_version = commit.table_version;
  segment.created = context.time;
  for (const Receipt& receipt : commit.receipts) add_holder_to(context, segment, receipt);
  note_redundancy(context, segment, std::size_t{segment.k} + segment.m);
  context.state.store(keys::segment(commit.id), segment);
  return {};
}

bool is_placed(const Context& context, const SegmentRecord& segment, NodeId node) {
  return is_usable(context.state, segment, segment.table_version, node) ||
         is_usable(context.state, segment, context.state.counter("node_table"), node);
}

bool stands_apart(const Context& context, const SegmentRecord& segment, const NodeRecord& node) {
  return std::ranges::none_of(segment.holders, [&](const Holder& holder) {
    const auto other = context.state.load_shared<NodeRecord>(keys::node(holder.node));
    return other && share_domain(*other, node, context.params.spread);
  });
}

void take_off(Context& context, SegmentRecord& segment, std::uint8_t index) {
  const auto holder = std::ranges::find(segment.holders, index, &Holder::index);
  if (holder != segment.holders.end()) remove_holder(context, segment, holder);
}

// Receipts for different fragments of the segment, each of its shape and its root.
Result<void> check_attached(const Context& context, const SegmentRecord& segment,
                            const std::vector<Receipt>& receipts) {
  const bool is_restored = zone_state(context.state).drops_pause;
  std::set<std::uint8_t> indexes;
  for (const Receipt& receipt : receipts) {
    const std::uint8_t index = receipt.fragment.index;
    const bool fits = receipt.fragment.segment == segment.id && index < segment.k + segment.m &&
                      receipt.length == segment.fragment_length && indexes.insert(index).second;
    if (!fits) return fail(Errc::invalid_argument, "receipt of another shape");
    const auto listed = std::ranges::find(segment.holders, index, &Holder::index);
    if (listed != segment.holders.end() && listed->root != receipt.root) {
      return fail(Errc::hash_mismatch, to_string(receipt.fragment));
    }
    STRATOS_CHECK(check_receipt(context, receipt));
    if (!is_restored && !is_placed(context, segment, receipt.node)) {
      return fail(Errc::bad_placement, to_string(receipt.node) + " is not placed here");
    }
  }
  return {};
}

WallTime orphan_time(const Context& context, WallTime created) {
  return created + std::chrono::milliseconds(context.params.orphan_ms);
}

}  // namespace

Result<void> commit_segments(Context& context, const std::vector<SegmentCommit>& segments) {
  for (const SegmentCommit& segment : segments) STRATOS_CHECK(commit_segment(context, segment));
  return {};
}

Result<void> commit_and_refer(Context& context, const std::vector<SegmentCommit>& segments,
                              const std::vector<Slice>& slices) {
  STRATOS_CHECK(commit_segments(context, segments));
  STRATOS_CHECK(add_references(context, slices));
  for (const SegmentCommit& segment : segments) {
    const auto uses = [&segment](const Slice& slice) { return slice.segment == segment.id; };
    if (std::ranges::none_of(slices, uses)) {
      return fail(Errc::invalid_argument, "segment without a slice");
    }
  }
  return {};
}

Result<void> add_references(Context& context, const std::vector<Slice>& slices) {
  for (const Slice& slice : slices) {
    const Bytes key = keys::segment(slice.segment);
    auto segment = context.state.load<SegmentRecord>(key);
    if (!segment) return fail(Errc::no_such_segment, slice.segment.hex());
    const bool inside =
        slice.offset <= segment->length && slice.length <= segment->length - slice.offset;
    if (!inside) return fail(Errc::invalid_argument, "slice outside of its segment");
    ++segment->references;
    context.state.store(key, *segment);
  }
  return {};
}

void drop_references(Context& context, const std::vector<Slice>& slices) {
  for (const Slice& slice : slices) {
    auto segment = context.state.load<SegmentRecord>(keys::segment(slice.segment));
    if (!segment || segment->references == 0) continue;
    --segment->references;
    if (segment->references == 0) {
      free_segment(context, *segment);
    } else {
      context.state.store(keys::segment(slice.segment), *segment);
    }
  }
}

void free_segment(Context& context, const SegmentRecord& segment) {
  for (const Holder& holder : segment.holders) {
    const FragmentId fragment{segment.id, holder.index};
    tell_node(context, holder.node, FeedKind::drop,
              {fragment, holder.root, segment.fragment_length});
  }
  context.state.erase(keys::segment(segment.id));
  if (segment.holders.size() < std::size_t{segment.k} + segment.m) {
    context.state.erase(keys::degraded(segment.id));
  }
  if (context.state.has(keys::grant(keys::grant_of(segment.id)))) {
    context.state.put_new(keys::spent_segment(segment.id), {});
  }
}

void tell_node(Context& context, NodeId node, FeedKind kind, const InventoryLeaf& leaf) {
  const Bytes key = keys::node_ledger(node);
  NodeLedger ledger = context.state.load<NodeLedger>(key).value_or(NodeLedger{});
  ++ledger.feed_end;
  if (kind == FeedKind::keep) {
    add_to_inventory(context.state, node, ledger, leaf);
    ++ledger.fragments;
    ledger.bytes += leaf.length;
  } else {
    remove_from_inventory(context.state, node, ledger, leaf.fragment);
    --ledger.fragments;
    ledger.bytes -= leaf.length;
  }
  FeedEntry entry;
  entry.sequence = ledger.feed_end;
  entry.kind = kind;
  entry.fragment = leaf.fragment;
  context.state.store_new(keys::feed(node, entry.sequence), entry);
  context.state.store(key, ledger);
}

Result<Bytes> run(Context& context, const CommitSegments& command) {
  STRATOS_CHECK(commit_segments(context, command.segments));
  for (const SegmentCommit& segment : command.segments) {
    context.state.put(
        keys::due(orphan_time(context, context.time), DueKind::orphan_segment, segment.id.view()),
        {});
  }
  return codec::encode(Nothing{});
}

Result<Bytes> run(Context& context, const AddHolder& command) {
  const Receipt& receipt = command.receipt;
  auto segment = context.state.load<SegmentRecord>(keys::segment(receipt.fragment.segment));
  if (!segment) return fail(Errc::no_such_segment, receipt.fragment.segment.hex());
  if (segment->generation != command.generation) return fail(Errc::stale_generation);
  const bool fits = receipt.fragment.index < segment->k + segment->m &&
                    receipt.length == segment->fragment_length;
  if (!fits) return fail(Errc::invalid_argument, "receipt of another shape");
  STRATOS_TRY(const auto node, check_receipt(context, receipt));
  const std::size_t holders_before = segment->holders.size();
  if (command.replaces) {
    const auto old = std::ranges::find(segment->holders, receipt.fragment.index, &Holder::index);
    if (old == segment->holders.end() || old->node != *command.replaces) {
      return fail(Errc::bad_placement, to_string(*command.replaces) + " does not hold it");
    }
    remove_holder(context, *segment, old);
  }
  const auto same = std::ranges::find(segment->holders, receipt.fragment.index, &Holder::index);
  if (same != segment->holders.end() || !stands_apart(context, *segment, *node)) {
    return fail(Errc::bad_placement, "index or failure domain taken");
  }
  if (!is_placed(context, *segment, receipt.node)) {
    return fail(Errc::bad_placement, to_string(receipt.node) + " is not placed here");
  }
  ++segment->generation.value;
  add_holder_to(context, *segment, receipt);
  note_redundancy(context, *segment, holders_before);
  context.state.store(keys::segment(segment->id), *segment);
  return codec::encode(Nothing{});
}

Result<Bytes> run(Context& context, const AttachHolders& command) {
  auto segment = context.state.load<SegmentRecord>(keys::segment(command.segment));
  if (!segment) return fail(Errc::no_such_segment, command.segment.hex());
  if (segment->generation != command.generation) return fail(Errc::stale_generation);
  if (command.receipts.empty()) return fail(Errc::invalid_argument, "no receipt");
  const std::size_t holders_before = segment->holders.size();
  STRATOS_CHECK(check_attached(context, *segment, command.receipts));
  for (const Receipt& receipt : command.receipts) {
    take_off(context, *segment, receipt.fragment.index);
  }
  for (const std::uint8_t index : command.absent) take_off(context, *segment, index);
  for (const Receipt& receipt : command.receipts) {
    const auto node = context.state.load_shared<NodeRecord>(keys::node(receipt.node));
    if (!stands_apart(context, *segment, *node)) {
      return fail(Errc::bad_placement, to_string(receipt.node) + "'s failure domain is taken");
    }
    add_holder_to(context, *segment, receipt);
  }
  ++segment->generation.value;
  note_redundancy(context, *segment, holders_before);
  context.state.store(keys::segment(segment->id), *segment);
  return codec::encode(Nothing{});
}

Result<Bytes> run(Context& context, const LoseHolder& command) {
  auto segment = context.state.load<SegmentRecord>(keys::segment(command.fragment.segment));
  if (!segment) return fail(Errc::no_such_segment, command.fragment.segment.hex());
  const auto lost = std::ranges::find(segment->holders, command.fragment.index, &Holder::index);
  if (lost == segment->holders.end() || lost->node != command.node) {
    return fail(Errc::not_found, to_string(command.node) + " does not hold it");
  }
  const std::size_t holders_before = segment->holders.size();
  if (command.damaged && holders_before <= segment->k) return fail(Errc::below_quorum);
  remove_holder(context, *segment, lost);
  ++segment->generation.value;
  note_redundancy(context, *segment, holders_before);
  context.state.store(keys::segment(segment->id), *segment);
  return codec::encode(Nothing{});
}

}  // namespace stratos::meta
