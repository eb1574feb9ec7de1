// `completion`: scripts for three shells, written from the command line's own tree, so that they cannot
// fall behind it.
//
// All three do the same: walk the words typed so far down the tree, then offer what that node has.
#include "cli/commands.hpp"

namespace orchestrator::cli {
namespace {

struct Candidate {
  std::string word;
  std::string description;
};
struct Node {
  std::string path;  // " order get"; empty for the program itself
  std::vector<Candidate> commands;
  std::vector<Candidate> options;
};

void add_options(const CLI::App& app, std::vector<Candidate>& to) {
  for (const auto* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) to.push_back({"--" + name, option->get_description()});
  }
}

void add_nodes(const CLI::App& app, const std::string& path, std::vector<Node>& to) {
  Node node{path, {}, {}};
  add_options(app, node.options);
  if (!path.empty()) node.options.push_back({"--json", "print exactly one JSON document"});
  std::vector<const CLI::App*> children;
  for (const auto* child : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (child->get_name().empty()) {
      add_options(*child, node.options);  // an option group
    } else {
      node.commands.push_back({child->get_name(), child->get_description()});
      children.push_back(child);
    }
  }
  to.push_back(std::move(node));
  for (const auto* child : children) add_nodes(*child, path + " " + child->get_name(), to);
}

// Inside single quotes, for all three shells.
std::string single_quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'') {
      result += "'\\''";
    } else {
      result += c;
    }
  }
  return result + "'";
}

std::string path_patterns(const std::vector<Node>& nodes, const char* separator) {
  std::string patterns;
  for (const auto& node : nodes) {
    if (node.path.empty()) continue;
    if (!patterns.empty()) patterns += separator;
    patterns += single_quoted(node.path);
  }
  return patterns;
}

std::string bash_script(const std::vector<Node>& nodes) {
  std::string script =
      "# bash completion of orchestrator. Use: source <(orchestrator completion bash)\n"
      "_orchestrator() {\n"
      "  local word node='' candidates='' current=${COMP_WORDS[COMP_CWORD]}\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    case \"$node $word\" in\n"
      "      " +
      path_patterns(nodes, " | ") +
      ") node=\"$node $word\" ;;\n"
      "    esac\n"
      "  done\n"
      "  case \"$node\" in\n";
  for (const auto& node : nodes) {
    std::string words;
    for (const auto* list : {&node.commands, &node.options}) {
      for (const auto& candidate : *list) words += (words.empty() ? "" : " ") + candidate.word;
    }
    script += "    " + single_quoted(node.path) + ") candidates=" + single_quoted(words) + " ;;\n";
  }
  return script +
         "  esac\n"
         "  mapfile -t COMPREPLY < <(compgen -W \"$candidates\" -- \"$current\")\n"
         "}\n"
         "complete -o default -F _orchestrator orchestrator\n";
}

// A colon ends the word in what _describe reads.
std::string zsh_candidate(const Candidate& candidate) {
  std::string description;
  for (const char c : candidate.description) description += c == ':' ? std::string("\\:") : std::string(1, c);
  return single_quoted(candidate.word + ":" + description);
}

std::string zsh_script(const std::vector<Node>& nodes) {
  std::string script =
      "#compdef orchestrator\n"
      "# zsh completion of orchestrator. Use: source <(orchestrator completion zsh)\n"
      "_orchestrator() {\n"
      "  local word node=''\n"
      "  local -a candidates\n"
      "  for word in \"${(@)words[2,CURRENT-1]}\"; do\n"
      "    case \"$node $word\" in\n"
      "      " +
      path_patterns(nodes, "|") +
      ") node=\"$node $word\" ;;\n"
      "    esac\n"
      "  done\n"
      "  case \"$node\" in\n";
  for (const auto& node : nodes) {
    script += "    " + single_quoted(node.path) + ") candidates=(";
    for (const auto* list : {&node.commands, &node.options}) {
      for (const auto& candidate : *list) script += "\n      " + zsh_candidate(candidate);
    }
    script += ") ;;\n";
  }
  return script +
         "  esac\n"
         "  _describe orchestrator candidates || _files\n"
         "}\n"
         "compdef _orchestrator orchestrator\n";
}

std::string fish_script(const std::vector<Node>& nodes) {
  std::string script =
      "# fish completion of orchestrator. Use: orchestrator completion fish | source\n"
      "function __orchestrator_at\n"
      "  set -l node ''\n"
      "  for word in (commandline -opc)[2..-1]\n"
      "    switch \"$node $word\"\n"
      "      case " +
      path_patterns(nodes, " ") +
      "\n"
      "        set node \"$node $word\"\n"
      "    end\n"
      "  end\n"
      "  test \"$node\" = \"$argv[1]\"\n"
      "end\n";
  for (const auto& node : nodes) {
    const auto at = "complete -c orchestrator -n \"__orchestrator_at '" + node.path + "'\"";
    for (const auto& command : node.commands) {
      script += at + " -f -a " + command.word + " -d " + single_quoted(command.description) + "\n";
    }
    for (const auto& option : node.options) {
      script += at + " -l " + option.word.substr(2) + " -d " + single_quoted(option.description) + "\n";
    }
  }
  return script;
}

}  // namespace

void add_completion_command(CommandLine& line) {
  auto shell = std::make_shared<std::string>();
  auto* verb = add_verb(line, &line.app, "completion", "Print the completion script of a shell",
                        "completion bash > ~/.local/share/bash-completion/completions/orchestrator",
                        [&line, shell](Session& session) {
                          std::vector<Node> nodes;
                          add_nodes(line.app, "", nodes);
                          auto script = *shell == "bash"  ? bash_script(nodes)
                                        : *shell == "zsh" ? zsh_script(nodes)
                                                          : fish_script(nodes);
                          session.print(
                              [&] {
                                return json_object({{"shell", quote(*shell)}, {"script", quote(script)}});
                              },
                              [&] { return script; });
                          return ExitCode::kOk;
                        });
  verb->add_option("SHELL", *shell, "the shell")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
}

}  // namespace orchestrator::cli
