// Notices through the index, as gateways set, read and take them off.
#include "client/mesh_fixture.hpp"
#include "client/sealing.hpp"

namespace stratos::client {
namespace {

class MeshNotices : public MeshTest {
 protected:
  MeshNotices() {
    NotificationConfig config;
    config.document = to_bytes(as_bytes("document"));
    NoticeRule rule;
    rule.id = "rule";
    rule.target = "hook";
    rule.kinds = meta::kAllNoticeKinds;
    config.rules.push_back(rule);
    EXPECT_TRUE(run(client_->set_notifications("bucket", config)));
  }
  std::shared_ptr<const Cause> cause(ChangeWay way = ChangeWay::plain) {
    auto made = std::make_shared<Cause>();
    made->way = way;
    made->origin = 9;
    made->account = owner_;
    made->remote = "10.0.0.7";
    made->request_id = "id";
    return made;
  }
  NoticePage page(NoticePlace after = {}, std::uint32_t limit = 100) {
    return run(client_->list_notices("hook", after, limit)).value();
  }
  ETag put_with(std::shared_ptr<const Cause> why, std::string key) {
    GivenBody body(pattern(7, 5000));
    const Principal principal{owner_, std::move(why)};
    return run(client_->put(principal, "bucket", std::move(key), body, {})).value().attributes.etag;
  }
};

TEST_F(MeshNotices, TellWhatWasWrittenAndByWhom) {
  const ETag etag = put_with(cause(), "key");
  const NoticePage found = page();
  ASSERT_EQ(found.notices.size(), 1U);
  const Notice& notice = found.notices[0];
  EXPECT_EQ(notice.kind, NoticeKind::created_by_put);
  EXPECT_EQ(notice.bucket, "bucket");
  EXPECT_EQ(notice.key, "key");
  EXPECT_EQ(notice.rule, "rule");
  EXPECT_EQ(notice.size, 5000U);
  EXPECT_EQ(notice.etag, etag);
  EXPECT_EQ(notice.owner, owner_);
  EXPECT_EQ(notice.origin, 9U);
  ASSERT_TRUE(notice.cause);
  EXPECT_EQ(notice.cause->account, owner_);
  EXPECT_EQ(notice.cause->remote, "10.0.0.7");
  EXPECT_EQ(notice.cause->request_id, "id");
}

TEST_F(MeshNotices, AreMadeWithoutACauseToo) {
  put("key", pattern(1, 10));
  const NoticePage found = page();
  ASSERT_EQ(found.notices.size(), 1U);
  EXPECT_FALSE(found.notices[0].cause);
  EXPECT_TRUE(found.notices[0].etag);
}

TEST_F(MeshNotices, TellOfRemovalsByRules) {
  put_with(cause(), "one");
  put_with(cause(), "two");
  std::vector<RemovalItem> items(1);
  items[0].key = "one";
  items[0].removal.cause = cause(ChangeWay::lifecycle);
  ASSERT_TRUE(run(client_->remove_many("bucket", items)).value().at(0));
  Removal removal;
  removal.cause = cause();
  ASSERT_TRUE(run(client_->remove("bucket", "two", removal)));
  const NoticePage found = page();
  ASSERT_EQ(found.notices.size(), 4U);
  EXPECT_EQ(found.notices[2].kind, NoticeKind::expired);
  EXPECT_EQ(found.notices[3].kind, NoticeKind::removed);
  EXPECT_FALSE(found.notices[3].etag);
}

TEST_F(MeshNotices, TellOfCopiesAndTags) {
  put_with(cause(), "key");
  const Principal principal{owner_, cause()};
  ASSERT_TRUE(run(client_->copy(principal, "bucket", "key", "bucket", "copy", {})));
  ASSERT_TRUE(run(client_->put_tags(principal, "bucket", "copy", std::nullopt, {{"a", "b"}})));
  ASSERT_TRUE(run(client_->put_tags(principal, "bucket", "copy", std::nullopt, {})));
  std::vector<NoticeKind> kinds;
  for (const Notice& notice : page().notices) {
    kinds.push_back(notice.kind);
    EXPECT_TRUE(notice.cause);
    EXPECT_TRUE(notice.etag);
  }
  EXPECT_EQ(kinds, (std::vector<NoticeKind>{NoticeKind::created_by_put, NoticeKind::created_by_copy,
                                            NoticeKind::tags_put, NoticeKind::tags_removed}));
}

TEST_F(MeshNotices, GoWhenTheyAreTakenOff) {
  for (const char* key : {"a", "b", "c"}) put_with(cause(), key);
  const NoticePage first = page({}, 2);
  EXPECT_TRUE(first.more);
  ASSERT_EQ(first.notices.size(), 2U);
  ASSERT_TRUE(
      run(client_->take_off_notices("hook", {first.notices[0].place, first.notices[1].place})));
  const NoticePage rest = page();
  ASSERT_EQ(rest.notices.size(), 1U);
  EXPECT_EQ(rest.notices[0].key, "c");
  EXPECT_EQ(rest.totals.pending, 1U);
  EXPECT_TRUE(page(rest.notices[0].place).notices.empty());
}

TEST_F(MeshNotices, EndWithTheDocument) {
  EXPECT_EQ(
      as_text(run(client_->bucket_settings("bucket")).value().configs.at(ConfigKind::notification)),
      "document");
  ASSERT_TRUE(run(client_->set_notifications("bucket", {})));
  put_with(cause(), "key");
  EXPECT_TRUE(page().notices.empty());
}

TEST(SealedCauses, OpenUnderTheRingThatSealedThem) {
  SeededRandom random(1);
  const KeyRing ring = KeyRing::create("ring", random);
  Cause cause;
  cause.remote = "::1";
  const Bytes sealed = seal_cause(ring, random, cause);
  EXPECT_EQ(open_cause(ring, sealed).value().remote, "::1");
  EXPECT_EQ(open_cause(ring, {}).error().code(), Errc::not_found);
  EXPECT_FALSE(open_cause(KeyRing::create("ring", random), sealed));
  EXPECT_LT(sealed.size(), 256U);
}

}  // namespace
}  // namespace stratos::client
