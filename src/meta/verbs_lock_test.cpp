#include <gtest/gtest.h>

#include "meta/test_index.hpp"

namespace stratos::meta {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;

class Locks : public ::testing::Test {
 protected:
  Locks() {
    CreateBucket command;
    command.name = "bucket";
    command.owner = TestIndex::owner();
    command.object_lock = true;
    EXPECT_EQ(index_.run(command)->versioning, Versioning::enabled);
  }

  WallTime in_days(std::int64_t days) const { return {index_.now().ms + days * kDayMs}; }
  VersionId put(LockMode mode = LockMode::none, std::int64_t days = 0, bool hold = false) {
    PutObject command = TestIndex::inline_put("key");
    command.lock.mode = mode;
    if (mode != LockMode::none) command.lock.retain_until = in_days(days);
    command.lock.hold = hold;
    return index_.run(command).value().version;
  }
  Errc drop(VersionId version, bool bypass = false) {
    DeleteObject command;
    command.bucket = "bucket";
    command.key = "key";
    command.version = version;
    command.bypass_governance = bypass;
    return index_.code(command);
  }
  Errc retain(LockMode mode, std::int64_t days, bool bypass = false) {
    PutRetention command;
    command.bucket = "bucket";
    command.key = "key";
    command.mode = mode;
    if (mode != LockMode::none) command.retain_until = in_days(days);
    command.bypass_governance = bypass;
    return index_.code(command);
  }
  Errc hold(bool on) {
    PutHold command;
    command.bucket = "bucket";
    command.key = "key";
    command.hold = on;
    return index_.code(command);
  }
  ObjectLock lock_of(const std::string& key = "key") { return index_.get(key)->version.lock; }

  TestIndex index_;
};

TEST_F(Locks, OfGovernanceYieldToABypass) {
  const VersionId version = put(LockMode::governance, 1);
  EXPECT_EQ(drop(version), Errc::object_locked);
  EXPECT_EQ(drop(version, true), Errc{});
}

TEST_F(Locks, OfComplianceYieldToTimeAlone) {
  const VersionId version = put(LockMode::compliance, 1);
  EXPECT_EQ(drop(version, true), Errc::object_locked);
  index_.pass_ms(kDayMs - 10);
  EXPECT_EQ(drop(version, true), Errc::object_locked);
  index_.pass_ms(20);
  EXPECT_EQ(drop(version), Errc{});
}

TEST_F(Locks, DoNotHinderAMarker) {
  const VersionId version = put(LockMode::compliance, 1);
  DeleteObject command;
  command.bucket = "bucket";
  command.key = "key";
  const auto marker = index_.run(command);
  ASSERT_TRUE(marker);
  EXPECT_EQ(drop(marker->version), Errc{});
  EXPECT_EQ(drop(version), Errc::object_locked);
}

TEST_F(Locks, OfHoldsLastUntilTheyAreTakenOff) {
  const VersionId version = put(LockMode::none, 0, true);
  EXPECT_EQ(drop(version, true), Errc::object_locked);
  EXPECT_EQ(hold(false), Errc{});
  EXPECT_EQ(drop(version), Errc{});
}

TEST_F(Locks, MayBeExtendedButNotEased) {
  put(LockMode::governance, 10);
  EXPECT_EQ(retain(LockMode::governance, 11), Errc{});
  EXPECT_EQ(retain(LockMode::governance, 5), Errc::object_locked);
  EXPECT_EQ(retain(LockMode::compliance, 20), Errc::object_locked);
  EXPECT_EQ(retain(LockMode::none, 0), Errc::object_locked);
  EXPECT_EQ(retain(LockMode::governance, 5, true), Errc{});
  EXPECT_EQ(retain(LockMode::none, 0, true), Errc{});
  EXPECT_TRUE(lock_of().empty());
  EXPECT_EQ(retain(LockMode::compliance, 5), Errc{});
  EXPECT_EQ(retain(LockMode::compliance, 6), Errc{});
  EXPECT_EQ(retain(LockMode::compliance, 5, true), Errc::object_locked);
  EXPECT_EQ(retain(LockMode::governance, 9, true), Errc::object_locked);
  EXPECT_EQ(retain(LockMode::none, 0, true), Errc::object_locked);
  index_.pass_ms(7 * kDayMs);
  EXPECT_EQ(retain(LockMode::none, 0), Errc{});
}

TEST_F(Locks, MustLieInTheFuture) {
  put();
  EXPECT_EQ(retain(LockMode::governance, -1), Errc::invalid_argument);
  EXPECT_EQ(retain(LockMode{9}, 1), Errc::invalid_argument);
  PutObject command = TestIndex::inline_put("key");
  command.lock.mode = LockMode::governance;
  EXPECT_EQ(index_.code(command), Errc::invalid_argument);
  command.lock.retain_until = index_.now();
  EXPECT_EQ(index_.code(command), Errc::invalid_argument);
  command.lock = {};
  command.lock.retain_until = in_days(1);
  EXPECT_EQ(index_.code(command), Errc::invalid_argument);
}

TEST_F(Locks, NeedABucketWithObjectLock) {
  index_.make_bucket("plain");
  PutObject command = TestIndex::inline_put("key");
  command.bucket = "plain";
  command.lock.hold = true;
  EXPECT_EQ(index_.code(command), Errc::no_object_lock);
  command.lock = {};
  ASSERT_TRUE(index_.run(command));
  PutRetention retention;
  retention.bucket = "plain";
  retention.key = "key";
  EXPECT_EQ(index_.code(retention), Errc::no_object_lock);
  PutHold hold;
  hold.bucket = "plain";
  hold.key = "key";
  EXPECT_EQ(index_.code(hold), Errc::no_object_lock);
}

TEST_F(Locks, KeepVersioningEnabled) {
  SetVersioning suspend;
  suspend.bucket = "bucket";
  suspend.versioning = Versioning::suspended;
  EXPECT_EQ(index_.code(suspend), Errc::invalid_bucket_state);
  suspend.versioning = Versioning::never;
  EXPECT_EQ(index_.code(suspend), Errc::invalid_argument);
  index_.make_bucket("plain");
  SetObjectLock lock;
  lock.bucket = "plain";
  EXPECT_EQ(index_.code(lock), Errc::invalid_bucket_state);
  index_.set_versioning(Versioning::suspended, "plain");
  EXPECT_EQ(index_.code(lock), Errc::invalid_bucket_state);
  index_.set_versioning(Versioning::enabled, "plain");
  EXPECT_TRUE(index_.run(lock)->object_lock);
}

TEST_F(Locks, AreGivenByTheBucketsDefault) {
  SetObjectLock command;
  command.bucket = "bucket";
  command.retention.mode = LockMode::compliance;
  EXPECT_EQ(index_.code(command), Errc::invalid_argument);
  command.retention.days = 2;
  command.retention.years = 1;
  EXPECT_EQ(index_.code(command), Errc::invalid_argument);
  command.retention.years = 0;
  ASSERT_TRUE(index_.run(command));
  put();
  EXPECT_EQ(lock_of().mode, LockMode::compliance);
  EXPECT_EQ(lock_of().retain_until, in_days(2));
  put(LockMode::governance, 1);
  EXPECT_EQ(lock_of().mode, LockMode::governance);
  command.retention.days = 0;
  command.retention.years = 2;
  ASSERT_TRUE(index_.run(command));
  put();
  EXPECT_EQ(lock_of().retain_until, in_days(730));
}

TEST_F(Locks, OfAnUploadHoldForTheObjectItBecomes) {
  CreateUpload create;
  create.bucket = "bucket";
  create.key = "key";
  create.upload = upload_id(1);
  create.initiator = TestIndex::owner();
  create.data_key = wrapped_key();
  create.sealed_tags = text("tags");
  create.lock.mode = LockMode::compliance;
  create.lock.retain_until = in_days(3);
  ASSERT_TRUE(index_.run(create));
  const SegmentCommit segment = index_.commit_of_new();
  PutPart part;
  part.bucket = "bucket";
  part.key = "key";
  part.upload = create.upload;
  part.number = 1;
  part.slices = TestIndex::slices_of({segment});
  part.size = length_of(part.slices);
  part.segments = {segment};
  const auto put = index_.run(part);
  ASSERT_TRUE(put);
  CompleteUpload complete;
  complete.bucket = "bucket";
  complete.key = "key";
  complete.upload = create.upload;
  complete.parts = {{1, put->version}};
  complete.page_macs = {text("mac")};
  const auto done = index_.run(complete);
  ASSERT_TRUE(done);
  EXPECT_TRUE(done->versioned);
  EXPECT_EQ(lock_of(), create.lock);
  EXPECT_EQ(index_.get("key")->version.sealed_tags, text("tags"));
  EXPECT_EQ(drop(done->version, true), Errc::object_locked);
}

TEST_F(Locks, AndTagsChangeWithoutANewVersion) {
  const VersionId version = put();
  PutTags command;
  command.bucket = "bucket";
  command.key = "key";
  command.sealed_tags = text("tags");
  const auto changed = index_.run(command);
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->version, version);
  EXPECT_TRUE(changed->versioned);
  EXPECT_EQ(index_.get("key")->version.sealed_tags, text("tags"));
  EXPECT_EQ(index_.ask(GetEvents{})->events.back().kind, EventKind::object_changed);
  command.sealed_tags.resize(kMaxTagsBytes + 1);
  EXPECT_EQ(index_.code(command), Errc::too_large);
  command.sealed_tags.clear();
  command.version = VersionId{};
  EXPECT_EQ(index_.code(command), Errc::no_such_version);
  command.version.reset();
  command.key = "none";
  EXPECT_EQ(index_.code(command), Errc::no_such_object);
}

TEST_F(Locks, NeverFallOnAMarker) {
  put();
  DeleteObject remove;
  remove.bucket = "bucket";
  remove.key = "key";
  const auto marker = index_.run(remove);
  EXPECT_EQ(hold(true), Errc::object_deleted);
  PutHold command;
  command.bucket = "bucket";
  command.key = "key";
  command.version = marker->version;
  EXPECT_EQ(index_.code(command), Errc::delete_marker);
}

}  // namespace
}  // namespace stratos::meta
