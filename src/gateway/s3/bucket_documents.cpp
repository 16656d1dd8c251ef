#include "gateway/s3/bucket_documents.hpp"

#include <algorithm>
#include <array>

#include "gateway/s3/xml_reader.hpp"
#include "gateway/s3/xml_writer.hpp"

namespace stratos::gateway::s3 {
namespace {

constexpr XmlLimits kLimits{.max_bytes = 64 << 10, .max_elements = 1000, .max_depth = 8};

auto malformed(std::string why = {}) { return fail(Errc::malformed_xml, std::move(why)); }

struct OwnershipName {
  ObjectOwnership ownership;
  std::string_view name;
};
constexpr std::array kOwnerships = {
    OwnershipName{ObjectOwnership::writer, "ObjectWriter"},
    OwnershipName{ObjectOwnership::bucket_owner_preferred, "BucketOwnerPreferred"},
    OwnershipName{ObjectOwnership::bucket_owner_enforced, "BucketOwnerEnforced"},
};

Result<bool> parse_flag(const std::string& text) {
  if (text == "true" || text == "TRUE") return true;
  if (text == "false" || text == "FALSE") return false;
  return malformed("a flag is neither true nor false");
}

// The only child of its name; a second one is malformed.
Result<XmlElement> only_child(const XmlElement& parent) {
  const XmlElement child = parent.first_child();
  if (!child.exists() || child.next_sibling().exists()) return malformed("not exactly one rule");
  return child;
}

Result<Grant> parse_grantee(const XmlElement& grantee, Permission permission) {
  if (grantee.child("EmailAddress").exists()) return fail(Errc::unresolvable_grant);
  Grant grant;
  grant.permission = permission;
  if (const XmlElement uri = grantee.child("URI"); uri.exists()) {
    const std::string text = uri.text();
    for (GranteeKind kind : {GranteeKind::all_users, GranteeKind::authenticated_users}) {
      grant.kind = kind;
      if (text == uri_of(kind)) return grant;
    }
    return fail(Errc::invalid_argument, "Invalid group uri");
  }
  const XmlElement id = grantee.child("ID");
  if (!id.exists()) return fail(Errc::malformed_acl);
  const auto account = parse_account(id.text());
  if (!account) return fail(Errc::invalid_argument, "Invalid id");
  grant.account = *account;
  return grant;
}

}  // namespace

Result<PublicAccessBlock> parse_public_access_block(ByteView text) {
  STRATOS_TRY(const XmlDocument document,
              XmlDocument::parse(text, "PublicAccessBlockConfiguration", kLimits));
  PublicAccessBlock block;
  for (XmlElement e = document.root().first_child(); e.exists(); e = e.next_sibling()) {
    STRATOS_TRY(const bool flag, parse_flag(e.text()));
    if (e.name() == "BlockPublicAcls") {
      block.block_public_acls = flag;
    } else if (e.name() == "IgnorePublicAcls") {
      block.ignore_public_acls = flag;
    } else if (e.name() == "BlockPublicPolicy") {
      block.block_public_policy = flag;
    } else if (e.name() == "RestrictPublicBuckets") {
      block.restrict_public_buckets = flag;
    } else {
      return malformed("unknown element");
    }
  }
  return block;
}

std::string public_access_block_document(const PublicAccessBlock& block) {
  XmlWriter xml;
  xml.open_root("PublicAccessBlockConfiguration");
  xml.element("BlockPublicAcls", block.block_public_acls);
  xml.element("IgnorePublicAcls", block.ignore_public_acls);
  xml.element("BlockPublicPolicy", block.block_public_policy);
  xml.element("RestrictPublicBuckets", block.restrict_public_buckets);
  xml.close("PublicAccessBlockConfiguration");
  return std::move(xml).take();
}

Result<ObjectOwnership> parse_ownership_name(std::string_view name) {
  const auto row = std::ranges::find(kOwnerships, name, &OwnershipName::name);
  if (row == kOwnerships.end()) return fail(Errc::invalid_argument, "Invalid ObjectOwnership");
  return row->ownership;
}

Result<ObjectOwnership> parse_ownership(ByteView text) {
  STRATOS_TRY(const XmlDocument document, XmlDocument::parse(text, "OwnershipControls", kLimits));
  STRATOS_TRY(const XmlElement rule, only_child(document.root()));
  const auto ownership = parse_ownership_name(rule.child("ObjectOwnership").text());
  if (rule.name() != "Rule" || !ownership) return malformed("no valid ObjectOwnership");
  return *ownership;
}

std::string ownership_document(ObjectOwnership ownership) {
  XmlWriter xml;
  xml.open_root("OwnershipControls").open("Rule");
  xml.element("ObjectOwnership",
              std::ranges::find(kOwnerships, ownership, &OwnershipName::ownership)->name);
  xml.close("Rule").close("OwnershipControls");
  return std::move(xml).take();
}

Result<DefaultEncryption> parse_encryption(ByteView text) {
  STRATOS_TRY(const XmlDocument document,
              XmlDocument::parse(text, "ServerSideEncryptionConfiguration", kLimits));
  STRATOS_TRY(const XmlElement rule, only_child(document.root()));
  const XmlElement by_default = rule.child("ApplyServerSideEncryptionByDefault");
  const std::string algorithm = by_default.child("SSEAlgorithm").text();
  if (rule.name() != "Rule" || algorithm.empty()) return malformed("no SSEAlgorithm");
  if (algorithm.starts_with("aws:kms")) {
    return fail(Errc::not_implemented, "Keys of a key service are not implemented");
  }
  if (algorithm != "AES256") return malformed("unknown SSEAlgorithm");
  if (by_default.child("KMSMasterKeyID").exists()) {
    return fail(Errc::invalid_argument,
                "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms");
  }
  DefaultEncryption encryption;
  if (const XmlElement key = rule.child("BucketKeyEnabled"); key.exists()) {
    STRATOS_TRY(encryption.bucket_key, parse_flag(key.text()));
  }
  return encryption;
}

std::string encryption_document(const DefaultEncryption& encryption) {
  XmlWriter xml;
  xml.open_root("ServerSideEncryptionConfiguration").open("Rule");
  xml.open("ApplyServerSideEncryptionByDefault").element("SSEAlgorithm", "AES256");
  xml.close("ApplyServerSideEncryptionByDefault");
  xml.element("BucketKeyEnabled", encryption.bucket_key);
  xml.close("Rule").close("ServerSideEncryptionConfiguration");
  return std::move(xml).take();
}

Result<AclDocument> parse_acl_document(ByteView text) {
  auto parsed = XmlDocument::parse(text, kLimits);
  if (!parsed || parsed->root().name() != "AccessControlPolicy") return fail(Errc::malformed_acl);
  const XmlElement root = parsed->root();
  AclDocument document;
  if (const XmlElement id = root.child("Owner").child("ID"); id.exists()) {
    const auto account = parse_account(id.text());
    if (!account) return fail(Errc::invalid_argument, "Invalid id");
    document.owner = *account;
  }
  const XmlElement list = root.child("AccessControlList");
  if (!list.exists()) return fail(Errc::malformed_acl);
  for (XmlElement e = list.first_child(); e.exists(); e = e.next_sibling()) {
    const auto permission = parse_permission(e.child("Permission").text());
    if (e.name() != "Grant" || !permission) return fail(Errc::malformed_acl);
    if (document.acl.grants.size() == kMaxGrants) return fail(Errc::malformed_acl);
    STRATOS_TRY(const Grant grant, parse_grantee(e.child("Grantee"), *permission));
    document.acl.grants.push_back(grant);
  }
  return document;
}

std::string acl_document(const Owner& owner, const Acl& acl, const std::vector<Owner>& names) {
  constexpr std::string_view kGrantee =
      "Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=";
  XmlWriter xml;
  xml.open_root("AccessControlPolicy");
  xml.open("Owner").element("ID", owner.id).element("DisplayName", owner.display_name);
  xml.close("Owner").open("AccessControlList");
  const auto write = [&](bool groups) {
    for (std::size_t i = 0; i < acl.grants.size(); ++i) {
      const Grant& grant = acl.grants[i];
      if ((grant.kind != GranteeKind::account) != groups) continue;
      xml.open("Grant");
      xml.open(std::string(kGrantee) + (groups ? "\"Group\"" : "\"CanonicalUser\""));
      if (groups) {
        xml.element("URI", uri_of(grant.kind));
      } else {
        xml.element("ID", names[i].id).element("DisplayName", names[i].display_name);
      }
      xml.close("Grantee").element("Permission", name_of(grant.permission)).close("Grant");
    }
  };
  write(true);
  write(false);
  xml.close("AccessControlList").close("AccessControlPolicy");
  return std::move(xml).take();
}

std::string policy_status_document(bool is_public) {
  XmlWriter xml;
  xml.open_root("PolicyStatus").element("IsPublic", is_public).close("PolicyStatus");
  return std::move(xml).take();
}

std::string unset_config_document(std::string_view root, std::string_view payer) {
  XmlWriter xml;
  xml.open_root(root);
  if (!payer.empty()) xml.element("Payer", payer);
  xml.close(root);
  return std::move(xml).take();
}

}  // namespace stratos::gateway::s3
