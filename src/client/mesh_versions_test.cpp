#include <gtest/gtest.h>

#include "client/mesh_fixture.hpp"

namespace stratos::client {
namespace {

class Versions : public MeshTest {
 protected:
  Versions() { EXPECT_TRUE(run(client_->set_versioning("bucket", Versioning::enabled))); }

  Result<Bytes> read(std::string key, VersionChoice version) {
    return run(read_version(client_.get(), std::move(key), version));
  }
  Result<Removed> remove(std::string key, Removal removal = {}) {
    return run(client_->remove("bucket", std::move(key), std::move(removal)));
  }
  static Removal named(VersionId version) {
    Removal removal;
    removal.version = version;
    return removal;
  }

 private:
  static Task<Result<Bytes>> read_version(ObjectClient* client, std::string key,
                                          VersionChoice version) {
    STRATOS_CO_TRY(const std::unique_ptr<ObjectReader> reader,
                   co_await client->get("bucket", std::move(key), version));
    Bytes all;
    while (true) {
      STRATOS_CO_TRY(const Buffer part, co_await reader->next());
      if (part.empty()) break;
      all.insert(all.end(), part.view().begin(), part.view().end());
    }
    co_return all;
  }
};

TEST_F(Versions, AreReadListedAndRemoved) {
  const auto first = put("key", pattern(1, 300'000));
  const auto second = put("key", pattern(2, 100));
  ASSERT_TRUE(first && second);
  EXPECT_TRUE(first->versioned);
  EXPECT_TRUE(same(read("key", first->version), pattern(1, 300'000).view()));
  EXPECT_TRUE(same(read("key", std::nullopt), pattern(2, 100).view()));
  const auto page = run(client_->list_versions("bucket", {}));
  ASSERT_TRUE(page) << page.error().to_string();
  ASSERT_EQ(page->entries.size(), 2U);
  EXPECT_EQ(page->entries[0].version, second->version);
  EXPECT_EQ(page->entries[1].etag, first->attributes.etag);
  EXPECT_EQ(page->entries[1].size, 300'000U);
  const auto marker = remove("key");
  ASSERT_TRUE(marker);
  EXPECT_TRUE(marker->marker);
  EXPECT_EQ(get("key").error().code(), Errc::object_deleted);
  EXPECT_EQ(read("key", marker->version).error().code(), Errc::delete_marker);
  ASSERT_TRUE(remove("key", named(marker->version)));
  ASSERT_TRUE(remove("key", named(second->version)));
  EXPECT_TRUE(same(get("key"), pattern(1, 300'000).view()));
  EXPECT_EQ(read("key", second->version).error().code(), Errc::no_such_version);
}

TEST_F(Versions, AreRemovedOnConditionOfTheirOwnTag) {
  const auto first = put("key", pattern(1, 10));
  const auto second = put("key", pattern(2, 20));
  ASSERT_TRUE(first && second);
  Removal removal = named(first->version);
  removal.condition.if_match = second->attributes.etag;
  EXPECT_EQ(remove("key", removal).error().code(), Errc::precondition_failed);
  removal.condition.if_match = first->attributes.etag;
  removal.condition.size = 20;
  EXPECT_EQ(remove("key", removal).error().code(), Errc::precondition_failed);
  removal.condition.size = 10;
  EXPECT_EQ(remove("key", removal)->version, first->version);
  EXPECT_TRUE(remove("key", removal)) << "what is absent is removed already";
}

TEST_F(Versions, AreWrittenUnlessTheTagIsThere) {
  Condition unless;
  unless.if_none_match = etag_of(pattern(1, 10).view());
  ASSERT_TRUE(put("key", pattern(1, 10), unless));
  EXPECT_EQ(put("key", pattern(2, 10), unless).error().code(), Errc::precondition_failed);
  ASSERT_TRUE(put("key", pattern(2, 10)));
  EXPECT_TRUE(put("key", pattern(3, 10), unless));
}

TEST_F(Versions, KeepTheirTags) {
  GivenBody body(pattern(1, 10));
  body.attributes.tags = {{"colour", "blue"}};
  const auto stored = run(client_->put(who(), "bucket", "key", body, {}));
  ASSERT_TRUE(stored) << stored.error().to_string();
  EXPECT_EQ(run(client_->head("bucket", "key"))->attributes.tags, body.attributes.tags);
  EXPECT_EQ(record_of("key").version.sealed_tags.empty(), false);
  ASSERT_TRUE(put("key", pattern(2, 10)));
  const Tags other = {{"shape", "round"}, {"empty", ""}};
  const auto changed = run(client_->put_tags(who(), "bucket", "key", stored->version, other));
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->version, stored->version);
  EXPECT_EQ(run(client_->head("bucket", "key", stored->version))->attributes.tags, other);
  EXPECT_TRUE(run(client_->head("bucket", "key"))->attributes.tags.empty());
}

TEST_F(Versions, AreLocked) {
  DefaultRetention retention;
  retention.mode = LockMode::governance;
  retention.days = 1;
  ASSERT_TRUE(run(client_->set_object_lock("bucket", retention)));
  EXPECT_EQ(run(client_->head_bucket("bucket"))->default_retention, retention);
  const auto stored = put("key", pattern(1, 10));
  ASSERT_TRUE(stored);
  const ObjectLock lock = run(client_->head("bucket", "key"))->attributes.lock;
  EXPECT_EQ(lock.mode, LockMode::governance);
  Removal removal = named(stored->version);
  EXPECT_EQ(remove("key", removal).error().code(), Errc::object_locked);
  removal.bypass_governance = true;
  ASSERT_TRUE(run(client_->put_hold("bucket", "key", std::nullopt, true)));
  EXPECT_EQ(remove("key", removal).error().code(), Errc::object_locked);
  ASSERT_TRUE(run(client_->put_hold("bucket", "key", std::nullopt, false)));
  ObjectLock eased = lock;
  eased.retain_until.ms -= 1000;
  EXPECT_EQ(run(client_->put_retention("bucket", "key", {}, eased, false)).error().code(),
            Errc::object_locked);
  ASSERT_TRUE(run(client_->put_retention("bucket", "key", {}, eased, true)));
  EXPECT_EQ(remove("key", removal)->version, stored->version);
}

}  // namespace
}  // namespace stratos::client
