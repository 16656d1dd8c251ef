#include "cli/output.hpp"

#include <gtest/gtest.h>

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
