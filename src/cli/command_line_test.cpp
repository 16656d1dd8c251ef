#include "cli/command_line.hpp"

#include <unistd.h>

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "cli/settings_file.hpp"

namespace stratos::cli {
namespace {

constexpr int kUsage = 2;

// One parse of a command line, with the variables of the environment that belong to the program.
class CommandLine : public testing::Test {
 protected:
  CommandLine() {
    for (const char* name : kVariables) ::unsetenv(name);
    std::filesystem::create_directories(folder_);
  }
  ~CommandLine() override {
    for (const char* name : kVariables) ::unsetenv(name);
    std::filesystem::remove_all(folder_);
  }

  std::string file(const std::string& text, const std::string& name = "settings.toml") {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path) << text;
    return path;
  }
  // The exit code of what does not come to run; nullopt for what does.
  std::optional<int> parse(std::vector<std::string> arguments) {
    session_ = Session();
    app_ = make_command_line(session_);
    std::vector<const char*> pointers = {"stratos"};
    for (const std::string& argument : arguments) pointers.push_back(argument.c_str());
    testing::internal::CaptureStderr();
    testing::internal::CaptureStdout();
    const auto code =
        parse_command_line(*app_, session_, static_cast<int>(pointers.size()), pointers.data());
    message_ = testing::internal::GetCapturedStderr() + testing::internal::GetCapturedStdout();
    return code;
  }
  // The value of an option of a command.
  template <class T = std::string>
  T value(const std::string& command, const std::string& option) {
    return app_->get_subcommand(command)->get_option(option)->as<T>();
  }
  void expect_usage(const std::string& text, std::string_view wanted) {
    EXPECT_EQ(parse({"doctor", "--config", file(text)}), kUsage) << text;
    EXPECT_NE(message_.find(wanted), message_.npos) << message_;
  }

  static constexpr std::array kVariables = {"STRATOS_DIR", "STRATOS_ACCOUNT", "STRATOS_CONFIG",
                                            "STRATOS_PASSPHRASE_FILE", "XDG_DATA_HOME"};
  std::string folder_ = testing::TempDir() + "stratos_command_line_" + std::to_string(::getpid());
  Session session_;
  std::unique_ptr<CLI::App> app_;
  std::string message_;
};

TEST_F(CommandLine, TakesTheFlagThenTheEnvironmentThenTheFileThenTheDefault) {
  ::setenv("XDG_DATA_HOME", "/default", 1);
  EXPECT_EQ(parse({"doctor"}), std::nullopt) << message_;
  EXPECT_EQ(session_.dir, "/default/stratos/dev");
  EXPECT_EQ(session_.account, "");

  const std::string config = file("dir = '/file'\naccount = 'of-file'\n");
  EXPECT_EQ(parse({"doctor", "--config", config}), std::nullopt) << message_;
  EXPECT_EQ(session_.dir, "/file");
  EXPECT_EQ(session_.account, "of-file");

  ::setenv("STRATOS_DIR", "/environment", 1);
  ::setenv("STRATOS_ACCOUNT", "of-environment", 1);
  EXPECT_EQ(parse({"doctor", "--config", config}), std::nullopt) << message_;
  EXPECT_EQ(session_.dir, "/environment");
  EXPECT_EQ(session_.account, "of-environment");

  EXPECT_EQ(parse({"doctor", "--config", config, "--dir", "/flag", "--account", "of-flag"}),
            std::nullopt);
  EXPECT_EQ(session_.dir, "/flag");
  EXPECT_EQ(session_.account, "of-flag");
}

TEST_F(CommandLine, TakesAnEmptyVariableForNone) {
  ::setenv("STRATOS_DIR", "", 1);
  ::setenv("STRATOS_CONFIG", "", 1);
  EXPECT_EQ(parse({"doctor", "--config", file("dir = '/file'")}), std::nullopt) << message_;
  EXPECT_EQ(session_.dir, "/file");
  EXPECT_EQ(parse({"doctor"}), std::nullopt) << message_;
}

TEST_F(CommandLine, FindsTheFileThroughTheEnvironmentUnlessAFlagNamesOne) {
  ::setenv("STRATOS_CONFIG", file("dir = '/one'").c_str(), 1);
  EXPECT_EQ(parse({"doctor"}), std::nullopt) << message_;
  EXPECT_EQ(session_.dir, "/one");
  EXPECT_EQ(parse({"--config", file("dir = '/two'", "two.toml"), "doctor"}), std::nullopt);
  EXPECT_EQ(session_.dir, "/two");
}

TEST_F(CommandLine, TakesOptionsOfACommandFromItsSection) {
  const std::string config = file(
      "json = true\n"
      "[dev]\nnodes = 12\ns3 = '0.0.0.0:9000'\nprocesses = true\nreset = false\n"
      "[gateway.start]\ns3 = '127.0.0.1:7000'\n"
      "[keyring.export]\npassphrase-file = '/file'\n"
      "[bench]\nseconds = 2.5\n");
  EXPECT_EQ(parse({"dev", "--config", config}), std::nullopt) << message_;
  EXPECT_TRUE(session_.output.json);
  EXPECT_EQ(value<int>("dev", "--nodes"), 12);
  EXPECT_EQ(value("dev", "--s3"), "0.0.0.0:9000");
  EXPECT_TRUE(value<bool>("dev", "--processes"));
  EXPECT_FALSE(value<bool>("dev", "--reset"));
  EXPECT_EQ(value<double>("bench", "--seconds"), 2.5);
  EXPECT_EQ(app_->get_subcommands().size(), 1U) << "a section chooses no command";

  EXPECT_EQ(parse({"dev", "--nodes", "3", "--reset", "--config", config}), std::nullopt);
  EXPECT_EQ(value<int>("dev", "--nodes"), 3);
  EXPECT_TRUE(value<bool>("dev", "--reset"));

  EXPECT_EQ(parse({"gateway", "start", "--config", config}), std::nullopt) << message_;
  EXPECT_EQ(app_->get_subcommand("gateway")
                ->get_subcommand("start")
                ->get_option("--s3")
                ->as<std::string>(),
            "127.0.0.1:7000");

  ::setenv("STRATOS_PASSPHRASE_FILE", "/environment", 1);
  EXPECT_EQ(parse({"keyring", "export", "copy", "--config", config}), std::nullopt) << message_;
  EXPECT_EQ(app_->get_subcommand("keyring")
                ->get_subcommand("export")
                ->get_option("--passphrase-file")
                ->as<std::string>(),
            "/environment");
}

TEST_F(CommandLine, ReadsTextAsTomlHasIt) {
  const std::string config =
      file("dir = \"/with # and, and\\tand \\u00e4\" # a remark\naccount = 'back\\slash'\n");
  EXPECT_EQ(parse({"doctor", "--config", config}), std::nullopt) << message_;
  EXPECT_EQ(session_.dir, "/with # and, and\tand \xc3\xa4");
  EXPECT_EQ(session_.account, "back\\slash");
}

TEST_F(CommandLine, RefusesWhatAFileMustNotHold) {
  expect_usage("dri = '/x'\n", "line 1: unknown setting dri");
  expect_usage("\n[dev]\nnodez = 3\n", "line 3: unknown setting dev.nodez");
  expect_usage("[dev]\ndir = '/x'\n", "unknown setting dev.dir");
  expect_usage("[devv]\nnodes = 3\n", "no command is called devv");
  expect_usage("[gateway.stop]\ns3 = 'x'\n", "no command is called gateway.stop");
  expect_usage("config = 'other'\n", "unknown setting config");
  expect_usage("help = true\n", "unknown setting help");
  expect_usage("dir = ['/a', '/b']\n", "dir is neither");
  expect_usage("dir = 1979-05-27\n", "dir is neither");
  expect_usage("[dev]\nnodes = 0\n", "--nodes");
  expect_usage("[dev]\nnodes = 'many'\n", "--nodes");
  expect_usage("[dev]\nprocesses = 'perhaps'\n", "");
  expect_usage("dir = \n", "line 1");
  expect_usage("not toml\n", "line 1");
  expect_usage("dir = '/a'\ndir = '/b'\n", "line 2");
  expect_usage(std::string("dir = '\xff\xfe'\n"), "line 1");
}

TEST_F(CommandLine, RefusesAFileThatCannotBeRead) {
  for (const std::string& path : {folder_ + "/none.toml", folder_, std::string("/dev/null/x")}) {
    EXPECT_EQ(parse({"doctor", "--config", path}), kUsage) << path;
    EXPECT_NE(message_.find(path), message_.npos) << message_;
    ::setenv("STRATOS_CONFIG", path.c_str(), 1);
    EXPECT_EQ(parse({"doctor"}), kUsage) << path;
    EXPECT_NE(message_.find(path), message_.npos) << message_;
    ::unsetenv("STRATOS_CONFIG");
  }
}

TEST_F(CommandLine, TellsMistakesFromHelp) {
  EXPECT_EQ(parse({"--help"}), 0);
  EXPECT_EQ(parse({"--version"}), 0);
  EXPECT_EQ(parse({"dev", "--help"}), 0);
  for (const auto& arguments : std::vector<std::vector<std::string>>{{},
                                                                     {"no-such-command"},
                                                                     {"meta"},
                                                                     {"cp", "one"},
                                                                     {"dev", "--nodes"},
                                                                     {"dev", "--nodes", "257"},
                                                                     {"dev", "--no-such-flag"},
                                                                     {"node", "start"},
                                                                     {"completion", "fish"},
                                                                     {"ls", "--dir"}}) {
    EXPECT_EQ(parse(arguments), kUsage) << testing::PrintToString(arguments);
    EXPECT_NE(message_, "");
  }
}

}  // namespace
}  // namespace stratos::cli
