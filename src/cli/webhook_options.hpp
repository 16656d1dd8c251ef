// The operator's webhooks as flags name them; secrets come from files.
#pragma once
#include <string>
#include <vector>

#include "cli/command_line.hpp"
#include "gateway/s3/webhook.hpp"

namespace stratos::cli {

struct WebhookArguments {
  std::vector<std::string> urls;      // NAME=URL
  std::vector<std::string> tokens;    // NAME=FILE
  std::vector<std::string> ca_files;  // NAME=FILE
};
void add_webhook_options(CLI::App& command, WebhookArguments& arguments);
// Reads the files. Errc::bad_config.
Result<std::vector<gateway::s3::Webhook>> load_webhooks(const WebhookArguments& arguments);

}  // namespace stratos::cli
