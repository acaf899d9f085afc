#include "cli/pages/flag_table.h"

#include <algorithm>

namespace costeff::cli {
namespace {

FlagRow row_of(const std::string& verb, const CLI::Option& option) {
  FlagRow row;
  if (option.get_positional()) {
    row.names = {option.get_name(true)};
    row.usage = CLI::Formatter().make_option_usage(&option);
  } else {
    for (const std::string& name : option.get_snames()) row.names.push_back("-" + name);
    for (const std::string& name : option.get_lnames()) row.names.push_back("--" + name);
    row.value = value_word(option);
  }
  row.text = option.get_description();
  row.group = option.get_group();
  row.environment = option.get_envname();
  row.many = option.get_items_expected_max() > 1;
  row.values = values_of(verb, option);
  return row;
}

// As in the help, the group without a name of its own ("Options") comes last.
VerbTable table_of(const CLI::App& verb, const std::string& name) {
  VerbTable table{.name = name,
                  .text = verb.get_description(),
                  .footer = verb.get_footer(),
                  .arguments = {},
                  .flags = {}};
  std::vector<FlagRow> last;
  for (const std::string& group : verb.get_groups()) {
    for (const CLI::Option* option : verb.get_options()) {
      if (group.empty() || option->get_group() != group) continue;
      auto& rows = option->get_positional() ? table.arguments
                   : group == "Options"     ? last
                                            : table.flags;
      rows.push_back(row_of(name, *option));
    }
  }
  table.flags.insert(table.flags.end(), last.begin(), last.end());
  return table;
}

}  // namespace

ProgramTable flag_table(const CLI::App& app) {
  ProgramTable table{.program = table_of(app, ""), .verbs = {}};
  std::vector<std::string> names;
  for (const CLI::App* verb : app.get_subcommands({})) {
    table.verbs.push_back(table_of(*verb, verb->get_name()));
    names.push_back(verb->get_name());
  }
  for (VerbTable& verb : table.verbs) {
    for (FlagRow& row : verb.arguments) {
      if (row.names.front() == "VERB") row.values = {ValueKind::name, names};
    }
  }
  return table;
}

}  // namespace costeff::cli
