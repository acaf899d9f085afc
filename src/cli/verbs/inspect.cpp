#include <costeff/engine.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>

#include "base/format.h"
#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/flags/flag_checks.h"
#include "cli/flags/load_flags.h"
#include "cli/run/open.h"
#include "cli/run/print.h"

namespace costeff::cli {
namespace {

using OrderedJson = nlohmann::ordered_json;

struct InspectFlags {
  std::string model;
  bool json = false, ignore_unused = false;
  int64_t length = 128;
};

OrderedJson shape_json(const std::vector<int64_t>& shape) { return OrderedJson(shape); }

// The keys of exit_policy.json, the policy in words and whether the file has it.
OrderedJson policy_json(const ModelInfo& m) {
  const ExitPolicy& p = m.policy;
  OrderedJson j = {{"policy", policy_name(p.kind)}};
  if (!p.thresholds.empty()) j["thresholds"] = p.thresholds;
  const PolicyTraits& t = policy_traits(p.kind);
  if (t.number_at == &ExitPolicy::patience) j["patience"] = p.patience;
  if (p.kind == PolicyKind::fixed) j["layer"] = p.layer;
  if (p.average) j["average"] = true;
  if (!p.exit_weights.empty()) j["exit_weights"] = p.exit_weights;
  if (!p.weights_from.empty()) j["weights_from"] = p.weights_from;
  j["exit_start"] = p.exit_start;
  if (!p.label_thresholds.empty()) j["label_thresholds"] = p.label_thresholds;
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
  j["task"] = m.task.empty() ? OrderedJson() : OrderedJson(m.task);
  j["regression"] = is_regression(m);
  j["multi_label"] = is_multi_label(m);
  j["vocab_size"] = m.vocab_size;
  j["type_vocab_size"] = m.type_vocab_size;
  j["embedding_rank"] = m.embedding_rank;
  j["embedding_size"] = m.embedding_size;
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
    if (l.same_as) j["layers"].back()["same_as"] = l.same_as;
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
  if (n >= 1000000000) return fmt::format("{:.2f} G", v / 1e9);
  if (n >= 1000000) return fmt::format("{:.2f} M", v / 1e6);
  if (n >= 10000) return fmt::format("{:.1f} k", v / 1e3);
  return fmt::format("{}", n);
}

void line(std::string* out, const char* name, const std::string& value) {
  append_format(out, "{:<14}{}\n", name, printable(value));
}

const ExitInfo* exit_at(const ModelInfo& m, int64_t layer) {
  for (const ExitInfo& e : m.exits) {
    if (e.layer == layer) return &e;
  }
  return nullptr;
}

// The first names, and the number of all names if not all fit.
std::string labels_text(const std::vector<std::string>& labels) {
  constexpr size_t kLabelBytes = 50;
  std::string out;
  for (size_t i = 0; i < labels.size(); ++i) {
    if (out.size() + labels[i].size() > kLabelBytes && i > 0) {
      return fmt::format("{}, ... ({})", out, labels.size());
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
  if (is_regression(m)) {
    line(&out, "output", "a score (regression)");
  } else {
    line(&out, is_multi_label(m) ? "any of" : "labels", labels_text(m.labels));
  }
  line(&out, "stored as", m.dtype);
  line(&out, "parameters", short_count(m.parameters));
  line(&out, "hidden size", fmt::format("{}, head size {}", m.hidden_size, m.head_size));
  std::string embedding = fmt::format("{} tokens", m.vocab_size);
  if (m.embedding_rank) append_format(&embedding, ", factorised, rank {}", m.embedding_rank);
  if (m.embedding_map)
    append_format(&embedding, " of size {}, mapped to {}", m.embedding_size, m.hidden_size);
  line(&out, "embedding", embedding);
  std::string length_text = fmt::format("{} tokens", m.max_length);
  if (m.default_max_length < m.max_length) {
    append_format(&length_text, ", texts are cut to {} (model_max_length of tokenizer_config.json)",
                  m.default_max_length);
  }
  line(&out, "max length", length_text);
  line(&out, "activation", m.activation);
  line(&out, "exit policy",
       policy_text(m.policy) +
           (m.policy_from_model ? " (exit_policy.json)" : " (the model states none)"));
  if (!m.policy.label_thresholds.empty())
    line(&out, "labels",
         fmt::format("above {} (exit_policy.json)", fmt::join(m.policy.label_thresholds, ", ")));

  out += "\nlayer  heads  attention    ffn  parameters  MACs to here  exit\n";
  for (const LayerInfo& l : m.layers) {
    const ExitInfo* e = exit_at(m, l.layer);
    append_format(&out, "{:5} {:6} {:10} {:6} {:>11}  {:>12}  {}\n", l.layer, l.heads,
                  l.attention_size, l.ffn_size,
                  l.same_as ? fmt::format("as layer {}", l.same_as) : short_count(l.parameters),
                  short_count(macs(m, length, l.layer, true)), e ? e->form : "-");
  }
  append_format(&out,
                "MACs: multiply-accumulates of a text of {} tokens, including off-ramps passed\n",
                length);
  if (!m.unused.empty()) {
    out += "\nin the checkpoint, not used:\n";
    for (const TensorInfo& t : m.unused) {
      std::string shape;
      for (int64_t d : t.shape) append_format(&shape, "{}{}", shape.empty() ? "" : ", ", d);
      append_format(&out, "  {} {} [{}]\n", printable(t.name), t.dtype, shape);
    }
  }
  if (!m.notes.empty()) {
    out += "\nnotes:\n";
    for (const std::string& n : m.notes) append_format(&out, "  {}\n", printable(n));
  }
  return out;
}

int inspect(const InspectFlags& f) {
  if (f.model.empty()) throw_usage("the name of the model directory is empty");
  const Engine engine = load_engine(f.model, {.isa = "", .ignore_unused = f.ignore_unused});
  const ModelInfo& m = engine.info();
  return print(
      f.json
          ? to_json(m, f.length).dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n"
          : to_text(m, f.length));
}

}  // namespace

void add_inspect(CLI::App* app, std::function<int()>* run) {
  auto f = std::make_shared<InspectFlags>();
  CLI::App* sub = app->add_subcommand(
      "inspect", "Describe a model: dialect, shapes, exits, cost, unused tensors");
  sub->footer(std::string("Examples:\n"
                          "  costeff inspect models/sst2-slender\n"
                          "  costeff inspect MODEL --json | jq .layers\n\n") +
              kExitCodes);
  sub->add_option("MODEL", f->model, "Checkpoint directory")->required();
  sub->add_flag("--json", f->json, "Print JSON");
  sub->add_option("--length", f->length,
                  "Length in tokens of the text to count multiply-accumulates for (default: 128)")
      ->type_name("N")
      ->check(whole_number(1, 1000000));
  add_ignore_unused(sub, sub->option_defaults()->get_group(), &f->ignore_unused);
  sub->callback([=] { *run = [=] { return inspect(*f); }; });
}

}  // namespace costeff::cli
