// stratos meta backup | verify | restore | scan | resume: the index as sealed files, and back.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/admin_session.hpp"
#include "cli/bucket_place.hpp"
#include "cli/commands.hpp"
#include "cli/meta_host.hpp"
#include "cli/meta_identity.hpp"
#include "meta/index_backup.hpp"
#include "meta/zone_commands.hpp"

namespace stratos::cli {
namespace {

struct Arguments {
  std::string from;  // the backup's folder or bucket; empty: what the nodes keep
  std::string key;   // file of its key; empty: the mesh's own
  bool replace = false;
  bool scan = false;
};

constexpr std::uint32_t kMostNodes = 1000;  // of a mesh on one machine

std::string block_text(Height height) { return "block " + std::to_string(height.value); }

Result<crypto::SecretKey> backup_key(MeshFolder& folder, const Arguments& arguments) {
  const std::string path = arguments.key.empty() ? folder.key_path("backup") : arguments.key;
  STRATOS_TRY(const crypto::MachineSigner key, read_machine_key(io::real_file_system(), path));
  return key.seed();
}

// What the mesh's nodes keep, as it lies in their folders.
meta::MeshPlace::Choose node_folders(Runtime& runtime, const MeshFolder& folder) {
  std::vector<meta::MeshPlace::Member> members;
  for (std::uint32_t number = 1; number <= kMostNodes; ++number) {
    const std::string path = folder.node_path(number);
    if (!io::real_file_system().is_dir(path)) continue;
    auto place =
        std::make_shared<ordering::FolderPlace>(runtime, io::real_file_system(), path + "/backup");
    members.push_back({NodeId(number), std::move(place)});
  }
  return [members](std::string_view) { return members; };
}

Result<std::unique_ptr<ordering::BackupPlace>> open_place(Runtime& runtime,
                                                          const MeshFolder& folder,
                                                          const Arguments& arguments) {
  io::FileSystem& fs = io::real_file_system();
  if (is_bucket_url(arguments.from)) {
    STRATOS_TRY(BackupBucket bucket, backup_bucket(arguments.from));
    return std::make_unique<BucketPlace>(runtime, std::move(bucket));
  }
  if (!arguments.from.empty()) {
    if (!fs.is_dir(arguments.from)) return fail(Errc::file_not_found, arguments.from);
    return std::make_unique<ordering::FolderPlace>(runtime, fs, arguments.from);
  }
  const meta::MeshPlace::Choose nodes = node_folders(runtime, folder);
  const meta::HeldGenerations held = block_on(runtime, meta::held_generations(nodes));
  if (held.generations.empty()) return fail(Errc::not_found, "the nodes keep no backup");
  return std::make_unique<meta::MeshPlace>(nodes, *held.generations.rbegin(),
                                           meta::MeshPlace::Use::restore);
}

nlohmann::json json_of(const ordering::Restored& restored) {
  return {{"height", restored.info.height.value},       {"root", restored.info.root.hex()},
          {"snapshot_height", restored.snapshot.value}, {"blocks", restored.blocks},
          {"unreadable_files", restored.unreadable},    {"time_ms", restored.time.ms}};
}

Result<void> back_up(const Session& session) {
  MeshFolder folder = session.folder();
  STRATOS_TRY(const auto admin, AdminSession::open(folder));
  STRATOS_TRY(const meta::BackupReply reply, admin->back_up());
  Height reached = reply.places.front().height;
  nlohmann::json places = nlohmann::json::array();
  for (const meta::BackupReply::Place& place : reply.places) {
    reached = std::min(reached, place.height);
    places.push_back(
        {{"where", place.where}, {"height", place.height.value}, {"at_ms", place.at.ms}});
  }
  if (session.output.json) {
    print_json({{"height", reached.value}, {"places", places}, {"key", folder.key_path("backup")}});
    return {};
  }
  for (const meta::BackupReply::Place& place : reply.places) {
    print_line("The index up to " + block_text(place.height) + " is in " + place.where);
  }
  print_line("To bring it back you also need " + folder.path() +
             "/keys and the key ring: keep copies of them elsewhere");
  return {};
}

Result<void> verify(const Session& session, const Arguments& arguments) {
  MeshFolder folder = session.folder();
  SystemRandom random;
  BlockingPool pool(1);
  RealRuntime runtime(pool, "verify");
  STRATOS_TRY(crypto::SecretKey key, backup_key(folder, arguments));
  STRATOS_TRY(auto place, open_place(runtime, folder, arguments));
  ordering::BackupFiles files(runtime, std::move(place), std::string(kNetwork), std::move(key),
                              random);
  const std::string scratch = folder.path() + "/verify";
  std::error_code error;
  std::filesystem::remove_all(scratch, error);
  const auto restored =
      block_on(runtime, meta::verify_backup(io::real_file_system(), files, scratch));
  runtime.stop();
  std::filesystem::remove_all(scratch, error);
  if (!restored) return fail(restored.error());
  if (session.output.json) {
    print_json(json_of(*restored));
    return {};
  }
  print_line("The backup is whole: a snapshot of " + block_text(restored->snapshot) + ", " +
             std::to_string(restored->blocks) + " blocks, each with its root, up to " +
             block_text(restored->info.height));
  return {};
}

// What is left of the lost index, and of a restore that was broken off, is put aside.
Result<void> put_aside(MeshFolder& folder, bool replace) {
  std::error_code error;
  std::filesystem::remove_all(folder.meta_path() + ".partial", error);
  if (error) return fail(Errc::io_error, folder.meta_path() + ".partial: " + error.message());
  if (!std::filesystem::exists(folder.meta_path())) return {};
  if (!replace) {
    return fail(Errc::already_exists,
                folder.meta_path() + " holds an index; --replace puts it aside");
  }
  std::string aside;
  for (int number = 1; aside.empty() || std::filesystem::exists(aside); ++number) {
    aside = folder.meta_path() + ".replaced-" + std::to_string(number);
  }
  return io::real_file_system().rename(folder.meta_path(), aside);
}

Result<void> restore(const Session& session, const Arguments& arguments) {
  io::FileSystem& fs = io::real_file_system();
  MeshFolder folder = session.folder();
  if (!fs.is_dir(folder.path())) return fail(Errc::file_not_found, folder.path());
  // Held by a mesh that runs.
  STRATOS_TRY(const auto lock, fs.lock(folder.path()));
  SystemRandom random;
  BlockingPool pool(1);
  RealRuntime runtime(pool, "restore");
  STRATOS_TRY(crypto::SecretKey key, backup_key(folder, arguments));
  STRATOS_TRY(const meta::MetaIdentity identity, meta_identity(fs, folder, random));
  // Looked for before anything is put aside.
  STRATOS_TRY(auto place, open_place(runtime, folder, arguments));
  STRATOS_CHECK(put_aside(folder, arguments.replace));
  meta::RestoreOptions options;
  options.scan = arguments.scan;
  const std::string network(kNetwork);
  Result<meta::RestoredIndex> restored = fail(Errc::internal);
  if (arguments.from.empty()) {
    restored = block_on(runtime, meta::restore_index_from_nodes(
                                     runtime, fs, node_folders(runtime, folder), std::move(key),
                                     network, folder.meta_path(), identity, options));
  } else {
    ordering::BackupFiles files(runtime, std::move(place), network, std::move(key), random);
    restored = block_on(runtime, meta::restore_index(runtime, fs, files, network,
                                                     folder.meta_path(), identity, options));
  }
  runtime.stop();
  STRATOS_TRY(const meta::RestoredIndex index, std::move(restored));
  if (session.output.json) {
    nlohmann::json value = json_of(index.state);
    value["generation"] = index.generation.value;
    print_json(value);
    return {};
  }
  print_line("The index is as after " + block_text(index.state.info.height) + ", generation " +
             std::to_string(index.generation.value));
  if (arguments.scan) {
    print_line("When the mesh runs, what its nodes hold is compared with it: stratos meta scan");
  }
  print_line(
      "Start the mesh and look at what it holds. Nodes drop nothing until you say: "
      "stratos meta resume");
  return {};
}

nlohmann::json json_of(const meta::ScanStatus& status) {
  nlohmann::json silent = nlohmann::json::array();
  for (const NodeId node : status.silent) silent.push_back(to_string(node));
  return {{"running", status.is_running},
          {"wanted", status.is_wanted},
          {"scans", status.scans},
          {"fragments", status.fragments},
          {"attached", status.attached},
          {"attached_in_all", status.attached_in_all},
          {"spare_fragments", status.spare},
          {"unknown_segments", status.unknown_segments},
          {"unknown_fragments", status.unknown_fragments},
          {"unknown_bytes", status.unknown_bytes},
          {"silent_nodes", silent},
          {"failed", status.failed},
          {"last_error", status.last_error},
          {"finished_ms",
           status.finished ? nlohmann::json(status.finished->ms) : nlohmann::json(nullptr)}};
}

// Whether a scan runs, or the first one of a restored index is yet to.
bool is_under_way(const meta::ScanStatus& status) {
  return status.is_running || (status.is_wanted && !status.finished);
}

// Begins a scan, or joins one that is under way, and shows how it goes until its end.
Result<void> scan(const Session& session) {
  constexpr Duration kPause = 200ms;
  constexpr int kLooksPerLine = 25;
  MeshFolder folder = session.folder();
  STRATOS_TRY(const auto admin, AdminSession::open(folder));
  STRATOS_TRY(meta::ScanStatus status, admin->scan(false));
  if (!is_under_way(status)) {
    STRATOS_TRY(status, admin->scan(true));
  }
  for (int look = 1; is_under_way(status); ++look) {
    admin->wait(kPause);
    STRATOS_TRY(status, admin->scan(false));
    if (look % kLooksPerLine != 0) continue;
    print_message(session.output, std::to_string(status.fragments) + " fragments seen, " +
                                      std::to_string(status.attached) + " found again");
  }
  if (session.output.json) {
    print_json(json_of(status));
    return {};
  }
  print_line(std::to_string(status.fragments) + " fragments on the nodes, " +
             std::to_string(status.attached_in_all) + " of them are known to the index again");
  print_line(std::to_string(status.unknown_segments) + " segments (" +
             human_bytes(status.unknown_bytes) + ") are not in the index; they are left alone");
  for (const NodeId node : status.silent) print_line(to_string(node) + " did not answer");
  if (status.failed > 0) {
    print_line(std::to_string(status.failed) + " failures, the last: " + status.last_error);
  }
  return {};
}

Result<void> resume(const Session& session) {
  MeshFolder folder = session.folder();
  STRATOS_TRY(const auto admin, AdminSession::open(folder));
  STRATOS_TRY([[maybe_unused]] const meta::Nothing done, admin->execute(meta::ResumeDrops{}));
  if (session.output.json) {
    print_json({{"drops_pause", false}});
  } else {
    print_line("Nodes drop again what the index does not refer to");
  }
  return {};
}

}  // namespace

void add_backup_commands(CLI::App& meta, Session& session) {
  CLI::App& backup = *meta.add_subcommand("backup", "Write what is new to the index's backup now");
  on_chosen(backup, session, [&session] { return back_up(session); });

  const auto arguments = std::make_shared<Arguments>();
  CLI::App& check = *meta.add_subcommand("verify", "Rebuild the index of a backup and check it");
  CLI::App& bring = *meta.add_subcommand("restore", "Bring the index of a stopped mesh back");
  for (CLI::App* const command : {&check, &bring}) {
    command->add_option(
        "backup", arguments->from,
        "Folder of the backup, or URL of its bucket; what the nodes keep by default");
    command->add_option("--key", arguments->key, "File of its key; keys/backup by default");
  }
  bring.add_flag("--replace", arguments->replace, "Put an index that is there aside");
  bring.add_flag("--scan", arguments->scan,
                 "Find what repair and balance moved since the backup, when the mesh runs");
  on_chosen(check, session, [&session, arguments] { return verify(session, *arguments); });
  on_chosen(bring, session, [&session, arguments] { return restore(session, *arguments); });

  CLI::App& compare = *meta.add_subcommand("scan", "Compare the index with what nodes hold");
  on_chosen(compare, session, [&session] { return scan(session); });

  CLI::App& go_on = *meta.add_subcommand("resume", "Let nodes drop again after a restore");
  on_chosen(go_on, session, [&session] { return resume(session); });
}

}  // namespace stratos::cli
