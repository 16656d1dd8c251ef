#include "meta/mesh_place.hpp"

#include <gtest/gtest.h>

#include "base/log.hpp"
#include "runtime/real_runtime.hpp"

namespace stratos::meta {
namespace {

// A node's files in memory, which may be away, or lie.
class MemoryPlace final : public ordering::BackupPlace {
 public:
  std::string describe() const override { return "memory"; }
  bool is_trusted() const override { return false; }
  Task<Result<std::vector<std::string>>> list() override {
    if (is_away) co_return fail(Errc::connection_refused);
    std::vector<std::string> names;
    for (const auto& [name, file] : files) names.push_back(name);
    co_return names;
  }
  Task<Result<void>> read(std::string name, Accept accept) override {
    if (is_away) co_return fail(Errc::connection_refused);
    if (!files.contains(name)) co_return fail(Errc::file_not_found, name);
    co_return accept(files[name]);
  }
  Task<Result<void>> write(std::string name, Bytes file) override {
    if (is_away) co_return fail(Errc::connection_refused);
    files[name] = std::move(file);
    co_return Result<void>{};
  }
  Task<Result<void>> remove(std::string name) override {
    if (!is_away) files.erase(name);
    co_return Result<void>{};
  }
  Task<Result<void>> tidy() override { co_return Result<void>{}; }

  std::map<std::string, Bytes> files;
  bool is_away = false;
};

class MeshPlaceTest : public testing::Test {
 protected:
  MeshPlaceTest() {
    log::set_sink([](std::string_view) {});
    for (std::size_t i = 0; i < 5; ++i) nodes_.push_back(std::make_shared<MemoryPlace>());
  }
  ~MeshPlaceTest() override { runtime_.stop(); }
  MeshPlace place(std::uint64_t generation, MeshPlace::Use use = MeshPlace::Use::keep) {
    MeshPlace::Choose choose = [this](std::string_view) {
      std::vector<MeshPlace::Member> members;
      for (std::size_t i = 0; i < nodes_.size(); ++i) {
        members.push_back({NodeId(static_cast<std::uint32_t>(i + 1)), nodes_[i]});
      }
      return members;
    };
    return {std::move(choose), Generation(generation), use};
  }
  template <class T>
  T run(Task<T> task) {
    return block_on(runtime_, std::move(task));
  }
  std::size_t copies(const std::string& name) const {
    std::size_t count = 0;
    for (const auto& node : nodes_) count += node->files.contains(name) ? 1 : 0;
    return count;
  }
  Result<void> read_as(MeshPlace& place, const std::string& name, const Bytes& wanted) {
    return run(place.read(name, [&wanted](ByteView file) -> Result<void> {
      if (std::ranges::equal(file, wanted)) return {};
      return fail(Errc::decryption_failed);
    }));
  }

  BlockingPool pool_{1};
  RealRuntime runtime_{pool_, "mesh_place_test"};
  std::vector<std::shared_ptr<MemoryPlace>> nodes_;
  Bytes file_ = to_bytes(as_bytes("file"));
};

TEST_F(MeshPlaceTest, WritesThreeCopiesAndPassesOverNodesThatAreAway) {
  MeshPlace mesh = place(1);
  ASSERT_TRUE(run(mesh.write("a", file_)));
  EXPECT_EQ(copies("0000000000000001-a"), 3U);
  nodes_[0]->is_away = nodes_[2]->is_away = true;
  ASSERT_TRUE(run(mesh.write("b", file_)));
  EXPECT_EQ(copies("0000000000000001-b"), 3U);
  EXPECT_FALSE(nodes_[0]->files.contains("0000000000000001-b"));
  nodes_[1]->is_away = true;
  ASSERT_TRUE(run(mesh.write("c", file_)));
  EXPECT_EQ(copies("0000000000000001-c"), 2U);
  nodes_[3]->is_away = true;
  EXPECT_EQ(run(mesh.write("d", file_)).error().code(), Errc::connection_refused);
  nodes_.resize(1);
  nodes_[0]->is_away = false;
  EXPECT_TRUE(run(mesh.write("e", file_))) << "all when there are fewer";
  nodes_.clear();
  EXPECT_EQ(run(mesh.write("f", file_)).error().code(), Errc::unavailable);
}

TEST_F(MeshPlaceTest, TakesAnotherCopyWhereANodeIsAwayOrLies) {
  MeshPlace mesh = place(1);
  ASSERT_TRUE(run(mesh.write("a", file_)));
  ASSERT_EQ(run(mesh.list()).value(), (std::vector<std::string>{"a"}));
  nodes_[0]->files["0000000000000001-a"] = to_bytes(as_bytes("lies"));
  nodes_[1]->is_away = true;
  EXPECT_TRUE(read_as(mesh, "a", file_));
  nodes_[2]->files.clear();
  EXPECT_FALSE(read_as(mesh, "a", file_));
  EXPECT_EQ(read_as(mesh, "b", file_).error().code(), Errc::file_not_found);
}

TEST_F(MeshPlaceTest, ListsItsGenerationAndRefusesALaterOne) {
  MeshPlace first = place(1);
  ASSERT_TRUE(run(first.write("a", file_)));
  nodes_[4]->files["junk"] = file_;
  MeshPlace second = place(2);
  EXPECT_TRUE(run(second.list()).value().empty());
  ASSERT_TRUE(run(second.write("b", file_)));
  EXPECT_EQ(run(second.list()).value(), (std::vector<std::string>{"b"}));
  EXPECT_EQ(run(first.list()).error().code(), Errc::bad_config);
  MeshPlace restoring = place(1, MeshPlace::Use::restore);
  EXPECT_EQ(run(restoring.list()).value(), (std::vector<std::string>{"a"}));
  for (const auto& node : nodes_) node->is_away = true;
  EXPECT_EQ(run(second.list()).error().code(), Errc::unavailable);
}

TEST_F(MeshPlaceTest, RemovesFilesAndOlderGenerations) {
  MeshPlace first = place(1);
  ASSERT_TRUE(run(first.write("old", file_)));
  MeshPlace second = place(2);
  ASSERT_TRUE(run(second.write("a", file_)));
  ASSERT_TRUE(run(second.write("b", file_)));
  nodes_[4]->files["junk"] = file_;
  ASSERT_TRUE(run(second.list()));
  ASSERT_TRUE(run(second.remove("a")));
  ASSERT_TRUE(run(second.remove("never-there")));
  EXPECT_EQ(copies("0000000000000002-a"), 0U);
  EXPECT_EQ(copies("0000000000000001-old"), 3U);
  ASSERT_TRUE(run(second.tidy()));
  EXPECT_EQ(copies("0000000000000001-old"), 0U);
  EXPECT_EQ(copies("0000000000000002-b"), 3U);
  EXPECT_EQ(copies("junk"), 1U);
}

TEST(BackupGeneration, IsReadFromNames) {
  EXPECT_EQ(backup_generation("00000000000000ff-blocks-1-2"), Generation(255));
  for (const char* const name : {"", "owner", "00000000000000ff", "00000000000000f-blocks",
                                 "00000000000000fg-blocks", "-0000000000000ff-blocks"}) {
    EXPECT_EQ(backup_generation(name), Generation()) << name;
  }
}

}  // namespace
}  // namespace stratos::meta
