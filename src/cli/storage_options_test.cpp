#include "cli/storage_options.hpp"

#include <gtest/gtest.h>

namespace stratos::cli {
namespace {

TEST(StorageOptions, AreTimesWithUnits) {
  CLI::App app;
  StorageSettings settings;
  add_storage_options(app, settings);
  app.parse("--storage-term 30d --storage-grace 12h --storage-warning 90 --storage-price 5");
  EXPECT_EQ(settings.term_seconds, 30U * 86'400);
  EXPECT_EQ(settings.grace_seconds, 12U * 3600);
  EXPECT_EQ(settings.warning_seconds, 90U);
  EXPECT_EQ(settings.noz_per_gib_day, 5U);
}

TEST(StorageOptions, SayNothingUnlessTheyAreGiven) {
  CLI::App app;
  StorageSettings settings;
  add_storage_options(app, settings);
  app.parse("");
  EXPECT_FALSE(settings.term_seconds);
  EXPECT_FALSE(settings.noz_per_gib_day);
  EXPECT_THROW(app.parse("--storage-term soon"), CLI::ParseError);
}

}  // namespace
}  // namespace stratos::cli
