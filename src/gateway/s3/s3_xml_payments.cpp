#include "gateway/s3/s3_xml_payments.hpp"

#include <charconv>

#include "gateway/s3/s3_time.hpp"
#include "gateway/s3/xml_reader.hpp"
#include "gateway/s3/xml_writer.hpp"

namespace stratos::gateway::s3 {
namespace {

constexpr XmlLimits kLimits{.max_bytes = 16 << 10, .max_elements = 16, .max_depth = 4};

auto malformed(std::string why) { return fail(Errc::malformed_xml, std::move(why)); }

std::string_view state_of(const client::Payment& payment) {
  if (!payment.is_needed()) return "Unlimited";
  switch (payment.stage) {
    case client::PaymentStage::paid:
      return "Paid";
    case client::PaymentStage::warned:
      return "Warned";
    case client::PaymentStage::grace:
      return "Grace";
  }
  return "Unknown";
}

}  // namespace

Result<client::PaymentExtension> parse_paid_through(ByteView text) {
  STRATOS_TRY(const XmlDocument document, XmlDocument::parse(text, "PaidThrough", kLimits));
  const XmlElement date = document.root().child("Date");
  const XmlElement days = document.root().child("Days");
  if (date.exists() == days.exists()) return malformed("PaidThrough needs a Date or Days");
  client::PaymentExtension extension;
  if (date.exists()) {
    const auto time = parse_iso8601(date.text());
    if (!time || time->ms <= 0) return malformed("Date is no time");
    extension.through = *time;
    return extension;
  }
  const std::string number = days.text();
  const char* end = number.data() + number.size();
  const auto [stop, error] = std::from_chars(number.data(), end, extension.days);
  const bool fits = error == std::errc() && stop == end && extension.days != 0;
  if (!fits) return malformed("Days is no number of days");
  return extension;
}

Result<bool> parse_renewal(ByteView text) {
  STRATOS_TRY(const XmlDocument document,
              XmlDocument::parse(text, "RenewalConfiguration", kLimits));
  const std::string status = document.root().child("Status").text();
  if (status == "Enabled") return true;
  if (status == "Disabled") return false;
  return malformed("Status is neither Enabled nor Disabled");
}

std::string paid_through_document(const client::PaymentInfo& info,
                                  std::optional<std::uint64_t> taken_noz) {
  const client::Payment& payment = info.payment;
  XmlWriter xml;
  xml.open_root("PaidThrough").element("State", state_of(payment));
  if (payment.is_needed()) {
    xml.element("Date", payment.through);
    const bool grace = payment.stage == client::PaymentStage::grace;
    if (grace) xml.element("RemovalDate", payment.due);
    xml.element("StoredBytes", payment.stored_bytes);
    xml.element("TermSeconds", info.term_ms / 1000).element("TermPrice", info.term_noz);
    if (taken_noz) xml.element("Taken", *taken_noz);
    xml.element("Renewal", info.renews ? "Enabled" : "Disabled");
  }
  xml.close("PaidThrough");
  return std::move(xml).take();
}

std::string renewal_document(bool renews) {
  XmlWriter xml;
  xml.open_root("RenewalConfiguration").element("Status", renews ? "Enabled" : "Disabled");
  xml.close("RenewalConfiguration");
  return std::move(xml).take();
}

}  // namespace stratos::gateway::s3
