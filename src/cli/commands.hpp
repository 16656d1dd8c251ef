// The commands of the program. Each adds itself to the command line; running one returns the exit
// code.
#pragma once
#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "cli/mesh_folder.hpp"
#include "cli/output.hpp"

namespace stratos::cli {

struct MetaHostOptions;

// What all commands share, filled by the command line.
struct Session {
  OutputOptions output;
  std::string dir;
  std::string account;
  std::string program;  // path of this executable
  // The chosen command, run after the command line is parsed.
  std::function<int()> run;

  MeshFolder folder() const;
};

// Runs `command` when the subcommand is chosen; its error becomes the exit code.
void on_chosen(CLI::App& app, Session& session, std::function<Result<void>()> command);

void add_dev_command(CLI::App& app, Session& session);
void add_role_commands(CLI::App& node, CLI::App& meta, CLI::App& gateway, Session& session);
// The flags of whatever runs a meta node.
void add_meta_options(CLI::App& command, MetaHostOptions& options);
void add_backup_commands(CLI::App& meta, Session& session);
void add_object_commands(CLI::App& app, Session& session);
void add_mesh_commands(CLI::App& app, CLI::App& meta, Session& session);
void add_usage_command(CLI::App& app, Session& session);
void add_upgrade_command(CLI::App& app, Session& session);
void add_keyring_commands(CLI::App& app, Session& session);
void add_access_key_commands(CLI::App& app, Session& session);
void add_account_commands(CLI::App& app, Session& session);
void add_retention_commands(CLI::App& app, Session& session);
void add_clock_commands(CLI::App& app, Session& session);
void add_sim_command(CLI::App& app, Session& session);
void add_durability_command(CLI::App& sim, Session& session);
void add_doctor_command(CLI::App& app, Session& session);
void add_bench_command(CLI::App& app, Session& session);
void add_completion_command(CLI::App& app, Session& session);

}  // namespace stratos::cli
