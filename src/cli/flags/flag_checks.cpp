#include "cli/flags/flag_checks.h"

#include <costeff/error.h>

#include <filesystem>
#include <string>

#include "base/fail.h"
#include "base/parse.h"
#include "base/utf8.h"

namespace costeff::cli {

CLI::Validator whole_number(int64_t low, int64_t high) {
  // CLI11 itself would read 010 as 8, and say less about what is wrong. The validator has no name,
  // since the help would print it.
  return CLI::Validator(
      [low, high](std::string& text) -> std::string {
        const bool octal = text.size() > 1 && text[0] == '0';
        if (!octal && parse_int(text, low, high)) return "";
        return fmt::format("\"{}\", expected a whole number from {} to {}", text, low, high);
      },
      "");
}

CLI::Validator number_between(double low, double high) {
  // CLI11's range lets NaN through.
  return CLI::Validator(
      [low, high](std::string& text) -> std::string {
        const auto v = parse_number(text);
        if (v && *v >= low && *v <= high) return "";
        return fmt::format("\"{}\", expected a number from {:.15g} to {:.15g}", text, low, high);
      },
      "");
}

void refuse_to_replace(const std::string& output, const std::vector<std::string>& inputs) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (!fs::is_regular_file(output, ignored)) return;
  for (const std::string& input : inputs) {
    if (fs::equivalent(output, input, ignored))
      fail_usage("{}: is an input, expected another file to write", printable(output, 200));
  }
}

void refuse_inside(const std::string& output, const std::vector<std::string>& models) {
  if (output.empty() || output == "-") return;
  const std::filesystem::path parent = std::filesystem::path(output).parent_path();
  for (const std::string& model : models) {
    if (!model.empty() && same_place(parent.empty() ? "." : parent.string(), model))
      fail_usage("{}: is in {}, a model that is read; expected another place",
                 printable(output, 200), printable(model, 200));
  }
}

void check_not_swapped(const std::string& model, const std::vector<std::string>& inputs) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (model != "-" && !fs::is_regular_file(model, ignored)) return;
  for (const std::string& input : inputs) {
    if (!fs::is_regular_file(fs::path(input) / "config.json", ignored)) continue;
    const std::string file = printable(model, 200), dir = printable(input, 200);
    fail_usage("{} is {} and {} a model directory: MODEL comes first, expected {} {}", file,
               model == "-" ? "standard input" : "a file", dir, dir, file);
  }
}

bool same_place(const std::string& a, const std::string& b) {
  namespace fs = std::filesystem;
  const auto place = [](const std::string& path) {  // empty: unknown
    std::error_code ignored;
    return fs::weakly_canonical(fs::absolute(path, ignored), ignored);
  };
  return a == b || (!place(a).empty() && place(a) == place(b));
}

void add_thread_flags(CLI::App* verb, const std::string& group, int64_t* threads,
                      int64_t* batch_tokens) {
  verb->add_option("--threads,-t", *threads, "Threads (default: all that this process may use)")
      ->type_name("N")
      ->check(whole_number(1, 1024))
      ->group(group);
  if (!batch_tokens) return;
  verb->add_option("--batch-tokens", *batch_tokens,
                   "Compute at most N tokens together; a thread takes at most 512 (default: 256). "
                   "Changes speed, never answers")
      ->type_name("N")
      ->check(whole_number(1, kMaxBatchTokens))
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
