// stratos accounts list|credit: the accounts of a mesh and their prepaid ozone.
#include <nlohmann/json.hpp>

#include "cli/admin_session.hpp"
#include "cli/commands.hpp"
#include "meta/payment.hpp"

namespace stratos::cli {
namespace {

using nlohmann::json;

Result<void> list(const Session& session) {
  MeshFolder folder = session.folder();
  STRATOS_TRY(const std::vector<MeshAccount> accounts, folder.accounts());
  STRATOS_TRY(const auto admin, AdminSession::open(folder));
  json rows = json::array();
  for (const MeshAccount& account : accounts) {
    meta::GetAccount query;
    STRATOS_TRY(query.account, crypto::parse_address(account.address));
    STRATOS_TRY(const meta::AccountRecord record, admin->query(query));
    rows.push_back({{"name", account.name},
                    {"address", account.address},
                    {"buckets", record.buckets},
                    {"ozone_noz", record.ozone_noz}});
    if (session.output.json) continue;
    print_line(account.name + "  " + account.address + "  " + std::to_string(record.buckets) +
               " buckets  " + std::to_string(record.ozone_noz) + " noz");
  }
  if (session.output.json) print_json(rows);
  return {};
}

// By name, or by address.
Result<AccountId> find_account(const MeshFolder& folder, const std::string& name) {
  STRATOS_TRY(const std::vector<MeshAccount> accounts, folder.accounts());
  for (const MeshAccount& account : accounts) {
    if (account.name == name) return crypto::parse_address(account.address);
  }
  return crypto::parse_address(name);
}

Result<void> credit(const Session& session, const std::string& name, std::uint64_t noz) {
  MeshFolder folder = session.folder();
  meta::CreditAccount command;
  STRATOS_TRY(command.account, find_account(folder, name));
  command.noz = noz;
  STRATOS_TRY(const auto admin, AdminSession::open(folder));
  STRATOS_TRY(const meta::CreditAccount::Reply reply, admin->execute(command));
  if (session.output.json) {
    print_json({{"account", name}, {"ozone_noz", reply.ozone_noz}});
  } else {
    print_line(name + " has " + std::to_string(reply.ozone_noz) + " noz");
  }
  return {};
}

}  // namespace

void add_account_commands(CLI::App& app, Session& session) {
  CLI::App& accounts =
      *app.add_subcommand("accounts", "Accounts and their prepaid ozone")->require_subcommand(1);
  accounts.fallthrough();
  CLI::App& listed = *accounts.add_subcommand("list", "All accounts of the mesh");
  on_chosen(listed, session, [&session] { return list(session); });
  CLI::App& credited = *accounts.add_subcommand("credit", "Add to an account's ozone");
  auto name = std::make_shared<std::string>();
  auto noz = std::make_shared<std::uint64_t>(0);
  credited.add_option("account", *name, "Name or address")->required();
  credited.add_option("noz", *noz)->required();
  on_chosen(credited, session, [&session, name, noz] { return credit(session, *name, *noz); });
}

}  // namespace stratos::cli
