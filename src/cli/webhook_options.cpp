#include "cli/webhook_options.hpp"

#include <algorithm>
#include <fstream>

namespace stratos::cli {
namespace {

using gateway::s3::Webhook;

struct Named {
  std::string name;
  std::string value;
};
Result<Named> parse_named(const std::string& text, const std::string& flag) {
  const std::size_t at = text.find('=');
  if (at == text.npos || at + 1 == text.size()) {
    return fail(Errc::bad_config, flag + " NAME=VALUE: " + text.substr(0, at));
  }
  return Named{text.substr(0, at), text.substr(at + 1)};
}

Result<Webhook*> find(std::vector<Webhook>& webhooks, const Named& named, const std::string& flag) {
  const auto found = std::ranges::find(webhooks, named.name, &Webhook::name);
  if (found != webhooks.end()) return &*found;
  return fail(Errc::bad_config, flag + ": no --webhook is called " + named.name);
}

Result<std::string> read_token(const std::string& path) {
  constexpr std::streamsize kMost = 8192;
  std::ifstream file(path, std::ios::binary);
  std::string text(static_cast<std::size_t>(kMost), '\0');
  file.read(text.data(), kMost);
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.empty()) return fail(Errc::bad_config, path + ": no token can be read");
  auto token = gateway::s3::parse_token(text);
  if (!token) return fail(Errc::bad_config, path, token.error());
  return token;
}

}  // namespace

void add_webhook_options(CLI::App& command, WebhookArguments& arguments) {
  command
      .add_option("--webhook", arguments.urls,
                  "NAME=URL: where buckets may send their events, as arn:stratos:webhook:::NAME; "
                  "repeatable")
      ->allow_extra_args(false);
  command
      .add_option("--webhook-token", arguments.tokens,
                  "NAME=FILE: the file holds what is sent to it as a bearer token")
      ->allow_extra_args(false);
  command
      .add_option("--webhook-ca", arguments.ca_files,
                  "NAME=FILE: who may vouch for its certificate, PEM; else whom the system trusts")
      ->allow_extra_args(false);
}

Result<std::vector<Webhook>> load_webhooks(const WebhookArguments& arguments) {
  std::vector<Webhook> webhooks;
  for (const std::string& text : arguments.urls) {
    STRATOS_TRY(const Named named, parse_named(text, "--webhook"));
    if (find(webhooks, named, "--webhook")) {
      return fail(Errc::bad_config, "two webhooks called " + named.name);
    }
    STRATOS_TRY(Webhook webhook, gateway::s3::make_webhook(named.name, named.value));
    webhooks.push_back(std::move(webhook));
  }
  for (const std::string& text : arguments.tokens) {
    STRATOS_TRY(const Named named, parse_named(text, "--webhook-token"));
    STRATOS_TRY(Webhook * webhook, find(webhooks, named, "--webhook-token"));
    STRATOS_TRY(webhook->token, read_token(named.value));
  }
  for (const std::string& text : arguments.ca_files) {
    STRATOS_TRY(const Named named, parse_named(text, "--webhook-ca"));
    STRATOS_TRY(Webhook * webhook, find(webhooks, named, "--webhook-ca"));
    if (!webhook->ca_file) return fail(Errc::bad_config, named.name + " is not https");
    if (!std::ifstream(named.value)) return fail(Errc::bad_config, named.value);
    webhook->ca_file = named.value;
  }
  return webhooks;
}

}  // namespace stratos::cli
