// From bytes on their way to a settled and split epoch, over a whole mesh.
#include "client/order_closer.hpp"

#include "client/mesh_fixture.hpp"
#include "meta/settlement_wire.hpp"

namespace stratos::client {
namespace {

using meta::Action;

class Books : public MeshTest {
 protected:
  void close(Duration timeout = 5s) { run(mesh_->closer.finish(timeout)); }
  std::uint64_t signed_bytes() {
    std::uint64_t sum = 0;
    there([&] {
      for (const auto& [key, bytes] : signed_) sum += bytes;
    });
    return sum;
  }
  void watch() {
    there([this] {
      mesh_->orders.set_witness([this](const meta::Limit& limit, std::uint64_t bytes) {
        signed_[{limit.grant, limit.serial}] = bytes;
      });
    });
  }
  // What the client says of the current epoch.
  std::vector<meta::Split> splits() {
    meta::ListSettledEpochs list;
    std::vector<meta::Split> found;
    for (const Epoch epoch : run(mesh_->meta.query(list)).value().epochs) {
      meta::GetUsage query;
      query.epoch = epoch;
      for (auto& session : run(mesh_->meta.query(query)).value().sessions) {
        if (session.split) found.push_back(std::move(*session.split));
      }
    }
    return found;
  }
  std::uint64_t delivered() {
    return metrics_.counter("stratos_client_delivered_bytes_total").value();
  }

  std::map<std::pair<GrantId, std::uint64_t>, std::uint64_t> signed_;
};

TEST_F(Books, SignForExactlyWhatWasDeliveredAndSplitItOverBuckets) {
  watch();
  ASSERT_TRUE(run(client_->create_bucket(who(), "other", "region", {})));
  ASSERT_TRUE(put("copies", pattern(1, 20'000)));
  ASSERT_TRUE(put("coded", pattern(2, 700'000)));
  ASSERT_TRUE(same(get("coded"), pattern(2, 700'000).view()));
  GivenBody body(pattern(3, 30'000));
  ASSERT_TRUE(run(client_->put(who(), "other", "key", body, {})));
  settle();
  close();
  EXPECT_EQ(signed_bytes(), delivered());
  const auto found = splits();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].payer, owner_);
  std::map<std::pair<BucketId, Action>, std::uint64_t> by_bucket;
  std::uint64_t sum = 0;
  for (const meta::Split::Row& row : found[0].rows) {
    by_bucket[{row.bucket, row.action}] += row.bytes;
    sum += row.bytes;
  }
  EXPECT_EQ(sum, delivered());
  const auto fragment_length = [this](const std::string& key) {
    return record_of(key).segments.at(0).fragment_length;
  };
  const BucketId bucket = record_of("copies").bucket;
  const std::uint64_t put_bytes = 3 * fragment_length("copies") + 6 * fragment_length("coded");
  EXPECT_EQ((by_bucket[{bucket, Action::put}]), put_bytes);
  EXPECT_EQ((by_bucket[{bucket, Action::get}]), 4 * fragment_length("coded"));
  EXPECT_EQ(by_bucket.size(), 3U) << "the other bucket was only written to";
  EXPECT_FALSE(by_bucket.contains({BucketId(), Action::put}));
}

TEST_F(Books, StayOpenForNodesThatAreAway) {
  ASSERT_TRUE(put("key", pattern(1, 20'000)));
  settle();
  there([this] {
    for (const NodeId node : mesh_->directory.known_nodes()) faults_->cut.insert(node);
  });
  close();
  std::size_t open = 0;
  there([&] { open = mesh_->orders.unfinished(); });
  EXPECT_GT(open, 0U);
  EXPECT_TRUE(splits().empty()) << "a split is final: not before all is signed off";
  there([this] { heal(); });
  close();
  there([&] { open = mesh_->orders.unfinished(); });
  EXPECT_EQ(open, 0U);
  EXPECT_EQ(splits().size(), 1U);
}

TEST_F(Books, CountNothingForRequestsThatFail) {
  watch();
  ASSERT_TRUE(put("key", pattern(1, 20'000)));
  const std::uint64_t before = delivered();
  there([this] {
    for (const NodeId node : mesh_->directory.known_nodes()) faults_->cut.insert(node);
  });
  EXPECT_FALSE(get("key"));
  settle();
  there([this] { heal(); });
  close();
  EXPECT_EQ(delivered(), before);
  EXPECT_EQ(signed_bytes(), before);
}

TEST_F(Books, UseAnotherSessionAfterTheyWereClosed) {
  ASSERT_TRUE(put("one", pattern(1, 20'000)));
  settle();
  close();
  ASSERT_TRUE(put("two", pattern(2, 20'000)));
  settle();
  close();
  const auto found = splits();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_NE(found[0].session, found[1].session);
}

}  // namespace
}  // namespace stratos::client
