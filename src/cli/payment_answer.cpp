#include "cli/payment_answer.hpp"

#include <pugixml.hpp>

namespace stratos::cli {

Result<nlohmann::json> payment_answer(const std::string& document) {
  pugi::xml_document parsed;
  const bool read = parsed.load_buffer(document.data(), document.size());
  const pugi::xml_node root = parsed.child("PaidThrough");
  if (!read || !root.child("State")) return fail(Errc::malformed_xml, "the gateway's answer");
  nlohmann::json answer = {{"state", root.child_value("State")}};
  const auto take_text = [&](const char* element, const char* name) {
    if (root.child(element)) answer[name] = root.child_value(element);
  };
  const auto take_number = [&](const char* element, const char* name) {
    if (root.child(element)) answer[name] = root.child(element).text().as_ullong();
  };
  take_text("Date", "paid_through");
  take_text("RemovalDate", "removed_on");
  take_number("StoredBytes", "stored_bytes");
  take_number("TermSeconds", "term_seconds");
  take_number("TermPrice", "term_noz");
  take_number("Taken", "taken_noz");
  if (root.child("Renewal")) {
    answer["renewal"] = std::string_view(root.child_value("Renewal")) == "Enabled";
  }
  return answer;
}

}  // namespace stratos::cli
