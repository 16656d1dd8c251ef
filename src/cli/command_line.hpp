// The command line of the program: every command with its options.
#pragma once
#include <memory>
#include <optional>

#include "cli/commands.hpp"

namespace stratos::cli {

// `session` outlives the result and is filled when that parses.
std::unique_ptr<CLI::App> make_command_line(Session& session);

// The exit code when there is nothing to run: after --help and its like, or a mistake, which is
// told on stderr. Otherwise session.run is set.
std::optional<int> parse_command_line(CLI::App& app, const Session& session, int argc,
                                      const char* const* argv);

}  // namespace stratos::cli
