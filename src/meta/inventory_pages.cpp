#include "meta/inventory_pages.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "meta/keys.hpp"

namespace stratos::meta {
namespace {

constexpr std::uint64_t kFan = 16;  // leaves or nodes of a page
constexpr std::uint8_t kLevels = 7;
constexpr std::size_t kLeafBytes = SegmentId::kSize + 1 + Hash::kSize + 8;
constexpr std::size_t kNodeBytes = Hash::kSize + 8;

constexpr std::size_t entry_bytes(std::uint8_t level) {
  return level == 0 ? kLeafBytes : kNodeBytes;
}
constexpr std::uint64_t pages_of(std::uint64_t entries) { return (entries + kFan - 1) / kFan; }

void put_leaf(Bytes& page, const InventoryLeaf& leaf) {
  append(page, leaf.fragment.segment.view());
  page.push_back(leaf.fragment.index);
  append(page, leaf.root.view());
  put_be(page, leaf.length);
}
InventoryLeaf leaf_of(ByteView bytes) {
  InventoryLeaf leaf;
  leaf.fragment.segment = SegmentId::from(bytes.first(16)).value();
  leaf.fragment.index = bytes[16];
  leaf.root = Hash::from(bytes.subspan(17, 32)).value();
  leaf.length = get_be<std::uint64_t>(bytes.subspan(49));
  return leaf;
}

void put_node(Bytes& page, const InventoryNode& node) {
  append(page, node.hash.view());
  put_be(page, node.sum);
}
InventoryNode node_of(ByteView bytes) {
  return {Hash::from(bytes.first(32)).value(), get_be<std::uint64_t>(bytes.subspan(32))};
}

ByteView entry(const Bytes& page, std::uint8_t level, std::uint64_t index) {
  const std::size_t size = entry_bytes(level);
  return ByteView(page).subspan(static_cast<std::size_t>(index) * size, size);
}

// A page as it stands; empty when absent or of an impossible length, which is noted.
Bytes load_page(const State& state, NodeId node, std::uint8_t level, std::uint64_t page) {
  const Bytes key = keys::inventory(node, level, static_cast<std::uint32_t>(page));
  std::optional<Bytes> bytes = state.get(key);
  if (!bytes) return {};
  const std::size_t size = entry_bytes(level);
  if (!bytes->empty() && bytes->size() % size == 0 && bytes->size() / size <= kFan) return *bytes;
  state.note_corrupt(key, "page of an inventory");
  return {};
}

// The same, with at least `entries`.
std::optional<Bytes> require_page(const State& state, NodeId node, std::uint8_t level,
                                  std::uint64_t page, std::uint64_t entries) {
  Bytes bytes = load_page(state, node, level, page);
  if (bytes.size() >= entries * entry_bytes(level)) return bytes;
  state.note_corrupt(keys::inventory(node, level, static_cast<std::uint32_t>(page)),
                     "page of an inventory is cut short");
  return std::nullopt;
}

void store_page(State& state, NodeId node, std::uint8_t level, std::uint64_t page, Bytes bytes) {
  Bytes key = keys::inventory(node, level, static_cast<std::uint32_t>(page));
  if (bytes.empty()) {
    state.erase(key);
  } else {
    state.put(std::move(key), std::move(bytes));
  }
}

std::vector<InventoryNode> nodes_in(const Bytes& page, std::uint8_t level) {
  std::vector<InventoryNode> nodes(page.size() / entry_bytes(level));
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const ByteView bytes = entry(page, level, i);
    nodes[i] = level == 0 ? inventory_leaf(leaf_of(bytes)) : node_of(bytes);
  }
  return nodes;
}

// The node of the tree over one page.
InventoryNode node_over(const State& state, NodeId node, std::uint8_t level, std::uint64_t page) {
  return inventory_over(nodes_in(load_page(state, node, level, page), level));
}

Bytes encode_slot(std::uint64_t slot) {
  Bytes row;
  put_be(row, static_cast<std::uint32_t>(slot));
  return row;
}

std::optional<std::uint64_t> slot_of(const State& state, NodeId node, const FragmentId& fragment,
                                     std::uint64_t slots) {
  const Bytes key = keys::fragment(node, fragment);
  const std::optional<Bytes> row = state.get(key);
  if (row && row->size() == 4 && get_be<std::uint32_t>(*row) < slots) {
    return get_be<std::uint32_t>(*row);
  }
  state.note_corrupt(key, "fragment without a slot");
  return std::nullopt;
}

// Brings one page above the leaves up to date with those below it that changed; `width` is how many
// nodes its level has. Whether the page stood or stands.
bool settle_page(State& state, NodeId node, std::uint8_t level, std::uint64_t page,
                 std::uint64_t width, const std::vector<std::uint64_t>& changed) {
  Bytes before = load_page(state, node, level, page);
  const std::uint64_t had = before.size() / kNodeBytes;
  const std::uint64_t first = page * kFan;
  const std::uint64_t wanted = width <= 1 ? 0 : std::min(kFan, std::max(width, first) - first);
  if (had == 0 && wanted == 0) return false;
  Bytes after;
  after.reserve(static_cast<std::size_t>(wanted) * kNodeBytes);
  for (std::uint64_t i = 0; i < wanted; ++i) {
    if (i >= had || std::ranges::binary_search(changed, first + i)) {
      put_node(after, node_over(state, node, level - 1, first + i));
    } else {
      append(after, entry(before, level, i));
    }
  }
  store_page(state, node, level, page, std::move(after));
  return true;
}

// The pages that hold the entries of one level, each once.
std::vector<std::uint64_t> pages_above(const std::vector<std::uint64_t>& entries) {
  std::vector<std::uint64_t> pages;
  for (const std::uint64_t entry : entries) {
    if (pages.empty() || pages.back() != entry / kFan) pages.push_back(entry / kFan);
  }
  return pages;
}

std::uint64_t sum_of(const std::vector<InventoryNode>& nodes) {
  std::uint64_t sum = 0;
  for (const InventoryNode& node : nodes) sum += node.sum;
  return sum;
}

// The level of the page that is the whole tree's top.
std::uint8_t top_level(std::uint64_t leaves) {
  std::uint8_t level = 0;
  for (std::uint64_t width = pages_of(leaves); width > 1; width = pages_of(width)) ++level;
  return level;
}

void settle(State& state, NodeId node, std::vector<std::uint64_t> changed) {
  const Bytes key = keys::node_ledger(node);
  auto ledger = state.load<NodeLedger>(key);
  if (!ledger) return state.note_corrupt(key, "inventory without a ledger");
  std::uint64_t width = pages_of(ledger->fragments);
  for (std::uint8_t level = 1; level <= kLevels; ++level) {
    const std::vector<std::uint64_t> pages = pages_above(changed);
    bool any = false;
    for (const std::uint64_t page : pages) {
      any = settle_page(state, node, level, page, width, changed) || any;
    }
    if (!any) break;
    changed = pages;
    width = pages_of(width);
  }
  const InventoryNode root = node_over(state, node, top_level(ledger->fragments), 0);
  if (root.sum != ledger->bytes) return state.note_corrupt(key, "sum of an inventory");
  ledger->inventory_root = root.hash;
  ledger->inventory_bytes = root.sum;
  state.store(key, *ledger);
}

}  // namespace

void add_to_inventory(State& state, NodeId node, const NodeLedger& ledger,
                      const InventoryLeaf& leaf) {
  const std::uint64_t slot = ledger.fragments;
  STRATOS_ASSERT(slot + 1 < kMaxInventory, "a node holds fewer than 2^32 fragments");
  const std::uint64_t page = slot / kFan;
  Bytes bytes;
  if (slot % kFan > 0) {
    auto before = require_page(state, node, 0, page, slot % kFan);
    if (!before) return;
    bytes = std::move(*before);
  }
  put_leaf(bytes, leaf);
  store_page(state, node, 0, page, std::move(bytes));
  state.put(keys::fragment(node, leaf.fragment), encode_slot(slot));
}

void remove_from_inventory(State& state, NodeId node, const NodeLedger& ledger,
                           const FragmentId& fragment) {
  const auto slot = slot_of(state, node, fragment, ledger.fragments);
  if (!slot) return;
  const std::uint64_t last = ledger.fragments - 1;
  auto tail = require_page(state, node, 0, last / kFan, last % kFan + 1);
  if (!tail) return;
  const Bytes moved = to_bytes(entry(*tail, 0, last % kFan));
  tail->resize(static_cast<std::size_t>(last % kFan) * kLeafBytes);
  store_page(state, node, 0, last / kFan, std::move(*tail));
  state.erase(keys::fragment(node, fragment));
  if (*slot == last) return;
  auto page = require_page(state, node, 0, *slot / kFan, *slot % kFan + 1);
  if (!page) return;
  const auto at = static_cast<std::ptrdiff_t>((*slot % kFan) * kLeafBytes);
  std::ranges::copy(moved, page->begin() + at);
  store_page(state, node, 0, *slot / kFan, std::move(*page));
  state.put(keys::fragment(node, leaf_of(moved).fragment), encode_slot(*slot));
}

void settle_inventories(State& state) {
  std::map<NodeId, std::vector<std::uint64_t>> changed;
  const Bytes family = keys::of(keys::Family::inventory);
  const auto& changes = state.changes();
  for (auto row = changes.lower_bound(family); row != changes.end() && row->first[0] == family[0];
       ++row) {
    const keys::InventoryPage page = keys::parse_inventory(row->first);
    if (page.level == 0) changed[page.node].push_back(page.page);
  }
  for (auto& [node, pages] : changed) settle(state, node, std::move(pages));
}

Result<InventoryPlace> find_in_inventory(const State& state, NodeId node, const NodeLedger& ledger,
                                         std::uint64_t position) {
  if (position >= ledger.inventory_bytes) {
    return fail(Errc::invalid_argument, "position beyond the inventory of " + to_string(node));
  }
  InventoryPlace place;
  place.offset = position;
  std::uint64_t page = 0;
  for (std::uint8_t level = top_level(ledger.fragments);; --level) {
    const Bytes bytes = load_page(state, node, level, page);
    const std::vector<InventoryNode> nodes = nodes_in(bytes, level);
    if (sum_of(nodes) <= place.offset) return fail(Errc::store_corrupt, "page of an inventory");
    const std::size_t index = find_in_inventory(nodes, place.offset);
    std::vector<InventoryStep> steps;
    add_inventory_steps(nodes, index, steps);
    place.path.insert(place.path.begin(), steps.begin(), steps.end());
    if (level == 0) {
      place.leaf = leaf_of(entry(bytes, 0, index));
      return place;
    }
    page = page * kFan + index;
  }
}

}  // namespace stratos::meta
