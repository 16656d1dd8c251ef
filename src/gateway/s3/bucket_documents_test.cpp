#include "gateway/s3/bucket_documents.hpp"

#include <gtest/gtest.h>

namespace stratos::gateway::s3 {
namespace {

AccountId account(std::uint8_t n) {
  AccountId id;
  id.value[19] = n;
  return id;
}

template <class Parsed>
Errc error_of(const Parsed& parsed) {
  return parsed ? Errc{} : parsed.error().code();
}

TEST(PublicAccessBlocks, SurviveARoundTrip) {
  const std::string text =
      "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls>"
      "<RestrictPublicBuckets>TRUE</RestrictPublicBuckets></PublicAccessBlockConfiguration>";
  const auto block = parse_public_access_block(as_bytes(text)).value();
  EXPECT_TRUE(block.block_public_acls);
  EXPECT_FALSE(block.ignore_public_acls);
  EXPECT_FALSE(block.block_public_policy);
  EXPECT_TRUE(block.restrict_public_buckets);
  const std::string document = public_access_block_document(block);
  EXPECT_TRUE(parse_public_access_block(as_bytes(document))->restrict_public_buckets);
  for (std::string_view bad :
       {"", "<Other/>",
        "<PublicAccessBlockConfiguration><BlockAll>true</BlockAll>"
        "</PublicAccessBlockConfiguration>",
        "<PublicAccessBlockConfiguration><BlockPublicAcls>1</BlockPublicAcls>"
        "</PublicAccessBlockConfiguration>"}) {
    EXPECT_EQ(error_of(parse_public_access_block(as_bytes(bad))), Errc::malformed_xml) << bad;
  }
}

TEST(OwnershipControls, HoldOneRule) {
  for (ObjectOwnership ownership :
       {ObjectOwnership::writer, ObjectOwnership::bucket_owner_preferred,
        ObjectOwnership::bucket_owner_enforced}) {
    const std::string document = ownership_document(ownership);
    EXPECT_EQ(parse_ownership(as_bytes(document)).value(), ownership);
  }
  const std::string rule = "<Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule>";
  for (const std::string& bad :
       {"<OwnershipControls/>", "<OwnershipControls><Rule/></OwnershipControls>",
        "<OwnershipControls><Rule><ObjectOwnership>Mine</ObjectOwnership></Rule>"
        "</OwnershipControls>"}) {
    EXPECT_EQ(error_of(parse_ownership(as_bytes(bad))), Errc::malformed_xml) << bad;
  }
  const std::string two = "<OwnershipControls>" + rule + rule + "</OwnershipControls>";
  EXPECT_EQ(error_of(parse_ownership(as_bytes(two))), Errc::malformed_xml);
  EXPECT_EQ(error_of(parse_ownership_name("mine")), Errc::invalid_argument);
}

std::string encryption(const std::string& inner) {
  return "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>" + inner +
         "</ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>";
}

TEST(DefaultEncryptions, KeepOnlyWhatIsDone) {
  const auto taken = parse_encryption(as_bytes(encryption("<SSEAlgorithm>AES256</SSEAlgorithm>")));
  ASSERT_TRUE(taken);
  EXPECT_TRUE(parse_encryption(as_bytes(encryption_document(*taken))));
  EXPECT_EQ(
      error_of(parse_encryption(as_bytes(encryption("<SSEAlgorithm>aws:kms</SSEAlgorithm>")))),
      Errc::not_implemented);
  EXPECT_EQ(error_of(parse_encryption(as_bytes(encryption("<SSEAlgorithm>ROT13</SSEAlgorithm>")))),
            Errc::malformed_xml);
  EXPECT_EQ(error_of(parse_encryption(as_bytes(encryption("")))), Errc::malformed_xml);
  EXPECT_EQ(error_of(parse_encryption(as_bytes(encryption(
                "<SSEAlgorithm>AES256</SSEAlgorithm><KMSMasterKeyID>k</KMSMasterKeyID>")))),
            Errc::invalid_argument);
}

std::string acl_text(const std::string& grants, const std::string& owner = "") {
  return "<AccessControlPolicy>" + owner + "<AccessControlList>" + grants +
         "</AccessControlList></AccessControlPolicy>";
}
std::string grant_text(const std::string& grantee, const std::string& permission) {
  return "<Grant><Grantee>" + grantee + "</Grantee><Permission>" + permission +
         "</Permission></Grant>";
}

TEST(AclDocuments, NameAccountsAndGroups) {
  const std::string id = "<ID>" + account_text(account(3)) + "</ID>";
  const std::string group = "<URI>" + std::string(uri_of(GranteeKind::all_users)) + "</URI>";
  const auto document = parse_acl_document(as_bytes(
      acl_text(grant_text(id, "READ") + grant_text(group, "WRITE"), "<Owner>" + id + "</Owner>")));
  ASSERT_TRUE(document) << document.error().to_string();
  EXPECT_EQ(document->owner, account(3));
  const Acl wanted{{{GranteeKind::account, account(3), Permission::read},
                    {GranteeKind::all_users, {}, Permission::write}}};
  EXPECT_EQ(document->acl, wanted);
  EXPECT_TRUE(parse_acl_document(as_bytes(acl_text("")))->acl.grants.empty());
}

TEST(AclDocuments, AreWrittenWithGroupsFirst) {
  const Acl acl{{{GranteeKind::account, account(3), Permission::full_control},
                 {GranteeKind::authenticated_users, {}, Permission::read}}};
  const std::string text =
      acl_document({"0x03", "carol"}, acl, {{account_text(account(3)), "carol"}, {}});
  EXPECT_LT(text.find("AuthenticatedUsers"), text.find("FULL_CONTROL"));
  EXPECT_NE(text.find("xsi:type=\"CanonicalUser\""), text.npos);
  EXPECT_EQ(error_of(parse_acl_document(as_bytes(text))), Errc::invalid_argument)
      << "the owner's id is none";
}

TEST(AclDocuments, RefuseWhatTheyCannotResolve) {
  const std::string id = "<ID>" + account_text(account(3)) + "</ID>";
  EXPECT_EQ(error_of(parse_acl_document(as_bytes(acl_text(grant_text("<ID>_foo</ID>", "READ"))))),
            Errc::invalid_argument);
  EXPECT_EQ(error_of(parse_acl_document(
                as_bytes(acl_text(grant_text("<EmailAddress>a@b.c</EmailAddress>", "READ"))))),
            Errc::unresolvable_grant);
  EXPECT_EQ(
      error_of(parse_acl_document(as_bytes(acl_text(grant_text("<URI>http://x</URI>", "READ"))))),
      Errc::invalid_argument);
  for (const std::string& bad :
       {std::string("no xml"), std::string("<Other/>"), std::string("<AccessControlPolicy/>"),
        acl_text(grant_text(id, "EVERYTHING")), acl_text(grant_text("", "READ")),
        acl_text("<Other/>")}) {
    EXPECT_EQ(error_of(parse_acl_document(as_bytes(bad))), Errc::malformed_acl) << bad;
  }
  std::string many;
  for (std::size_t i = 0; i <= kMaxGrants; ++i) many += grant_text(id, "READ");
  EXPECT_EQ(error_of(parse_acl_document(as_bytes(acl_text(many)))), Errc::malformed_acl);
}

}  // namespace
}  // namespace stratos::gateway::s3
