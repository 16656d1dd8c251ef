#include "base/log.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/random.hpp"

namespace stratos {
namespace {

class LogLines : public testing::Test {
 protected:
  LogLines() {
    log::set_sink([this](std::string_view line) { lines_.emplace_back(line); });
  }
  ~LogLines() override {
    log::set_sink({});
    log::set_level(log::Level::info);
  }
  nlohmann::json last() {
    EXPECT_FALSE(lines_.empty());
    return lines_.empty() ? nlohmann::json() : nlohmann::json::parse(lines_.back());
  }
  std::vector<std::string> lines_;
};

TEST_F(LogLines, MakesOneJsonObjectOfOneLineFromAnyBytes) {
  SeededRandom random(5);
  std::vector<std::string> texts = {"\"}\n{\"event\":\"forged\"", std::string("\0nul", 4),
                                    "\xff\xfe not UTF-8 \xc3",    "\xed\xa0\x80 half a surrogate",
                                    "\x1b[31m\r\b\t\x7f",         std::string(100'000, '"')};
  for (int i = 0; i < 500; ++i) {
    std::string text(random.below(40), ' ');
    random.fill({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
    texts.push_back(text);
  }
  for (const std::string& text : texts) {
    lines_.clear();
    log::info(text, {{text, text}, {"last", 1}});
    ASSERT_EQ(lines_.size(), 1U);
    EXPECT_EQ(lines_[0].find('\n'), lines_[0].size() - 1);
    for (const char c : lines_[0].substr(0, lines_[0].size() - 1)) {
      EXPECT_GE(static_cast<unsigned char>(c), 0x20);
    }
    const nlohmann::json line = nlohmann::json::parse(lines_[0], nullptr, false);
    ASSERT_TRUE(line.is_object()) << lines_[0];
    EXPECT_EQ(line["last"], 1) << "nothing of a value becomes another field";
  }
}

TEST_F(LogLines, KeepsNumbersAsTheyAre) {
  log::info("numbers", {{"least", std::numeric_limits<std::int64_t>::min()},
                        {"most", std::numeric_limits<std::uint64_t>::max()},
                        {"byte", std::uint8_t{200}},
                        {"half", 0.5},
                        {"nan", std::nan("")},
                        {"infinite", std::numeric_limits<double>::infinity()},
                        {"no", false}});
  const nlohmann::json line = last();
  EXPECT_EQ(line["least"], std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(line["most"], std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(line["byte"], 200);
  EXPECT_EQ(line["half"], 0.5);
  EXPECT_TRUE(line["nan"].is_null());
  EXPECT_TRUE(line["infinite"].is_null());
  EXPECT_EQ(line["no"], false);
}

TEST_F(LogLines, DropsWhatIsBelowItsLevel) {
  using log::Level;
  for (const Level level : {Level::debug, Level::info, Level::warn, Level::error}) {
    lines_.clear();
    log::set_level(level);
    log::debug("a");
    log::info("a");
    log::warn("a");
    log::error("a");
    EXPECT_EQ(lines_.size(), 4U - static_cast<std::size_t>(level));
  }
  EXPECT_EQ(last()["level"], "error");
}

}  // namespace
}  // namespace stratos
