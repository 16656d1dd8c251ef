#include "meta/queries.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

#include "meta/test_index.hpp"

namespace stratos::meta {
namespace {

// The definition of a listing, by walking all keys.
ListObjects::Reply naive_list(const std::set<std::string>& keys, const ListObjects& query) {
  ListObjects::Reply reply;
  std::set<std::string> prefixes;
  for (const std::string& key : keys) {
    if (!key.starts_with(query.prefix)) continue;
    const std::size_t at = query.delimiter.empty() ? std::string::npos
                                                   : key.find(query.delimiter, query.prefix.size());
    std::string common;
    if (at != std::string::npos) common = key.substr(0, at + query.delimiter.size());
    const bool before =
        key <= query.start_after || (!common.empty() && common == query.start_after);
    if (before || prefixes.contains(common)) continue;
    if (reply.rows.size() + prefixes.size() == query.max_keys) {
      reply.truncated = query.max_keys > 0;
      break;
    }
    if (common.empty()) {
      reply.rows.push_back({key, {}});
    } else {
      prefixes.insert(common);
    }
  }
  reply.common_prefixes.assign(prefixes.begin(), prefixes.end());
  return reply;
}

std::vector<std::string> names_of(const ListObjects::Reply& reply) {
  std::vector<std::string> names;
  for (const ListObjects::Row& row : reply.rows) names.push_back(row.key);
  return names;
}

rc::Gen<std::string> odd_text() {
  return rc::gen::container<std::string>(rc::gen::element('\0', 'a', 'b', '/', '\xff'));
}

// Counts how often iterators move: the cost of a query.
class CountingReader final : public kv::Reader {
 public:
  explicit CountingReader(const kv::Reader& reader) : reader_(reader) {}
  Result<std::optional<Bytes>> get(ByteView key) const override { return reader_.get(key); }
  std::unique_ptr<kv::Iterator> iterate(ByteView lower, ByteView upper) const override {
    return std::make_unique<Counting>(reader_.iterate(lower, upper), moves);
  }
  mutable std::size_t moves = 0;

 private:
  class Counting final : public kv::Iterator {
   public:
    Counting(std::unique_ptr<kv::Iterator> walk, std::size_t& moves)
        : walk_(std::move(walk)), moves_(moves) {}
    bool valid() const override { return walk_->valid(); }
    ByteView key() const override { return walk_->key(); }
    ByteView value() const override { return walk_->value(); }
    void next() override { ++moves_, walk_->next(); }
    void seek(ByteView target) override { ++moves_, walk_->seek(target); }
    void seek_before(ByteView target) override { ++moves_, walk_->seek_before(target); }
    void previous() override { ++moves_, walk_->previous(); }
    Result<void> status() const override { return walk_->status(); }

   private:
    std::unique_ptr<kv::Iterator> walk_;
    std::size_t& moves_;
  };
  const kv::Reader& reader_;
};

class Listing : public ::testing::Test {
 protected:
  Listing() { index_.make_bucket(); }
  void put_all(const std::vector<std::string>& keys) {
    std::vector<Item> items;
    for (const std::string& key : keys)
      items.push_back(TestIndex::item(TestIndex::inline_put(key)));
    for (const ItemResult& result : index_.apply_items(items)) ASSERT_EQ(result.code, 0);
  }
  ListObjects query(const std::string& prefix = {}, const std::string& delimiter = {}) {
    ListObjects query;
    query.bucket = "bucket";
    query.prefix = prefix;
    query.delimiter = delimiter;
    return query;
  }
  ListObjects::Reply list(const ListObjects& query) { return index_.ask(query).value(); }
  std::size_t cost_of(const ListObjects& query) {
    const CountingReader counting(index_.store());
    EXPECT_TRUE(run_query(counting, ListObjects::kPath, codec::encode(query)));
    return counting.moves;
  }

  TestIndex index_;
};

TEST_F(Listing, NamesSizeTimeAndSummary) {
  put_all({"b", "a"});
  const auto reply = list(query());
  EXPECT_EQ(names_of(reply), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(reply.rows[0].row.size, 4U);
  EXPECT_EQ(reply.rows[0].row.sealed_summary, text("etag"));
  EXPECT_EQ(reply.rows[0].row.modified, index_.now());
  EXPECT_FALSE(reply.truncated);
}

TEST_F(Listing, RollsUpCommonPrefixes) {
  put_all({"a/1", "a/2", "b", "c/x/1", "c/y", "d"});
  const auto top = list(query("", "/"));
  EXPECT_EQ(names_of(top), (std::vector<std::string>{"b", "d"}));
  EXPECT_EQ(top.common_prefixes, (std::vector<std::string>{"a/", "c/"}));
  const auto below = list(query("c/", "/"));
  EXPECT_EQ(names_of(below), (std::vector<std::string>{"c/y"}));
  EXPECT_EQ(below.common_prefixes, (std::vector<std::string>{"c/x/"}));
}

TEST_F(Listing, AKeyThatEqualsThePrefixIsARow) {
  put_all({"a/", "a/1"});
  EXPECT_EQ(names_of(list(query("a/", "/"))), (std::vector<std::string>{"a/", "a/1"}));
  EXPECT_EQ(list(query("a", "/")).common_prefixes, (std::vector<std::string>{"a/"}));
}

TEST_F(Listing, ContinuesAfterAKeyAlsoWhenItIsGone) {
  put_all({"a", "b", "c"});
  ListObjects asked = query();
  asked.start_after = "b";
  EXPECT_EQ(names_of(list(asked)), std::vector<std::string>{"c"});
  asked.start_after = "aa";
  EXPECT_EQ(names_of(list(asked)), (std::vector<std::string>{"b", "c"}));
  asked.start_after = std::string("a\0", 2);
  EXPECT_EQ(names_of(list(asked)), (std::vector<std::string>{"b", "c"}));
  asked.start_after = "z";
  EXPECT_TRUE(list(asked).rows.empty());
}

TEST_F(Listing, AStartInsideACommonPrefixStillNamesIt) {
  put_all({"a/1", "a/2", "b"});
  ListObjects asked = query("", "/");
  asked.start_after = "a/1";
  EXPECT_EQ(list(asked).common_prefixes, std::vector<std::string>{"a/"});
  asked.start_after = "a/";
  EXPECT_TRUE(list(asked).common_prefixes.empty()) << "the prefix itself has been listed";
  asked.start_after = "a/2";
  EXPECT_TRUE(list(asked).common_prefixes.empty());
}

TEST_F(Listing, IsBoundedAndSaysSo) {
  std::vector<std::string> keys;
  for (int i = 0; i < 1005; ++i) keys.push_back("k" + std::to_string(10'000 + i));
  put_all(keys);
  ListObjects asked = query();
  asked.max_keys = 5000;
  auto reply = list(asked);
  EXPECT_EQ(reply.rows.size(), 1000U);
  EXPECT_TRUE(reply.truncated);
  asked.start_after = reply.next;
  reply = list(asked);
  EXPECT_EQ(reply.rows.size(), 5U);
  EXPECT_FALSE(reply.truncated);
  asked.max_keys = 0;
  EXPECT_TRUE(list(asked).rows.empty());
  EXPECT_FALSE(list(asked).truncated);
}

TEST_F(Listing, IsNotTruncatedWhenItEndsExactly) {
  put_all({"a", "b"});
  ListObjects asked = query();
  asked.max_keys = 2;
  EXPECT_FALSE(list(asked).truncated);
  asked.max_keys = 1;
  EXPECT_TRUE(list(asked).truncated);
}

TEST_F(Listing, DoesNotSeeOtherBuckets) {
  index_.make_bucket("other");
  put_all({"a"});
  ListObjects asked = query();
  asked.bucket = "other";
  EXPECT_TRUE(list(asked).rows.empty());
  asked.bucket = "missing";
  EXPECT_EQ(index_.ask(asked).error().code(), Errc::no_such_bucket);
}

TEST_F(Listing, CostsTheSameHoweverManyKeysAPrefixHides) {
  std::vector<std::string> keys;
  for (int i = 0; i < 2000; ++i) keys.push_back("many/" + std::to_string(i));
  for (int i = 0; i < 5; ++i) keys.push_back("z" + std::to_string(i));
  put_all(keys);
  EXPECT_LT(cost_of(query("", "/")), 20U);
  ListObjects asked = query("", "/");
  asked.start_after = "many/";
  EXPECT_LT(cost_of(asked), 20U);
  asked = query("many/");
  asked.max_keys = 10;
  EXPECT_LT(cost_of(asked), 20U);
}

RC_GTEST_PROP(ListingProperty, EqualsTheNaiveDefinition, ()) {
  const auto drawn = *rc::gen::container<std::set<std::string>>(odd_text());
  std::set<std::string> keys = drawn;
  keys.erase("");
  TestIndex index(test_params(), 0);
  index.make_bucket();
  for (const std::string& key : keys) RC_ASSERT(index.run(TestIndex::inline_put(key)).has_value());
  ListObjects query;
  query.bucket = "bucket";
  query.prefix = *odd_text();
  if (query.prefix.size() > 2) query.prefix.resize(2);
  query.delimiter =
      *rc::gen::element<std::string>("", "/", "a", "/a", std::string(1, '\0'), "\xff");
  query.max_keys = *rc::gen::inRange(1U, 6U);
  const auto reference = [&] { return naive_list(keys, query); };
  // Page by page to the end.
  for (int page = 0; page < 100; ++page) {
    const auto expected = reference();
    const auto got = index.ask(query).value();
    RC_ASSERT(names_of(got) == names_of(expected));
    RC_ASSERT(got.common_prefixes == expected.common_prefixes);
    RC_ASSERT(got.truncated == expected.truncated);
    if (!got.truncated) break;
    RC_ASSERT(got.next > query.start_after);
    query.start_after = got.next;
  }
}

RC_GTEST_PROP(ListingProperty, StartsAnywhere, ()) {
  std::set<std::string> keys = *rc::gen::container<std::set<std::string>>(odd_text());
  keys.erase("");
  TestIndex index(test_params(), 0);
  index.make_bucket();
  for (const std::string& key : keys) RC_ASSERT(index.run(TestIndex::inline_put(key)).has_value());
  ListObjects query;
  query.bucket = "bucket";
  query.start_after = *odd_text();
  query.delimiter = *rc::gen::element<std::string>("", "/", "a");
  const auto got = index.ask(query).value();
  const auto expected = naive_list(keys, query);
  RC_ASSERT(names_of(got) == names_of(expected));
  RC_ASSERT(got.common_prefixes == expected.common_prefixes);
}

class UploadListing : public Listing {
 protected:
  void begin(const std::string& key, std::uint8_t n, std::size_t attributes = 0) {
    CreateUpload command;
    command.bucket = "bucket";
    command.key = key;
    command.upload = upload_id(n);
    command.sealed_attributes = Bytes(attributes);
    ASSERT_TRUE(index_.run(command));
  }
  ListUploads uploads(const std::string& prefix = {}, const std::string& delimiter = {}) {
    ListUploads query;
    query.bucket = "bucket";
    query.prefix = prefix;
    query.delimiter = delimiter;
    return query;
  }
  static std::string shown(const ListUploads::Reply& reply) {
    std::string out;
    for (const UploadRecord& upload : reply.uploads) {
      out += upload.key + ":" + std::to_string(upload.id.value[0]) + " ";
    }
    for (const std::string& prefix : reply.common_prefixes) out += "[" + prefix + "] ";
    return out;
  }
  std::string listed(const ListUploads& query) { return shown(index_.ask(query).value()); }
};

TEST_F(UploadListing, SortsByKeyThenId) {
  begin("b", 1);
  begin("a", 3);
  begin("a", 2);
  begin("ab", 4);
  EXPECT_EQ(listed(uploads()), "a:2 a:3 ab:4 b:1 ");
  EXPECT_EQ(listed(uploads("a")), "a:2 a:3 ab:4 ");
  EXPECT_EQ(listed(uploads("ab")), "ab:4 ");
  EXPECT_EQ(listed(uploads("c")), "");
}

TEST_F(UploadListing, ContinuesAfterKeyAndId) {
  begin("a", 2);
  begin("a", 3);
  begin("b", 1);
  ListUploads query = uploads();
  query.key_marker = "a";
  EXPECT_EQ(listed(query), "b:1 ") << "without an id: after all of the key";
  query.upload_marker = upload_id(2);
  EXPECT_EQ(listed(query), "a:3 b:1 ");
  query.upload_marker = upload_id(3);
  EXPECT_EQ(listed(query), "b:1 ");
  query.key_marker = "aa";
  EXPECT_EQ(listed(query), "b:1 ");
  query.key_marker = "0";
  EXPECT_EQ(listed(query), "a:2 a:3 b:1 ");
}

TEST_F(UploadListing, RollsUpAndContinuesPastAPrefix) {
  begin("x/1", 1);
  begin("x/2", 2);
  begin("y", 3);
  ListUploads query = uploads("", "/");
  EXPECT_EQ(listed(query), "y:3 [x/] ");
  query.limit = 1;
  const auto first = index_.ask(query).value();
  EXPECT_EQ(shown(first), "[x/] ");
  EXPECT_TRUE(first.truncated);
  EXPECT_EQ(first.next_key, "x/");
  query.key_marker = first.next_key;
  query.upload_marker = first.next_upload;
  const auto second = index_.ask(query).value();
  EXPECT_EQ(shown(second), "y:3 ");
  EXPECT_FALSE(second.truncated);
}

TEST_F(UploadListing, PagesAddUpToTheWhole) {
  const std::vector<std::string> keys = {"a",   std::string("a\0", 2), "a/b", "a/c", "b", "b/",
                                         "\xff"};
  std::uint8_t n = 1;
  for (const std::string& key : keys) {
    begin(key, n++);
    begin(key, n++);
  }
  for (const std::string& delimiter : {std::string(), std::string("/")}) {
    const auto whole = index_.ask(uploads("", delimiter)).value();
    ListUploads query = uploads("", delimiter);
    query.limit = 1;
    std::size_t seen = 0;
    while (true) {
      const auto page = index_.ask(query).value();
      seen += page.uploads.size() + page.common_prefixes.size();
      if (!page.truncated) break;
      ASSERT_LT(seen, 50U);
      query.key_marker = page.next_key;
      query.upload_marker = page.next_upload;
    }
    EXPECT_EQ(seen, whole.uploads.size() + whole.common_prefixes.size()) << delimiter;
  }
}

TEST_F(UploadListing, EndsAtAMebibyte) {
  for (std::uint8_t n = 1; n <= 20; ++n) begin("k", n, 64 << 10);
  const auto reply = index_.ask(uploads()).value();
  EXPECT_TRUE(reply.truncated);
  EXPECT_LT(reply.uploads.size(), 17U);
  ListUploads query = uploads();
  query.key_marker = reply.next_key;
  query.upload_marker = reply.next_upload;
  EXPECT_EQ(index_.ask(query)->uploads.size(), 20 - reply.uploads.size());
}

TEST_F(Listing, EventsComeInOrderAndInPages) {
  put_all({"a", "b", "c"});
  GetEvents query;
  const auto all = index_.ask(query).value();
  ASSERT_GE(all.events.size(), 3U);
  for (std::size_t i = 0; i < all.events.size(); ++i) EXPECT_EQ(all.events[i].sequence, i + 1);
  query.after = 2;
  query.limit = 1;
  const auto one = index_.ask(query).value();
  ASSERT_EQ(one.events.size(), 1U);
  EXPECT_EQ(one.events[0].sequence, 3U);
  query.limit = 0;
  EXPECT_TRUE(index_.ask(query)->events.empty());
  query.limit = 10;
  query.after = ~0ULL;
  EXPECT_TRUE(index_.ask(query)->events.empty());
  query.after = all.events.size();
  EXPECT_TRUE(index_.ask(query)->events.empty());
  EXPECT_FALSE(index_.ask(query)->too_old);
}

TEST_F(Listing, UnknownAndMalformedQueriesAreRefused) {
  EXPECT_EQ(index_.machine().query("none", {}).error().code(), Errc::unknown_method);
  EXPECT_EQ(index_.machine().query("list", Bytes{0xff}).error().code(), Errc::bad_encoding);
  EXPECT_EQ(index_.ask(GetParams{})->network, "test");
}

}  // namespace
}  // namespace stratos::meta
