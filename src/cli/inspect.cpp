#include <costeff/engine.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "base/format.h"
#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/flag_checks.h"
#include "cli/load_flags.h"
#include "cli/policy_flags.h"
#include "cli/print.h"

namespace costeff::cli {
namespace {

using OrderedJson = nlohmann::ordered_json;

struct InspectOptions {
  std::string model;
  bool json = false, ignore_unused = false;
  int64_t length = 128;
};

OrderedJson shape_json(const std::vector<int64_t>& shape) { return OrderedJson(shape); }

// The keys of exit_policy.json, and what it means.
OrderedJson policy_json(const ModelInfo& m) {
  const ExitPolicy& p = m.policy;
  OrderedJson j = {{"policy", policy_name(p.kind)}};
  if (!p.thresholds.empty()) j["thresholds"] = p.thresholds;
  if (p.kind == PolicyKind::patience) j["patience"] = p.patience;
  if (p.kind == PolicyKind::fixed) j["layer"] = p.layer;
  j["exit_start"] = p.exit_start;
  j["text"] = policy_text(p);
  j["from_model"] = m.policy_from_model;
  return j;
}

OrderedJson to_json(const ModelInfo& m, int64_t length) {
  OrderedJson j;
  j["path"] = m.path;
  j["dialect"] = m.dialect;
  j["hidden_size"] = m.hidden_size;
  j["head_size"] = m.head_size;
  j["num_labels"] = m.num_labels;
  j["labels"] = m.labels;
  j["regression"] = m.regression;
  j["vocab_size"] = m.vocab_size;
  j["type_vocab_size"] = m.type_vocab_size;
  j["embedding_rank"] = m.embedding_rank;
  j["max_length"] = m.max_length;
  j["default_max_length"] = m.default_max_length;
  j["activation"] = m.activation;
  j["layer_norm_eps"] = m.layer_norm_eps;
  j["dtype"] = m.dtype;
  j["tokenizer"] = m.tokenizer;
  j["parameters"] = m.parameters;
  j["macs_length"] = length;
  for (const LayerInfo& l : m.layers) {
    j["layers"].push_back({{"layer", l.layer},
                           {"heads", l.heads},
                           {"attention_size", l.attention_size},
                           {"ffn_size", l.ffn_size},
                           {"parameters", l.parameters},
                           {"macs_to_here", macs(m, length, l.layer, true)}});
  }
  for (const ExitInfo& e : m.exits) {
    j["exits"].push_back({{"layer", e.layer},
                          {"form", e.form},
                          {"input_size", e.input_size},
                          {"parameters", e.parameters},
                          {"macs", e.macs}});
  }
  j["policy"] = policy_json(m);
  j["unused"] = OrderedJson::array();
  for (const TensorInfo& t : m.unused) {
    j["unused"].push_back({{"name", t.name}, {"dtype", t.dtype}, {"shape", shape_json(t.shape)}});
  }
  j["notes"] = m.notes;
  if (!m.warnings.empty()) j["warnings"] = m.warnings;
  return j;
}

// 7712394 -> "7.71 M"
std::string short_count(int64_t n) {
  const double v = static_cast<double>(n);
  if (n >= 1000000000) return string_printf("%.2f G", v / 1e9);
  if (n >= 1000000) return string_printf("%.2f M", v / 1e6);
  if (n >= 10000) return string_printf("%.1f k", v / 1e3);
  return std::to_string(n);
}

void line(std::string* out, const char* name, const std::string& value) {
  *out += string_printf("%-14s", name) + printable(value) + "\n";
}

const ExitInfo* exit_at(const ModelInfo& m, int64_t layer) {
  for (const ExitInfo& e : m.exits) {
    if (e.layer == layer) return &e;
  }
  return nullptr;
}

// The first names, and how many there are if not all fit.
std::string labels_text(const std::vector<std::string>& labels) {
  constexpr size_t kLabelBytes = 50;
  std::string out;
  for (size_t i = 0; i < labels.size(); ++i) {
    if (out.size() + labels[i].size() > kLabelBytes && i > 0) {
      return out + ", ... (" + std::to_string(labels.size()) + ")";
    }
    out += (i ? ", " : "") + labels[i];
  }
  return out;
}

std::string to_text(const ModelInfo& m, int64_t length) {
  std::string out;
  line(&out, "model", m.path);
  line(&out, "dialect", m.dialect);
  line(&out, "tokenizer", m.tokenizer);
  if (m.regression) {
    line(&out, "output", "a score (regression)");
  } else {
    line(&out, "labels", labels_text(m.labels));
  }
  line(&out, "stored as", m.dtype);
  line(&out, "parameters", short_count(m.parameters));
  line(&out, "hidden size",
       std::to_string(m.hidden_size) + ", head size " + std::to_string(m.head_size));
  line(&out, "embedding",
       std::to_string(m.vocab_size) + " tokens" +
           (m.embedding_rank ? ", factorised, rank " + std::to_string(m.embedding_rank) : ""));
  line(&out, "max length",
       std::to_string(m.max_length) + " tokens" +
           (m.default_max_length < m.max_length
                ? ", texts are cut to " + std::to_string(m.default_max_length) +
                      " (model_max_length of tokenizer_config.json)"
                : ""));
  line(&out, "activation", m.activation);
  line(&out, "exit policy",
       policy_text(m.policy) +
           (m.policy_from_model ? " (exit_policy.json)" : " (the model states none)"));

  append_printf(&out, "\n%5s %6s %10s %6s %11s  %12s  %s\n", "layer", "heads", "attention", "ffn",
                "parameters", "MACs to here", "exit");
  for (const LayerInfo& l : m.layers) {
    const ExitInfo* e = exit_at(m, l.layer);
    append_printf(&out, "%5lld %6lld %10lld %6lld %11s  %12s  ", static_cast<long long>(l.layer),
                  static_cast<long long>(l.heads), static_cast<long long>(l.attention_size),
                  static_cast<long long>(l.ffn_size), short_count(l.parameters).c_str(),
                  short_count(macs(m, length, l.layer, true)).c_str());
    out += (e ? e->form : std::string("-")) + "\n";
  }
  out += "MACs: multiply-accumulates of a text of " + std::to_string(length) +
         " tokens, with the off-ramps passed\n";
  if (!m.unused.empty()) {
    out += "\nin the checkpoint, not used:\n";
    for (const TensorInfo& t : m.unused) {
      std::string shape;
      for (int64_t d : t.shape) shape += (shape.empty() ? "" : ", ") + std::to_string(d);
      out += "  " + printable(t.name) + " " + t.dtype + " [" + shape + "]\n";
    }
  }
  if (!m.notes.empty()) {
    out += "\nnotes:\n";
    for (const std::string& n : m.notes) out += "  " + printable(n) + "\n";
  }
  return out;
}

int inspect(const InspectOptions& o) {
  if (o.model.empty()) throw_usage("the name of the model directory is empty");
  const Engine engine = load_engine(o.model, {.isa = "", .ignore_unused = o.ignore_unused});
  const ModelInfo& m = engine.info();
  return print(
      o.json
          ? to_json(m, o.length).dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n"
          : to_text(m, o.length));
}

}  // namespace

void add_inspect(CLI::App* app, std::function<int()>* run) {
  auto options = std::make_shared<InspectOptions>();
  CLI::App* sub = app->add_subcommand(
      "inspect", "Say what a model is: dialect, shapes, exits, cost, what is unused");
  sub->footer(std::string("Examples:\n"
                          "  costeff inspect models/sst2-slender\n"
                          "  costeff inspect MODEL --json | jq .layers\n\n") +
              kExitCodes);
  sub->add_option("MODEL", options->model, "Checkpoint directory")->required();
  sub->add_flag("--json", options->json, "Print JSON");
  sub->add_option("--length", options->length,
                  "Tokens of the text to count multiply-accumulates for (default: 128)")
      ->type_name("N")
      ->check(whole_number(1, 1000000));
  add_ignore_unused(sub, sub->option_defaults()->get_group(), &options->ignore_unused);
  sub->callback([=] { *run = [=] { return inspect(*options); }; });
}

}  // namespace costeff::cli
