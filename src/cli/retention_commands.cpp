// stratos retention show|extend|renew: until when objects are paid.
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/payment_answer.hpp"
#include "cli/s3_session.hpp"
#include "gateway/s3/s3_xml_payments.hpp"
#include "gateway/s3/xml_writer.hpp"

namespace stratos::cli {
namespace {

using nlohmann::json;

struct Arguments {
  std::string path;
  std::string version;
  std::string until;
  std::uint32_t days = 0;
  bool off = false;
};

Result<S3Path> parse_path(const std::string& text, bool of_object) {
  const auto path = parse_s3_path(text);
  if (path && !path->bucket.empty() && path->key.empty() != of_object) return *path;
  const std::string form = of_object ? "s3://bucket/key" : "s3://bucket";
  return fail(Errc::invalid_argument, text + ": " + form + " expected");
}

std::string subresource_of(const Arguments& arguments) {
  if (arguments.version.empty()) return "paid-through";
  return "paid-through&versionId=" + http::percent_encode(arguments.version, false);
}

Result<void> print_payment(const Session& session, const std::string& document) {
  STRATOS_TRY(const json answer, payment_answer(document));
  if (session.output.json) {
    print_json(answer);
    return {};
  }
  for (const auto& [name, value] : answer.items()) {
    print_line(name + "  " + (value.is_string() ? value.get<std::string>() : value.dump()));
  }
  return {};
}

Result<void> show_bucket(const Session& session, S3Session& s3, const S3Path& path) {
  STRATOS_TRY(const std::string document, s3.document("GET", path, "renewal"));
  STRATOS_TRY(const bool on, gateway::s3::parse_renewal(as_bytes(document)));
  if (session.output.json) {
    print_json({{"bucket", path.bucket}, {"renewal", on}});
  } else {
    print_line("s3://" + path.bucket + (on ? " renews" : " does not renew"));
  }
  return {};
}

Result<void> show(const Session& session, const Arguments& arguments) {
  const auto bucket = parse_path(arguments.path, false);
  STRATOS_TRY(const auto s3, S3Session::open(session.folder(), session.account));
  if (bucket) return show_bucket(session, *s3, *bucket);
  STRATOS_TRY(const S3Path path, parse_path(arguments.path, true));
  STRATOS_TRY(const std::string document, s3->document("GET", path, subresource_of(arguments)));
  return print_payment(session, document);
}

Result<void> extend(const Session& session, const Arguments& arguments) {
  STRATOS_TRY(const S3Path path, parse_path(arguments.path, true));
  if (arguments.until.empty() == (arguments.days == 0)) {
    return fail(Errc::invalid_argument, "either --days or --until");
  }
  gateway::s3::XmlWriter xml;
  xml.open_root("PaidThrough");
  if (arguments.until.empty()) {
    xml.element("Days", std::uint64_t{arguments.days});
  } else {
    xml.element("Date", arguments.until);
  }
  xml.close("PaidThrough");
  STRATOS_TRY(const auto s3, S3Session::open(session.folder(), session.account));
  STRATOS_TRY(const std::string document,
              s3->document("PUT", path, subresource_of(arguments), std::move(xml).take()));
  return print_payment(session, document);
}

Result<void> renew(const Session& session, const Arguments& arguments) {
  STRATOS_TRY(const S3Path path, parse_path(arguments.path, false));
  STRATOS_TRY(const auto s3, S3Session::open(session.folder(), session.account));
  if (arguments.off) {
    STRATOS_CHECK(s3->document("DELETE", path, "renewal"));
  } else {
    STRATOS_CHECK(s3->document("PUT", path, "renewal", gateway::s3::renewal_document(true)));
  }
  return show_bucket(session, *s3, path);
}

}  // namespace

void add_retention_commands(CLI::App& app, Session& session) {
  CLI::App& retention =
      *app.add_subcommand("retention", "Until when objects are paid")->require_subcommand(1);
  retention.fallthrough();
  auto arguments = std::make_shared<Arguments>();
  CLI::App& shown = *retention.add_subcommand("show", "How an object stands, or a bucket");
  shown.add_option("path", arguments->path, "s3://bucket/key or s3://bucket")->required();
  shown.add_option("--version-id", arguments->version, "Of the object");
  on_chosen(shown, session, [&session, arguments] { return show(session, *arguments); });
  CLI::App& extended = *retention.add_subcommand("extend", "Pay an object through a later time");
  extended.add_option("path", arguments->path, "s3://bucket/key")->required();
  extended.add_option("--version-id", arguments->version, "Of the object");
  extended.add_option("--days", arguments->days, "After the time that is paid through");
  extended.add_option("--until", arguments->until, "2030-01-01T00:00:00Z");
  on_chosen(extended, session, [&session, arguments] { return extend(session, *arguments); });
  CLI::App& renewed = *retention.add_subcommand("renew", "Have the account's ozone pay on");
  renewed.add_option("path", arguments->path, "s3://bucket")->required();
  renewed.add_flag("--off", arguments->off, "No more from now on");
  on_chosen(renewed, session, [&session, arguments] { return renew(session, *arguments); });
}

}  // namespace stratos::cli
