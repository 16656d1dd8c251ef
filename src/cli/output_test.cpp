#include "cli/output.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/child_process.hpp"
#include "cli/machine_bound.hpp"
#include "cli/s3_session.hpp"

namespace stratos::cli {
namespace {

TEST(Output, ShowsBytesForPeople) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(1023), "1023 B");
  EXPECT_EQ(human_bytes(1536), "1.5 KiB");
  EXPECT_EQ(human_bytes(5ULL << 30), "5.0 GiB");
}

TEST(Output, NeverShows1024OfAUnit) {
  EXPECT_EQ(human_bytes(1024), "1.0 KiB");
  EXPECT_EQ(human_bytes((1 << 20) - 1), "1.0 MiB");
  EXPECT_EQ(human_bytes((1ULL << 40) - 1), "1.0 TiB");
  EXPECT_EQ(human_bytes(1023 * 1024), "1023.0 KiB");
  EXPECT_EQ(human_bytes(UINT64_MAX), "16.0 EiB");
  for (int bits = 0; bits < 64; ++bits) {
    for (const std::uint64_t around : {~0ULL, 0ULL, 1ULL}) {
      const std::string text = human_bytes((1ULL << bits) + around);
      EXPECT_EQ(text.find("1024"), text.npos) << text;
    }
  }
}

TEST(Output, ErrorsAreOneLineOfJsonWhateverTheySay) {
  OutputOptions options;
  options.json = true;
  testing::internal::CaptureStderr();
  EXPECT_EQ(
      report_error(options, Error(Errc::disk_full, "a\"b\nc\xff", Error(Errc::io_error, "cause"))),
      7);
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_EQ(text.find('\n'), text.size() - 1);
  const auto value = nlohmann::json::parse(text);
  EXPECT_EQ(value["error"], "disk_full");
  EXPECT_EQ(value["retryable"], false);
}

TEST(Output, QuietHidesMessagesButNotErrors) {
  OutputOptions options;
  options.quiet = true;
  testing::internal::CaptureStderr();
  print_message(options, "progress");
  report_error(options, Error(Errc::not_found, "it"));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "stratos: not_found: it\n");
}

TEST(Output, ErrorsGiveTheExitCodeOfTheirKind) {
  OutputOptions options;
  options.json = true;
  EXPECT_EQ(report_error(options, Error(Errc::no_such_object)), 3);
  EXPECT_EQ(report_error(options, Error(Errc::access_denied)), 4);
  EXPECT_EQ(report_error(options, Error(Errc::connection_refused)), 5);
  EXPECT_EQ(report_error(options, Error(Errc::unit_corrupt)), 8);
}

TEST(S3Path, TakesBucketAndKeyApart) {
  EXPECT_FALSE(parse_s3_path("bucket/key"));
  EXPECT_EQ(parse_s3_path("s3://b")->bucket, "b");
  EXPECT_EQ(parse_s3_path("s3://b")->key, "");
  EXPECT_EQ(parse_s3_path("s3://b/a//c")->key, "a//c");
}

TEST(ChildProcess, IsStartedReapedAndEnded) {
  ChildProcess done = ChildProcess::start("true", {"/bin/true"}).value();
  done.join(5s);
  EXPECT_FALSE(done.running());
  ChildProcess sleeper = ChildProcess::start("sleep", {"/bin/sleep", "600"}).value();
  EXPECT_TRUE(sleeper.running());
  sleeper.terminate();
  sleeper.join(5s);
  EXPECT_FALSE(sleeper.running());
  EXPECT_FALSE(ChildProcess::start("none", {"/nonexistent/program"}));
}

TEST(MachineBound, IsMadeOfWhatWasMeasured) {
  const MachineBound bound = measure_machine(testing::TempDir(), 4, 2).value();
  EXPECT_GT(bound.put_mb_s, 0);
  EXPECT_GT(bound.get_mb_s, 0);
  EXPECT_LE(bound.put_mb_s, bound.disk_mb_s / 1.5 + 1e-6);
  EXPECT_LE(bound.put_mb_s, bound.md5_mb_s * bound.cores);
}

}  // namespace
}  // namespace stratos::cli
