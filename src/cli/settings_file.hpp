// The settings file: TOML with the names of the long options, those of a command in a section of
// its name.
#pragma once
#include <CLI/CLI.hpp>

namespace stratos::cli {

// Gives `app` the option --config, or STRATOS_CONFIG without it. A flag wins over the environment,
// the environment over the file, the file over the default. A file that cannot be read, is no TOML,
// or names what is no option is a CLI::ParseError.
void add_settings_file(CLI::App& app);

}  // namespace stratos::cli
