#include <fmt/format.h>

#include "base/format.h"
#include "cli/pages/completions.h"
#include "cli/run/command_line.h"

namespace costeff::cli {
namespace {

// `text` with a backslash before each of `special`, as _arguments and _describe want it.
std::string marked(std::string_view text, std::string_view special) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || special.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string action_of(const FlagRow& row) {
  switch (row.values.kind) {
    case ValueKind::none:
      return "";
    case ValueKind::free:
      return " ";
    case ValueKind::file:
      return "_files";
    case ValueKind::directory:
      return "_files -/";
    case ValueKind::model:
      return "_costeff_models";
    case ValueKind::kernels:
      return "_costeff_kernels";
    case ValueKind::name:
      return "(" + with_blanks(row.values.names) + ")";
    case ValueKind::names:
      return " _values -s , name " + with_blanks(row.values.names);
  }
  return "";
}

// '(-S --threshold)'{-S+,--threshold=}'[Threshold of the policy]:X: '
std::string flag_spec(const FlagRow& row) {
  const bool has_value = row.values.kind != ValueKind::none;
  std::string names, spec;
  for (const std::string& name : row.names) {
    const char* joint = !has_value ? "" : name.starts_with("--") ? "=" : "+";
    append_format(&names, "{}{}{}", names.empty() ? "" : ",", name, joint);
  }
  // Flags may be given again, and the last counts; completion offers them once.
  spec = row.many ? "'*'" : shell_quoted("(" + with_blanks(row.names) + ")");
  spec += row.names.size() > 1 ? "{" + names + "}" : names;
  std::string rest = "[" + marked(short_text(row.text), "[]:") + "]";
  if (has_value) append_format(&rest, ":{}:{}", marked(row.value, ":"), action_of(row));
  return spec + shell_quoted(rest);
}

std::string argument_spec(const FlagRow& row) {
  return shell_quoted(
      fmt::format("{}:{}:{}", row.many ? "*" : "", row.names.front(), action_of(row)));
}

constexpr const char* kZshHead = R"script(#compdef costeff
# zsh completion for costeff; made by: costeff completions zsh

_costeff_models() {
  local -a models
  models=(${(f)"$(_call_program models costeff completions models 2>/dev/null)"})
  _alternative 'models:installed model:compadd -a models' 'directories:directory:_files -/'
}

_costeff_kernels() {
  local -a kernels
  kernels=(${(f)"$(_call_program kernels costeff completions kernels 2>/dev/null)"})
  compadd -a kernels
}

_costeff() {
  local curcontext=$curcontext state line
  local -a verbs
  typeset -A opt_args
)script";

}  // namespace

std::string zsh_completion(const ProgramTable& table) {
  std::string out = kZshHead;
  out += "  _arguments -C";
  for (const FlagRow& row : table.program.flags) append_format(&out, " \\\n    {}", flag_spec(row));
  out +=
      " \\\n    '1:verb:->verb' '*::argument:->arguments'\n  case $state in\n    verb)\n"
      "      verbs=(\n";
  for (const VerbTable& verb : table.verbs) {
    const std::string row = marked(verb.name, ":") + ":" + marked(verb.text, "");
    append_format(&out, "        {}\n", shell_quoted(row));
  }
  out += "      )\n      _describe verb verbs\n      ;;\n    arguments)\n      case $line[1] in\n";
  for (const VerbTable& verb : table.verbs) {
    append_format(&out, "        {})\n          _arguments", verb.name);
    for (const FlagRow& row : verb.flags)
      append_format(&out, " \\\n            {}", flag_spec(row));
    for (const FlagRow& row : verb.arguments)
      append_format(&out, " \\\n            {}", argument_spec(row));
    out += "\n          ;;\n";
  }
  out += "      esac\n      ;;\n  esac\n}\n\n";
  // Autoloaded, the file is the function; sourced, it says what it is for.
  return out +
         "if [[ $funcstack[1] = _costeff ]]; then\n  _costeff \"$@\"\nelse\n"
         "  compdef _costeff costeff\nfi\n";
}

}  // namespace costeff::cli
