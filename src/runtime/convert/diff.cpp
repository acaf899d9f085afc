#include <costeff/diff.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "base/files/file_bytes.h"
#include "base/format.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/config.h"
#include "checkpoint/dialects/save_model.h"
#include "checkpoint/exit_policy.h"
#include "model/spec.h"
#include "runtime/model_info.h"

namespace costeff {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr size_t kRowsAtOnce = 256;

// A model as `costeff convert` would write it. The config must outlive it.
struct Opened {
  Opened(const std::string& path, bool ignore_unused)
      : model(checkpoint::load_model(path, ignore_unused, &config)),
        saved(checkpoint::name_model(&model, config)) {}
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;

  checkpoint::Config config;
  model::Model model;
  checkpoint::SavedModel saved;
};

double difference(double a, double b) {
  if (a == b || (std::isnan(a) && std::isnan(b))) return 0;
  const double d = std::abs(a - b);
  return std::isnan(d) ? kInfinity : d;
}

void compare_elements(const Tensor& a, const Tensor& b, TensorDifference* out) {
  std::array<float, 4096> x, y;
  out->same_bits = true;
  const int64_t count = a.numel();
  for (int64_t begin = 0; begin < count; begin += static_cast<int64_t>(x.size())) {
    const auto n = std::min<int64_t>(static_cast<int64_t>(x.size()), count - begin);
    to_float32(a, begin, n, x.data());
    to_float32(b, begin, n, y.data());
    if (std::memcmp(x.data(), y.data(), static_cast<size_t>(n) * sizeof(float)) == 0) continue;
    out->same_bits = false;
    for (size_t i = 0; i < static_cast<size_t>(n); ++i) {
      const double d = difference(static_cast<double>(x[i]), static_cast<double>(y[i]));
      out->max_difference = std::max(out->max_difference, d);
    }
  }
}

TensorInfo tensor_info(const Tensor& t) { return {t.name, dtype_name(t.dtype), t.shape}; }

std::vector<TensorDifference> compare_tensors(const model::Model& a, const model::Model& b) {
  const auto names_a = checkpoint::saved_names(a), names_b = checkpoint::saved_names(b);
  std::map<std::string, TensorDifference> all;
  for (const auto& [name, id] : names_a) all[name].a = tensor_info(a.parameters.tensor(id));
  for (const auto& [name, id] : names_b) all[name].b = tensor_info(b.parameters.tensor(id));
  std::vector<TensorDifference> out;
  for (auto& [name, d] : all) {
    d.name = name;
    if (d.a && d.b && d.a->shape == d.b->shape) {
      compare_elements(a.parameters.tensor(names_a.at(name)), b.parameters.tensor(names_b.at(name)),
                       &d);
    }
    out.push_back(std::move(d));
  }
  return out;
}

std::string labels_text(const model::Model& m) {
  return nlohmann::json(m.provenance.labels).dump();
}

std::string policy_text(const model::Model& m) {
  return m.provenance.policy ? checkpoint::exit_policy_json(*m.provenance.policy).dump() : "none";
}

// How the exits read the hidden states. In most dialects all do the same, but for COST-EFF's history,
// which the number of layers limits.
std::string heads_text(const model::Architecture& arch) {
  const auto text = [](const model::Head& h) {
    return fmt::format("{}, {}", runtime::reading_text(h), model::activation_name(h.activation));
  };
  const model::Head& last = arch.heads.back();
  const bool alike = std::all_of(arch.heads.begin(), arch.heads.end(), [&](const model::Head& h) {
    return h.pooling == last.pooling && h.activation == last.activation &&
           h.last_n_hidden == std::min(last.last_n_hidden, h.layer + 1);
  });
  if (alike) return text(last);
  std::string all;
  for (const model::Head& h : arch.heads)
    append_format(&all, "{}layer {}: {}", all.empty() ? "" : "; ", h.layer, text(h));
  return all;
}

std::vector<SettingDifference> compare_settings(const model::Model& model_a,
                                                const model::Model& model_b) {
  const model::Architecture &a = model_a.arch, &b = model_b.arch;
  std::vector<SettingDifference> out;
  const auto add = [&](const char* name, const std::string& x, const std::string& y) {
    if (x != y) out.push_back({name, x, y});
  };
  const auto number = [](double v) { return nlohmann::json(v).dump(); };
  add("activation", model::activation_name(a.activation), model::activation_name(b.activation));
  add("layer_norm_eps", number(static_cast<double>(a.layer_norm_eps)),
      number(static_cast<double>(b.layer_norm_eps)));
  const auto add_count = [&](const char* name, int64_t x, int64_t y) {
    add(name, fmt::format("{}", x), fmt::format("{}", y));
  };
  add_count("head_size", a.head_size, b.head_size);
  add_count("position_offset", a.embeddings.position_offset, b.embeddings.position_offset);
  add_count("max_length", a.max_length, b.max_length);
  add_count("layers", static_cast<int64_t>(a.layers.size()), static_cast<int64_t>(b.layers.size()));
  add("exits read", heads_text(a), heads_text(b));
  add("labels", labels_text(model_a), labels_text(model_b));
  add("exit_policy", policy_text(model_a), policy_text(model_b));
  return out;
}

int64_t argmax(const std::vector<float>& v) {
  return std::max_element(v.begin(), v.end()) - v.begin();
}

void compare_logits(const std::vector<float>& a, const std::vector<float>& b, bool labels,
                    ExitDifference* out) {
  if (a.size() != b.size()) {
    out->max_difference = kInfinity;
    return;
  }
  for (size_t i = 0; i < a.size(); ++i) {
    out->max_difference = std::max(
        out->max_difference, difference(static_cast<double>(a[i]), static_cast<double>(b[i])));
  }
  if (labels && argmax(a) != argmax(b)) ++out->label_disagreements;
}

std::vector<ExitDifference> exits_of(const ModelInfo& a, const ModelInfo& b) {
  std::map<int64_t, ExitDifference> all;
  for (const ExitInfo& e : a.exits) all[e.layer].in_a = true;
  for (const ExitInfo& e : b.exits) all[e.layer].in_b = true;
  std::vector<ExitDifference> out;
  for (auto& [layer, d] : all) {
    d.layer = layer;
    out.push_back(d);
  }
  return out;
}

const std::vector<float>* logits_at(const Result& r, bool tokens, int64_t layer) {
  if (tokens) return r.exit_layer == layer ? &r.token_logits : nullptr;
  for (const ExitOutput& e : r.exits) {
    if (e.layer == layer) return &e.logits;
  }
  return nullptr;
}

void compare_rows(const Engine& a, const Engine& b, std::span<const Example> rows,
                  const RunOptions& options, ModelDifference* out) {
  const bool tokens_a = a.info().question_answering, tokens_b = b.info().question_answering;
  const bool labels = a.info().num_labels > 1 && !tokens_a && !tokens_b;
  const std::vector<Result> x = a.score(rows, options), y = b.score(rows, options);
  for (size_t i = 0; i < rows.size(); ++i) {
    for (ExitDifference& e : out->exits) {
      if (!e.in_a || !e.in_b) continue;
      const auto* p = logits_at(x[i], tokens_a, e.layer);
      const auto* q = logits_at(y[i], tokens_b, e.layer);
      if (p && q) compare_logits(*p, *q, labels, &e);
    }
  }
  out->rows += static_cast<int64_t>(rows.size());
}

// Compares the exits on all rows, some rows at a time.
void compare_exits(const Engine& a, const Engine& b, const Source& source,
                   const DiffOptions& options, const std::atomic<bool>* stop,
                   ModelDifference* out) {
  RunOptions run;
  run.encode = options.encode;
  if (run.encode.max_length == 0)
    run.encode.max_length = std::min(a.info().default_max_length, b.info().default_max_length);
  run.threads = options.threads;
  run.policy = ExitPolicy{};
  run.all_exits = true;
  out->exits = exits_of(a.info(), b.info());
  std::vector<Example> rows;
  bool end = false;
  while (!end && !(stop && *stop)) {
    Example row;
    end = source(row, true) == ReadStatus::end;
    if (!end) rows.push_back(std::move(row));
    if (end || rows.size() == kRowsAtOnce) {
      compare_rows(a, b, rows, run, out);
      rows.clear();
    }
  }
}

}  // namespace

bool ModelDifference::same(double tolerance) const {
  const auto tensor_same = [&](const TensorDifference& d) {
    if (!d.a || !d.b || d.a->shape != d.b->shape) return false;
    return d.same_bits || (tolerance > 0 && d.max_difference <= tolerance);
  };
  const auto exit_same = [&](const ExitDifference& e) {
    return e.in_a && e.in_b && e.max_difference <= tolerance;
  };
  return settings.empty() && std::all_of(tensors.begin(), tensors.end(), tensor_same) &&
         std::all_of(exits.begin(), exits.end(), exit_same);
}

ModelDifference diff_checkpoints(const std::string& a, const std::string& b, const Source& rows,
                                 const DiffOptions& options, const std::atomic<bool>* stop) {
  ModelDifference out;
  {
    const Opened x(a, options.ignore_unused), y(b, options.ignore_unused);
    for (const Opened* o : {&x, &y}) {
      const std::vector<std::string>& warnings = o->model.provenance.warnings;
      out.warnings.insert(out.warnings.end(), warnings.begin(), warnings.end());
    }
    out.dialect_a = x.model.provenance.dialect;
    out.dialect_b = y.model.provenance.dialect;
    read_unchanged(x.model.parameters.storage, [&] {
      read_unchanged(y.model.parameters.storage,
                     [&] { out.tensors = compare_tensors(x.model, y.model); });
    });
    out.settings = compare_settings(x.model, y.model);
  }
  const LoadOptions load{.isa = options.isa, .ignore_unused = options.ignore_unused};
  const Engine x(a, load), y(b, load);
  compare_exits(x, y, rows, options, stop, &out);
  return out;
}

}  // namespace costeff
