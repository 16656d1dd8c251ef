// The small configuration documents of a bucket: read, checked, and written in one form.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "gateway/s3/acl.hpp"
#include "gateway/s3/s3_xml.hpp"

namespace stratos::gateway::s3 {

struct PublicAccessBlock {
  bool block_public_acls = false;
  bool ignore_public_acls = false;
  bool block_public_policy = false;
  bool restrict_public_buckets = false;
};
Result<PublicAccessBlock> parse_public_access_block(ByteView text);
std::string public_access_block_document(const PublicAccessBlock& block);

// Whose the objects are that others write into a bucket.
enum class ObjectOwnership : std::uint8_t { writer, bucket_owner_preferred, bucket_owner_enforced };
Result<ObjectOwnership> parse_ownership_name(std::string_view name);
Result<ObjectOwnership> parse_ownership(ByteView text);
std::string ownership_document(ObjectOwnership ownership);

// Only AES256 is kept; Errc::not_implemented for keys of a key service.
struct DefaultEncryption {
  bool bucket_key = false;
};
Result<DefaultEncryption> parse_encryption(ByteView text);
std::string encryption_document(const DefaultEncryption& encryption);

// AccessControlPolicy. Errc::malformed_acl, Errc::invalid_argument, Errc::unresolvable_grant.
struct AclDocument {
  AccountId owner;  // zero: not named
  Acl acl;
};
Result<AclDocument> parse_acl_document(ByteView text);
// `names` are those of the grants' accounts, in order; empty for groups.
std::string acl_document(const Owner& owner, const Acl& acl, const std::vector<Owner>& names);

std::string policy_status_document(bool is_public);
// The empty document of a feature that was never set up; with `payer`, who pays.
std::string unset_config_document(std::string_view root, std::string_view payer);

}  // namespace stratos::gateway::s3
