#include "cli/pages/man_page.h"

#include <costeff/version.h>
#include <fmt/chrono.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <string_view>

#include "base/format.h"
#include "base/parse.h"
#include "cli/flags/flag_checks.h"
#include "cli/pages/roff.h"

namespace costeff::cli {
namespace {

constexpr std::string_view kExamplesHead = "Examples:\n";

// The parts of a help's footer.
struct FooterParts {
  std::string_view body, examples;
};

FooterParts parts_of(std::string_view footer) {
  footer = footer.substr(0, footer.rfind(kExitCodes));  // has a section of its own
  const size_t at = footer.find(kExamplesHead);
  if (at == std::string_view::npos) return {footer, ""};
  return {footer.substr(0, at), footer.substr(at + kExamplesHead.size())};
}

void append_title(const std::string& name, const std::string& date, std::string* out) {
  std::string upper = name;
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  // HY: words are not divided, or users would not find them.
  append_format(out, ".TH {} 1 {} \"costeff {}\" \"User Commands\"\n.nr HY 0\n.nh\n.ad l\n",
                roff_escaped(upper), date, kVersion);
}

// NAME's text after the dash, on one line, as whatis(1) reads it.
void append_name(const std::string& name, std::string_view text, std::string* out) {
  append_format(out, ".SH NAME\n{} \\- {}\n", roff_escaped(name), roff_escaped(text));
}

std::string bold(std::string_view text) { return fmt::format("\\fB{}\\fR", roff_escaped(text)); }
std::string italic(std::string_view text) { return fmt::format("\\fI{}\\fR", roff_escaped(text)); }

void append_entry(const FlagRow& row, std::string* out) {
  std::string head;
  for (const std::string& name : row.names)
    head += (head.empty() ? "" : ", ") + (name.starts_with('-') ? bold(name) : italic(name));
  if (!row.value.empty()) head += " " + italic(row.value);
  append_format(out, ".TP\n{}\n", head);
  append_paragraph(row.text, out);
}

void append_options(const VerbTable& verb, std::string* out) {
  if (verb.arguments.empty() && verb.flags.empty()) return;
  *out += ".SH OPTIONS\n";
  if (!verb.arguments.empty()) *out += ".SS Arguments\n";
  for (const FlagRow& row : verb.arguments) append_entry(row, out);
  const std::string* group = nullptr;
  for (const FlagRow& row : verb.flags) {
    if (!group || row.group != *group) append_format(out, ".SS {}\n", roff_escaped(row.group));
    group = &row.group;
    append_entry(row, out);
  }
}

// Variables that stand for flags, and the one that has none.
void append_environment(const VerbTable& verb, std::string* out) {
  std::string rows;
  for (const FlagRow& row : verb.flags) {
    if (row.environment.empty()) continue;
    append_format(&rows, ".TP\n{}\nThe same as {}.\n", bold(row.environment),
                  bold(row.names.back()));
  }
  const auto takes_model = [](const FlagRow& row) { return row.values.kind == ValueKind::model; };
  if (verb.name.empty() || std::any_of(verb.arguments.begin(), verb.arguments.end(), takes_model)) {
    append_format(&rows, ".TP\n{}\n{}\n", bold("COSTEFF_MODELS"),
                  "Directories of models that may be given by name, separated by colons; searched "
                  "before share/costeff/models of the installation.");
  }
  if (!rows.empty()) *out += ".SH ENVIRONMENT\n" + rows;
}

void append_exit_status(std::string* out) {
  std::string_view text = kExitCodes;
  text.remove_prefix(text.find('\n') + 1);  // "Exit codes:"
  *out += ".SH EXIT STATUS\n";
  append_footer(text, out);
}

void append_see_also(const ProgramTable& table, std::string_view self, std::string* out) {
  std::string list = self.empty() ? "" : fmt::format("{}(1)", bold("costeff"));
  for (const VerbTable& verb : table.verbs) {
    if (verb.name == self) continue;
    append_format(&list, "{}{}(1)", list.empty() ? "" : ",\n", bold("costeff-" + verb.name));
  }
  append_format(out, ".SH SEE ALSO\n{}\n", list);
}

// "Print JSON" -> "print JSON", as after a dash; words in capitals stay.
std::string begun_small(std::string text) {
  if (text.size() > 1 && text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'a')
    text[0] = static_cast<char>(text[0] + 32);
  return text;
}

}  // namespace

std::string page_date() {
  std::time_t seconds = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  if (const char* epoch = std::getenv("SOURCE_DATE_EPOCH")) {
    if (const auto given = parse_int(epoch, 0, int64_t{1} << 40)) seconds = *given;
  }
  return fmt::format("{:%Y-%m-%d}", fmt::gmtime(seconds));
}

std::string program_page(const ProgramTable& table, const std::string& date) {
  const std::string name = "costeff";
  std::string out;
  append_title(name, date, &out);
  std::string_view text = table.program.text;
  text.remove_prefix(text.find(": ") + 2);  // "costeff: inference for ..."
  append_name(name, text, &out);
  append_format(&out, ".SH SYNOPSIS\n{} [{}] {} ...\n", bold(name), italic("OPTIONS"),
                italic("VERB"));
  const FooterParts footer = parts_of(table.program.footer);
  out += ".SH DESCRIPTION\n";
  append_footer(footer.body, &out);
  out += ".SS Verbs\n";
  for (const VerbTable& verb : table.verbs)
    append_format(&out, ".TP\n{}(1)\n{}\n", bold("costeff-" + verb.name), roff_escaped(verb.text));
  append_options(table.program, &out);
  append_environment(table.program, &out);
  append_exit_status(&out);
  append_see_also(table, "", &out);
  return out;
}

std::string verb_page(const ProgramTable& table, const VerbTable& verb, const std::string& date) {
  const std::string name = "costeff-" + verb.name;
  const FooterParts footer = parts_of(verb.footer);
  std::string out;
  append_title(name, date, &out);
  append_name(name, begun_small(verb.text), &out);
  append_format(&out, ".SH SYNOPSIS\n{} [{}]", bold("costeff " + verb.name), italic("OPTIONS"));
  for (const FlagRow& row : verb.arguments) append_format(&out, " {}", italic(row.usage));
  out += "\n.SH DESCRIPTION\n";
  append_paragraph(verb.text + ".", &out);
  if (!footer.body.empty()) out += ".PP\n";
  append_footer(footer.body, &out);
  append_options(verb, &out);
  append_environment(verb, &out);
  append_exit_status(&out);
  if (!footer.examples.empty()) {
    out += ".SH EXAMPLES\n";
    append_verbatim(footer.examples, &out);
  }
  append_see_also(table, verb.name, &out);
  return out;
}

}  // namespace costeff::cli
