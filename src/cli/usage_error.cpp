#include "cli/usage_error.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/format.h"

namespace costeff::cli {
namespace {

// Levenshtein distance.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
    }
  }
  return row[b.size()];
}

// " (did you mean NAME?)" if a name is at most two typing errors away, and these are less than half
// of its length.
std::string suggestion(std::string_view typed, const std::vector<std::string>& names) {
  if (typed.size() > 60) return "";
  std::string best;
  size_t best_distance = 3;
  for (const std::string& name : names) {
    const size_t d = edit_distance(typed, name);
    if (d < best_distance && 2 * d < name.size()) {
      best = name;
      best_distance = d;
    }
  }
  return best.empty() ? "" : " (did you mean " + best + "?)";
}

std::vector<std::string> verb_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* verb : app.get_subcommands({})) names.push_back(verb->get_name());
  return names;
}

std::vector<std::string> option_names(const CLI::App& verb) {
  std::vector<std::string> names;
  for (const CLI::Option* option : verb.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

bool is_option(const std::string& argument) { return argument.size() > 1 && argument[0] == '-'; }

std::string unexpected(const std::string& argument, const CLI::App& verb) {
  if (!is_option(argument)) return fmt::format("unexpected argument \"{}\"", argument);
  const std::string name = argument.substr(0, argument.find('='));
  return fmt::format("unknown option {}{}", name, suggestion(name, option_names(verb)));
}

std::string expected_verbs(const CLI::App& app) {
  std::string list;
  for (const std::string& name : verb_names(app)) list += (list.empty() ? "" : ", ") + name;
  return ", expected one of " + list;
}

// What is wrong with a command line that names no verb.
std::string no_verb(const CLI::App& app) {
  for (const std::string& argument : app.remaining()) {
    if (argument == "--") continue;
    return is_option(argument) ? unexpected(argument, app) : unknown_verb_text(app, argument);
  }
  return "no verb given" + expected_verbs(app);
}

std::string what_is_wrong(const CLI::App& app, const CLI::App& verb, const CLI::ParseError& error) {
  if (&verb == &app) return no_verb(app);
  const std::string text = error.what();
  if (dynamic_cast<const CLI::ExtrasError*>(&error)) {
    const std::vector<std::string> extra = verb.remaining();
    if (!extra.empty()) return unexpected(extra.front(), verb);
  }
  // "--threads: 1 required N missing"
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error)) {
    const size_t colon = text.find(':');
    if (colon != std::string::npos && text.ends_with(" missing"))
      return text.substr(0, colon) + " needs a value";
  }
  // "--header excludes --no-header", or the other way round, depending on their addresses.
  const size_t at = text.find(" excludes ");
  if (dynamic_cast<const CLI::ExcludesError*>(&error) && at != std::string::npos) {
    const std::string one = text.substr(0, at), other = text.substr(at + 10);
    return fmt::format("{} and {} exclude each other", std::min(one, other), std::max(one, other));
  }
  // Somebody may have typed "cat rows.txt | costeff infer MODEL".
  if (dynamic_cast<const CLI::RequiredError*>(&error) && text == "FILES is required")
    return text + ", where - is standard input";
  return text;
}

}  // namespace

std::string unknown_verb_text(const CLI::App& app, const std::string& verb) {
  const std::string hint = suggestion(verb, verb_names(app));
  return fmt::format("unknown verb \"{}\"{}", verb, hint.empty() ? expected_verbs(app) : hint);
}

std::string usage_error_text(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App* verb = &app;
  for (const CLI::App* chosen : app.get_subcommands()) verb = chosen;
  const std::string name = verb == &app ? "" : " " + verb->get_name();
  return fmt::format("{}; see costeff{} --help", what_is_wrong(app, *verb, error), name);
}

}  // namespace costeff::cli
