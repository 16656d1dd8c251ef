#include "cli/webhook_options.hpp"

#include <unistd.h>

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "cli/settings_file.hpp"

namespace stratos::cli {
namespace {

class WebhookOptions : public testing::Test {
 protected:
  WebhookOptions() { std::filesystem::create_directories(folder_); }
  ~WebhookOptions() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& text, const std::string& name = "token") {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path) << text;
    return path;
  }
  // What a command with these arguments works with.
  Result<std::vector<gateway::s3::Webhook>> load(std::vector<std::string> arguments) {
    CLI::App app;
    CLI::App& dev = *app.add_subcommand("dev")->fallthrough();
    WebhookArguments taken;
    add_webhook_options(dev, taken);
    add_settings_file(app);
    std::ranges::reverse(arguments);
    arguments.emplace_back("dev");
    app.parse(arguments);
    return load_webhooks(taken);
  }
  void expect_refused(std::vector<std::string> arguments, std::string_view why) {
    const auto loaded = load(std::move(arguments));
    ASSERT_FALSE(loaded) << why;
    EXPECT_EQ(loaded.error().code(), Errc::bad_config);
    EXPECT_NE(loaded.error().to_string().find(why), std::string::npos)
        << loaded.error().to_string();
  }

  std::string folder_ = testing::TempDir() + "stratos_webhooks_" + std::to_string(::getpid());
};

TEST_F(WebhookOptions, NameUrlsTokensAndCertificates) {
  const auto loaded =
      load({"--webhook", "a=http://one:81/x?y=z", "--webhook-token", "b=" + file("secret\n"),
            "--webhook", "b=https://two/", "--webhook-ca", "b=" + file("pem", "ca.pem")})
          .value();
  ASSERT_EQ(loaded.size(), 2U);
  EXPECT_EQ(loaded[0].name, "a");
  EXPECT_EQ(loaded[0].address, "one:81");
  EXPECT_EQ(loaded[0].target, "/x?y=z");
  EXPECT_EQ(loaded[0].token, "");
  EXPECT_EQ(loaded[1].token, "secret");
  EXPECT_EQ(loaded[1].ca_file, folder_ + "/ca.pem");
  EXPECT_TRUE(load({}).value().empty());
}

TEST_F(WebhookOptions, StandInTheSettingsFileAsAList) {
  const std::string settings = file(
      "[dev]\nwebhook = ['a=http://one/', 'b=http://two/']\nwebhook-token = 'a=" + file("secret") +
          "'\n",
      "settings.toml");
  const auto loaded = load({"--config", settings}).value();
  ASSERT_EQ(loaded.size(), 2U);
  EXPECT_EQ(loaded[0].token, "secret");
  EXPECT_EQ(loaded[1].address, "two:80");
}

TEST_F(WebhookOptions, ThatCannotBeMeantAreRefused) {
  expect_refused({"--webhook", "http://one/"}, "NAME=VALUE");
  expect_refused({"--webhook", "a="}, "NAME=VALUE");
  expect_refused({"--webhook", "a=one"}, "http://");
  expect_refused({"--webhook", "a=http://one/", "--webhook", "a=http://two/"}, "two webhooks");
  expect_refused({"--webhook-token", "a=" + file("x")}, "called a");
  expect_refused({"--webhook", "a=http://one/", "--webhook-token", "a=/no/such/file"},
                 "/no/such/file");
  expect_refused({"--webhook", "a=http://one/", "--webhook-token", "a=" + file("two words")},
                 "one line");
  expect_refused({"--webhook", "a=http://one/", "--webhook-ca", "a=" + file("x")}, "not https");
  expect_refused({"--webhook", "a=https://one/", "--webhook-ca", "a=/no/such/file"},
                 "/no/such/file");
}

}  // namespace
}  // namespace stratos::cli
