// The message that a webhook gets: S3's event record, version 2.
#pragma once
#include <string>

#include "client/notice.hpp"

namespace stratos::gateway::s3 {

// One record, or S3's test message.
std::string event_message(const client::Notice& notice, std::string_view region);

}  // namespace stratos::gateway::s3
