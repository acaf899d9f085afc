#include <costeff/diff.h>

#include <array>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/format.h"
#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/flags/flag_checks.h"
#include "cli/flags/input_flags.h"
#include "cli/flags/load_flags.h"
#include "cli/flags/model_name.h"
#include "cli/run/open.h"
#include "cli/run/print.h"
#include "tasks/read/reader.h"

namespace costeff::cli {
namespace {

using OrderedJson = nlohmann::ordered_json;

// The rows to compare answers on if no file is given.
constexpr std::array<std::array<const char*, 2>, 6> kSentences{{
    {"a charming and often affecting journey .", nullptr},
    {"unflinchingly bleak and desperate", nullptr},
    {"It was the worst two hours of my life, and I have been to the dentist!", nullptr},
    {"", nullptr},
    {"A man is playing a guitar.", "Somebody makes music."},
    {"The company said profits rose 5 % in 2003.", "Profits fell."},
}};

struct DiffFlags {
  std::string a, b;
  InputFlags input;
  EncodeFlags encode;
  double tolerance = 0;
  int64_t threads = 0;
  bool json = false, ignore_unused = false;
};

Source built_in_rows() {
  auto next = std::make_shared<size_t>(0);
  return [next](Example& row, bool) {
    if (*next == kSentences.size()) return ReadStatus::end;
    const auto& [text, pair] = kSentences[(*next)++];
    row = Example{};
    row.text_a = text;
    if (pair) row.text_b = pair;
    return ReadStatus::row;
  };
}

std::string shape_text(const TensorInfo& t) {
  std::string s;
  for (int64_t d : t.shape) append_format(&s, "{}{}", s.empty() ? "" : ", ", d);
  return fmt::format("{} [{}]", t.dtype, s);
}

// JSON has no infinity.
OrderedJson json_number(double v) { return std::isfinite(v) ? OrderedJson(v) : OrderedJson("inf"); }

OrderedJson tensor_json(const std::optional<TensorInfo>& t) {
  if (!t) return nullptr;
  return {{"name", t->name}, {"dtype", t->dtype}, {"shape", t->shape}};
}

OrderedJson to_json(const ModelDifference& d, const DiffFlags& f) {
  OrderedJson j;
  j["same"] = d.same(f.tolerance);
  j["tolerance"] = f.tolerance;
  j["a"] = {{"path", f.a}, {"dialect", d.dialect_a}};
  j["b"] = {{"path", f.b}, {"dialect", d.dialect_b}};
  j["tensors"] = OrderedJson::array();
  for (const TensorDifference& t : d.tensors) {
    OrderedJson row = {{"name", t.name}, {"a", tensor_json(t.a)}, {"b", tensor_json(t.b)}};
    if (t.a && t.b && t.a->shape == t.b->shape) {
      row["same_bits"] = t.same_bits;
      row["max_difference"] = json_number(t.max_difference);
    }
    j["tensors"].push_back(std::move(row));
  }
  j["settings"] = OrderedJson::array();
  for (const SettingDifference& s : d.settings) {
    j["settings"].push_back({{"name", s.name}, {"a", s.a}, {"b", s.b}});
  }
  j["rows"] = d.rows;
  j["exits"] = OrderedJson::array();
  for (const ExitDifference& e : d.exits) {
    OrderedJson row = {{"layer", e.layer}, {"in_a", e.in_a}, {"in_b", e.in_b}};
    if (e.in_a && e.in_b) {
      row["max_difference"] = json_number(e.max_difference);
      row["label_disagreements"] = e.label_disagreements;
    }
    j["exits"].push_back(std::move(row));
  }
  return j;
}

// One line on a tensor that differs; empty: it does not.
std::string tensor_text(const TensorDifference& t) {
  if (!t.b) return fmt::format("only in A: {}, {}", t.name, shape_text(*t.a));
  if (!t.a) return fmt::format("only in B: {}, {}", t.name, shape_text(*t.b));
  if (t.a->shape != t.b->shape) {
    return fmt::format("{}: shape differs, {} / {}", t.name, shape_text(*t.a), shape_text(*t.b));
  }
  if (t.same_bits) return "";
  std::string text = fmt::format("{}: max difference {:.3g}", t.name, t.max_difference);
  if (t.a->dtype != t.b->dtype) append_format(&text, ", {} / {}", t.a->dtype, t.b->dtype);
  return text;
}

std::string to_text(const ModelDifference& d, const DiffFlags& f) {
  std::string out = fmt::format("A: {} ({})\nB: {} ({})\n", printable(f.a), d.dialect_a,
                                printable(f.b), d.dialect_b);
  std::string lines;
  size_t differ = 0;
  for (const TensorDifference& t : d.tensors) {
    const std::string text = tensor_text(t);
    if (text.empty()) continue;
    ++differ;
    append_format(&lines, "  {}\n", printable(text));
  }
  append_format(&out, "tensors: {}, {} the same bit for bit\n{}", d.tensors.size(),
                d.tensors.size() - differ, lines);
  if (!d.settings.empty()) out += "settings that differ:\n";
  for (const SettingDifference& s : d.settings) {
    append_format(&out, "  {}\n", printable(fmt::format("{}: {} / {}", s.name, s.a, s.b)));
  }
  append_format(&out, "exits, on {} rows:\n", d.rows);
  for (const ExitDifference& e : d.exits) {
    append_format(&out, "  layer {}: ", e.layer);
    if (!e.in_a || !e.in_b) {
      out += e.in_a ? "only in A\n" : "only in B\n";
      continue;
    }
    append_format(&out, "max logit difference {:.3g}, {} other labels\n", e.max_difference,
                  e.label_disagreements);
  }
  return out + (d.same(f.tolerance) ? "same\n" : "different\n");
}

int diff(const DiffFlags& f) {
  if (f.a.empty() || f.b.empty()) throw_usage("the name of a model directory is empty");
  DiffOptions o;
  o.encode = encode_options(f.encode);
  o.threads = f.threads;
  o.ignore_unused = f.ignore_unused;
  std::optional<tasks::RowReader> reader;
  Source rows = built_in_rows();
  if (!f.input.files.empty()) {
    reader.emplace(input_files(f.input), input_options_that_say(f.input), &interrupted);
    rows = [&](Example& row, bool may_block) { return reader->next(row, may_block); };
  }
  check_model_found(f.a);
  check_model_found(f.b);
  const ModelDifference d = diff_checkpoints(f.a, f.b, rows, o, &interrupted);
  if (interrupted) return kInterrupted;
  say_model_warnings(d.warnings);
  const int code =
      print(f.json ? to_json(d, f).dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n"
                   : to_text(d, f));
  if (code != 0) return code;
  return d.same(f.tolerance) ? 0 : 1;
}

}  // namespace

void add_diff(CLI::App* app, std::function<int()>* run) {
  auto f = std::make_shared<DiffFlags>();
  CLI::App* sub =
      app->add_subcommand("diff", "Compare two checkpoints, tensor by tensor and exit by exit");
  sub->footer(
      std::string("Checkpoints are compared as they are read: containers, names, dtypes and "
                  "dialects may\ndiffer if the numbers are the same. Exit code 0: the same, "
                  "1: different.\n\nExamples:\n"
                  "  costeff diff MODEL half --tolerance 0.001\n"
                  "  costeff diff old-model new-model dev.tsv --task sst-2 --json\n\n") +
      kExitCodes);
  sub->add_option("A", f->a, "Checkpoint directory")->required();
  sub->add_option("B", f->b, "Checkpoint directory to compare with")->required();
  add_input_flags(sub, &f->input);
  sub->get_option("FILES")->required(false)->description(
      "Rows on which to compare the answers of every exit; - is standard input (default: a few "
      "built-in sentences)");
  add_encode_flags(sub, &f->encode);
  sub->add_option("--tolerance", f->tolerance,
                  "Weights and logits that differ by at most X count as the same (default: 0)")
      ->type_name("X")
      ->check(number_between(0, 1e30));
  add_thread_flags(sub, sub->option_defaults()->get_group(), &f->threads, nullptr);
  add_ignore_unused(sub, sub->option_defaults()->get_group(), &f->ignore_unused);
  sub->add_flag("--json", f->json, "Print JSON, which lists every tensor");
  sub->callback([=] { *run = [=] { return diff(*f); }; });
}

}  // namespace costeff::cli
