#include "base/trace_context.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "base/log.hpp"

namespace stratos {
namespace {

constexpr std::string_view kExample = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(Traceparent, OfTheRecommendationIsUnderstood) {
  const TraceContext context = parse_traceparent(kExample).value();
  EXPECT_EQ(context.trace.hex(), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(context.span.hex(), "b7ad6b7169203331");
  EXPECT_TRUE(context.sampled);
  EXPECT_EQ(to_traceparent(context), kExample);
}

TEST(Traceparent, KeepsOnlyTheFlagItKnows) {
  std::string text(kExample);
  text.replace(53, 2, "fe");
  EXPECT_FALSE(parse_traceparent(text)->sampled);
  text.replace(53, 2, "ff");
  EXPECT_EQ(to_traceparent(*parse_traceparent(text)), kExample);
}

TEST(Traceparent, OfALaterVersionIsReadAsFarAsItIsKnown) {
  std::string text(kExample);
  text.replace(0, 2, "cc");
  EXPECT_EQ(to_traceparent(parse_traceparent(text).value()), kExample);
  EXPECT_EQ(to_traceparent(parse_traceparent(text + "-what.comes").value()), kExample);
  EXPECT_TRUE(parse_traceparent(text + "-"));
  EXPECT_FALSE(parse_traceparent(text + ".what"));
}

TEST(Traceparent, RefusesEverythingElse) {
  const std::string good(kExample);
  const auto with = [&good](std::size_t at, std::string_view part) {
    return std::string(good).replace(at, part.size(), part);
  };
  for (const std::string& text : {std::string(),
                                  std::string("00"),
                                  good.substr(0, 54),
                                  good + "-",
                                  good + "0",
                                  good + "-00",
                                  " " + good,
                                  good + " ",
                                  with(0, "ff"),
                                  with(0, "0A"),
                                  with(0, "0x"),
                                  with(2, "_"),
                                  with(35, "_"),
                                  with(52, "_"),
                                  with(3, "0AF7"),
                                  with(36, "B7"),
                                  with(53, "0G"),
                                  with(53, "0A"),
                                  with(3, std::string(32, '0')),
                                  with(36, std::string(16, '0')),
                                  with(3, std::string_view("\0", 1)),
                                  with(3, "\xc3\xa9"),
                                  with(10, "-")}) {
    const auto parsed = parse_traceparent(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code(), Errc::bad_encoding) << text;
  }
}

TEST(Traceparent, WithAnyCharacterChangedIsRefusedOrAnother) {
  const TraceContext original = parse_traceparent(kExample).value();
  for (std::size_t at = 0; at < kExample.size(); ++at) {
    for (int c = 0; c < 256; ++c) {
      std::string text(kExample);
      text[at] = static_cast<char>(c);
      const auto parsed = parse_traceparent(text);
      const bool in_ids = at >= 3 && at < 52 && at != 35;
      if (parsed && in_ids) EXPECT_EQ(*parsed == original, text == kExample) << text;
      if (parsed) EXPECT_TRUE(std::isdigit(c) != 0 || (c >= 'a' && c <= 'f') || c == '-') << text;
    }
  }
}

TEST(Traceparent, ComesBackAsItWasWritten) {
  EXPECT_TRUE(rc::check([](std::uint64_t seed, bool sampled) {
    SeededRandom random(seed);
    TraceContext context = next_span(std::nullopt, random);
    context.sampled = sampled;
    RC_ASSERT(parse_traceparent(to_traceparent(context)).value() == context);
  }));
}

TEST(NextSpan, StaysInItsTrace) {
  SeededRandom random(1);
  const TraceContext parent = parse_traceparent(kExample).value();
  const TraceContext child = next_span(parent, random);
  EXPECT_EQ(child.trace, parent.trace);
  EXPECT_NE(child.span, parent.span);
  EXPECT_TRUE(child.sampled);
  const TraceContext other = next_span(std::nullopt, random);
  EXPECT_TRUE(other.exists());
  EXPECT_NE(other.trace, parent.trace);
  EXPECT_FALSE(other.sampled);
}

TEST(NextSpan, NeverDrawsZero) {
  // Zeros first, as a broken generator would give them now and then.
  class Zeros final : public Random {
   public:
    void fill(MutableByteView out) override {
      std::ranges::fill(out, static_cast<std::uint8_t>(calls_++ % 2));
    }

   private:
    int calls_ = 0;
  } random;
  const TraceContext context = next_span(std::nullopt, random);
  EXPECT_FALSE(context.trace.is_zero());
  EXPECT_FALSE(context.span.is_zero());
}

TEST(TraceScope, EndsWithItsBlockAndShowsInTheLog) {
  std::string lines;
  log::set_sink([&lines](std::string_view line) { lines += line; });
  {
    const TraceScope outer(parse_traceparent(kExample).value());
    log::info("outside", {});
    {
      const TraceScope none{TraceContext()};
      log::info("none", {});
    }
    EXPECT_EQ(current_trace().span.hex(), "b7ad6b7169203331");
  }
  log::info("after", {});
  log::set_sink({});
  EXPECT_FALSE(current_trace().exists());
  const std::string wanted =
      "\"event\":\"outside\",\"trace_id\":\"0af7651916cd43dd8448eb211c80319c\"";
  EXPECT_NE(lines.find(wanted), lines.npos) << lines;
  EXPECT_EQ(lines.find("trace_id", lines.find(wanted) + wanted.size()), lines.npos) << lines;
}

}  // namespace
}  // namespace stratos
