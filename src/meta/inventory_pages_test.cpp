#include "meta/inventory_pages.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "meta/test_index.hpp"

namespace stratos::meta {
namespace {

constexpr NodeId kNode{3};

InventoryLeaf leaf_number(std::uint64_t i) {
  InventoryLeaf leaf;
  leaf.fragment = {keys::segment_id(GrantId(1), i), static_cast<std::uint8_t>(i % 6)};
  leaf.root = crypto::blake3(leaf.fragment.segment.view());
  leaf.length = 1 + i % 1000;
  return leaf;
}

// A store with inventories and, beside it, what they should be.
class Inventories {
 public:
  using Model = std::map<NodeId, std::vector<InventoryLeaf>>;

  void begin_block() { state_.emplace(*store_); }
  void begin_item() {
    state_->begin();
    before_ = model_;
  }
  void fail_item() {
    state_->rollback();
    model_ = before_;
  }
  // Of a block that did not take place.
  void forget_item() { model_ = before_; }
  void add(NodeId node, const InventoryLeaf& leaf) {
    NodeLedger ledger = ledger_in(*state_, node);
    add_to_inventory(*state_, node, ledger, leaf);
    ++ledger.fragments;
    ledger.bytes += leaf.length;
    state_->store(keys::node_ledger(node), ledger);
    model_[node].push_back(leaf);
  }
  void remove(NodeId node, std::size_t slot) {
    auto& leaves = model_[node];
    NodeLedger ledger = ledger_in(*state_, node);
    remove_from_inventory(*state_, node, ledger, leaves[slot].fragment);
    --ledger.fragments;
    ledger.bytes -= leaves[slot].length;
    state_->store(keys::node_ledger(node), ledger);
    leaves[slot] = leaves.back();
    leaves.pop_back();
  }
  Result<void> end_block() {
    settle_inventories(*state_);
    const Result<void> status = state_->status();
    kv::Batch batch;
    for (const auto& [key, value] : state_->changes()) {
      value ? batch.put(key, *value) : batch.remove(key);
    }
    state_.reset();
    STRATOS_CHECK(status);
    return store_->write(batch);
  }
  void fill(std::size_t count) {
    begin_block();
    for (std::size_t i = 0; i < count; ++i) add(kNode, leaf_number(next_++));
    EXPECT_TRUE(end_block());
  }

  State state() const { return State(*store_); }
  NodeLedger ledger(NodeId node = kNode) const { return ledger_in(state(), node); }
  const Model& model() const { return model_; }
  kv::Store& store() { return *store_; }
  std::uint64_t& next() { return next_; }

  InventoryNode expected(NodeId node) const {
    std::vector<InventoryNode> nodes;
    const auto leaves = model_.find(node);
    if (leaves == model_.end()) return {};
    for (const InventoryLeaf& leaf : leaves->second) nodes.push_back(inventory_leaf(leaf));
    return inventory_over(nodes);
  }
  bool root_is_right(NodeId node) const {
    const NodeLedger found = ledger(node);
    return InventoryNode{found.inventory_root, found.inventory_bytes} == expected(node);
  }
  bool slots_are_right(NodeId node) const {
    const auto leaves = model_.find(node);
    if (leaves == model_.end()) return true;
    for (std::size_t slot = 0; slot < leaves->second.size(); ++slot) {
      const auto row = state().get(keys::fragment(node, leaves->second[slot].fragment));
      if (!row || get_be<std::uint32_t>(*row) != slot) return false;
    }
    return rows(keys::fragments_of(node)) == leaves->second.size();
  }
  std::size_t rows(const Bytes& prefix) const {
    std::size_t count = 0;
    state().scan(prefix, kv::prefix_end(prefix), [&count](ByteView, ByteView) {
      ++count;
      return true;
    });
    return count;
  }
  std::size_t pages(NodeId node) const {
    Bytes prefix = keys::inventory(node, 0, 0);
    prefix.resize(5);
    return rows(prefix);
  }
  // How many pages a tree of this many leaves has.
  static std::size_t pages_of(std::size_t leaves) {
    std::size_t pages = (leaves + 15) / 16;
    for (std::size_t width = pages; width > 1;) pages += width = (width + 15) / 16;
    return pages;
  }
  Result<std::uint64_t> prove(NodeId node, std::uint64_t position) const {
    const NodeLedger found = ledger(node);
    STRATOS_TRY(const InventoryPlace place, find_in_inventory(state(), node, found, position));
    STRATOS_TRY(const std::uint64_t offset,
                verify_inventory_path({found.inventory_root, found.inventory_bytes}, position,
                                      place.leaf, place.path));
    EXPECT_EQ(offset, place.offset);
    return offset;
  }

 private:
  static NodeLedger ledger_in(const State& state, NodeId node) {
    return state.load<NodeLedger>(keys::node_ledger(node)).value_or(NodeLedger{});
  }

  std::unique_ptr<kv::Store> store_ = kv::make_memory_store();
  std::optional<State> state_;
  Model model_;
  Model before_;
  std::uint64_t next_ = 0;
};

TEST(InventoryPages, FollowATreeThatGrowsAndShrinksByOne) {
  Inventories all;
  for (std::size_t count = 1; count <= 300; ++count) {
    all.fill(1);
    ASSERT_TRUE(all.root_is_right(kNode)) << count;
    ASSERT_EQ(all.pages(kNode), Inventories::pages_of(count));
  }
  for (std::size_t count = 300; count-- > 0;) {
    all.begin_block();
    all.remove(kNode, count * 7 % (count + 1));
    ASSERT_TRUE(all.end_block());
    ASSERT_TRUE(all.root_is_right(kNode)) << count;
    ASSERT_EQ(all.pages(kNode), Inventories::pages_of(count));
  }
  EXPECT_TRUE(all.ledger().inventory_root.is_zero());
}

TEST(InventoryPages, FollowLargeStepsInOneBlock) {
  Inventories all;
  all.fill(5000);
  EXPECT_TRUE(all.root_is_right(kNode));
  EXPECT_EQ(all.pages(kNode), Inventories::pages_of(5000));
  for (const std::size_t left : {4097U, 4096U, 257U, 256U, 17U, 16U, 0U}) {
    all.begin_block();
    while (all.model().at(kNode).size() > left) all.remove(kNode, 0);
    ASSERT_TRUE(all.end_block());
    EXPECT_TRUE(all.root_is_right(kNode)) << left;
    EXPECT_TRUE(all.slots_are_right(kNode)) << left;
    EXPECT_EQ(all.pages(kNode), Inventories::pages_of(left));
  }
}

TEST(InventoryPages, OfNodesAreApart) {
  Inventories all;
  all.begin_block();
  for (std::uint64_t i = 0; i < 40; ++i) {
    all.add(NodeId(1), leaf_number(i));
    if (i % 2 == 0) all.add(NodeId(2), leaf_number(i));
  }
  ASSERT_TRUE(all.end_block());
  EXPECT_TRUE(all.root_is_right(NodeId(1)));
  EXPECT_TRUE(all.root_is_right(NodeId(2)));
  EXPECT_NE(all.ledger(NodeId(1)).inventory_root, all.ledger(NodeId(2)).inventory_root);
}

TEST(InventoryPages, AreTouchedOnlyWhereABlockChangesThem) {
  Inventories all;
  all.fill(300);
  State touched(all.store());
  add_to_inventory(touched, kNode, all.ledger(), leaf_number(9999));
  NodeLedger ledger = all.ledger();
  ++ledger.fragments;
  ledger.bytes += leaf_number(9999).length;
  touched.store(keys::node_ledger(kNode), ledger);
  settle_inventories(touched);
  // The fragment, the ledger, and one page on each of three levels.
  EXPECT_EQ(touched.changes().size(), 5U);
  EXPECT_TRUE(touched.status());
}

TEST(InventoryPlace, IsProvenForEveryByteOfASmallTree) {
  Inventories all;
  all.fill(40);
  std::uint64_t position = 0;
  for (const InventoryLeaf& leaf : all.model().at(kNode)) {
    for (std::uint64_t offset = 0; offset < leaf.length; ++offset) {
      const auto proven = all.prove(kNode, position++);
      ASSERT_TRUE(proven);
      ASSERT_EQ(*proven, offset);
    }
  }
  EXPECT_EQ(all.prove(kNode, position).error().code(), Errc::invalid_argument);
}

RC_GTEST_PROP(InventoryPages, FollowAnyAddsAndRemovesAcrossFailures, ()) {
  Inventories all;
  const auto blocks = *rc::gen::inRange(1, 12);
  for (int block = 0; block < blocks; ++block) {
    all.begin_block();
    const auto items = *rc::gen::inRange(0, 8);
    for (int item = 0; item < items; ++item) {
      all.begin_item();
      const NodeId node(*rc::gen::inRange<std::uint32_t>(1, 3));
      const auto adds = *rc::gen::inRange(0, 40);
      for (int i = 0; i < adds; ++i) all.add(node, leaf_number(all.next()++));
      const auto found = all.model().find(node);
      const std::size_t held = found == all.model().end() ? 0 : found->second.size();
      const auto removes = *rc::gen::inRange<std::size_t>(0, std::min<std::size_t>(held, 50) + 1);
      for (std::size_t i = 0; i < removes; ++i) {
        all.remove(node, *rc::gen::inRange<std::size_t>(0, held - i));
      }
      if (*rc::gen::inRange(0, 3) == 0) all.fail_item();
    }
    RC_ASSERT(all.end_block());
    for (const NodeId node : {NodeId(1), NodeId(2)}) {
      RC_ASSERT(all.root_is_right(node));
      RC_ASSERT(all.slots_are_right(node));
      RC_ASSERT(all.pages(node) == Inventories::pages_of(all.ledger(node).fragments));
      const std::uint64_t bytes = all.ledger(node).inventory_bytes;
      if (bytes == 0) continue;
      RC_ASSERT(all.prove(node, *rc::gen::inRange<std::uint64_t>(0, bytes)).has_value());
    }
  }
}

class BrokenPages : public ::testing::Test {
 protected:
  BrokenPages() { all_.fill(40); }
  void break_row(const Bytes& key, const Bytes& value) {
    kv::Batch batch;
    batch.put(key, value);
    ASSERT_TRUE(all_.store().write(batch));
  }
  Errc code_of_a_block(std::size_t slot) {
    all_.begin_block();
    all_.begin_item();
    all_.remove(kNode, slot);
    const auto ended = all_.end_block();
    if (!ended) all_.forget_item();
    return ended ? Errc{} : ended.error().code();
  }
  Inventories all_;
};

TEST_F(BrokenPages, StopTheBlock) {
  const InventoryLeaf first = all_.model().at(kNode)[0];
  const Bytes row = all_.state().get(keys::fragment(kNode, first.fragment)).value();
  break_row(keys::fragment(kNode, first.fragment), {});
  EXPECT_EQ(code_of_a_block(0), Errc::store_corrupt) << "no slot";
  break_row(keys::fragment(kNode, first.fragment), {0, 0, 0, 40});
  EXPECT_EQ(code_of_a_block(0), Errc::store_corrupt) << "a slot beyond the end";
}

TEST_F(BrokenPages, OfAnImpossibleLengthStopTheBlock) {
  break_row(keys::inventory(kNode, 0, 2), Bytes(58));
  EXPECT_EQ(code_of_a_block(0), Errc::store_corrupt);
}

TEST_F(BrokenPages, ThatAddUpToSomethingElseStopTheBlock) {
  Bytes page = all_.state().get(keys::inventory(kNode, 0, 2)).value();
  page[56] ^= 1;
  break_row(keys::inventory(kNode, 0, 2), page);
  EXPECT_EQ(code_of_a_block(39), Errc::store_corrupt);
}

TEST_F(BrokenPages, AreNotedWhenAPlaceIsAsked) {
  Bytes page = all_.state().get(keys::inventory(kNode, 1, 0)).value();
  page.resize(40);
  break_row(keys::inventory(kNode, 1, 0), page);
  const auto place = find_in_inventory(all_.state(), kNode, all_.ledger(), all_.ledger().bytes - 1);
  EXPECT_EQ(place.error().code(), Errc::store_corrupt);
}

// --- of a whole index
// -----------------------------------------------------------------------------

class InventoryOfAnIndex : public ::testing::Test {
 protected:
  InventoryOfAnIndex() { index_.make_bucket(); }

  // From what segments say they hold and which slots the fragments' rows name.
  InventoryNode expected(NodeId node) const {
    std::map<std::uint32_t, InventoryLeaf> slots;
    const Bytes prefix = keys::fragments_of(node);
    index_.state().scan(prefix, kv::prefix_end(prefix), [&](ByteView key, ByteView value) {
      const FragmentId fragment = keys::parse_fragment(key);
      const SegmentRecord segment = index_.segment(fragment.segment).value();
      for (const Holder& holder : segment.holders) {
        if (holder.index != fragment.index) continue;
        EXPECT_EQ(holder.node, node);
        slots[get_be<std::uint32_t>(value)] = {fragment, holder.root, segment.fragment_length};
      }
      return true;
    });
    std::vector<InventoryNode> nodes;
    for (const auto& [slot, leaf] : slots) {
      EXPECT_EQ(slot, nodes.size()) << "slots are dense";
      nodes.push_back(inventory_leaf(leaf));
    }
    return inventory_over(nodes);
  }
  void expect_right() const {
    for (std::uint32_t id = 1; id <= TestIndex::kNodes; ++id) {
      const NodeLedger ledger = index_.ledger(NodeId(id));
      const InventoryNode root{ledger.inventory_root, ledger.inventory_bytes};
      ASSERT_EQ(root, expected(NodeId(id)));
      ASSERT_EQ(ledger.bytes, root.sum);
    }
  }
  Item put_item(const std::string& key) {
    return TestIndex::item(TestIndex::put_of(key, {index_.commit_of_new()}));
  }

  TestIndex index_;
};

TEST_F(InventoryOfAnIndex, FollowsObjectsThatComeAndGo) {
  for (int i = 0; i < 40; ++i) index_.put("key" + std::to_string(i));
  expect_right();
  for (int i = 0; i < 40; i += 3) {
    DeleteObject command;
    command.bucket = "bucket";
    command.key = "key" + std::to_string(i);
    ASSERT_TRUE(index_.run(command));
    expect_right();
  }
}

TEST_F(InventoryOfAnIndex, ForgetsWhatAFailedItemDid) {
  index_.put("first");
  PutObject failing = TestIndex::put_of("second", {index_.commit_of_new()});
  failing.segments.push_back(index_.commit_of_new());
  const auto results = index_.apply_items(
      {put_item("a"), TestIndex::item(failing), put_item("b"), TestIndex::item(failing)});
  EXPECT_EQ(results[0].code, 0);
  EXPECT_NE(results[1].code, 0);
  EXPECT_EQ(results[2].code, 0);
  EXPECT_NE(results[3].code, 0);
  expect_right();
}

TEST_F(InventoryOfAnIndex, TakesAFragmentBackInTheBlockThatLostIt) {
  for (int i = 0; i < 20; ++i) index_.put("key" + std::to_string(i));
  const SegmentId id = index_.put("lost");
  const Holder lost = index_.segment(id)->holders[1];
  LoseHolder lose;
  lose.fragment = {id, lost.index};
  lose.node = lost.node;
  AddHolder again;
  again.generation = Generation(2);
  again.receipt = index_.receipt(id, lost.index, lost.node, index_.segment(id)->fragment_length);
  const auto results = index_.apply_items({TestIndex::item(lose), TestIndex::item(again)});
  EXPECT_EQ(results[0].code, 0);
  EXPECT_EQ(results[1].code, 0);
  EXPECT_EQ(index_.segment(id)->holders.size(), 3U);
  expect_right();
}

TEST_F(InventoryOfAnIndex, FollowsHoldersThatAreReplaced) {
  for (int i = 0; i < 20; ++i) index_.put("key" + std::to_string(i));
  const SegmentId id = index_.put("moved");
  AddHolder move;
  move.generation = Generation(1);
  move.replaces = index_.segment(id)->holders[0].node;
  move.receipt = index_.receipt(id, 0, index_.ranked(id)[3], index_.segment(id)->fragment_length);
  ASSERT_TRUE(index_.run(move));
  expect_right();
}

TEST_F(InventoryOfAnIndex, IsSettledAfterWhatFallsDue) {
  CommitSegments command;
  command.segments = {index_.commit_of_new(), index_.commit_of_new()};
  ASSERT_TRUE(index_.run(command));
  expect_right();
  index_.pass_ms(test_params().orphan_ms + 1);
  index_.idle();
  EXPECT_EQ(index_.count(keys::Family::inventory), 0U);
  expect_right();
}

TEST_F(InventoryOfAnIndex, AnswersWithAPlaceThatCanBeChecked) {
  for (int i = 0; i < 60; ++i) index_.put("key" + std::to_string(i));
  for (std::uint32_t id = 1; id <= TestIndex::kNodes; ++id) {
    const std::uint64_t bytes = index_.ledger(NodeId(id)).bytes;
    for (std::uint64_t position = 0; position < bytes; position += 1 + bytes / 50) {
      const auto reply = index_.ask(GetInventoryPlace{NodeId(id), position});
      ASSERT_TRUE(reply);
      EXPECT_EQ(reply->root.sum, bytes);
      const auto offset = verify_inventory_path(reply->root, position, reply->leaf, reply->path);
      ASSERT_TRUE(offset);
      EXPECT_EQ(*offset, reply->offset);
    }
    EXPECT_EQ(index_.ask(GetInventoryPlace{NodeId(id), bytes}).error().code(),
              Errc::invalid_argument);
  }
  EXPECT_EQ(index_.ask(GetInventoryPlace{NodeId(99), 0}).error().code(), Errc::no_such_node);
}

}  // namespace
}  // namespace stratos::meta
