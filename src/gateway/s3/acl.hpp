// Access control lists of buckets and objects: who may read, write, and see or change the list.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/record.hpp"
#include "net/http.hpp"

namespace stratos::gateway::s3 {

// Bits: what one grant gives.
enum class Permission : std::uint8_t {
  read = 1,
  write = 2,
  read_acp = 4,
  write_acp = 8,
  full_control = 15,
};
std::string_view name_of(Permission permission);  // FULL_CONTROL
std::optional<Permission> parse_permission(std::string_view name);

enum class GranteeKind : std::uint8_t { account = 1, all_users = 2, authenticated_users = 3 };
std::string_view uri_of(GranteeKind kind);

struct Grant {
  GranteeKind kind = GranteeKind::account;
  AccountId account;  // of GranteeKind::account
  Permission permission = Permission::full_control;
  friend bool operator==(const Grant&, const Grant&) = default;
  static void fields(auto& self, auto&& field) {
    field(1, self.kind);
    field(2, self.account);
    field(3, self.permission);
  }
};

constexpr std::size_t kMaxGrants = 100;
struct Acl {
  static constexpr std::uint8_t kFormat = 1;
  std::vector<Grant> grants;
  friend bool operator==(const Acl&, const Acl&) = default;
  static void fields(auto& self, auto&& field) { field(1, self.grants); }
};

// Full control for the owner, nothing for anybody else.
Acl private_acl(const AccountId& owner);
// The stored form; the private list of `owner` is empty bytes.
Bytes encode_acl(const Acl& acl, const AccountId& owner);
// Errc::bad_encoding.
Result<Acl> decode_acl(ByteView stored, const AccountId& owner);

// Of one of S3's canned lists. Errc::invalid_argument for an unknown name.
Result<Acl> canned_acl(std::string_view name, const AccountId& owner,
                       const AccountId& bucket_owner);

// What x-amz-acl and x-amz-grant-* ask for; nullopt without any. Errc::invalid_request for both,
// Errc::invalid_argument, Errc::unresolvable_grant for grantees named by email.
Result<std::optional<Acl>> parse_acl_headers(const http::Headers& headers, const AccountId& owner,
                                             const AccountId& bucket_owner);

// `who` nullopt: anonymous. Groups count only with `with_groups`.
bool allows(const Acl& acl, Permission wanted, const std::optional<AccountId>& who,
            bool with_groups);
// Whether everybody, or every account, is granted anything.
bool is_public(const Acl& acl);

// "0x" and 40 hex digits, or without the prefix; nullopt for anything else.
std::optional<AccountId> parse_account(std::string_view text);
std::string account_text(const AccountId& account);

}  // namespace stratos::gateway::s3
