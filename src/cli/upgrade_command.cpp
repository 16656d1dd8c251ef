// stratos upgrade --check | --apply: whether this release reads what a mesh has stored, and which
// of its features the network has not switched on. Rules: docs/OPERATIONS.md.
#include <nlohmann/json.hpp>

#include "cli/admin_session.hpp"
#include "cli/commands.hpp"
#include "cli/stored_formats.hpp"
#include "kv/store.hpp"
#include "meta/features.hpp"
#include "meta/zone_commands.hpp"

namespace stratos::cli {
namespace {

using nlohmann::json;

json names_of(const std::vector<meta::Feature>& features) {
  json names = json::array();
  for (const meta::Feature& feature : features) names.push_back(feature.name);
  return names;
}

// What the network has switched on: as a mesh that runs says, else as its index was flushed last.
Result<meta::Params> network_params(const Session& session) {
  MeshFolder folder = session.folder();
  const auto admin = AdminSession::open(folder);
  if (admin) return (*admin)->query(meta::GetParams{});
  STRATOS_TRY(const auto index,
              kv::read_rocks(io::real_file_system(), folder.meta_path() + "/index"));
  STRATOS_TRY(meta::IndexMachine::Stored stored, meta::IndexMachine::examine(*index));
  return std::move(stored.params);
}

// Nodes of a mesh that runs whose program is another release.
json other_releases(const Session& session) {
  json others = json::array();
  MeshFolder folder = session.folder();
  const auto admin = AdminSession::open(folder);
  if (!admin) return others;
  const auto status = (*admin)->node_status();
  if (!status) return others;
  for (const meta::HeartbeatRequest& node : status->nodes) {
    if (node.release == STRATOS_VERSION) continue;
    others.push_back({{"node", to_string(node.node)}, {"release", node.release}});
  }
  return others;
}

Result<void> check(const Session& session) {
  io::FileSystem& fs = io::real_file_system();
  const MeshFolder folder = session.folder();
  if (!fs.is_dir(folder.path())) return fail(Errc::file_not_found, folder.path());
  json parts = json::array();
  std::optional<Error> refused;
  for (const StoredPart& part : stored_parts(fs, folder)) {
    json row = {{"part", part.name}, {"path", part.path}, {"readable", part.format.has_value()}};
    if (part.format) {
      row["format"] = *part.format;
    } else {
      row["problem"] = part.format.error().to_string();
      refused = part.format.error();
    }
    parts.push_back(std::move(row));
  }
  json value = {{"release", STRATOS_VERSION}, {"parts", parts}};
  const auto params = network_params(session);
  const auto missing = params ? meta::missing_features(*params) : std::vector<meta::Feature>();
  value["features_on"] = params ? json(params->features) : json(nullptr);
  value["features_off"] = params ? names_of(missing) : json(nullptr);
  value["nodes_of_other_releases"] = other_releases(session);
  if (session.output.json) {
    print_json(value);
  } else {
    print_line(std::string("This release: ") + STRATOS_VERSION);
    for (const json& row : parts) {
      const std::string name = row["part"];
      print_line(row["readable"]
                     ? "  ok       " + name + ", format " + row["format"].get<std::string>()
                     : "  refused  " + name + ": " + row["problem"].get<std::string>());
    }
    for (const meta::Feature& feature : missing) {
      print_line("  off      " + std::string(feature.name) + ": " + std::string(feature.about));
    }
    for (const json& node : value["nodes_of_other_releases"]) {
      print_line("  differs  node " + node["node"].get<std::string>() + " runs release " +
                 node["release"].get<std::string>());
    }
    if (!missing.empty()) {
      print_line("Once every meta node runs this release: stratos upgrade --apply");
    } else if (!refused) {
      print_line("Nothing to do.");
    }
  }
  if (refused) return fail(*refused);
  return {};
}

Result<void> apply(const Session& session) {
  MeshFolder folder = session.folder();
  STRATOS_TRY(const auto admin, AdminSession::open(folder));
  STRATOS_TRY(const meta::Params params, admin->query(meta::GetParams{}));
  const std::vector<meta::Feature> missing = meta::missing_features(params);
  meta::EnableFeatures command;
  for (const meta::Feature& feature : missing) command.names.emplace_back(feature.name);
  if (!missing.empty()) STRATOS_CHECK(admin->execute(command));
  if (session.output.json) {
    print_json({{"release", STRATOS_VERSION}, {"switched_on", names_of(missing)}});
    return {};
  }
  for (const std::string& name : command.names) print_line("Switched on: " + name);
  if (missing.empty()) print_line("Nothing to do.");
  return {};
}

}  // namespace

void add_upgrade_command(CLI::App& app, Session& session) {
  CLI::App& upgrade = *app.add_subcommand("upgrade", "Bring a mesh to this release");
  auto checks = std::make_shared<bool>(false);
  auto applies = std::make_shared<bool>(false);
  CLI::Option_group& mode = *upgrade.add_option_group("mode");
  mode.add_flag("--check", *checks,
                "Say what this release reads and what is switched off; change nothing");
  mode.add_flag("--apply", *applies, "Switch on what the network does not use yet");
  mode.require_option(1);
  on_chosen(upgrade, session,
            [&session, checks, applies] { return *checks ? check(session) : apply(session); });
}

}  // namespace stratos::cli
