// Labels: what a machine says of itself, level by level (operator = acme, zone = b), and the levels
// at which a network keeps the fragments of a segment apart: its spread.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "base/ids.hpp"

namespace stratos::meta {

struct Label {
  std::string level;
  std::string value;
  friend bool operator==(const Label&, const Label&) = default;
  static void fields(auto& self, auto&& field) {
    field(1, self.level);
    field(2, self.value);
  }
};
// The level of the machine itself: every node has it and none may name it.
constexpr std::string_view kNodeLevel = "node";
constexpr std::size_t kMaxLevels = 8;       // of a spread
constexpr std::size_t kMaxLabels = 16;      // of a node
constexpr std::size_t kMaxLevelBytes = 32;  // a to z, 0 to 9 and '-'
constexpr std::size_t kMaxLabelBytes = 128;

// Errc::bad_config unless there is a level, each is named well and none twice.
Result<void> check_spread(std::span<const std::string> spread);
// Errc::invalid_argument for labels that are too many, too long, named badly or twice;
// Errc::missing_label when a level of the spread has none.
Result<void> check_labels(std::span<const Label> labels, std::span<const std::string> spread);
// "level=value", as an operator writes it; Errc::invalid_argument.
Result<Label> parse_label(std::string_view text);

// Where a node stands at a level: its failure domain there. Empty when it has none.
std::string domain_at(NodeId node, std::span<const Label> labels, std::string_view level);
std::vector<std::string> domains_at(NodeId node, std::span<const Label> labels,
                                    std::span<const std::string> levels);

}  // namespace stratos::meta
