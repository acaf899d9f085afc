#include <fmt/format.h>

#include "base/format.h"
#include "cli/pages/completions.h"

namespace costeff::cli {
namespace {

// How _costeff_offer is called for the values: "name never entropy".
std::string offer_of(const FlagValues& values) {
  switch (values.kind) {
    case ValueKind::none:
      return "";
    case ValueKind::free:
      return "free";
    case ValueKind::file:
      return "file";
    case ValueKind::directory:
      return "directory";
    case ValueKind::model:
      return "model";
    case ValueKind::kernels:
      return "kernels";
    case ValueKind::name:
      return "name " + with_blanks(values.names);
    case ValueKind::names:
      return "names " + with_blanks(values.names);
  }
  return "";
}

constexpr const char* kBashHead =
    R"script(# bash completion for costeff; made by: costeff completions bash

# _costeff_offer CURRENT KIND [NAMES...]: fills COMPREPLY.
_costeff_offer() {
  local current=$1 kind=$2 head='' plain
  shift 2
  plain=${current#[\"\']}
  plain=${plain//\\/}
  case $kind in
    name) mapfile -t COMPREPLY < <(compgen -W "$*" -- "$current") ;;
    names)
      [[ $current == *,* ]] && head=${current%,*},
      mapfile -t COMPREPLY < <(compgen -P "$head" -W "$*" -- "${current##*,}")
      compopt -o nospace 2>/dev/null
      ;;
    file)
      mapfile -t COMPREPLY < <(compgen -f -- "$plain")
      compopt -o filenames 2>/dev/null
      ;;
    directory)
      mapfile -t COMPREPLY < <(compgen -d -- "$plain")
      compopt -o filenames 2>/dev/null
      ;;
    model)
      mapfile -t COMPREPLY < <(
        { compgen -d -- "$plain"
          compgen -W "$("${COMP_WORDS[0]}" completions models 2>/dev/null)" -- "$plain"
        } | sort -u)
      compopt -o filenames 2>/dev/null
      ;;
    kernels)
      mapfile -t COMPREPLY < <(
        compgen -W "$("${COMP_WORDS[0]}" completions kernels 2>/dev/null)" -- "$current")
      ;;
  esac
}
)script";

constexpr const char* kBashTail = R"script(
_costeff() {
  local current=${COMP_WORDS[COMP_CWORD]} verb='' flag='' arguments=0 word i REPLY
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; ++i)); do
    word=${COMP_WORDS[i]}
    if [[ $flag ]]; then
      [[ $word == = ]] || flag='' # bash makes three words of --flag=value
    elif [[ $word == -?* ]]; then
      _costeff_values "$verb" "$word" && flag=$word
    elif [[ ! $verb ]]; then
      verb=$word
    else
      ((++arguments))
    fi
  done
  if [[ $flag ]]; then
    [[ $current == = ]] && current=''
    _costeff_values "$verb" "$flag"
  elif [[ $current == -* ]]; then
    _costeff_flags "$verb"
  elif [[ ! $verb ]]; then
    _costeff_verbs
  else
    _costeff_arguments "$verb" "$arguments" || return 0
  fi
  # shellcheck disable=SC2086 # a list of words
  _costeff_offer "$current" $REPLY
}

complete -F _costeff costeff
)script";

void append_flags_case(const VerbTable& verb, std::string* out) {
  std::string names;
  for (const FlagRow& row : verb.flags)
    append_format(&names, "{}{}", names.empty() ? "" : " ", with_blanks(row.names));
  append_format(out, "    '{}') REPLY='name {}' ;;\n", verb.name, names);
}

void append_values_cases(const VerbTable& verb, std::string* out) {
  for (const FlagRow& row : verb.flags) {
    if (row.values.kind == ValueKind::none) continue;
    std::string pattern;
    for (const std::string& name : row.names)
      append_format(&pattern, "{}'{} {}'", pattern.empty() ? "" : " | ", verb.name, name);
    append_format(out, "    {}) REPLY='{}' ;;\n", pattern, offer_of(row.values));
  }
}

// The last argument of a verb may be given again and again where it is a list.
void append_argument_cases(const VerbTable& verb, std::string* out) {
  for (size_t i = 0; i < verb.arguments.size(); ++i) {
    const FlagRow& row = verb.arguments[i];
    const std::string at = row.many ? "*" : fmt::format("{}", i);
    append_format(out, "    '{} '{}) REPLY='{}' ;;\n", verb.name, at, offer_of(row.values));
  }
}

}  // namespace

std::string bash_completion(const ProgramTable& table) {
  std::string out = kBashHead, verbs;
  out += "\n# Sets REPLY to what follows CURRENT above.\n_costeff_flags() {\n  case $1 in\n";
  append_flags_case(table.program, &out);
  for (const VerbTable& verb : table.verbs) append_flags_case(verb, &out);
  out += "    *) REPLY=free ;;\n  esac\n}\n\n_costeff_verbs() {\n";
  for (const VerbTable& verb : table.verbs) append_format(&verbs, " {}", verb.name);
  append_format(&out, "  REPLY='name{}'\n}}\n", verbs);
  out +=
      "\n# _costeff_values VERB FLAG; fails for a flag without a value.\n_costeff_values() {\n"
      "  case \"$1 $2\" in\n";
  for (const VerbTable& verb : table.verbs) append_values_cases(verb, &out);
  out += "    *) return 1 ;;\n  esac\n}\n";
  out +=
      "\n# _costeff_arguments VERB NUMBER, from 0; fails if there are no more.\n"
      "_costeff_arguments() {\n  case \"$1 $2\" in\n";
  for (const VerbTable& verb : table.verbs) append_argument_cases(verb, &out);
  out += "    *) return 1 ;;\n  esac\n}\n";
  return out + kBashTail;
}

}  // namespace costeff::cli
