// stratos clock show|advance: the clock of a dev mesh.
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/storage_options.hpp"

namespace stratos::cli {
namespace {

Result<void> print_clock(const Session& session, std::chrono::milliseconds ahead) {
  const std::int64_t seconds = ahead.count() / 1000;
  if (session.output.json) {
    print_json({{"ahead_seconds", seconds}});
  } else {
    print_line("the mesh's clock is " + std::to_string(seconds) + " s ahead");
  }
  return {};
}

Result<void> advance_clock(const Session& session, std::uint64_t seconds) {
  MeshFolder folder = session.folder();
  STRATOS_CHECK(folder.stored_settings());
  STRATOS_TRY(const std::chrono::milliseconds before, folder.clock_ahead());
  constexpr std::uint64_t kMost = 100ULL * 366 * 86'400;
  if (seconds > kMost) return fail(Errc::invalid_argument, "more than 100 years");
  STRATOS_TRY(const std::chrono::milliseconds ahead,
              folder.set_clock_ahead(before + std::chrono::seconds(seconds)));
  return print_clock(session, ahead);
}

}  // namespace

void add_clock_commands(CLI::App& app, Session& session) {
  CLI::App& clock = *app.add_subcommand("clock", "The clock of a dev mesh")->require_subcommand(1);
  clock.fallthrough();
  CLI::App& shown = *clock.add_subcommand("show", "How far it is ahead of this machine's");
  on_chosen(shown, session, [&session]() -> Result<void> {
    STRATOS_TRY(const std::chrono::milliseconds ahead, session.folder().clock_ahead());
    return print_clock(session, ahead);
  });
  CLI::App& advanced =
      *clock.add_subcommand("advance", "Set it ahead for good; what runs follows within a second");
  auto seconds = std::make_shared<std::uint64_t>(0);
  advanced.add_option("time", *seconds, "By how much, such as 40d")
      ->required()
      ->transform(time_with_unit());
  on_chosen(advanced, session, [&session, seconds] { return advance_clock(session, *seconds); });
}

}  // namespace stratos::cli
