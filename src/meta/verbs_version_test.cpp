#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "meta/test_index.hpp"
#include "meta/version_queries.hpp"

namespace stratos::meta {
namespace {

constexpr VersionId kNull;

class Versions : public ::testing::Test {
 protected:
  Versions() { index_.make_bucket(); }

  PutObject::Reply put(const std::string& key, std::string_view body) {
    return index_.run(TestIndex::inline_put(key, body)).value();
  }
  static DeleteObject drop(const std::string& key, std::optional<VersionId> version = {}) {
    DeleteObject command;
    command.bucket = "bucket";
    command.key = key;
    command.version = version;
    return command;
  }
  Result<GetObject::Reply> get(const std::string& key, std::optional<VersionId> version = {}) {
    GetObject query;
    query.bucket = "bucket";
    query.key = key;
    query.version = version;
    query.with_data = true;
    return index_.ask(query);
  }
  std::string body(const std::string& key, std::optional<VersionId> version = {}) {
    const auto found = get(key, version);
    return found ? std::string(as_text(found->inline_body.value())) : "(none)";
  }
  Errc missing(const std::string& key, std::optional<VersionId> version = {}) {
    return get(key, version).error().code();
  }
  std::vector<ListVersions::Row> list() {
    ListVersions query;
    query.bucket = "bucket";
    return index_.ask(query).value().rows;
  }
  std::vector<std::string> listed_keys() {
    ListObjects query;
    query.bucket = "bucket";
    std::vector<std::string> keys;
    for (const auto& row : index_.ask(query).value().rows) keys.push_back(row.key);
    return keys;
  }

  TestIndex index_;
};
using Keys = std::vector<std::string>;

TEST_F(Versions, AreKeptWhereVersioningIsEnabled) {
  index_.set_versioning(Versioning::enabled);
  const auto first = put("key", "one");
  const auto second = put("key", "two");
  EXPECT_TRUE(first.versioned);
  EXPECT_EQ(body("key"), "two");
  EXPECT_EQ(body("key", first.version), "one");
  EXPECT_EQ(body("key", second.version), "two");
  EXPECT_EQ(missing("key", kNull), Errc::no_such_version);
  EXPECT_EQ(missing("none", first.version), Errc::no_such_version);
  const auto rows = list();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].version, second.version);
  EXPECT_TRUE(rows[0].latest);
  EXPECT_FALSE(rows[1].latest);
  EXPECT_EQ(rows[1].sealed_summary, text("etag"));
}

TEST_F(Versions, OfAPlainBucketAreOneAndNull) {
  const auto first = put("key", "one");
  EXPECT_FALSE(first.versioned);
  put("key", "two");
  EXPECT_EQ(body("key", kNull), "two");
  EXPECT_EQ(missing("key", first.version), Errc::no_such_version);
  ASSERT_EQ(list().size(), 1U);
  EXPECT_EQ(list()[0].sealed_summary, text("etag"));
  EXPECT_FALSE(list()[0].versioned);
  EXPECT_EQ(index_.run(drop("key", kNull))->versioned, false);
  EXPECT_EQ(missing("key"), Errc::no_such_object);
  EXPECT_EQ(index_.count(keys::Family::inline_body), 0U);
}

TEST_F(Versions, HideBehindAMarkerAndComeBackWithoutIt) {
  index_.set_versioning(Versioning::enabled);
  const auto object = put("key", "one");
  const auto marker = index_.run(drop("key"));
  ASSERT_TRUE(marker);
  EXPECT_TRUE(marker->marker);
  EXPECT_TRUE(marker->versioned);
  EXPECT_EQ(missing("key"), Errc::object_deleted);
  EXPECT_EQ(missing("key", marker->version), Errc::delete_marker);
  EXPECT_EQ(body("key", object.version), "one");
  EXPECT_EQ(listed_keys(), Keys{});
  ASSERT_EQ(list().size(), 2U);
  EXPECT_TRUE(list()[0].marker);
  EXPECT_TRUE(list()[0].latest);
  const auto removed = index_.run(drop("key", marker->version));
  ASSERT_TRUE(removed);
  EXPECT_TRUE(removed->marker);
  EXPECT_EQ(body("key"), "one");
  EXPECT_EQ(listed_keys(), Keys{"key"});
}

TEST_F(Versions, LeaveTheOlderOneCurrentWhenTheNewestGoes) {
  put("key", "null");
  index_.set_versioning(Versioning::enabled);
  const auto second = put("key", "two");
  EXPECT_EQ(index_.count(keys::Family::null_version), 1U);
  ASSERT_TRUE(index_.run(drop("key", second.version)));
  EXPECT_EQ(body("key"), "null");
  EXPECT_EQ(index_.count(keys::Family::null_version), 0U);
  ListObjects query;
  query.bucket = "bucket";
  EXPECT_EQ(index_.ask(query)->rows.at(0).row.sealed_summary, text("etag"));
}

TEST_F(Versions, AreReplacedOnlyWhereNullWhileSuspended) {
  index_.set_versioning(Versioning::enabled);
  const auto kept = put("key", "kept");
  index_.set_versioning(Versioning::suspended);
  EXPECT_FALSE(put("key", "null one").versioned);
  put("key", "null two");
  EXPECT_EQ(body("key"), "null two");
  EXPECT_EQ(body("key", kNull), "null two");
  EXPECT_EQ(body("key", kept.version), "kept");
  EXPECT_EQ(list().size(), 2U);
  const auto marker = index_.run(drop("key"));
  ASSERT_TRUE(marker);
  EXPECT_TRUE(marker->marker);
  EXPECT_FALSE(marker->versioned);
  EXPECT_EQ(missing("key", kNull), Errc::delete_marker);
  EXPECT_EQ(list().size(), 2U);
  ASSERT_TRUE(index_.run(drop("key", kNull)));
  EXPECT_EQ(body("key"), "kept");
}

TEST_F(Versions, FindTheNullOneAmongOthers) {
  put("key", "null");
  index_.set_versioning(Versioning::enabled);
  put("key", "two");
  put("key", "three");
  EXPECT_EQ(body("key", kNull), "null");
  ASSERT_TRUE(index_.run(drop("key", kNull)));
  EXPECT_EQ(missing("key", kNull), Errc::no_such_version);
  EXPECT_EQ(body("key"), "three");
  EXPECT_EQ(index_.count(keys::Family::null_version), 0U);
}

TEST_F(Versions, KeepTheBucketFromBeingDeleted) {
  index_.set_versioning(Versioning::enabled);
  const auto marker = index_.run(drop("key"));
  DeleteBucket command;
  command.name = "bucket";
  EXPECT_EQ(index_.code(command), Errc::bucket_not_empty);
  ASSERT_TRUE(index_.run(drop("key", marker->version)));
  EXPECT_EQ(index_.code(command), Errc{});
}

TEST_F(Versions, ThatAreAbsentAreRemovedAlready) {
  index_.set_versioning(Versioning::enabled);
  DeleteObject command = drop("key", index_.run(drop("other"))->version);
  command.condition.exists = true;
  command.condition.size = 5;
  const auto removed = index_.run(command);
  ASSERT_TRUE(removed);
  EXPECT_TRUE(removed->version.is_zero());
  // Nor does a condition on nothing leave a marker.
  command.version.reset();
  ASSERT_TRUE(index_.run(command));
  EXPECT_EQ(list().size(), 1U);
}

TEST_F(Versions, AreRemovedOnConditionOfWhatTheyAre) {
  index_.set_versioning(Versioning::enabled);
  const auto object = put("key", "12345");
  const auto code = [&](Precondition condition, std::optional<VersionId> version) {
    DeleteObject command = drop("key", version);
    command.condition = condition;
    return index_.code(command);
  };
  Precondition wrong_size;
  wrong_size.size = 4;
  Precondition wrong_time;
  wrong_time.modified = WallTime{object.modified.ms - 1000};
  Precondition absent;
  absent.exists = false;
  Precondition other;
  other.version = VersionId{};
  for (const Precondition& wrong : {wrong_size, wrong_time, absent, other}) {
    EXPECT_EQ(code(wrong, object.version), Errc::precondition_failed);
    EXPECT_EQ(code(wrong, std::nullopt), Errc::precondition_failed);
  }
  Precondition right;
  right.exists = true;
  right.size = 5;
  right.version = object.version;
  right.modified = WallTime{object.modified.ms / 1000 * 1000};
  EXPECT_EQ(code(right, object.version), Errc{});
  EXPECT_EQ(missing("key"), Errc::no_such_object);
}

TEST_F(Versions, AreCopiedByTheirId) {
  index_.set_versioning(Versioning::enabled);
  const auto first = put("key", "one");
  put("key", "two");
  CopyObject command;
  command.source_bucket = command.bucket = "bucket";
  command.source_key = "key";
  command.version = first.version;
  command.key = "copy";
  command.sealed_tags = text("tags");
  ASSERT_TRUE(index_.run(command));
  EXPECT_EQ(body("copy"), "one");
  EXPECT_EQ(get("copy")->version.sealed_tags, text("tags"));
  command.condition.exists = false;
  EXPECT_EQ(index_.code(command), Errc::precondition_failed);
  command.condition = {};
  command.version = index_.run(drop("key"))->version;
  EXPECT_EQ(index_.code(command), Errc::no_such_object);
}

TEST_F(Versions, FreeTheirSegmentsWhenTheLastGoes) {
  index_.set_versioning(Versioning::enabled);
  const SegmentId segment = index_.put("key");
  const VersionId version = index_.version_of("key");
  ASSERT_TRUE(index_.run(drop("key")));
  EXPECT_EQ(index_.references(segment), 1U);
  ASSERT_TRUE(index_.run(drop("key", version)));
  EXPECT_FALSE(index_.segment(segment));
}

TEST_F(Versions, TellOfMarkersInEvents) {
  index_.set_versioning(Versioning::enabled);
  put("key", "one");
  const auto marker = index_.run(drop("key"));
  ASSERT_TRUE(index_.run(drop("key", marker->version)));
  const auto events = index_.ask(GetEvents{}).value().events;
  ASSERT_GE(events.size(), 3U);
  EXPECT_EQ(events[events.size() - 3].kind, EventKind::object_created);
  EXPECT_EQ(events[events.size() - 2].kind, EventKind::marker_created);
  EXPECT_EQ(events[events.size() - 2].version, marker->version);
  EXPECT_EQ(events.back().kind, EventKind::object_removed);
  EXPECT_EQ(events.back().version, marker->version);
}

// --- against a model -----------------------------------------------------------------------------

struct Kept {
  VersionId id;
  bool versioned = false;
  bool marker = false;
  std::string body;
};
// By key, the newest first.
using Model = std::map<std::string, std::vector<Kept>>;

void erase_null(std::vector<Kept>& versions) {
  std::erase_if(versions, [](const Kept& kept) { return !kept.versioned; });
}

void add(std::vector<Kept>& versions, Versioning versioning, Kept kept) {
  if (versioning == Versioning::never) versions.clear();
  if (versioning == Versioning::suspended) erase_null(versions);
  versions.insert(versions.begin(), std::move(kept));
}

void expect_same(const TestIndex& index, const Model& model) {
  ListVersions query;
  query.bucket = "bucket";
  query.limit = 3;
  std::vector<ListVersions::Row> rows;
  for (bool more = true; more;) {
    const auto page = index.ask(query).value();
    rows.insert(rows.end(), page.rows.begin(), page.rows.end());
    query.key_marker = page.next_key;
    query.version_marker = page.next_version;
    more = page.truncated;
  }
  std::size_t at = 0;
  std::size_t current = 0;
  for (const auto& [key, versions] : model) {
    bool latest = true;
    for (const Kept& kept : versions) {
      RC_ASSERT(at < rows.size());
      const ListVersions::Row& row = rows[at++];
      RC_ASSERT(row.key == key);
      RC_ASSERT(row.version == kept.id);
      RC_ASSERT(row.versioned == kept.versioned);
      RC_ASSERT(row.marker == kept.marker);
      RC_ASSERT(row.latest == latest);
      RC_ASSERT((row.marker || row.sealed_summary == text("etag")));
      current += latest && !kept.marker ? 1U : 0U;
      latest = false;
      GetObject get;
      get.bucket = "bucket";
      get.key = key;
      get.with_data = true;
      get.version = kept.versioned ? kept.id : kNull;
      const auto found = index.ask(get);
      RC_ASSERT(found.has_value() == !kept.marker);
      if (found) RC_ASSERT(found->inline_body == text(kept.body));
    }
  }
  RC_ASSERT(at == rows.size());
  RC_ASSERT(index.count(keys::Family::list_row) == current);
}

RC_GTEST_PROP(VersionsProperty, AreWhatAModelKeeps, ()) {
  const auto steps =
      *rc::gen::container<std::vector<std::uint8_t>>(rc::gen::inRange<std::uint8_t>(0, 255));
  TestIndex index;
  index.make_bucket();
  Versioning versioning = Versioning::never;
  Model model;
  std::size_t number = 0;
  for (const std::uint8_t step : steps) {
    const std::string key(1, static_cast<char>('a' + step % 2));
    std::vector<Kept>& versions = model[key];
    const bool enabled = versioning == Versioning::enabled;
    if (step % 16 == 0) {
      versioning = enabled ? Versioning::suspended : Versioning::enabled;
      index.set_versioning(versioning);
    } else if (step % 4 == 1) {
      const std::string body = std::to_string(++number);
      const auto reply = index.run(TestIndex::inline_put(key, body)).value();
      RC_ASSERT(reply.versioned == enabled);
      add(versions, versioning, {reply.version, enabled, false, body});
    } else if (step % 4 == 2) {
      DeleteObject command;
      command.bucket = "bucket";
      command.key = key;
      const auto reply = index.run(command).value();
      if (versioning == Versioning::never) {
        versions.clear();
      } else {
        add(versions, versioning, {reply.version, enabled, true, {}});
      }
    } else if (!versions.empty()) {
      const std::size_t at = step / 16 % versions.size();
      DeleteObject command;
      command.bucket = "bucket";
      command.key = key;
      command.version = versions[at].versioned ? versions[at].id : kNull;
      RC_ASSERT(index.run(command)->marker == versions[at].marker);
      versions.erase(versions.begin() + static_cast<std::ptrdiff_t>(at));
    }
    expect_same(index, model);
  }
}

}  // namespace
}  // namespace stratos::meta
