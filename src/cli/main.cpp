#include <unistd.h>

#include <array>

#include "cli/commands.hpp"

namespace {

std::string own_path(const char* argv0) {
  std::array<char, 4096> path{};
  const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size() - 1);
  return size > 0 ? std::string(path.data(), static_cast<std::size_t>(size)) : argv0;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace stratos::cli;
  constexpr int kUsage = 2;
  CLI::App app("Stratos: storage, content delivery, database and computing on many machines");
  app.set_version_flag("--version", STRATOS_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  // Flags win over the environment, the environment over the file, the file over defaults.
  app.set_config("--config", "", "Settings file (TOML)")->envname("STRATOS_CONFIG");
  Session session;
  session.program = own_path(argv[0]);
  session.dir = default_mesh_path();
  app.add_option("--dir", session.dir, "Folder of the mesh (STRATOS_DIR)")->envname("STRATOS_DIR");
  app.add_option("--account", session.account, "Account to act as; the first by default")
      ->envname("STRATOS_ACCOUNT");
  app.add_flag("--json", session.output.json, "Print data as JSON");
  app.add_flag("--quiet,-q", session.output.quiet, "Print no messages");

  add_dev_command(app, session);
  CLI::App& node = *app.add_subcommand("node", "A storage node")->require_subcommand(1);
  CLI::App& meta = *app.add_subcommand("meta", "The index layer")->require_subcommand(1);
  CLI::App& gateway = *app.add_subcommand("gateway", "The S3 gateway")->require_subcommand(1);
  for (CLI::App* group : {&node, &meta, &gateway}) group->fallthrough();
  add_role_commands(node, meta, gateway, session);
  add_object_commands(app, session);
  add_mesh_commands(app, meta, session);
  add_keyring_commands(app, session);
  add_sim_command(app, session);
  add_doctor_command(app, session);
  add_bench_command(app, session);
  add_completion_command(app, session);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : kUsage;
  }
  return session.run ? session.run() : kUsage;
}
