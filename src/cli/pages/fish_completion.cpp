#include <fmt/format.h>

#include <algorithm>

#include "base/format.h"
#include "cli/pages/completions.h"

namespace costeff::cli {
namespace {

std::string fish_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

// What prints the values, as `complete -a` takes it; empty: nothing is known, or it is fish's own rule.
std::string values_in_fish(const FlagValues& values) {
  switch (values.kind) {
    case ValueKind::none:
    case ValueKind::free:
    case ValueKind::file:
      return "";
    case ValueKind::directory:
      return "'(__fish_complete_directories)'";
    case ValueKind::model:
      return "'(__fish_complete_directories; costeff completions models 2>/dev/null)'";
    case ValueKind::kernels:
      return "'(costeff completions kernels 2>/dev/null)'";
    case ValueKind::name:
      return fish_quoted(with_blanks(values.names));
    case ValueKind::names:
      return fish_quoted("(__fish_complete_list , 'printf \"%s\\n\" " + with_blanks(values.names) +
                         "')");
  }
  return "";
}

// -x: a value, which is no file.
std::string offer_in_fish(const FlagValues& values) {
  if (values.kind == ValueKind::none) return "";
  if (values.kind == ValueKind::file) return " -r -F";
  const std::string offered = values_in_fish(values);
  return offered.empty() ? " -x" : " -x -a " + offered;
}

void append_flag(const std::string& when, const FlagRow& row, std::string* out) {
  append_format(out, "complete -c costeff -n {}", when);
  for (const std::string& name : row.names) {
    if (name.starts_with("--")) {
      append_format(out, " -l {}", name.substr(2));
    } else {
      append_format(out, " -s {}", name.substr(1));
    }
  }
  append_format(out, "{} -d {}\n", offer_in_fish(row.values), fish_quoted(short_text(row.text)));
}

// fish does not count arguments: what any of them may be is offered for all.
void append_arguments(const VerbTable& verb, const std::string& when, std::string* out) {
  const auto is_file = [](const FlagRow& row) { return row.values.kind == ValueKind::file; };
  const bool files = std::any_of(verb.arguments.begin(), verb.arguments.end(), is_file);
  if (!files) append_format(out, "complete -c costeff -n {} -f\n", when);
  for (const FlagRow& row : verb.arguments) {
    const std::string offered = values_in_fish(row.values);
    if (!offered.empty()) append_format(out, "complete -c costeff -n {} -a {}\n", when, offered);
  }
}

constexpr const char* kFishHead =
    R"script(# fish completion for costeff; made by: costeff completions fish

function __costeff_verb
    set -l words (commandline -opc)
    test (count $words) -gt 1; and contains -- $words[2] $argv
end

function __costeff_no_verb
    test (count (commandline -opc)) -eq 1
end

)script";

}  // namespace

std::string fish_completion(const ProgramTable& table) {
  std::string out = kFishHead;
  for (const VerbTable& verb : table.verbs) {
    append_format(&out, "complete -c costeff -n __costeff_no_verb -f -a {} -d {}\n", verb.name,
                  fish_quoted(verb.text));
  }
  for (const FlagRow& row : table.program.flags) append_flag("__costeff_no_verb", row, &out);
  for (const VerbTable& verb : table.verbs) {
    const std::string when = "'__costeff_verb " + verb.name + "'";
    out += "\n";
    append_arguments(verb, when, &out);
    for (const FlagRow& row : verb.flags) append_flag(when, row, &out);
  }
  return out;
}

}  // namespace costeff::cli
