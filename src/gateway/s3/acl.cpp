#include "gateway/s3/acl.hpp"

#include <algorithm>
#include <array>

#include "crypto/keys.hpp"

namespace stratos::gateway::s3 {
namespace {

struct PermissionName {
  Permission permission;
  std::string_view name;
  std::string_view header;
};
constexpr std::array kPermissions = {
    PermissionName{Permission::read, "READ", "x-amz-grant-read"},
    PermissionName{Permission::write, "WRITE", "x-amz-grant-write"},
    PermissionName{Permission::read_acp, "READ_ACP", "x-amz-grant-read-acp"},
    PermissionName{Permission::write_acp, "WRITE_ACP", "x-amz-grant-write-acp"},
    PermissionName{Permission::full_control, "FULL_CONTROL", "x-amz-grant-full-control"},
};

constexpr std::string_view kAllUsers = "http://acs.amazonaws.com/groups/global/AllUsers";
constexpr std::string_view kAuthenticatedUsers =
    "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";

Grant group_grant(GranteeKind kind, Permission permission) { return {kind, {}, permission}; }
Grant account_grant(const AccountId& account, Permission permission) {
  return {GranteeKind::account, account, permission};
}

std::string_view trim(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

// One of id="…", uri="…", emailAddress="…".
Result<Grant> parse_header_grantee(std::string_view item, Permission permission) {
  const std::size_t equals = item.find('=');
  if (equals == item.npos) return fail(Errc::invalid_argument, "Argument format not recognized");
  const std::string_view type = trim(item.substr(0, equals));
  std::string_view value = trim(item.substr(equals + 1));
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
    value = value.substr(1, value.size() - 2);
  }
  if (type == "id") {
    const auto account = parse_account(value);
    if (!account) return fail(Errc::invalid_argument, "Invalid id");
    return account_grant(*account, permission);
  }
  if (type == "uri") {
    for (GranteeKind kind : {GranteeKind::all_users, GranteeKind::authenticated_users}) {
      if (value == uri_of(kind)) return group_grant(kind, permission);
    }
    return fail(Errc::invalid_argument, "Invalid group uri");
  }
  if (http::equal_ignoring_case(type, "emailAddress")) return fail(Errc::unresolvable_grant);
  return fail(Errc::invalid_argument, "Argument format not recognized");
}

Result<void> parse_grant_header(std::string_view list, Permission permission, Acl& acl) {
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    const std::string_view item = trim(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
    if (item.empty()) continue;
    if (acl.grants.size() == kMaxGrants) return fail(Errc::invalid_argument, "Too many grants");
    STRATOS_TRY(Grant grant, parse_header_grantee(item, permission));
    acl.grants.push_back(grant);
  }
  return {};
}

bool is_grantee(const Grant& grant, const std::optional<AccountId>& who, bool with_groups) {
  switch (grant.kind) {
    case GranteeKind::account:
      return who == grant.account;
    case GranteeKind::all_users:
      return with_groups;
    case GranteeKind::authenticated_users:
      return with_groups && who.has_value();
  }
  return false;
}

bool is_well_formed(const Grant& grant) {
  const auto bits = static_cast<unsigned>(grant.permission);
  const auto kind = static_cast<unsigned>(grant.kind);
  return bits >= 1 && bits <= 15 && kind >= 1 && kind <= 3;
}

}  // namespace

std::string_view name_of(Permission permission) {
  const auto row = std::ranges::find(kPermissions, permission, &PermissionName::permission);
  return row == kPermissions.end() ? std::string_view() : row->name;
}

std::optional<Permission> parse_permission(std::string_view name) {
  const auto row = std::ranges::find(kPermissions, name, &PermissionName::name);
  if (row == kPermissions.end()) return std::nullopt;
  return row->permission;
}

std::string_view uri_of(GranteeKind kind) {
  return kind == GranteeKind::all_users ? kAllUsers : kAuthenticatedUsers;
}

Acl private_acl(const AccountId& owner) {
  return {{account_grant(owner, Permission::full_control)}};
}

Bytes encode_acl(const Acl& acl, const AccountId& owner) {
  return acl == private_acl(owner) ? Bytes{} : codec::encode(acl);
}

Result<Acl> decode_acl(ByteView stored, const AccountId& owner) {
  if (stored.empty()) return private_acl(owner);
  STRATOS_TRY(Acl acl, codec::decode<Acl>(stored));
  const bool sound =
      acl.grants.size() <= kMaxGrants && std::ranges::all_of(acl.grants, is_well_formed);
  if (!sound) return fail(Errc::bad_encoding, "access control list");
  return acl;
}

Result<Acl> canned_acl(std::string_view name, const AccountId& owner,
                       const AccountId& bucket_owner) {
  const auto with = [&owner](std::vector<Grant> others) {
    Acl acl{std::move(others)};
    acl.grants.push_back(account_grant(owner, Permission::full_control));
    return acl;
  };
  const auto for_bucket_owner = [&](Permission permission) {
    Acl acl = private_acl(owner);
    if (owner != bucket_owner) acl.grants.push_back(account_grant(bucket_owner, permission));
    return acl;
  };
  if (name == "private") return private_acl(owner);
  if (name == "public-read") return with({group_grant(GranteeKind::all_users, Permission::read)});
  if (name == "public-read-write") {
    return with({group_grant(GranteeKind::all_users, Permission::read),
                 group_grant(GranteeKind::all_users, Permission::write)});
  }
  if (name == "authenticated-read") {
    return with({group_grant(GranteeKind::authenticated_users, Permission::read)});
  }
  if (name == "bucket-owner-read") return for_bucket_owner(Permission::read);
  if (name == "bucket-owner-full-control") return for_bucket_owner(Permission::full_control);
  return fail(Errc::invalid_argument, "Unknown canned ACL");
}

Result<std::optional<Acl>> parse_acl_headers(const http::Headers& headers, const AccountId& owner,
                                             const AccountId& bucket_owner) {
  std::optional<Acl> granted;
  for (const PermissionName& row : kPermissions) {
    const auto list = headers.get(row.header);
    if (!list) continue;
    if (!granted) granted.emplace();
    STRATOS_CHECK(parse_grant_header(*list, row.permission, *granted));
  }
  const auto canned = headers.get("x-amz-acl");
  if (!canned) return granted;
  if (granted) {
    return fail(Errc::invalid_request,
                "Specifying both Canned ACLs and Header Grants is not allowed");
  }
  STRATOS_TRY(granted, canned_acl(*canned, owner, bucket_owner));
  return granted;
}

bool allows(const Acl& acl, Permission wanted, const std::optional<AccountId>& who,
            bool with_groups) {
  const auto bits = static_cast<unsigned>(wanted);
  return std::ranges::any_of(acl.grants, [&](const Grant& grant) {
    return (static_cast<unsigned>(grant.permission) & bits) == bits &&
           is_grantee(grant, who, with_groups);
  });
}

bool is_public(const Acl& acl) {
  return std::ranges::any_of(acl.grants,
                             [](const Grant& grant) { return grant.kind != GranteeKind::account; });
}

std::optional<AccountId> parse_account(std::string_view text) {
  if (text.starts_with("0x")) text.remove_prefix(2);
  const auto account = AccountId::from_hex_text(text);
  if (!account) return std::nullopt;
  return *account;
}

std::string account_text(const AccountId& account) { return crypto::to_checksum_address(account); }

}  // namespace stratos::gateway::s3
