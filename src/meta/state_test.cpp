#include "meta/state.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "meta/keys.hpp"
#include "meta/records.hpp"

namespace stratos::meta {
namespace {

using Model = std::map<Bytes, Bytes>;

Bytes key_of(int n) {
  return {'K', static_cast<std::uint8_t>(n), static_cast<std::uint8_t>(n * 3)};
}
Bytes value_of(int n) { return {static_cast<std::uint8_t>(n)}; }

Model read_all(const State& state, ByteView lower = {}, ByteView upper = {}) {
  Model rows;
  Bytes last;
  state.scan(lower, upper, [&](ByteView key, ByteView value) {
    EXPECT_TRUE(last.empty() || last < to_bytes(key)) << "keys in order, each once";
    last = to_bytes(key);
    rows.emplace(last, to_bytes(value));
    return true;
  });
  return rows;
}

Model part_of(const Model& model, const Bytes& lower, const Bytes& upper) {
  Model rows;
  for (const auto& [key, value] : model) {
    if (key >= lower && (upper.empty() || key < upper)) rows.emplace(key, value);
  }
  return rows;
}

struct Base {
  explicit Base(const Model& rows = {}) {
    kv::Batch batch;
    for (const auto& [key, value] : rows) batch.put(key, value);
    EXPECT_TRUE(store->write(batch));
  }
  std::unique_ptr<kv::Store> store = kv::make_memory_store();
};

Model some_rows(const std::vector<std::uint8_t>& numbers) {
  Model rows;
  for (const std::uint8_t n : numbers) rows[key_of(n % 32)] = value_of(n);
  return rows;
}

// Each step is (key, what): even puts, odd erases.
void change(State& state, Model& model, const std::vector<std::uint8_t>& steps) {
  for (std::size_t i = 0; i + 1 < steps.size(); i += 2) {
    const Bytes key = key_of(steps[i] % 32);
    if (steps[i + 1] % 2 == 0) {
      state.put(key, value_of(steps[i + 1]));
      model[key] = value_of(steps[i + 1]);
    } else {
      state.erase(key);
      model.erase(key);
    }
  }
}

TEST(State, ReadsWhatIsBelowUntilItIsChanged) {
  const Base base({{key_of(1), value_of(1)}, {key_of(2), value_of(2)}});
  State state(*base.store);
  EXPECT_EQ(state.get(key_of(1)), value_of(1));
  EXPECT_FALSE(state.has(key_of(3)));
  state.put(key_of(1), value_of(9));
  state.erase(key_of(2));
  EXPECT_EQ(state.get(key_of(1)), value_of(9));
  EXPECT_FALSE(state.has(key_of(2)));
  EXPECT_EQ(base.store->get(key_of(1)).value(), value_of(1)) << "the base stays as it is";
}

TEST(State, AnEmptyValueIsAValue) {
  const Base base;
  State state(*base.store);
  state.put(key_of(1), {});
  EXPECT_TRUE(state.has(key_of(1)));
  EXPECT_EQ(read_all(state).size(), 1U);
}

RC_GTEST_PROP(StateProperty, ReadsAndScansLikeAMap,
              (const std::vector<std::uint8_t>& below, const std::vector<std::uint8_t>& steps,
               std::uint8_t from, std::uint8_t to)) {
  Model model = some_rows(below);
  const Base base(model);
  State state(*base.store);
  change(state, model, steps);
  for (int n = 0; n < 32; ++n) {
    const auto found = model.find(key_of(n));
    RC_ASSERT(state.get(key_of(n)) ==
              (found == model.end() ? std::nullopt : std::optional(found->second)));
  }
  RC_ASSERT(read_all(state) == model);
  const Bytes lower = key_of(from % 32);
  const Bytes upper = to % 5 == 0 ? Bytes{} : key_of(to % 32);
  RC_ASSERT(read_all(state, lower, upper) == part_of(model, lower, upper));
}

RC_GTEST_PROP(StateProperty, RollbackRestoresWhatStoodAtBegin,
              (const std::vector<std::uint8_t>& below, const std::vector<std::uint8_t>& first,
               const std::vector<std::uint8_t>& second)) {
  Model model = some_rows(below);
  const Base base(model);
  State state(*base.store);
  state.begin();
  change(state, model, first);
  const auto changes = state.changes();
  state.begin();
  Model dropped = model;
  change(state, dropped, second);
  state.rollback();
  RC_ASSERT(state.changes() == changes);
  RC_ASSERT(read_all(state) == model);
  state.rollback();
  RC_ASSERT(state.changes() == changes);
}

RC_GTEST_PROP(StateProperty, HashIsThatOfTheRows,
              (const std::vector<std::uint8_t>& below, const std::vector<std::uint8_t>& steps)) {
  Model model = some_rows(below);
  const Base base(model);
  crypto::LtHash hash;
  for (const auto& [key, value] : model) hash.add(key, value);
  State state(*base.store);
  change(state, model, steps);
  state.update_hash(hash);
  crypto::LtHash expected;
  for (const auto& [key, value] : model) expected.add(key, value);
  RC_ASSERT(hash.digest() == expected.digest());
}

TEST(State, MachineRowsAreNotHashed) {
  const Base base;
  State state(*base.store);
  state.put(keys::named(keys::Family::machine, "x"), value_of(1));
  crypto::LtHash hash;
  state.update_hash(hash);
  EXPECT_EQ(hash.digest(), crypto::LtHash{}.digest());
}

TEST(State, AScanStopsWhenToldTo) {
  const Base base({{key_of(1), {}}, {key_of(3), {}}});
  State state(*base.store);
  state.put(key_of(2), {});
  std::vector<Bytes> seen;
  state.scan({}, {}, [&seen](ByteView key, ByteView) {
    seen.push_back(to_bytes(key));
    return seen.size() < 2;
  });
  EXPECT_EQ(seen, (std::vector<Bytes>{key_of(1), key_of(2)}));
}

TEST(State, AScanOfAnEmptyOrReversedRangeSeesNothing) {
  const Base base({{key_of(1), {}}, {key_of(3), {}}});
  State state(*base.store);
  state.put(key_of(2), {});
  EXPECT_TRUE(read_all(state, key_of(2), key_of(2)).empty());
  EXPECT_TRUE(read_all(state, key_of(3), key_of(1)).empty());
}

TEST(State, NewRowsAreHashedLikeOthers) {
  const Base base({{key_of(1), value_of(1)}});
  State state(*base.store);
  crypto::LtHash hash;
  hash.add(key_of(1), value_of(1));
  crypto::LtHash expected = hash;
  state.put_new(key_of(2), value_of(2));
  state.put_new(key_of(3), value_of(3));
  state.erase(key_of(3));
  state.begin();
  state.put_new(key_of(4), value_of(4));
  state.rollback();
  state.put(key_of(2), value_of(7));
  state.update_hash(hash);
  expected.add(key_of(2), value_of(7));
  EXPECT_EQ(hash.digest(), expected.digest());
}

#ifndef NDEBUG
TEST(StateDeath, ARowIsNotNewTwice) {
  const Base base({{key_of(1), value_of(1)}});
  State state(*base.store);
  EXPECT_DEATH(state.put_new(key_of(1), value_of(2)), "new");
}
#endif

TEST(State, CountersBeginWithOneAndKeepTheirNames) {
  const Base base;
  State state(*base.store);
  EXPECT_EQ(state.counter("a"), 0U);
  EXPECT_EQ(state.next("a"), 1U);
  EXPECT_EQ(state.next("a"), 2U);
  EXPECT_EQ(state.next("b"), 1U);
  EXPECT_EQ(state.counter("a"), 2U);
}

TEST(State, RecordsGoInAndOut) {
  const Base base;
  State state(*base.store);
  BucketRecord bucket;
  bucket.name = "name";
  bucket.id = BucketId(7);
  state.store(key_of(1), bucket);
  EXPECT_EQ(state.load<BucketRecord>(key_of(1))->id, BucketId(7));
  EXPECT_FALSE(state.load<BucketRecord>(key_of(2)));
  EXPECT_TRUE(state.status());
}

TEST(State, ASharedRecordIsDecodedOnceUntilItChanges) {
  const Base base;
  State state(*base.store);
  const Bytes key = keys::node_ledger(NodeId(1));
  EXPECT_EQ(state.load_shared<NodeLedger>(key), nullptr);
  NodeLedger ledger;
  ledger.bytes = 1;
  state.store(key, ledger);
  const auto first = state.load_shared<NodeLedger>(key);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(state.load_shared<NodeLedger>(key), first);
  state.begin();
  ledger.bytes = 2;
  state.store(key, ledger);
  EXPECT_EQ(state.load_shared<NodeLedger>(key)->bytes, 2U);
  EXPECT_EQ(first->bytes, 1U) << "who holds the old one keeps it";
  state.rollback();
  EXPECT_EQ(state.load_shared<NodeLedger>(key)->bytes, 1U);
  state.erase(key);
  EXPECT_EQ(state.load_shared<NodeLedger>(key), nullptr);
}

TEST(State, ADamagedRecordIsAStickyError) {
  const Base base({{key_of(1), {1, 0xff}}});
  const State state(*base.store);
  EXPECT_FALSE(state.load<BucketRecord>(key_of(1)));
  ASSERT_FALSE(state.status());
  EXPECT_EQ(state.status().error().code(), Errc::store_corrupt);
}

// A store whose reads fail after a while.
class Failing final : public kv::Reader {
 public:
  Result<std::optional<Bytes>> get(ByteView) const override { return fail(Errc::io_error); }
  std::unique_ptr<kv::Iterator> iterate(ByteView, ByteView) const override {
    class Broken final : public kv::Iterator {
      bool valid() const override { return false; }
      ByteView key() const override { return {}; }
      ByteView value() const override { return {}; }
      void next() override {}
      void seek(ByteView) override {}
      void seek_before(ByteView) override {}
      void previous() override {}
      Result<void> status() const override { return fail(Errc::corrupt_file); }
    };
    return std::make_unique<Broken>();
  }
};

TEST(State, ErrorsOfTheStoreSurfaceInStatus) {
  const Failing failing;
  State reading(failing);
  EXPECT_FALSE(reading.get(key_of(1)));
  EXPECT_EQ(reading.status().error().code(), Errc::io_error);
  State scanning(failing);
  read_all(scanning);
  EXPECT_EQ(scanning.status().error().code(), Errc::corrupt_file);
  State hashing(failing);
  hashing.put(key_of(1), {});
  crypto::LtHash hash;
  hashing.update_hash(hash);
  EXPECT_EQ(hashing.status().error().code(), Errc::io_error);
}

}  // namespace
}  // namespace stratos::meta
