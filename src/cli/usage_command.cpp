// stratos usage, stratos usage report EPOCH: traffic by bucket, and what was settled of it.
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/admin_session.hpp"
#include "cli/commands.hpp"
#include "cli/usage_rows.hpp"

namespace stratos::cli {
namespace {

using nlohmann::json;
using BucketNames = std::map<BucketId, std::string>;

struct Arguments {
  std::optional<std::uint64_t> epoch;
  std::uint64_t report_epoch = 0;
};

std::string name_of(const AccountId& account) {
  return account == meta::kNetworkAccount ? "network" : crypto::to_checksum_address(account);
}

std::string_view name_of(meta::Action action) {
  constexpr std::array<std::string_view, 5> kNames = {"", "put", "get", "audit", "repair"};
  return kNames.at(static_cast<std::size_t>(action));
}

std::string_view name_of(UsageKind kind) {
  constexpr std::array<std::string_view, 3> kNames = {"bucket", "unsplit", "undelivered"};
  return kNames.at(static_cast<std::size_t>(kind));
}

Result<BucketNames> bucket_names(AdminSession& admin, MeshFolder& folder) {
  BucketNames names;
  STRATOS_TRY(const std::vector<MeshAccount> accounts, folder.accounts());
  for (const MeshAccount& account : accounts) {
    meta::ListBuckets query;
    STRATOS_TRY(query.owner, crypto::parse_address(account.address));
    STRATOS_TRY(const meta::ListBuckets::Reply reply, admin.query(query));
    for (const meta::BucketRecord& bucket : reply.buckets) names[bucket.id] = bucket.name;
  }
  return names;
}

Result<void> add_epoch(AdminSession& admin, Epoch epoch, UsageTable& table) {
  meta::GetUsage query;
  query.epoch = epoch;
  bool more = true;
  while (more) {
    STRATOS_TRY(const meta::GetUsage::Reply reply, admin.query(query));
    for (const meta::GetUsage::Session& session : reply.sessions) table.add(epoch, session);
    more = reply.more && !reply.sessions.empty();
    if (more) query.after = reply.sessions.back().session;
  }
  return {};
}

Result<UsageTable> collect(AdminSession& admin, const Arguments& arguments) {
  UsageTable table;
  if (arguments.epoch) {
    STRATOS_CHECK(add_epoch(admin, Epoch(*arguments.epoch), table));
    return table;
  }
  meta::ListSettledEpochs query;
  bool more = true;
  while (more) {
    STRATOS_TRY(const meta::ListSettledEpochs::Reply reply, admin.query(query));
    for (const Epoch epoch : reply.epochs) STRATOS_CHECK(add_epoch(admin, epoch, table));
    more = reply.more && !reply.epochs.empty();
    if (more) query.first = Epoch(reply.epochs.back().value + 1);
  }
  return table;
}

json to_json(const UsageRow::Bytes& bytes) {
  return {{"delivered_bytes", bytes.delivered}, {"settled_bytes", bytes.settled}};
}

json to_json(const UsageRow& row, const BucketNames& names) {
  json value = to_json(row.total());
  value["account"] = name_of(row.account);
  value["epoch"] = row.epoch.value;
  value["node"] = to_string(row.node);
  value["kind"] = name_of(row.kind);
  value["bucket"] = nullptr;
  value["bucket_id"] = nullptr;
  if (row.kind == UsageKind::bucket) {
    const auto name = names.find(row.bucket);
    if (name != names.end()) value["bucket"] = name->second;
    value["bucket_id"] = row.bucket.value;
  }
  json& actions = value["by_action"] = json::object();
  for (const auto& [action, bytes] : row.by_action) {
    actions[std::string(name_of(action))] = to_json(bytes);
  }
  return value;
}

std::string place_of(const json& row) {
  if (row["kind"] != "bucket") return "(" + row["kind"].get<std::string>() + ")";
  if (row["bucket"].is_null()) return "(deleted bucket " + row["bucket_id"].dump() + ")";
  return row["bucket"].get<std::string>();
}

void print_usage(const json& value) {
  if (value["rows"].empty()) return print_line("Nothing is settled yet.");
  print_line("EPOCH      NODE   BUCKET                      DELIVERED     SETTLED  ACCOUNT");
  for (const json& row : value["rows"]) {
    std::array<char, 320> line{};
    std::snprintf(line.data(), line.size(), "%-10s %-6s %-24s %12s %11s  %s",
                  row["epoch"].dump().c_str(), row["node"].get<std::string>().c_str(),
                  place_of(row).c_str(), human_bytes(row["delivered_bytes"]).c_str(),
                  human_bytes(row["settled_bytes"]).c_str(),
                  row["account"].get<std::string>().c_str());
    print_line(line.data());
  }
  print_line("delivered " + human_bytes(value["delivered_bytes"]) + ", settled " +
             human_bytes(value["settled_bytes"]) + ", of it unsplit " +
             human_bytes(value["unsplit_bytes"]));
}

Result<void> show_usage(const Session& session, const Arguments& arguments) {
  MeshFolder folder = session.folder();
  STRATOS_TRY(const auto admin, AdminSession::open(folder));
  STRATOS_TRY(const UsageTable table, collect(*admin, arguments));
  STRATOS_TRY(const BucketNames names, bucket_names(*admin, folder));
  UsageRow::Bytes total;
  std::uint64_t unsplit = 0;
  json rows = json::array();
  for (const UsageRow& row : table.rows()) {
    total += row.total();
    if (row.kind == UsageKind::unsplit) unsplit += row.total().settled;
    rows.push_back(to_json(row, names));
  }
  json value = to_json(total);
  value["unsplit_bytes"] = unsplit;
  value["rows"] = std::move(rows);
  if (session.output.json) {
    print_json(value);
  } else {
    print_usage(value);
  }
  return {};
}

json to_json(const value::Volume& volume) {
  return {{"put", volume.put},
          {"get", volume.get},
          {"audit", volume.audit},
          {"repair", volume.repair},
          {"total", volume.total()}};
}

struct Leaves {
  std::vector<value::PayerLeaf> payers;
  std::vector<value::NodeLeaf> nodes;
};

Leaves leaves_of(const meta::GetSettlement::Reply& settlement) {
  Leaves leaves;
  for (const meta::SettledPayer& row : settlement.payers) {
    leaves.payers.push_back({row.payer, row.volume});
  }
  for (const meta::SettledNode& row : settlement.nodes) {
    leaves.nodes.push_back({row.node, row.key, row.volume});
  }
  return leaves;
}

json to_json(const value::VolumeReport& report, const Leaves& leaves) {
  json payers = json::array();
  for (const value::PayerLeaf& leaf : leaves.payers) {
    payers.push_back({{"account", name_of(leaf.payer)}, {"volume", to_json(leaf.volume)}});
  }
  json nodes = json::array();
  for (const value::NodeLeaf& leaf : leaves.nodes) {
    nodes.push_back({{"node", to_string(leaf.node)},
                     {"key", leaf.key.hex()},
                     {"volume", to_json(leaf.volume)}});
  }
  return {{"network", report.network},
          {"zone", report.zone.value},
          {"epoch", report.epoch.value},
          {"closed", to_iso8601(report.closed)},
          {"total", to_json(report.total)},
          {"payers_root", report.payers_root.hex()},
          {"nodes_root", report.nodes_root.hex()},
          {"payers", payers},
          {"nodes", nodes}};
}

void print_report(const json& value) {
  print_line("epoch " + value["epoch"].dump() + " of " + value["network"].get<std::string>() +
             ", zone " + value["zone"].dump() + ", closed " + value["closed"].get<std::string>());
  print_line("total " + human_bytes(value["total"]["total"]) + " (put " +
             human_bytes(value["total"]["put"]) + ", get " + human_bytes(value["total"]["get"]) +
             ", audit " + human_bytes(value["total"]["audit"]) + ", repair " +
             human_bytes(value["total"]["repair"]) + ")");
  for (const json& payer : value["payers"]) {
    print_line("  owes    " + payer["account"].get<std::string>() + "  " +
               human_bytes(payer["volume"]["total"]));
  }
  for (const json& node : value["nodes"]) {
    print_line("  served  " + node["node"].get<std::string>() + "  " +
               human_bytes(node["volume"]["total"]));
  }
  print_line("root over payers  " + value["payers_root"].get<std::string>());
  print_line("root over nodes   " + value["nodes_root"].get<std::string>());
  print_line("signed by " + value["signatures"].dump() +
             " meta nodes; signatures, leaves, totals and roots hold");
}

// Takes nothing for granted: signatures, leaves, totals and roots are checked here.
Result<void> show_report(const Session& session, Epoch epoch) {
  MeshFolder folder = session.folder();
  STRATOS_TRY(const auto admin, AdminSession::open(folder));
  meta::ReportRequest query;
  query.epoch = epoch;
  STRATOS_TRY(const meta::ReportRequest::Reply stored, admin->query(query));
  STRATOS_TRY(const value::VolumeReport report, value::open_report(stored.report, stored.registry));
  if (report.epoch != epoch) return fail(Errc::bad_report, "the report is of another epoch");
  meta::GetSettlement rows;
  rows.epoch = epoch;
  STRATOS_TRY(const meta::GetSettlement::Reply settlement, admin->query(rows));
  const Leaves leaves = leaves_of(settlement);
  STRATOS_CHECK(value::check_report(report, leaves.payers, leaves.nodes));
  json value = to_json(report, leaves);
  value["signatures"] = stored.report.signatures.size();
  value["verified"] = true;
  if (session.output.json) {
    print_json(value);
  } else {
    print_report(value);
  }
  return {};
}

}  // namespace

void add_usage_command(CLI::App& app, Session& session) {
  CLI::App& usage = *app.add_subcommand("usage", "Traffic by account, bucket, node and epoch");
  auto arguments = std::make_shared<Arguments>();
  usage.add_option("--epoch", arguments->epoch, "Of one epoch; of all that are kept by default");
  CLI::App* const report = usage.add_subcommand("report", "Show and check an epoch's report");
  report->add_option("epoch", arguments->report_epoch, "Number of the epoch")->required();
  report->fallthrough();
  on_chosen(usage, session, [&session, arguments, report] {
    return report->parsed() ? show_report(session, Epoch(arguments->report_epoch))
                            : show_usage(session, *arguments);
  });
}

}  // namespace stratos::cli
