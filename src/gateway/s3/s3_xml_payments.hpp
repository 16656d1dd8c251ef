// The XML documents of what is paid: this program's own, in S3's manner; see s3_xml.hpp.
#pragma once
#include "client/object_client.hpp"

namespace stratos::gateway::s3 {

// A PaidThrough with either Date or Days. Errc::malformed_xml.
Result<client::PaymentExtension> parse_paid_through(ByteView text);
// Whether Status is Enabled. Errc::malformed_xml.
Result<bool> parse_renewal(ByteView text);

// `taken_noz`: what an extension took.
std::string paid_through_document(const client::PaymentInfo& info,
                                  std::optional<std::uint64_t> taken_noz);
std::string renewal_document(bool renews);

}  // namespace stratos::gateway::s3
