#include "meta/labels.hpp"

#include <gtest/gtest.h>

namespace stratos::meta {
namespace {

using Levels = std::vector<std::string>;

Errc spread_code(const Levels& spread) {
  const auto checked = check_spread(spread);
  return checked ? Errc{} : checked.error().code();
}
Errc labels_code(const std::vector<Label>& labels, const Levels& spread = {"node"}) {
  const auto checked = check_labels(labels, spread);
  return checked ? Errc{} : checked.error().code();
}

TEST(Spread, IsAFewLevelsEachOnce) {
  EXPECT_EQ(spread_code({"node"}), Errc{});
  EXPECT_EQ(spread_code({"operator", "subnet", "zone-2"}), Errc{});
  EXPECT_EQ(spread_code({}), Errc::bad_config);
  EXPECT_EQ(spread_code({"operator", "operator"}), Errc::bad_config);
  EXPECT_EQ(spread_code({""}), Errc::bad_config);
  EXPECT_EQ(spread_code({"Operator"}), Errc::bad_config);
  EXPECT_EQ(spread_code({std::string(kMaxLevelBytes + 1, 'a')}), Errc::bad_config);
  Levels many;
  for (std::size_t i = 0; i <= kMaxLevels; ++i) many.push_back("l" + std::to_string(i));
  EXPECT_EQ(spread_code(many), Errc::bad_config);
  many.pop_back();
  EXPECT_EQ(spread_code(many), Errc{});
}

TEST(Labels, AreRefusedWhenALevelOfTheSpreadIsMissing) {
  EXPECT_EQ(labels_code({}), Errc{});
  EXPECT_EQ(labels_code({}, {"operator"}), Errc::missing_label);
  EXPECT_EQ(labels_code({{"operator", "acme"}}, {"operator"}), Errc{});
  EXPECT_EQ(labels_code({{"operator", "acme"}}, {"operator", "subnet"}), Errc::missing_label);
  EXPECT_EQ(labels_code({{"zone", "b"}, {"operator", "acme"}}, {"node", "operator"}), Errc{});
}

TEST(Labels, AreBounded) {
  std::vector<Label> many;
  for (std::size_t i = 0; i <= kMaxLabels; ++i) many.push_back({"l" + std::to_string(i), "v"});
  EXPECT_EQ(labels_code(many), Errc::invalid_argument);
  many.pop_back();
  EXPECT_EQ(labels_code(many), Errc{});
  EXPECT_EQ(labels_code({{"zone", std::string(kMaxLabelBytes, 'v')}}), Errc{});
  EXPECT_EQ(labels_code({{"zone", std::string(kMaxLabelBytes + 1, 'v')}}), Errc::invalid_argument);
  EXPECT_EQ(labels_code({{std::string(kMaxLevelBytes + 1, 'l'), "v"}}), Errc::invalid_argument);
}

TEST(Labels, AreRefusedWhenNamedBadlyOrTwice) {
  for (const Label& label : std::vector<Label>{{"", "v"},
                                               {"zone", ""},
                                               {"Zone", "v"},
                                               {"zo ne", "v"},
                                               {"zone", "a\nb"},
                                               {"node", "n1"}}) {
    EXPECT_EQ(labels_code({label}), Errc::invalid_argument) << label.level << "=" << label.value;
  }
  EXPECT_EQ(labels_code({{"zone", "a"}, {"zone", "b"}}), Errc::invalid_argument);
}

TEST(Labels, AreReadAsOperatorsWriteThem) {
  EXPECT_EQ(parse_label("operator=acme").value(), (Label{"operator", "acme"}));
  EXPECT_EQ(parse_label("subnet=2001:db8::/32=x").value(), (Label{"subnet", "2001:db8::/32=x"}));
  for (const char* bad : {"", "operator", "=acme", "operator=", "node=n1", "Op=x"}) {
    EXPECT_EQ(parse_label(bad).error().code(), Errc::invalid_argument) << bad;
  }
}

TEST(Domain, IsTheNodeItselfOrItsLabel) {
  const std::vector<Label> labels = {{"operator", "acme"}};
  EXPECT_EQ(domain_at(NodeId(3), labels, "node"), "n3");
  EXPECT_EQ(domain_at(NodeId(3), labels, "operator"), "acme");
  EXPECT_EQ(domain_at(NodeId(3), labels, "zone"), "");
  EXPECT_EQ(domains_at(NodeId(3), labels, Levels{"operator", "node"}), (Levels{"acme", "n3"}));
}

}  // namespace
}  // namespace stratos::meta
