#include "meta/version_queries.hpp"

#include <gtest/gtest.h>

#include "meta/test_index.hpp"

namespace stratos::meta {
namespace {

class VersionLists : public ::testing::Test {
 protected:
  VersionLists() {
    index_.make_bucket();
    index_.set_versioning(Versioning::enabled);
    for (const std::string key : {"a", "b/1", "b/2", "c"}) {
      for (int i = 0; i < 2; ++i) EXPECT_TRUE(index_.run(TestIndex::inline_put(key)));
    }
  }
  ListVersions::Reply ask(ListVersions query) {
    query.bucket = "bucket";
    return index_.ask(query).value();
  }
  static std::vector<std::string> keys_of(const ListVersions::Reply& reply) {
    std::vector<std::string> keys;
    for (const auto& row : reply.rows) keys.push_back(row.key);
    return keys;
  }

  TestIndex index_;
};
using Keys = std::vector<std::string>;

TEST_F(VersionLists, FoldKeysUnderADelimiter) {
  ListVersions query;
  query.delimiter = "/";
  auto reply = ask(query);
  EXPECT_EQ(keys_of(reply), (Keys{"a", "a", "c", "c"}));
  EXPECT_EQ(reply.common_prefixes, Keys{"b/"});
  EXPECT_FALSE(reply.truncated);
  query.limit = 3;
  reply = ask(query);
  EXPECT_TRUE(reply.truncated);
  EXPECT_EQ(reply.next_key, "b/");
  EXPECT_FALSE(reply.next_version);
  query.key_marker = reply.next_key;
  EXPECT_EQ(keys_of(ask(query)), (Keys{"c", "c"}));
}

TEST_F(VersionLists, AreCutByPrefix) {
  ListVersions query;
  query.prefix = "b/";
  EXPECT_EQ(keys_of(ask(query)), (Keys{"b/1", "b/1", "b/2", "b/2"}));
  query.prefix = "d";
  EXPECT_TRUE(ask(query).rows.empty());
}

TEST_F(VersionLists, GoOnAmongTheVersionsOfAKey) {
  ListVersions query;
  query.limit = 1;
  const auto first = ask(query);
  ASSERT_EQ(first.rows.size(), 1U);
  EXPECT_TRUE(first.rows[0].latest);
  query.key_marker = first.next_key;
  query.version_marker = first.next_version;
  const auto second = ask(query);
  EXPECT_EQ(second.rows.at(0).key, "a");
  EXPECT_FALSE(second.rows.at(0).latest);
  EXPECT_LT(second.rows.at(0).version, first.rows[0].version);
  query.version_marker.reset();
  EXPECT_EQ(ask(query).rows.at(0).key, "b/1");
  // There is no null version to go on from.
  query.version_marker = VersionId{};
  EXPECT_EQ(ask(query).rows.at(0).key, "b/1");
}

TEST_F(VersionLists, GoOnFromTheNullVersion) {
  index_.set_versioning(Versioning::suspended);
  ASSERT_TRUE(index_.run(TestIndex::inline_put("a")));
  ListVersions query;
  query.key_marker = "a";
  query.version_marker = VersionId{};
  query.prefix = "a";
  const auto rest = ask(query);
  EXPECT_EQ(keys_of(rest), (Keys{"a", "a"}));
  EXPECT_FALSE(rest.rows.at(0).latest);
}

TEST_F(VersionLists, OfNothingAskAboutTheBucket) {
  ListVersions query;
  query.limit = 0;
  EXPECT_TRUE(ask(query).rows.empty());
  query.bucket = "none";
  EXPECT_EQ(index_.ask(query).error().code(), Errc::no_such_bucket);
}

}  // namespace
}  // namespace stratos::meta
