#include "client/segment_writer.hpp"

#include "client/mesh_fixture.hpp"

namespace stratos::client {
namespace {

class SegmentWriting : public MeshTest {
 protected:
  static Task<Result<meta::SegmentCommit>> write_segment(Mesh* mesh, Buffer full, Buffer rest) {
    const auto key = crypto::SecretKey::draw(mesh->runtime.random());
    STRATOS_CO_TRY(const auto writer,
                   co_await SegmentWriter::start(*mesh, BucketId(1), kCoded, key));
    if (!full.empty()) STRATOS_CO_CHECK(co_await writer->write(std::move(full)));
    STRATOS_CO_TRY(meta::SegmentCommit commit, co_await writer->finish(std::move(rest)));
    if (commit.id != writer->id()) co_return fail(Errc::internal, "id");
    co_return commit;
  }
  Result<meta::SegmentCommit> write(Buffer full, Buffer rest) {
    return run(write_segment(mesh_.get(), std::move(full), std::move(rest)));
  }
  // Full stripes and a rest.
  Result<meta::SegmentCommit> write() {
    return write(pattern(1, 4 * kCoded.k * kUnitPlainBytes), pattern(2, 5000));
  }
  static std::set<NodeId> nodes_of(const meta::SegmentCommit& commit) {
    std::set<NodeId> nodes;
    for (const meta::Receipt& receipt : commit.receipts) nodes.insert(receipt.node);
    return nodes;
  }
  Result<meta::Nothing> commit(const meta::SegmentCommit& segment) {
    meta::CommitSegments command;
    command.segments.push_back(segment);
    return run(mesh_->meta.execute(command));
  }
  meta::SegmentRecord record_of_segment(SegmentId id) {
    meta::GetSegments query;
    query.ids.push_back(id);
    return run(mesh_->meta.query(query)).value().segments.at(0);
  }
};

TEST_F(SegmentWriting, HasAReceiptOfEachNodeForItsFragment) {
  const auto written = write();
  ASSERT_TRUE(written) << written.error().to_string();
  EXPECT_EQ(written->length, 4 * kCoded.k * kUnitPlainBytes + 5000);
  EXPECT_EQ(written->receipts.size(), kCoded.n());
  EXPECT_EQ(nodes_of(*written).size(), kCoded.n());
  for (const meta::Receipt& receipt : written->receipts) {
    EXPECT_TRUE(meta::verify_receipt(receipt));
    EXPECT_EQ(receipt.fragment.segment, written->id);
  }
  EXPECT_TRUE(commit(*written));
}

TEST_F(SegmentWriting, TakesTheNextNodeInRankForOneThatFailsAtItsFirstWrite) {
  there([this] { faults_->cut_first_writer = true; });
  const auto written = write();
  ASSERT_TRUE(written) << written.error().to_string();
  ASSERT_TRUE(faults_->chosen);
  EXPECT_EQ(written->receipts.size(), kCoded.n());
  EXPECT_EQ(nodes_of(*written).size(), kCoded.n());
  EXPECT_FALSE(nodes_of(*written).contains(*faults_->chosen));
  EXPECT_TRUE(commit(*written));
}

TEST_F(SegmentWriting, SucceedsWithAQuorumWhenNoOtherNodeIsLeft) {
  // Of eight nodes three are cut off: five remain, which is a quorum of 4+2.
  ASSERT_TRUE(run(mesh_->directory.refresh()));
  const auto known = mesh_->directory.known_nodes();
  const std::set<NodeId> cut(known.begin(), known.begin() + 3);
  there([&] { faults_->cut = cut; });
  const auto written = write();
  ASSERT_TRUE(written) << written.error().to_string();
  EXPECT_EQ(written->receipts.size(), 5U);
  for (const NodeId node : cut) EXPECT_FALSE(nodes_of(*written).contains(node));
  EXPECT_TRUE(commit(*written));
}

TEST_F(SegmentWriting, FailsWhenFewerThanAQuorumRemain) {
  ASSERT_TRUE(run(mesh_->directory.refresh()));
  const auto known = mesh_->directory.known_nodes();
  there([this, &known] { faults_->cut.insert(known.begin(), known.begin() + 4); });
  EXPECT_EQ(write().error().code(), Errc::below_quorum);
  EXPECT_EQ(write(Buffer(), pattern(1, 10)).error().code(), Errc::below_quorum);
}

TEST_F(SegmentWriting, FailsWithoutPlacesWhenTheNetworkHasTooFewDomains) {
  erasure::Shape wide;
  wide.k = 20;
  wide.m = 4;
  const auto start = [](Mesh* mesh, erasure::Shape shape) -> Task<Result<void>> {
    const auto key = crypto::SecretKey::draw(mesh->runtime.random());
    STRATOS_CO_TRY(const auto writer,
                   co_await SegmentWriter::start(*mesh, BucketId(1), shape, key));
    co_return Result<void>{};
  };
  EXPECT_EQ(run(start(mesh_.get(), wide)).error().code(), Errc::too_few_domains);
}

TEST_F(SegmentWriting, DoesNotWaitForASlowNodeAndAddsItsReceiptLater) {
  mesh_->options.patience = 1ms;
  there([this] { faults_->hold_first_writer = true; });
  const auto written = write(Buffer(), pattern(1, 50'000));
  ASSERT_TRUE(written) << written.error().to_string();
  ASSERT_TRUE(faults_->chosen);
  EXPECT_FALSE(nodes_of(*written).contains(*faults_->chosen));
  ASSERT_TRUE(commit(*written));
  const auto before = record_of_segment(written->id);
  there([this] { heal(); });
  settle();
  const auto after = record_of_segment(written->id);
  EXPECT_EQ(after.holders.size(), kCoded.n());
  EXPECT_GT(after.generation, before.generation);
  EXPECT_EQ(std::ranges::count(after.holders, *faults_->chosen, &meta::Holder::node), 1);
}

TEST_F(SegmentWriting, GivesUpAFragmentThatFallsFarBehind) {
  there([this] { faults_->hold_first_writer = true; });
  const auto write_much = [](Mesh* mesh) -> Task<Result<std::size_t>> {
    const auto key = crypto::SecretKey::draw(mesh->runtime.random());
    STRATOS_CO_TRY(const auto writer,
                   co_await SegmentWriter::start(*mesh, BucketId(1), kCoded, key));
    const Buffer batch = pattern(1, 4 * kCoded.k * kUnitPlainBytes);
    // A batch is 256 KiB of each fragment: 4 MiB are passed with the 17th, seen by the 18th.
    for (int i = 0; i < 19; ++i) STRATOS_CO_CHECK(co_await writer->write(batch));
    STRATOS_CO_TRY(const meta::SegmentCommit commit, co_await writer->finish(batch));
    co_return commit.receipts.size();
  };
  const auto receipts = run(write_much(mesh_.get()));
  ASSERT_TRUE(receipts) << receipts.error().to_string();
  EXPECT_EQ(*receipts, 5U);
  EXPECT_EQ(mesh_->abandoned_fragments.value(), 1U);
}

TEST_F(SegmentWriting, LeavesNothingBehindWhenItIsDroppedHalfway) {
  const auto drop = [](Mesh* mesh) -> Task<Result<void>> {
    const auto key = crypto::SecretKey::draw(mesh->runtime.random());
    STRATOS_CO_TRY(const auto writer,
                   co_await SegmentWriter::start(*mesh, BucketId(1), kCoded, key));
    Buffer batch = pattern(1, 4 * kCoded.k * kUnitPlainBytes);
    co_return co_await writer->write(std::move(batch));
  };
  EXPECT_TRUE(run(drop(mesh_.get())));
  settle();  // its lanes end by themselves
}

}  // namespace
}  // namespace stratos::client
