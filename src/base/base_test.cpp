#include <gtest/gtest.h>

#include "base/buffer.hpp"
#include "base/error.hpp"
#include "base/ids.hpp"
#include "base/log.hpp"
#include "base/metrics.hpp"
#include "base/random.hpp"
#include "base/time.hpp"

namespace stratos {
namespace {

TEST(Hex, RoundTripsAndRefusesWhatIsNotHex) {
  const Bytes bytes = {0x00, 0x7f, 0xff};
  EXPECT_EQ(to_hex(bytes), "007fff");
  EXPECT_EQ(from_hex("007FfF").value(), bytes);
  EXPECT_EQ(from_hex("abc").error().code(), Errc::bad_encoding);
  EXPECT_EQ(from_hex("zz").error().code(), Errc::bad_encoding);
}

TEST(Base64, MatchesRfc4648Vectors) {
  const std::pair<std::string_view, std::string_view> vectors[] = {{"", ""},
                                                                   {"f", "Zg=="},
                                                                   {"fo", "Zm8="},
                                                                   {"foo", "Zm9v"},
                                                                   {"foob", "Zm9vYg=="},
                                                                   {"fooba", "Zm9vYmE="},
                                                                   {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : vectors) {
    EXPECT_EQ(to_base64(as_bytes(plain)), encoded);
    EXPECT_EQ(from_base64(encoded).value(), to_bytes(as_bytes(plain)));
  }
}

TEST(Base64, RefusesEverySecondForm) {
  for (std::string_view text : {"Zg", "Zg=", "Zh==", "Zg==Zg==", "Z===", "Zm 9"}) {
    EXPECT_EQ(from_base64(text).error().code(), Errc::bad_encoding) << text;
  }
}

TEST(BigEndian, SortsAsTheNumberDoes) {
  Bytes small, large;
  put_be(small, std::uint32_t{255});
  put_be(large, std::uint32_t{256});
  EXPECT_LT(small, large);
  EXPECT_EQ(get_be<std::uint32_t>(large), 256U);
}

TEST(Buffer, SlicesShareMemoryAndKeepItAlive) {
  Buffer whole = Buffer::copy_of(as_bytes("hello world"));
  const std::uint8_t* start = whole.data();
  const Buffer part = whole.slice(6, 5);
  whole = Buffer();
  EXPECT_EQ(as_text(part.view()), "world");
  EXPECT_EQ(part.data(), start + 6);
}

TEST(Buffer, LargeOnesAreAlignedForDirectDiskWrites) {
  const Buffer buffer = Buffer::allocate(10'000);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % Buffer::kAlignment, 0U);
}

TEST(BufferDeathTest, RefusesASliceOutside) {
  EXPECT_DEATH(Buffer::allocate(4).slice(2, 3), "slice outside");
}

TEST(Ids, RefuseTheWrongLength) {
  EXPECT_EQ(SegmentId::from(Bytes(15)).error().code(), Errc::bad_encoding);
  const SegmentId id = SegmentId::from_hex_text("000102030405060708090a0b0c0d0e0f").value();
  EXPECT_EQ(id.hex(), "000102030405060708090a0b0c0d0e0f");
}

TEST(Errors, CarryTheirCauseAndStableNumbers) {
  const Error error(Errc::io_error, "write", Error(Errc::disk_full, "no space"));
  EXPECT_EQ(error.to_string(), "io_error: write; because disk_full: no space");
  EXPECT_EQ(static_cast<int>(Errc::disk_full), 202);
  EXPECT_EQ(errc_from_number(202), Errc::disk_full);
  EXPECT_EQ(errc_from_number(65000), Errc::internal);
  EXPECT_TRUE(Error(Errc::overloaded).retryable());
  EXPECT_FALSE(error.retryable());
}

TEST(Errors, MacrosPassThemOn) {
  const auto inner = [](bool good) -> Result<int> {
    if (good) return 1;
    return fail(Errc::not_found, "x");
  };
  const auto outer = [&inner](bool good) -> Result<int> {
    STRATOS_TRY(const int value, inner(good));
    return value + 1;
  };
  EXPECT_EQ(outer(true).value(), 2);
  EXPECT_EQ(outer(false).error().code(), Errc::not_found);
}

TEST(Time, FormatsForPeopleAndForHttp) {
  EXPECT_EQ(to_iso8601(WallTime{784111777123}), "1994-11-06T08:49:37.123Z");
  EXPECT_EQ(to_http_date(WallTime{784111777000}), "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST(SeededRandom, RepeatsForOneSeedAndDiffersForAnother) {
  SeededRandom a(7), b(7), c(8);
  EXPECT_EQ(a.next_u64(), b.next_u64());
  EXPECT_NE(a.next_u64(), c.next_u64());
  for (int i = 0; i < 1000; ++i) EXPECT_LT(a.below(10), 10U);
}

TEST(Log, WritesOneJsonLineAndEscapes) {
  std::string captured;
  log::set_sink([&captured](std::string_view line) { captured += line; });
  log::info("unit.test", {{"text", "a\"b\n"}, {"count", 3}, {"yes", true}});
  log::debug("unit.hidden");
  log::set_sink({});
  EXPECT_NE(
      captured.find(R"("level":"info","event":"unit.test","text":"a\"b\n","count":3,"yes":true})"),
      std::string::npos);
  EXPECT_EQ(captured.find("unit.hidden"), std::string::npos);
}

TEST(Metrics, ExposeInPrometheusForm) {
  metrics::Registry registry;
  registry.counter("stratos_x_requests_total", "op=\"put\"").add(2);
  registry.gauge("stratos_x_open").set(-1);
  registry.histogram("stratos_x_seconds").observe_ns(100'000);
  const std::string text = registry.expose();
  EXPECT_NE(text.find("stratos_x_requests_total{op=\"put\"} 2\n"), std::string::npos);
  EXPECT_NE(text.find("stratos_x_open -1\n"), std::string::npos);
  EXPECT_NE(text.find("stratos_x_seconds_bucket{le=\"6.4e-05\"} 0\n"), std::string::npos);
  EXPECT_NE(text.find("stratos_x_seconds_bucket{le=\"0.000128\"} 1\n"), std::string::npos);
  EXPECT_NE(text.find("stratos_x_seconds_count 1\n"), std::string::npos);
}

}  // namespace
}  // namespace stratos
