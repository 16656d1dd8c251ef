#include "gateway/s3/acl.hpp"

#include <gtest/gtest.h>

namespace stratos::gateway::s3 {
namespace {

AccountId account(std::uint8_t n) {
  AccountId id;
  id.value[19] = n;
  return id;
}
const AccountId kOwner = account(1);
const AccountId kBucketOwner = account(2);
const AccountId kStranger = account(3);

Result<std::optional<Acl>> from_headers(std::vector<std::pair<std::string, std::string>> fields) {
  http::Headers headers;
  for (auto& [name, value] : fields) headers.add(name, value);
  return parse_acl_headers(headers, kOwner, kBucketOwner);
}

TEST(Acls, CannedListsGiveWhatTheirNamesSay) {
  struct Case {
    std::string name;
    bool anybody_reads, anybody_writes, account_reads, bucket_owner_reads, bucket_owner_writes;
  };
  const std::vector<Case> cases = {
      {"private", false, false, false, false, false},
      {"public-read", true, false, true, true, false},
      {"public-read-write", true, true, true, true, true},
      {"authenticated-read", false, false, true, true, false},
      {"bucket-owner-read", false, false, false, true, false},
      {"bucket-owner-full-control", false, false, false, true, true},
  };
  for (const Case& c : cases) {
    const Acl acl = canned_acl(c.name, kOwner, kBucketOwner).value();
    EXPECT_EQ(allows(acl, Permission::read, std::nullopt, true), c.anybody_reads) << c.name;
    EXPECT_EQ(allows(acl, Permission::write, std::nullopt, true), c.anybody_writes) << c.name;
    EXPECT_EQ(allows(acl, Permission::read, kStranger, true), c.account_reads) << c.name;
    EXPECT_EQ(allows(acl, Permission::read, kBucketOwner, true), c.bucket_owner_reads) << c.name;
    EXPECT_EQ(allows(acl, Permission::write, kBucketOwner, true), c.bucket_owner_writes) << c.name;
    EXPECT_TRUE(allows(acl, Permission::full_control, kOwner, true)) << c.name;
    EXPECT_EQ(is_public(acl), c.anybody_reads || (c.account_reads && !c.anybody_reads)) << c.name;
  }
  EXPECT_EQ(canned_acl("public", kOwner, kBucketOwner).error().code(), Errc::invalid_argument);
}

TEST(Acls, GroupsCountOnlyWhereTheyAreAskedFor) {
  const Acl acl = canned_acl("public-read-write", kOwner, kOwner).value();
  EXPECT_FALSE(allows(acl, Permission::read, std::nullopt, false));
  EXPECT_FALSE(allows(acl, Permission::write, kStranger, false));
  EXPECT_TRUE(allows(acl, Permission::write, kOwner, false));
}

TEST(Acls, OnePermissionIsNotAnother) {
  const Acl acl{{{GranteeKind::account, kStranger, Permission::read_acp}}};
  EXPECT_TRUE(allows(acl, Permission::read_acp, kStranger, true));
  for (Permission other : {Permission::read, Permission::write, Permission::write_acp}) {
    EXPECT_FALSE(allows(acl, other, kStranger, true));
  }
  EXPECT_FALSE(allows(acl, Permission::read_acp, kOwner, true));
}

TEST(Acls, HeadersGrantToAccountsAndGroups) {
  const auto acl = from_headers(
      {{"x-amz-grant-read", "id=\"" + account_text(kStranger) + "\", id=" + kBucketOwner.hex()},
       {"x-amz-grant-write-acp", "uri=\"http://acs.amazonaws.com/groups/global/AllUsers\""}});
  ASSERT_TRUE(acl) << acl.error().to_string();
  const Acl wanted{{{GranteeKind::account, kStranger, Permission::read},
                    {GranteeKind::account, kBucketOwner, Permission::read},
                    {GranteeKind::all_users, {}, Permission::write_acp}}};
  EXPECT_EQ(acl->value(), wanted);
  EXPECT_FALSE(from_headers({}).value().has_value());
  EXPECT_EQ(from_headers({{"x-amz-acl", "private"}}).value().value(), private_acl(kOwner));
}

TEST(Acls, HeadersThatCannotBeObeyedAreRefused) {
  const std::string id = "id=" + kStranger.hex();
  EXPECT_EQ(from_headers({{"x-amz-acl", "private"}, {"x-amz-grant-read", id}}).error().code(),
            Errc::invalid_request);
  for (std::string bad : {"id=_foo", "id=", "nobody", "uri=http://example.com", "name=x"}) {
    EXPECT_EQ(from_headers({{"x-amz-grant-read", bad}}).error().code(), Errc::invalid_argument)
        << bad;
  }
  EXPECT_EQ(from_headers({{"x-amz-grant-read", "emailAddress=a@b.c"}}).error().code(),
            Errc::unresolvable_grant);
  std::string many = id;
  for (std::size_t i = 0; i < kMaxGrants; ++i) many += "," + id;
  EXPECT_EQ(from_headers({{"x-amz-grant-read", many}}).error().code(), Errc::invalid_argument);
}

TEST(Acls, AreStoredAndReadBack) {
  EXPECT_TRUE(encode_acl(private_acl(kOwner), kOwner).empty());
  EXPECT_EQ(decode_acl({}, kOwner).value(), private_acl(kOwner));
  for (const Acl& acl :
       {canned_acl("public-read", kOwner, kOwner).value(), Acl{}, private_acl(kStranger)}) {
    const Bytes stored = encode_acl(acl, kOwner);
    EXPECT_FALSE(stored.empty());
    EXPECT_EQ(decode_acl(stored, kOwner).value(), acl);
  }
  const Acl strange{{{static_cast<GranteeKind>(9), kOwner, Permission::read}}};
  EXPECT_EQ(decode_acl(codec::encode(strange), kOwner).error().code(), Errc::bad_encoding);
  EXPECT_FALSE(decode_acl(to_bytes(as_bytes("rubbish")), kOwner));
}

TEST(Acls, PermissionsHaveTheNamesOfS3) {
  for (std::string_view name : {"READ", "WRITE", "READ_ACP", "WRITE_ACP", "FULL_CONTROL"}) {
    EXPECT_EQ(name_of(parse_permission(name).value()), name);
  }
  EXPECT_FALSE(parse_permission("read"));
}

}  // namespace
}  // namespace stratos::gateway::s3
