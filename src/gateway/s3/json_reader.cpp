#include "gateway/s3/json_reader.hpp"

#include <set>
#include <vector>

#include "gateway/s3/utf8.hpp"

namespace stratos::gateway::s3 {

std::optional<nlohmann::json> parse_json(std::string_view text, const JsonLimits& limits) {
  using Event = nlohmann::json::parse_event_t;
  if (text.size() > limits.max_bytes || !is_utf8(text)) return std::nullopt;
  // Brackets outside of strings alone nest; counting all of them first would refuse too much.
  bool sound = true;
  std::vector<std::set<std::string>> open;  // names of the objects around
  const auto watch = [&](int depth, Event event, nlohmann::json& parsed) {
    if (static_cast<std::size_t>(depth) > limits.max_depth) sound = false;
    if (event == Event::object_start) open.emplace_back();
    if (event == Event::object_end) open.pop_back();
    if (event == Event::key && !open.back().insert(parsed.get<std::string>()).second) sound = false;
    return true;
  };
  nlohmann::json document = nlohmann::json::parse(text, watch, false);
  if (document.is_discarded() || !sound) return std::nullopt;
  return document;
}

}  // namespace stratos::gateway::s3
