#include "cli/flags/model_name.h"

#include <fmt/format.h>
#include <sys/auxv.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "base/fail.h"
#include "base/parse.h"
#include "base/utf8.h"

namespace costeff::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 5> kModelArguments{"MODEL", "BACKBONE", "SRC", "A", "B"};
constexpr const char* kOrItsName = ", or the name of an installed model";
constexpr std::array<std::string_view, 2> kModelFlags{"--teacher", "--backbone"};

bool is_plain_name(const std::string& model) {
  return !model.empty() && model != "-" && model.find('/') == std::string::npos;
}

bool has_directory(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

// PREFIX of PREFIX/bin/costeff; empty: unknown.
fs::path program_prefix() {
  std::error_code error;
  fs::path program = fs::read_symlink("/proc/self/exe", error);
  // Where /proc is not mounted: by the name it was called by.
  if (error) program = fs::canonical(reinterpret_cast<const char*>(::getauxval(AT_EXECFN)), error);
  return program.parent_path().parent_path();
}

}  // namespace

bool names_model(const CLI::Option& option) {
  const std::string name = option.get_positional() ? option.get_name(true) : option.get_name();
  const auto is_it = [&](std::string_view known) { return name == known; };
  return std::any_of(kModelArguments.begin(), kModelArguments.end(), is_it) ||
         std::any_of(kModelFlags.begin(), kModelFlags.end(), is_it);
}

std::vector<std::string> model_places() {
  std::vector<std::string> places;
  if (const char* listed = std::getenv("COSTEFF_MODELS")) {
    for (const std::string_view place : split_at(listed, ':')) {
      if (!place.empty()) places.emplace_back(place);
    }
  }
  if (const fs::path prefix = program_prefix(); !prefix.empty())
    places.push_back(prefix / "share" / "costeff" / "models");
  return places;
}

std::vector<std::string> installed_models() {
  std::vector<std::string> names;
  for (const std::string& place : model_places()) {
    std::error_code error;
    for (fs::directory_iterator at(place, error), end; !error && at != end; at.increment(error)) {
      if (has_directory(at->path())) names.push_back(at->path().filename());
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::string model_directory(const std::string& model) {
  if (!is_plain_name(model) || has_directory(model)) return model;
  for (const std::string& place : model_places()) {
    if (const fs::path path = fs::path(place) / model; has_directory(path)) return path;
  }
  return model;
}

void accept_model_names(CLI::App* verb) {
  for (CLI::Option* option : verb->get_options()) {
    if (!names_model(*option)) continue;
    if (option->get_positional()) {
      std::string text = option->get_description();
      option->description(text.insert(std::min(text.find(';'), text.size()), kOrItsName));
    }
    option->transform(CLI::Validator(
        [](std::string& model) -> std::string {
          model = model_directory(model);
          return "";
        },
        ""));
  }
}

void check_model_found(const std::string& model) {
  std::error_code error;
  if (!is_plain_name(model) || fs::exists(fs::symlink_status(model, error))) return;
  fail_model(
      "{}: does not exist, expected a checkpoint directory or the name of a model installed in {}; "
      "nothing is downloaded",
      printable(model, 200), fmt::join(model_places(), " or "));
}

}  // namespace costeff::cli
