// What a gateway answers about an object's payment, for `stratos retention`.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "base/result.hpp"

namespace stratos::cli {

// Of a PaidThrough document (docs/formats/retention.md): what it says, under the names of --json.
// Errc::malformed_xml.
Result<nlohmann::json> payment_answer(const std::string& document);

}  // namespace stratos::cli
