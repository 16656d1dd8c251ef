// stratos completion bash|zsh: completion scripts made from the command line's own definition.
#include "cli/commands.hpp"

namespace stratos::cli {
namespace {

// Every word that may follow one command: subcommands, then long options.
std::string words_after(const CLI::App& app) {
  std::string words;
  for (const CLI::App* sub : app.get_subcommands({})) words += sub->get_name() + " ";
  for (const CLI::App* level = &app; level != nullptr; level = level->get_parent()) {
    for (const CLI::Option* option : level->get_options()) {
      for (const std::string& name : option->get_lnames()) words += "--" + name + " ";
    }
  }
  return words;
}

void add_cases(const CLI::App& app, const std::string& path, std::string& out) {
  out += "    '" + path + "') words='" + words_after(app) + "' ;;\n";
  for (const CLI::App* sub : app.get_subcommands({})) {
    add_cases(*sub, path.empty() ? sub->get_name() : path + " " + sub->get_name(), out);
  }
}

std::string bash_script(const CLI::App& app) {
  std::string script =
      "_stratos() {\n"
      "  local path='' words='' word\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    case \"$word\" in -*|*/*) ;; *) path=\"${path:+$path }$word\" ;; esac\n"
      "  done\n"
      "  case \"$path\" in\n";
  add_cases(app, "", script);
  script +=
      "  esac\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
      "}\n"
      "complete -o default -F _stratos stratos\n";
  return script;
}

}  // namespace

void add_completion_command(CLI::App& app, Session& session) {
  CLI::App& completion = *app.add_subcommand("completion", "Print a completion script for a shell");
  auto shell = std::make_shared<std::string>();
  completion.add_option("shell", *shell, "bash or zsh")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh"}));
  on_chosen(completion, session, [&app, shell]() -> Result<void> {
    if (*shell == "zsh") print_line("autoload -U +X bashcompinit && bashcompinit");
    print_line(bash_script(app));
    return {};
  });
}

}  // namespace stratos::cli
