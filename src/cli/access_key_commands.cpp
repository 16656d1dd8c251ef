// stratos keys list|create|rotate|delete: an account's access keys.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/admin_session.hpp"
#include "cli/commands.hpp"
#include "cli/key_ring_files.hpp"

namespace stratos::cli {
namespace {

// What every command needs: the account that was chosen, and the mesh that runs.
struct Desk {
  std::vector<MeshAccount> accounts;
  MeshAccount* account = nullptr;
  AccountId id;
  std::unique_ptr<AdminSession> admin;
};

Result<std::unique_ptr<Desk>> open_desk(const Session& session) {
  MeshFolder folder = session.folder();
  auto desk = std::make_unique<Desk>();
  STRATOS_TRY(desk->accounts, folder.accounts());
  const auto found = std::ranges::find_if(desk->accounts, [&session](const MeshAccount& account) {
    return session.account.empty() || account.name == session.account;
  });
  if (found == desk->accounts.end()) return fail(Errc::not_found, "account " + session.account);
  desk->account = &*found;
  STRATOS_TRY(desk->id, crypto::parse_address(found->address));
  STRATOS_TRY(desk->admin, AdminSession::open(folder));
  return desk;
}

Result<std::vector<std::string>> keys_of(Desk& desk) {
  std::vector<std::string> keys;
  meta::ListAccessKeys query;
  query.account = desk.id;
  do {
    STRATOS_TRY(const meta::ListAccessKeys::Reply page, desk.admin->query(query));
    keys.insert(keys.end(), page.access_keys.begin(), page.access_keys.end());
    query.after = page.next;
  } while (!query.after.empty());
  return keys;
}

Result<void> list(const Session& session) {
  STRATOS_TRY(const auto desk, open_desk(session));
  STRATOS_TRY(const std::vector<std::string> keys, keys_of(*desk));
  nlohmann::json rows = nlohmann::json::array();
  for (const std::string& key : keys) {
    const bool is_own = key == desk->account->access_key;
    rows.push_back({{"access_key", key}, {"in_credentials", is_own}});
    if (!session.output.json) print_line(key + (is_own ? "  in credentials.json" : ""));
  }
  if (session.output.json) print_json(rows);
  return {};
}

// A new key of the account; its secret follows from the gateways' key ring.
Result<void> add_key(const Session& session, Desk& desk, std::string& key, std::string& secret) {
  STRATOS_TRY(const client::KeyRing ring,
              KeyRingFiles(io::real_file_system(), session.dir + "/gateway").open());
  SystemRandom random;
  key = access_key_of(random.draw_id<AccountId>());
  secret = ring.s3_secret(key);
  meta::CreateAccessKey command;
  command.access_key = key;
  command.account = desk.id;
  STRATOS_TRY([[maybe_unused]] const meta::Nothing done, desk.admin->execute(command));
  return {};
}

void print_key(const Session& session, const std::string& key, const std::string& secret) {
  if (session.output.json) {
    print_json({{"access_key", key}, {"secret_key", secret}});
  } else {
    print_line("access key  " + key);
    print_line("secret key  " + secret);
  }
}

Result<void> create(const Session& session) {
  STRATOS_TRY(const auto desk, open_desk(session));
  std::string key;
  std::string secret;
  STRATOS_CHECK(add_key(session, *desk, key, secret));
  print_key(session, key, secret);
  return {};
}

Result<void> rotate(const Session& session) {
  STRATOS_TRY(const auto desk, open_desk(session));
  const std::string old = desk->account->access_key;
  STRATOS_CHECK(add_key(session, *desk, desk->account->access_key, desk->account->secret_key));
  STRATOS_CHECK(session.folder().store_accounts(desk->accounts));
  print_key(session, desk->account->access_key, desk->account->secret_key);
  if (!session.output.json) {
    print_line("credentials.json names it now; " + old + " works until: stratos keys delete " +
               old);
  }
  return {};
}

Result<void> remove(const Session& session, const std::string& key) {
  STRATOS_TRY(const auto desk, open_desk(session));
  if (key == desk->account->access_key) {
    return fail(Errc::precondition_failed,
                key + " is in credentials.json; take another first: stratos keys rotate");
  }
  meta::DeleteAccessKey command;
  command.access_key = key;
  command.account = desk->id;
  STRATOS_TRY([[maybe_unused]] const meta::Nothing done, desk->admin->execute(command));
  if (session.output.json) {
    print_json({{"deleted", key}});
  } else {
    print_line(key + " is no key any more; gateways notice within seconds");
  }
  return {};
}

}  // namespace

void add_access_key_commands(CLI::App& app, Session& session) {
  CLI::App& keys = *app.add_subcommand("keys", "Access keys of an account")->require_subcommand(1);
  keys.fallthrough();
  CLI::App& show = *keys.add_subcommand("list", "All access keys of the account");
  on_chosen(show, session, [&session] { return list(session); });
  CLI::App& add = *keys.add_subcommand("create", "One more access key");
  on_chosen(add, session, [&session] { return create(session); });
  CLI::App& change = *keys.add_subcommand("rotate", "A new access key in credentials.json");
  on_chosen(change, session, [&session] { return rotate(session); });
  CLI::App& drop = *keys.add_subcommand("delete", "End an access key");
  auto key = std::make_shared<std::string>();
  drop.add_option("access-key", *key)->required();
  on_chosen(drop, session, [&session, key] { return remove(session, *key); });
}

}  // namespace stratos::cli
