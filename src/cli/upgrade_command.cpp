// stratos upgrade --check | --apply: whether this release reads what a mesh has stored, and which
// of its features the network has not switched on. Rules: docs/OPERATIONS.md.
#include <algorithm>
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

// As the index was flushed last.
Result<meta::Params> stored_params(const MeshFolder& folder) {
  STRATOS_TRY(const auto index,
              kv::read_rocks(io::real_file_system(), folder.meta_path() + "/index"));
  STRATOS_TRY(meta::IndexMachine::Stored stored, meta::IndexMachine::examine(*index));
  return std::move(stored.params);
}

// Nodes whose program is another release.
json other_releases(AdminSession& admin) {
  json others = json::array();
  const auto status = admin.node_status();
  if (!status) return others;
  for (const meta::HeartbeatRequest& node : status->nodes) {
    if (node.release == STRATOS_VERSION) continue;
    others.push_back({{"node", to_string(node.node)}, {"release", node.release}});
  }
  return others;
}

json json_of(const std::vector<StoredPart>& parts) {
  json rows = json::array();
  for (const StoredPart& part : parts) {
    json row = {{"part", part.name}, {"path", part.path}, {"readable", part.format.has_value()}};
    if (part.format) {
      row["format"] = *part.format;
    } else {
      row["problem"] = part.format.error().to_string();
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

// Shows what stands in the JSON in words.
void print_found(const std::vector<StoredPart>& parts, const std::vector<meta::Feature>& off,
                 const json& others) {
  print_line(std::string("This release: ") + STRATOS_VERSION);
  for (const StoredPart& part : parts) {
    print_line(part.format ? "  ok       " + part.name + ", format " + *part.format
                           : "  refused  " + part.name + ": " + part.format.error().to_string());
  }
  for (const meta::Feature& feature : off) {
    print_line("  off      " + std::string(feature.name) + ": " + std::string(feature.about));
  }
  for (const json& node : others) {
    print_line("  differs  node " + node["node"].get<std::string>() + " runs release " +
               node["release"].get<std::string>());
  }
  if (!off.empty()) print_line("Once every role runs this release: stratos upgrade --apply");
}

Result<void> check(const Session& session) {
  MeshFolder folder = session.folder();
  io::FileSystem& fs = io::real_file_system();
  if (!fs.is_dir(folder.path())) return fail(Errc::file_not_found, folder.path());
  const std::vector<StoredPart> parts = stored_parts(fs, folder);
  const auto admin = AdminSession::open(folder);
  const auto params = admin ? (*admin)->query(meta::GetParams{}) : stored_params(folder);
  const auto off = params ? meta::missing_features(*params) : std::vector<meta::Feature>();
  const json others = admin ? other_releases(**admin) : json::array();
  if (session.output.json) {
    print_json({{"release", STRATOS_VERSION},
                {"parts", json_of(parts)},
                {"features_on", params ? json(params->features) : json(nullptr)},
                {"features_off", params ? names_of(off) : json(nullptr)},
                {"nodes_of_other_releases", others}});
  } else {
    print_found(parts, off, others);
  }
  const auto refused = std::ranges::find_if(parts, [](const auto& part) { return !part.format; });
  return refused == parts.end() ? Result<void>() : fail(refused->format.error());
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
