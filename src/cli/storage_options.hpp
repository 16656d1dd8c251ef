// The terms that storage of a new mesh is paid for, as flags; and times with a unit.
#pragma once
#include <CLI/CLI.hpp>

#include "cli/mesh_folder.hpp"

namespace stratos::cli {

// Reads 90s, 15m, 12h, 30d as seconds; a number alone is seconds.
CLI::AsNumberWithUnit time_with_unit();

// `settings` lives as long as the command.
void add_storage_options(CLI::App& command, StorageSettings& settings);

}  // namespace stratos::cli
