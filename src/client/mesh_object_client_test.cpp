#include "client/mesh_object_client.hpp"

#include "client/mesh_fixture.hpp"

namespace stratos::client {
namespace {

class Objects : public MeshTest {
 protected:
  ListPage list(ListRequest request) {
    return run(client_->list("bucket", std::move(request))).value();
  }
  Errc remove(std::string key, Condition condition = {}) {
    Removal removal;
    removal.condition = condition;
    const auto removed = run(client_->remove("bucket", std::move(key), removal));
    return removed ? Errc{} : removed.error().code();
  }
  static std::vector<std::string> keys_of(const ListPage& page) {
    std::vector<std::string> keys;
    for (const ListPage::Entry& entry : page.entries) keys.push_back(entry.key);
    return keys;
  }
};
using Keys = std::vector<std::string>;

TEST_F(Objects, LiveInBucketsThatAreMadeListedAndRemoved) {
  const auto made = run(client_->create_bucket(who(), "second", "north", {}));
  ASSERT_TRUE(made) << made.error().to_string();
  EXPECT_EQ(made->region, "north");
  EXPECT_EQ(made->owner, owner_);
  EXPECT_EQ(made->profile, "4+2");
  EXPECT_EQ(run(client_->head_bucket("second"))->region, "north");
  const auto buckets = run(client_->list_buckets(who()));
  ASSERT_EQ(buckets->size(), 2U);
  EXPECT_EQ((*buckets)[0].name, "bucket");
  EXPECT_TRUE(run(client_->list_buckets({AccountId()}))->empty());
  EXPECT_EQ(run(client_->create_bucket(who(), "second", "", {})).error().code(),
            Errc::bucket_owned_by_you);
  ASSERT_TRUE(put("key", pattern(1, 10)));
  EXPECT_EQ(run(client_->delete_bucket("bucket")).error().code(), Errc::bucket_not_empty);
  EXPECT_TRUE(run(client_->delete_bucket("second")));
  EXPECT_EQ(run(client_->head_bucket("second")).error().code(), Errc::no_such_bucket);
  EXPECT_EQ(get("key", std::nullopt, "second").error().code(), Errc::no_such_bucket);
}

TEST_F(Objects, AreUnderTheConfigurationOfTheirBucket) {
  const Bytes policy = to_bytes(as_bytes("a policy"));
  const Bytes acl = to_bytes(as_bytes("a list"));
  ASSERT_TRUE(
      run(client_->create_bucket(who(), "second", "", {.configs = {{ConfigKind::acl, acl}}})));
  ASSERT_TRUE(run(client_->set_bucket_config("second", ConfigKind::policy, policy)));
  const auto settings = run(client_->bucket_settings("second"));
  ASSERT_TRUE(settings) << settings.error().to_string();
  EXPECT_EQ(settings->info.owner, owner_);
  EXPECT_EQ(settings->configs,
            (BucketConfigs{{ConfigKind::policy, policy}, {ConfigKind::acl, acl}}));
  ASSERT_TRUE(run(client_->set_bucket_config("second", ConfigKind::acl, std::nullopt)));
  EXPECT_EQ(run(client_->bucket_settings("second"))->configs.size(), 1U);
  EXPECT_EQ(run(client_->bucket_settings("none")).error().code(), Errc::no_such_bucket);
  EXPECT_TRUE(run(client_->account_name(owner_)));
  EXPECT_EQ(run(client_->account_name(AccountId())).error().code(), Errc::no_such_account);
}

TEST_F(Objects, ChangeTheirAttributesWithoutANewVersion) {
  const auto stored = put("key", pattern(1, 10));
  ASSERT_TRUE(stored);
  Attributes changed = stored->attributes;
  changed.access.acl = to_bytes(as_bytes("a list"));
  ASSERT_TRUE(run(client_->set_attributes("bucket", "key", stored->version, changed)));
  const auto found = run(client_->head("bucket", "key"));
  EXPECT_EQ(found->version, stored->version);
  EXPECT_EQ(found->attributes.access.acl, changed.access.acl);
  EXPECT_EQ(get("key")->size(), 10U);
  ASSERT_TRUE(put("key", pattern(2, 10)));
  EXPECT_EQ(run(client_->set_attributes("bucket", "key", stored->version, changed)).error().code(),
            Errc::precondition_failed);
}

TEST_F(Objects, KeepTheirAttributes) {
  GivenBody body(pattern(1, 5000));
  body.attributes.headers["content-type"] = "text/plain";
  body.attributes.metadata["colour"] = "blue";
  Checksum checksum;
  checksum.algorithm = "CRC32C";
  checksum.value = {1, 2, 3, 4};
  body.attributes.checksums.push_back(checksum);
  const auto stored = run(client_->put(who(), "bucket", "key", body, {}));
  ASSERT_TRUE(stored) << stored.error().to_string();
  const auto head = run(client_->head("bucket", "key"));
  ASSERT_TRUE(head);
  EXPECT_EQ(head->key, "key");
  EXPECT_EQ(head->size, 5000U);
  EXPECT_EQ(head->version, stored->version);
  EXPECT_EQ(head->modified, stored->modified);
  EXPECT_EQ(head->attributes.etag, body.attributes.etag);
  EXPECT_EQ(head->attributes.headers, body.attributes.headers);
  EXPECT_EQ(head->attributes.metadata, body.attributes.metadata);
  ASSERT_EQ(head->attributes.checksums.size(), 1U);
  EXPECT_EQ(head->attributes.checksums[0].value, checksum.value);
}

TEST_F(Objects, AreReplacedAndRemoved) {
  const auto first = put("key", pattern(1, 300'000));
  const auto second = put("key", pattern(2, 100));
  ASSERT_TRUE(first && second);
  EXPECT_NE(first->version, second->version);
  EXPECT_TRUE(same(get("key"), pattern(2, 100).view()));
  EXPECT_EQ(remove("key"), Errc{});
  EXPECT_EQ(get("key").error().code(), Errc::no_such_object);
  EXPECT_EQ(run(client_->head("bucket", "key")).error().code(), Errc::no_such_object);
  EXPECT_EQ(remove("key"), Errc{});  // what is absent is removed already
}

TEST_F(Objects, StayAsTheyWereWhenAWriteFails) {
  ASSERT_TRUE(put("key", pattern(1, 10'000)));
  GivenBody body(pattern(2, 10'000));
  body.refusal = Errc::digest_mismatch;
  EXPECT_EQ(run(client_->put(who(), "bucket", "key", body, {})).error().code(),
            Errc::digest_mismatch);
  EXPECT_TRUE(same(get("key"), pattern(1, 10'000).view()));
  EXPECT_EQ(run(client_->put(who(), "nowhere", "key", body, {})).error().code(),
            Errc::no_such_bucket);
}

TEST_F(Objects, ObeyConditions) {
  Condition absent;
  absent.exists = false;
  Condition present;
  present.exists = true;
  EXPECT_EQ(put("key", pattern(1, 10), present).error().code(), Errc::no_such_object);
  const auto first = put("key", pattern(1, 10), absent);
  ASSERT_TRUE(first) << first.error().to_string();
  EXPECT_EQ(put("key", pattern(2, 10), absent).error().code(), Errc::precondition_failed);
  Condition match;
  match.if_match = first->attributes.etag;
  ASSERT_TRUE(put("key", pattern(3, 10), match));
  EXPECT_EQ(put("key", pattern(4, 10), match).error().code(), Errc::precondition_failed);
  EXPECT_EQ(put("other", pattern(4, 10), match).error().code(), Errc::no_such_object);
  EXPECT_EQ(remove("key", match), Errc::precondition_failed);
  match.if_match = etag_of(pattern(3, 10).view());
  EXPECT_EQ(remove("key", match), Errc{});
}

TEST_F(Objects, AreRemovedInBulkWithOneAnswerEach) {
  ASSERT_TRUE(put("a", pattern(1, 10)));
  ASSERT_TRUE(put("b", pattern(1, 10)));
  Keys keys = {"a", "nothing", ""};
  for (int i = 0; i < 300; ++i) keys.push_back("absent" + std::to_string(i));
  std::vector<RemovalItem> items;
  for (const std::string& key : keys) items.push_back({key, {}});
  const auto removed = run(client_->remove_many("bucket", items));
  ASSERT_TRUE(removed) << removed.error().to_string();
  ASSERT_EQ(removed->size(), keys.size());
  EXPECT_TRUE((*removed)[0]);
  EXPECT_TRUE((*removed)[1]);
  EXPECT_EQ(keys_of(list({})), Keys{"b"});
}

TEST_F(Objects, AreCopiedWithTheirBytesShared) {
  const Buffer whole = pattern(1, 300'000);
  const auto source = put("source", whole);
  ASSERT_TRUE(source);
  ASSERT_TRUE(put("small", pattern(2, 100)));
  CopyOptions options;
  options.source_version = source->version;
  options.attributes.emplace();
  options.attributes->metadata["colour"] = "red";
  const auto copied = run(client_->copy(who(), "bucket", "source", "bucket", "copy", options));
  ASSERT_TRUE(copied) << copied.error().to_string();
  EXPECT_EQ(copied->key, "copy");
  EXPECT_EQ(copied->attributes.etag, source->attributes.etag);
  EXPECT_EQ(copied->attributes.metadata.at("colour"), "red");
  EXPECT_EQ(record_of("copy").segments.at(0).id, record_of("source").segments.at(0).id);
  EXPECT_EQ(remove("source"), Errc{});
  EXPECT_TRUE(same(get("copy"), whole.view()));
  ASSERT_TRUE(run(client_->copy(who(), "bucket", "small", "bucket", "small2", {})));
  EXPECT_TRUE(same(get("small2"), pattern(2, 100).view()));
}

TEST_F(Objects, AreNotCopiedWhenTheSourceIsAnother) {
  const auto first = put("source", pattern(1, 10));
  ASSERT_TRUE(put("source", pattern(2, 10)));
  CopyOptions options;
  options.source_version = first->version;
  EXPECT_EQ(run(client_->copy(who(), "bucket", "source", "bucket", "copy", options)).error().code(),
            Errc::no_such_version);
  EXPECT_EQ(run(client_->copy(who(), "bucket", "none", "bucket", "copy", {})).error().code(),
            Errc::no_such_object);
}

TEST_F(Objects, AreListedWithPrefixesDelimitersAndPages) {
  for (const char* key : {"a", "b/1", "b/2", "b/c/3", "d", "e/4"}) {
    ASSERT_TRUE(put(key, pattern(1, 10)));
  }
  EXPECT_EQ(keys_of(list({})), (Keys{"a", "b/1", "b/2", "b/c/3", "d", "e/4"}));
  ListRequest request;
  request.delimiter = "/";
  const ListPage top = list(request);
  EXPECT_EQ(keys_of(top), (Keys{"a", "d"}));
  EXPECT_EQ(top.common_prefixes, (Keys{"b/", "e/"}));
  EXPECT_FALSE(top.truncated);
  EXPECT_EQ(top.entries[0].size, 10U);
  EXPECT_EQ(top.entries[0].etag, etag_of(pattern(1, 10).view()));
  request.prefix = "b/";
  const ListPage inner = list(request);
  EXPECT_EQ(keys_of(inner), (Keys{"b/1", "b/2"}));
  EXPECT_EQ(inner.common_prefixes, (Keys{"b/c/"}));
  request = {};
  request.delimiter = "/";
  request.max_keys = 1;
  Keys seen;
  for (bool more = true; more;) {
    const ListPage page = list(request);
    const Keys keys = keys_of(page);
    seen.insert(seen.end(), keys.begin(), keys.end());
    seen.insert(seen.end(), page.common_prefixes.begin(), page.common_prefixes.end());
    more = page.truncated;
    request.start_after = page.next_start_after;
  }
  EXPECT_EQ(seen, (Keys{"a", "b/", "d", "e/"}));
}

TEST_F(Objects, BelongToAccountsWithAccessKeys) {
  meta::CreateAccessKey command;
  command.access_key = "STRKEY";
  command.account = owner_;
  ASSERT_TRUE(run(mesh_->meta.execute(command)));
  const auto credential = run(client_->credential("STRKEY"));
  ASSERT_TRUE(credential) << credential.error().to_string();
  EXPECT_EQ(credential->account, owner_);
  EXPECT_EQ(credential->secret, mesh_->ring.s3_secret("STRKEY"));
  EXPECT_EQ(run(client_->credential("OTHER")).error().code(), Errc::no_such_access_key);
}

}  // namespace
}  // namespace stratos::client
