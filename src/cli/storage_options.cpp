#include "cli/storage_options.hpp"

namespace stratos::cli {

CLI::AsNumberWithUnit time_with_unit() {
  const std::map<std::string, std::uint64_t> units{{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86'400}};
  return CLI::AsNumberWithUnit(units, CLI::AsNumberWithUnit::DEFAULT, "TIME");
}

void add_storage_options(CLI::App& command, StorageSettings& settings) {
  command
      .add_option("--storage-term", settings.term_seconds,
                  "Time that a write to a new mesh pays, such as 30d; 0: kept without an end")
      ->transform(time_with_unit());
  command.add_option("--storage-price", settings.noz_per_gib_day,
                     "Noz that a stored GiB takes a day, over all copies");
  command
      .add_option("--storage-grace", settings.grace_seconds,
                  "Time from the end of what is paid until it is removed; 7d")
      ->transform(time_with_unit());
  command
      .add_option("--storage-warning", settings.warning_seconds,
                  "Time before that end at which the owner is warned; 7d")
      ->transform(time_with_unit());
}

}  // namespace stratos::cli
