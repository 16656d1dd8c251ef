// nodes, meta health, meta explain
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "cli/admin_session.hpp"
#include "cli/commands.hpp"
#include "cli/meta_host.hpp"
#include "cli/s3_session.hpp"
#include "meta/audit_commands.hpp"
#include "meta/placement.hpp"

namespace stratos::cli {
namespace {

using nlohmann::json;

json labels_of(const meta::NodeRecord& node) {
  json labels = json::object();
  for (const meta::Label& label : node.labels) labels[label.level] = label.value;
  return labels;
}

// Why a node's score is what it is; the formula stands in docs/formats/score.md.
json why_of(const meta::GetScores::Node& scored) {
  const meta::Score& score = scored.score;
  const meta::NodeDay& sums = score.sums;
  const auto mean = [](std::uint64_t sum, std::uint64_t count) {
    return count == 0 ? json(nullptr) : json(sum / count);
  };
  return {{"score", score.value},
          {"audits", score.audits},
          {"answers", score.answers},
          {"uptime", score.uptime},
          {"speed", score.speed},
          {"audits_passed", sums.passed},
          {"audits_failed", sums.failed},
          {"audits_contained", sums.contained},
          {"contained_now", scored.contained},
          {"up_seconds", sums.up_ms / 1000},
          {"down_seconds", sums.down_ms / 1000},
          {"reads", sums.reads},
          {"read_us", mean(sums.read_us, sums.reads)},
          {"bulk_kib_per_second", mean(sums.bulk_kib * 1000, sums.bulk_us / 1000)},
          {"suspended_for", name_of(scored.suspended_for)},
          {"passed_since", scored.passed_since},
          {"weight", scored.weight}};
}

Result<void> show_nodes(const Session& session) {
  MeshFolder folder = session.folder();
  STRATOS_TRY(const auto admin, AdminSession::open(folder));
  STRATOS_TRY(const meta::GetNodes::Reply registry, admin->query(meta::GetNodes{}));
  STRATOS_TRY(const meta::GetScores::Reply scores, admin->query(meta::GetScores{}));
  STRATOS_TRY(const meta::NodeStatusReply live, admin->node_status());
  std::map<NodeId, json> why;
  for (const meta::GetScores::Node& scored : scores.nodes) why[scored.node] = why_of(scored);
  std::map<NodeId, meta::HeartbeatRequest> said;
  for (const meta::HeartbeatRequest& status : live.nodes) said[status.node] = status;
  json list = json::array();
  for (const meta::NodeRecord& node : registry.nodes) {
    const meta::HeartbeatRequest& status = said[node.id];
    list.push_back({{"id", to_string(node.id)},
                    {"state", name_of(node.state)},
                    {"score", node.score},
                    {"used_bytes", status.used_bytes},
                    {"free_bytes", status.free_bytes},
                    {"trash_bytes", status.trash_bytes},
                    {"fragments", status.fragments},
                    {"endpoint", node.endpoint},
                    {"release", status.release},
                    {"why", why[node.id]},
                    {"labels", labels_of(node)}});
  }
  if (session.output.json) {
    print_json(list);
    return {};
  }
  print_line("NODE   STATE      SCORE        USED        FREE       TRASH  ENDPOINT");
  for (const json& node : list) {
    std::array<char, 256> line{};
    std::snprintf(line.data(), line.size(), "%-6s %-10s %5d %11s %11s %11s  %s",
                  node["id"].get<std::string>().c_str(), node["state"].get<std::string>().c_str(),
                  node["score"].get<int>(), human_bytes(node["used_bytes"]).c_str(),
                  human_bytes(node["free_bytes"]).c_str(), human_bytes(node["trash_bytes"]).c_str(),
                  node["endpoint"].get<std::string>().c_str());
    print_line(line.data());
    if (node["why"]["suspended_for"] != "none") {
      print_line("       suspended: " + node["why"]["suspended_for"].get<std::string>());
    }
  }
  return {};
}

// Fullness in percent.
json balance_of(const meta::BalanceStatus& balance) {
  const auto name = [](NodeId node) {
    return node == NodeId() ? json(nullptr) : json(to_string(node));
  };
  const auto percent = [](std::uint32_t part) { return part * 100.0 / meta::kFull; };
  return {{"moving", balance.moving},
          {"above_percent", percent(balance.above)},
          {"fullest", {{"node", name(balance.fullest)}, {"percent", percent(balance.most)}}},
          {"emptiest", {{"node", name(balance.emptiest)}, {"percent", percent(balance.least)}}},
          {"mean_percent", percent(balance.mean)},
          {"queued_bytes", balance.queued_bytes},
          {"moved_fragments", balance.moved_fragments},
          {"moved_bytes", balance.moved_bytes}};
}

json notifications_of(const meta::NoticeTotals& notices) {
  return {{"pending", notices.pending},
          {"delivered", notices.delivered},
          {"dropped", notices.dropped},
          {"expired", notices.expired}};
}

// Generation, drops and the copies of the index.
json zone_of(const meta::BackupReply& zone) {
  json places = json::array();
  for (const meta::BackupReply::Place& place : zone.places) {
    const bool is_done = place.at.ms != 0;
    places.push_back({{"where", place.where},
                      {"height", place.height.value},
                      {"age_seconds", is_done ? json((zone.now.ms - place.at.ms) / 1000) : json()},
                      {"failures", place.failures},
                      {"last_error", place.last_error}});
  }
  return {
      {"generation", zone.generation.value}, {"drops_pause", zone.drops_pause}, {"backup", places}};
}

// Only what an operator has to do something about.
void print_zone(const json& zone) {
  if (zone["drops_pause"]) {
    print_line("restored, generation " + zone["generation"].dump() +
               ": nodes drop nothing until stratos meta resume");
  }
  for (const json& place : zone["backup"]) {
    const bool is_old = place["age_seconds"].is_null() || place["age_seconds"] > kOldBackupSeconds;
    if (place["failures"] == 0 && !is_old) continue;
    print_line("backup in " + place["where"].get<std::string>() + ": last written " +
               (place["age_seconds"].is_null() ? "never" : place["age_seconds"].dump() + " s ago") +
               ", " + place["last_error"].get<std::string>());
  }
}

Result<void> show_health(const Session& session) {
  MeshFolder folder = session.folder();
  STRATOS_TRY(const auto admin, AdminSession::open(folder));
  STRATOS_TRY(const meta::GetHealth::Reply health, admin->query(meta::GetHealth{}));
  STRATOS_TRY(const meta::RepairStatus repair, admin->repair_status());
  STRATOS_TRY(const meta::BackupReply backup, admin->backup_status());
  const std::uint64_t rate = repair.bytes_per_second;
  const json to_full = rate == 0 ? json(nullptr) : json(health.missing_bytes / rate);
  json margins = json::object();
  for (const auto& margin : health.by_margin) {
    margins[std::to_string(margin.margin)] = margin.segments;
  }
  json levels = json::object();
  for (const auto& level : health.levels) levels[level.level] = level.domains_up;
  json needs = json::object();
  for (const auto& need : health.needs) needs[need.profile] = need.domains;
  json value = {{"segments", health.segments},
                {"at_full", health.at_full},
                {"by_margin", margins},
                {"repair_queue", health.below_full},
                {"unrepairable", health.unrepairable},
                {"lost", health.lost},
                {"unreadable_now", health.unreadable},
                {"domains_up", health.domains_up},
                {"missing_bytes", health.missing_bytes},
                {"seconds_to_full", health.below_full == 0 ? json(0) : to_full},
                {"repair",
                 {{"running", repair.running},
                  {"repaired_fragments", repair.repaired_fragments},
                  {"repaired_bytes", repair.repaired_bytes},
                  {"failed", repair.failed},
                  {"bytes_per_second", repair.bytes_per_second},
                  {"last_error", repair.last_error}}},
                {"balance", balance_of(repair.balance)},
                {"notifications", notifications_of(health.notices)},
                {"zone", zone_of(backup)},
                {"levels", levels},
                {"domains_needed", needs}};
  if (levels.size() == 1 && levels.contains(meta::kNodeLevel)) {
    value["protection"] =
        "failure domains are nodes of one machine: no protection against its loss";
  }
  if (session.output.json) {
    print_json(value);
    return {};
  }
  for (const char* name :
       {"segments", "at_full", "repair_queue", "unrepairable", "lost", "unreadable_now",
        "domains_up", "missing_bytes", "seconds_to_full", "repair", "balance", "notifications"}) {
    print_line(std::string(name) + ": " + value[name].dump());
  }
  print_zone(value["zone"]);
  for (const auto& [level, up] : levels.items()) {
    print_line("level " + level + ": " + up.dump() + " domains up");
  }
  for (const auto& [profile, domains] : needs.items()) {
    print_line("profile " + profile + ": needs " + domains.dump() + " domains at each level");
  }
  for (const auto& [margin, count] : margins.items()) {
    print_line("margin " + margin + ": " + count.dump() + " segments");
  }
  return {};
}

// Why each node holds what it holds of one segment.
json explain_segment(const meta::SegmentRecord& segment, const meta::NodeTable* table) {
  json holders = json::array();
  std::vector<NodeId> ranked;
  std::uint64_t total = 0;
  if (table != nullptr) {
    ranked = meta::rank(meta::segment_unit(segment.id, *table), *table);
    for (const meta::Candidate& candidate : table->candidates) total += candidate.weight;
  }
  for (const meta::Holder& holder : segment.holders) {
    const auto at = std::ranges::find(ranked, holder.node);
    std::string why = "placed by a node table that is gone";
    if (at != ranked.end()) {
      why = "rank " + std::to_string(at - ranked.begin() + 1) + " of " +
            std::to_string(ranked.size()) + " for this segment in node table " +
            std::to_string(table->version);
      const auto candidate =
          std::ranges::find(table->candidates, holder.node, &meta::Candidate::node);
      why += ", weight " + std::to_string(candidate->weight) + " of " + std::to_string(total);
    } else if (table != nullptr) {
      why = "took a fragment's place: not in node table " + std::to_string(table->version);
    }
    holders.push_back({{"index", holder.index},
                       {"kind", holder.index < segment.k ? "data" : "parity"},
                       {"node", to_string(holder.node)},
                       {"root", holder.root.hex()},
                       {"why", why}});
  }
  return {{"segment", segment.id.hex()},
          {"k", segment.k},
          {"m", segment.m},
          {"length", segment.length},
          {"fragment_length", segment.fragment_length},
          {"references", segment.references},
          {"generation", segment.generation.value},
          {"missing", static_cast<std::size_t>(segment.k + segment.m) - segment.holders.size()},
          {"holders", holders}};
}

Result<std::vector<meta::SlicePage>> pages_of(AdminSession& admin,
                                              const meta::GetObject::Reply& object) {
  std::vector<meta::SlicePage> pages;
  if (object.version.page) pages.push_back(*object.version.page);
  for (std::uint32_t i = 0; object.version.pages > 1 && i < object.version.pages; ++i) {
    meta::GetSlicePage query;
    query.bucket = object.bucket;
    query.version = object.version.id;
    query.page = i;
    STRATOS_TRY(meta::SlicePage page, admin.query(query));
    pages.push_back(std::move(page));
  }
  return pages;
}

Result<json> explain_object(AdminSession& admin, const S3Path& path) {
  meta::GetObject query;
  query.bucket = path.bucket;
  query.key = path.key;
  STRATOS_TRY(const meta::GetObject::Reply object, admin.query(query));
  STRATOS_TRY(const std::vector<meta::SlicePage> pages, pages_of(admin, object));
  json segments = json::array();
  for (const meta::SlicePage& page : pages) {
    for (const meta::Slice& slice : page.slices) {
      meta::GetSegments ask;
      ask.ids.push_back(slice.segment);
      STRATOS_TRY(const meta::GetSegments::Reply found, admin.query(ask));
      if (found.segments.empty()) continue;
      meta::GetNodeTable table_query;
      table_query.version = found.segments[0].table_version;
      const auto table = admin.query(table_query);
      json segment = explain_segment(found.segments[0], table ? &*table : nullptr);
      segment["offset_in_segment"] = slice.offset;
      segment["bytes_of_object"] = slice.length;
      segments.push_back(std::move(segment));
    }
  }
  return json{{"bucket", path.bucket},
              {"key", path.key},
              {"size", object.version.size},
              {"version", object.version.id.hex()},
              {"class", object.version.is_inline ? "inline" : "segments"},
              {"segments", segments}};
}

Result<void> explain(const Session& session, const std::string& text) {
  const auto path = parse_s3_path(text);
  if (!path || path->key.empty()) {
    return fail(Errc::invalid_argument, text + ": s3://bucket/key expected");
  }
  MeshFolder folder = session.folder();
  STRATOS_TRY(const auto admin, AdminSession::open(folder));
  STRATOS_TRY(const json value, explain_object(*admin, *path));
  if (session.output.json) {
    print_json(value);
    return {};
  }
  print_line(text + ": " + human_bytes(value["size"]) + ", " + value["class"].get<std::string>());
  for (const json& segment : value["segments"]) {
    print_line("segment " + segment["segment"].get<std::string>() + "  " + segment["k"].dump() +
               "+" + segment["m"].dump() + "  missing " + segment["missing"].dump());
    for (const json& holder : segment["holders"]) {
      print_line("  " + holder["index"].dump() + " " + holder["kind"].get<std::string>() + "  " +
                 holder["node"].get<std::string>() + "  " + holder["why"].get<std::string>());
    }
  }
  return {};
}

}  // namespace

void add_mesh_commands(CLI::App& app, CLI::App& meta, Session& session) {
  CLI::App& nodes = *app.add_subcommand("nodes", "The storage nodes: state, score, bytes");
  on_chosen(nodes, session, [&session] { return show_nodes(session); });
  CLI::App& health = *meta.add_subcommand("health", "How safe the data is");
  on_chosen(health, session, [&session] { return show_health(session); });
  CLI::App& why = *meta.add_subcommand("explain", "Which nodes hold an object, and why");
  auto path = std::make_shared<std::string>();
  why.add_option("object", *path, "s3://bucket/key")->required();
  on_chosen(why, session, [&session, path] { return explain(session, *path); });
}

}  // namespace stratos::cli
