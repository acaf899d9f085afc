#include "python/answers.h"

#include <limits>

namespace costeff::python {
namespace {

void append_all(const std::vector<float>& values, std::vector<float>* out) {
  out->insert(out->end(), values.begin(), values.end());
}

void append_exits(const std::vector<ExitOutput>& exits, Answers* a) {
  if (a->exit_layers.empty()) {
    for (const ExitOutput& e : exits) a->exit_layers.push_back(e.layer);
  }
  for (const ExitOutput& e : exits) {
    append_all(e.logits, &a->exit_logits);
    append_all(e.probs, &a->exit_probs);
    a->exit_entropy.push_back(e.entropy);
    a->exit_uncertainty.push_back(e.uncertainty < 0 ? std::numeric_limits<float>::quiet_NaN()
                                                    : e.uncertainty);
  }
}

}  // namespace

void reserve(size_t rows, size_t labels, Answers* a) {
  for (auto* column : {&a->label_ids, &a->exit_layer, &a->tokens}) column->reserve(rows);
  for (auto* column : {&a->prob, &a->entropy}) column->reserve(rows);
  for (auto* column : {&a->probs, &a->logits}) column->reserve(rows * labels);
  a->truncated.reserve(rows);
}

void append(std::span<const Result> results, size_t labels, bool multi_label, Answers* a) {
  for (const Result& r : results) {
    a->label_ids.push_back(r.label);
    if (multi_label) {
      const size_t begin = a->label_mask.size();
      a->label_mask.resize(begin + labels);
      for (const int32_t label : r.labels) a->label_mask[begin + static_cast<size_t>(label)] = 1;
    }
    a->prob.push_back(r.prob);
    a->entropy.push_back(r.entropy);
    append_all(r.probs, &a->probs);
    append_all(r.logits, &a->logits);
    a->exit_layer.push_back(r.exit_layer);
    a->tokens.push_back(r.tokens);
    a->truncated.push_back(r.truncated);
    append_exits(r.exits, a);
  }
}

}  // namespace costeff::python
