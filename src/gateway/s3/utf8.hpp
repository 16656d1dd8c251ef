// UTF-8 as RFC 3629 has it: shortest forms only, no surrogates, nothing above U+10FFFF.
#pragma once
#include <cstddef>
#include <string_view>

namespace stratos::gateway::s3 {

// Bytes of the valid sequence at the start of `text`, or 0 when there is none.
std::size_t utf8_sequence_length(std::string_view text);
bool is_utf8(std::string_view text);

}  // namespace stratos::gateway::s3
