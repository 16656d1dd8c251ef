#include "cli/settings_file.hpp"

#include <cstdlib>
#include <iterator>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

namespace stratos::cli {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : value;
}

[[noreturn]] void refuse(const toml::source_region& where, const std::string& why) {
  throw CLI::ConfigError("settings file, line " + std::to_string(where.begin.line) + ": " + why);
}

const CLI::App* section_of(const CLI::App& app, std::string_view name) {
  for (const CLI::App* sub : app.get_subcommands({})) {
    if (sub->get_name() == name) return sub;
  }
  return nullptr;
}

// As the value would stand on the command line.
std::string text_of(const toml::node& node, const std::string& key) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* truth = node.as_boolean()) return truth->get() ? "true" : "false";
  if (const auto* number = node.as_floating_point()) {
    std::ostringstream out;
    out << number->get();
    return out.str();
  }
  refuse(node.source(), key + " is neither text nor number nor truth");
}

// Turns a table into what the command line takes over.
class Reader {
 public:
  std::vector<CLI::ConfigItem> items;

  void read(const toml::table& table, const CLI::App& app, std::vector<std::string> parents) {
    for (const auto& [name, node] : table) {
      const std::string key(std::string_view(name.str()));
      if (const toml::table* inner = node.as_table()) {
        read_section(key, *inner, app, parents);
      } else {
        read_option(key, node, app, parents);
      }
    }
  }

 private:
  static std::string full_name(const std::vector<std::string>& parents, const std::string& key) {
    std::string name;
    for (const std::string& parent : parents) name += parent + ".";
    return name + key;
  }

  void read_section(const std::string& key, const toml::table& table, const CLI::App& app,
                    std::vector<std::string> parents) {
    const CLI::App* section = section_of(app, key);
    if (section == nullptr) {
      refuse(table.source(), "no command is called " + full_name(parents, key));
    }
    parents.push_back(key);
    read(table, *section, std::move(parents));
  }

  void read_option(const std::string& key, const toml::node& node, const CLI::App& app,
                   const std::vector<std::string>& parents) {
    const std::string name = full_name(parents, key);
    const CLI::Option* option = app.get_option_no_throw("--" + key);
    if (option == nullptr || !option->get_configurable()) {
      refuse(node.source(), "unknown setting " + name);
    }
    // The command line would let the file win over the environment.
    const std::string variable = option->get_envname();
    if (!variable.empty() && !environment(variable.c_str()).empty()) return;
    CLI::ConfigItem item;
    item.parents = parents;
    item.name = key;
    const toml::array* list = option->get_items_expected_max() > 1 ? node.as_array() : nullptr;
    if (list != nullptr) {
      for (const toml::node& value : *list) item.inputs.push_back(text_of(value, name));
    } else {
      item.inputs.push_back(text_of(node, name));
    }
    items.push_back(std::move(item));
  }
};

class TomlSettings final : public CLI::Config {
 public:
  explicit TomlSettings(const CLI::App& app) : app_(app) {}

  std::string to_config(const CLI::App*, bool, bool, std::string) const override { return {}; }

  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override {
    const std::string text(std::istreambuf_iterator<char>(input), {});
    if (input.bad()) throw CLI::ConfigError("settings file: cannot be read");
    const toml::parse_result parsed = toml::parse(text);
    if (!parsed) {
      refuse(parsed.error().source(), std::string(parsed.error().description()));
    }
    Reader reader;
    reader.read(parsed.table(), app_, {});
    return std::move(reader.items);
  }

 private:
  const CLI::App& app_;
};

}  // namespace

void add_settings_file(CLI::App& app) {
  // A file that is named must be there, wherever its name comes from.
  const std::string named = environment("STRATOS_CONFIG");
  app.set_config("--config", named, "Settings file, TOML (STRATOS_CONFIG)", !named.empty());
  app.config_formatter(std::make_shared<TomlSettings>(app));
}

}  // namespace stratos::cli
