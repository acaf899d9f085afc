#include "cli/flag_checks.h"

#include <costeff/error.h>

#include <filesystem>
#include <string>

#include "base/format.h"
#include "base/parse.h"
#include "base/utf8.h"

namespace costeff::cli {

CLI::Validator whole_number(int64_t low, int64_t high) {
  // CLI11 itself would read 010 as 8, and say less about what is wrong. The name stays empty: it
  // would be printed in the help.
  return CLI::Validator(
      [low, high](std::string& text) -> std::string {
        const bool octal = text.size() > 1 && text[0] == '0';
        if (!octal && parse_int(text, low, high)) return "";
        return "\"" + text + "\", expected a whole number from " + std::to_string(low) + " to " +
               std::to_string(high);
      },
      "");
}

CLI::Validator number_between(double low, double high) {
  // CLI11's range lets NaN through.
  return CLI::Validator(
      [low, high](std::string& text) -> std::string {
        const auto v = parse_number(text);
        if (v && *v >= low && *v <= high) return "";
        return "\"" + text + string_printf("\", expected a number from %.15g to %.15g", low, high);
      },
      "");
}

void refuse_to_replace(const std::string& output, const std::vector<std::string>& inputs) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (!fs::is_regular_file(output, ignored)) return;
  for (const std::string& input : inputs) {
    if (fs::equivalent(output, input, ignored))
      throw_usage(printable(output, 200) + ": is an input, expected another file to write");
  }
}

void add_thread_flags(CLI::App* verb, const std::string& group, int64_t* threads,
                      int64_t* batch_tokens) {
  verb->add_option("--threads,-t", *threads, "Threads (default: all that this process may use)")
      ->type_name("N")
      ->check(whole_number(1, 1024))
      ->group(group);
  if (!batch_tokens) return;
  verb->add_option("--batch-tokens", *batch_tokens,
                   "Tokens that travel together at most, up to 512 for a thread (default: 256). "
                   "Changes speed, never answers")
      ->type_name("N")
      ->check(whole_number(1, kMostBatchTokens))
      ->group(group);
}

void finish_flags(CLI::App* verb) {
  const auto not_empty = [](std::string& text) -> std::string {
    return text.empty() ? "the value is empty" : "";
  };
  for (CLI::Option* option : verb->get_options()) {
    if (option->get_positional() || option->get_expected_max() < 1) continue;
    if (option->get_expected_max() == 1) option->take_last();
    option->check(CLI::Validator(not_empty, ""));
  }
}

}  // namespace costeff::cli
