#include "meta/labels.hpp"

#include <algorithm>

namespace stratos::meta {
namespace {

bool names_a_level(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  return !name.empty() && name.size() <= kMaxLevelBytes && std::ranges::all_of(name, allowed);
}

// No control characters: values are shown on terminals.
bool is_value(std::string_view value) {
  const auto allowed = [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; };
  return !value.empty() && value.size() <= kMaxLabelBytes && std::ranges::all_of(value, allowed);
}

Result<void> check_label(const Label& label) {
  if (!names_a_level(label.level)) return fail(Errc::invalid_argument, "level of a label");
  if (label.level == kNodeLevel) return fail(Errc::invalid_argument, "a label for the level node");
  if (!is_value(label.value)) return fail(Errc::invalid_argument, "label " + label.level);
  return {};
}

}  // namespace

Result<void> check_spread(std::span<const std::string> spread) {
  if (spread.empty() || spread.size() > kMaxLevels) {
    return fail(Errc::bad_config, "number of levels of the spread");
  }
  for (std::size_t i = 0; i < spread.size(); ++i) {
    const bool twice = std::ranges::count(spread, spread[i]) > 1;
    if (twice || !names_a_level(spread[i])) return fail(Errc::bad_config, "level " + spread[i]);
  }
  return {};
}

Result<void> check_labels(std::span<const Label> labels, std::span<const std::string> spread) {
  if (labels.size() > kMaxLabels) return fail(Errc::invalid_argument, "number of labels");
  for (const Label& label : labels) {
    STRATOS_CHECK(check_label(label));
    if (std::ranges::count(labels, label.level, &Label::level) > 1) {
      return fail(Errc::invalid_argument, "two labels " + label.level);
    }
  }
  for (const std::string& level : spread) {
    const bool known =
        level == kNodeLevel || std::ranges::find(labels, level, &Label::level) != labels.end();
    if (!known) return fail(Errc::missing_label, level);
  }
  return {};
}

Result<Label> parse_label(std::string_view text) {
  const std::size_t at = text.find('=');
  if (at == text.npos) return fail(Errc::invalid_argument, "a label is LEVEL=VALUE");
  Label label{std::string(text.substr(0, at)), std::string(text.substr(at + 1))};
  STRATOS_CHECK(check_label(label));
  return label;
}

std::string domain_at(NodeId node, std::span<const Label> labels, std::string_view level) {
  if (level == kNodeLevel) return to_string(node);
  const auto found = std::ranges::find(labels, level, &Label::level);
  return found == labels.end() ? std::string() : found->value;
}

std::vector<std::string> domains_at(NodeId node, std::span<const Label> labels,
                                    std::span<const std::string> levels) {
  std::vector<std::string> domains;
  for (const std::string& level : levels) domains.push_back(domain_at(node, labels, level));
  return domains;
}

}  // namespace stratos::meta
