// stratos doctor: what is wrong with the mesh in this folder, and what to do about it.
#include <sys/stat.h>
#include <filesystem>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/admin_session.hpp"
#include "cli/commands.hpp"
#include "cli/key_ring_files.hpp"

namespace stratos::cli {
namespace {

using nlohmann::json;

enum class Verdict : std::uint8_t { ok, warning, failure };

struct Finding {
  std::string check;
  Verdict verdict = Verdict::ok;
  std::string detail;
};

constexpr std::array kVerdicts = {"ok", "warning", "failure"};
constexpr std::uint64_t kLowDiskBytes = 1ULL << 30;
constexpr mode_t kOthersMask = 077;

Finding check_settings(const MeshFolder& folder) {
  const auto settings = folder.stored_settings();
  if (!settings) return {"settings", Verdict::failure, settings.error().to_string()};
  return {"settings", Verdict::ok,
          std::to_string(settings->nodes) + " nodes, " + std::to_string(settings->k) + "+" +
              std::to_string(settings->m)};
}

Finding check_disk(const MeshFolder& folder) {
  const auto free = io::real_file_system().free_bytes(folder.path());
  if (!free) return {"disk", Verdict::failure, free.error().to_string()};
  return {"disk", *free < kLowDiskBytes ? Verdict::warning : Verdict::ok,
          human_bytes(*free) + " free"};
}

Finding check_secrets(const MeshFolder& folder) {
  std::vector<std::string> paths;
  for (const char* name : {"/credentials.json", "/gateway/keyring", "/gateway/keyring.secret"}) {
    paths.push_back(folder.path() + name);
  }
  std::error_code none;
  for (const auto& key : std::filesystem::directory_iterator(folder.path() + "/keys", none)) {
    paths.push_back(key.path().string());
  }
  for (const std::string& path : paths) {
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0) continue;
    if ((info.st_mode & kOthersMask) != 0) {
      return {"secrets", Verdict::failure, path + " is readable by others; chmod 600"};
    }
  }
  return {"secrets", Verdict::ok, "files with secrets are the owner's alone"};
}

Finding check_ring(const MeshFolder& folder) {
  const KeyRingFiles files(io::real_file_system(), folder.path() + "/gateway");
  const auto ring = files.open();
  if (!ring) {
    return {"key ring", Verdict::failure,
            ring.error().to_string() + "; bring a copy back with: stratos keyring import FILE"};
  }
  if (!files.has_verified_export(*ring)) {
    return {"key ring", Verdict::warning,
            ring->name() + " has no verified copy: stratos keyring export FILE"};
  }
  return {"key ring", Verdict::ok, ring->name() + ", copy verified"};
}

Finding check_nodes(AdminSession& admin) {
  const auto nodes = admin.query(meta::GetNodes{});
  if (!nodes) return {"nodes", Verdict::failure, nodes.error().to_string()};
  std::string down;
  for (const meta::NodeRecord& node : nodes->nodes) {
    if (node.state != meta::NodeState::up) down += " " + to_string(node.id);
  }
  if (!down.empty()) {
    return {"nodes", Verdict::warning, "not up:" + down + "; start with: stratos node start ID"};
  }
  return {"nodes", Verdict::ok, std::to_string(nodes->nodes.size()) + " up"};
}

Finding check_data(AdminSession& admin) {
  const auto health = admin.query(meta::GetHealth{});
  if (!health) return {"data", Verdict::failure, health.error().to_string()};
  const std::string detail = std::to_string(health->at_full) + " of " +
                             std::to_string(health->segments) + " segments at full redundancy, " +
                             std::to_string(health->lost) + " lost";
  if (health->lost > 0) return {"data", Verdict::failure, detail};
  return {"data", health->below_full > 0 ? Verdict::warning : Verdict::ok, detail};
}

std::vector<Finding> examine(MeshFolder folder) {
  std::vector<Finding> findings = {check_settings(folder), check_disk(folder),
                                   check_secrets(folder), check_ring(folder)};
  const auto admin = AdminSession::open(folder);
  if (!admin) {
    findings.push_back({"mesh", Verdict::warning, admin.error().to_string()});
    return findings;
  }
  findings.push_back(check_nodes(**admin));
  findings.push_back(check_data(**admin));
  return findings;
}

Result<void> diagnose(const Session& session) {
  const std::vector<Finding> findings = examine(session.folder());
  json list = json::array();
  for (const Finding& finding : findings) {
    const char* verdict = kVerdicts[static_cast<std::size_t>(finding.verdict)];
    list.push_back({{"check", finding.check}, {"verdict", verdict}, {"detail", finding.detail}});
    if (!session.output.json) {
      print_line(std::string(verdict) + "\t" + finding.check + ": " + finding.detail);
    }
  }
  if (session.output.json) print_json(list);
  const bool failed = std::ranges::any_of(
      findings, [](const Finding& finding) { return finding.verdict == Verdict::failure; });
  if (failed) return fail(Errc::bad_config, "something is broken");
  return {};
}

}  // namespace

void add_doctor_command(CLI::App& app, Session& session) {
  CLI::App& doctor = *app.add_subcommand("doctor", "Look for what is wrong, and say what to do");
  on_chosen(doctor, session, [&session] { return diagnose(session); });
}

}  // namespace stratos::cli
