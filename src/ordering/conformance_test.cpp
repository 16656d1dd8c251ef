#include "ordering/conformance.hpp"

#include <gtest/gtest.h>

#include "io/faulty_file_system.hpp"
#include "ordering/map_machine.hpp"

namespace stratos::ordering {
namespace {

Bytes entry(std::string_view text) { return to_bytes(as_bytes(text)); }

class Conformance : public ::testing::Test {
 protected:
  template <class Machine>
  ConformanceSubject subject() {
    EXPECT_TRUE(fs_.make_dirs("/c"));
    ConformanceSubject subject;
    subject.reopen = [this] { return std::make_unique<Machine>(fs_, "/c/state"); };
    subject.fresh = [this] {
      return std::make_unique<Machine>(fs_, "/c/other" + std::to_string(++others_));
    };
    subject.genesis = {"test", {1000}, {}, entry("first")};
    for (int i = 0; i < 7; ++i) {
      subject.blocks.push_back({entry("k" + std::to_string(i) + "=1"), entry("fail=2"),
                                entry("shared=" + std::to_string(i))});
    }
    subject.blocks.push_back({});
    subject.inadmissible = {entry("!bad"), entry("noequals")};
    return subject;
  }

  io::FaultyFileSystem fs_;
  int others_ = 0;
};

// Breaks one rule of the contract at a time by wrapping the sound machine.
class Wrapped : public StateMachine {
 public:
  Wrapped(io::FileSystem& fs, std::string path) : machine_(fs, std::move(path)) {}
  Info info() const override { return machine_.info(); }
  Result<Hash> init(const Genesis& genesis) override { return machine_.init(genesis); }
  Result<void> admit(ByteView entry) const override { return machine_.admit(entry); }
  std::vector<Bytes> build(std::vector<Bytes> candidates, std::size_t max) const override {
    return machine_.build(std::move(candidates), max);
  }
  bool check(const Block& block) const override { return machine_.check(block); }
  Result<Applied> apply(const Block& block) override { return machine_.apply(block); }
  Result<void> commit() override { return machine_.commit(); }
  Result<void> flush() override { return machine_.flush(); }
  std::uint64_t unflushed_bytes() const override { return machine_.unflushed_bytes(); }
  Result<Bytes> query(std::string_view path, ByteView request) const override {
    return machine_.query(path, request);
  }
  std::unique_ptr<PinnedState> pin() const override { return machine_.pin(); }
  std::vector<Snapshot> list_snapshots() const override { return machine_.list_snapshots(); }
  Result<Bytes> load_chunk(const Snapshot& snapshot, std::uint32_t chunk) const override {
    return machine_.load_chunk(snapshot, chunk);
  }
  Offer offer(const Snapshot& snapshot) override { return machine_.offer(snapshot); }
  Result<void> apply_chunk(std::uint32_t chunk, ByteView data) override {
    return machine_.apply_chunk(chunk, data);
  }

 protected:
  MapMachine machine_;
};

struct VisibleApply : Wrapped {
  using Wrapped::Wrapped;
  Result<Applied> apply(const Block& block) override {
    Result<Applied> applied = machine_.apply(block);
    (void)machine_.commit();
    return applied;
  }
  Result<void> commit() override { return {}; }
};
struct CountingApply : Wrapped {
  using Wrapped::Wrapped;
  Result<Applied> apply(const Block& block) override {
    Result<Applied> applied = machine_.apply(block);
    if (applied) applied->root.value[0] = ++count_;
    return applied;
  }
  std::uint8_t count_ = 0;
};
struct LosesFlush : Wrapped {
  using Wrapped::Wrapped;
  Result<void> flush() override { return {}; }
};
struct AdmitsAll : Wrapped {
  using Wrapped::Wrapped;
  Result<void> admit(ByteView) const override { return {}; }
};
struct EmptySnapshot : Wrapped {
  using Wrapped::Wrapped;
  Result<void> apply_chunk(std::uint32_t, ByteView) override { return {}; }
};
struct Overbuilds : Wrapped {
  using Wrapped::Wrapped;
  std::vector<Bytes> build(std::vector<Bytes> all, std::size_t) const override { return all; }
};

TEST_F(Conformance, AcceptsASoundMachine) {
  const auto result = check_conformance(subject<MapMachine>());
  EXPECT_TRUE(result) << result.error().to_string();
}
TEST_F(Conformance, FindsAnApplyThatIsVisible) {
  EXPECT_FALSE(check_conformance(subject<VisibleApply>()));
}
TEST_F(Conformance, FindsAnApplyThatDependsOnHowOftenItRan) {
  EXPECT_FALSE(check_conformance(subject<CountingApply>()));
}
TEST_F(Conformance, FindsAFlushThatIsNotDurable) {
  EXPECT_FALSE(check_conformance(subject<LosesFlush>()));
}
TEST_F(Conformance, FindsAnAdmissionWithoutRules) {
  EXPECT_FALSE(check_conformance(subject<AdmitsAll>()));
}
TEST_F(Conformance, FindsASnapshotThatRestoresNothing) {
  EXPECT_FALSE(check_conformance(subject<EmptySnapshot>()));
}
TEST_F(Conformance, FindsABlockLargerThanAsked) {
  EXPECT_FALSE(check_conformance(subject<Overbuilds>()));
}

}  // namespace
}  // namespace stratos::ordering
