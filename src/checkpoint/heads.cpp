#include "checkpoint/heads.h"

#include <algorithm>

#include "base/fail.h"
#include "checkpoint/foreign_tensors.h"

namespace costeff::checkpoint {
namespace {

// The rows of the classifier decide. id2label must agree with them. num_labels may be stale if id2label
// agrees, as transformers then ignores one of the two, depending on its version.
void name_labels(Source& s, model::Model* m) {
  const Config& c = *s.config;
  const int64_t n = m->arch.num_labels = m->arch.heads.back().classifier.out;
  const std::string rows =
      fmt::format(", the classifier ({}) has {} {}",
                  m->parameters.tensor(m->arch.heads.back().classifier.weight).name, n,
                  n == 1 ? "row" : "rows");
  if (c.id2label && static_cast<int64_t>(c.id2label->size()) != n) {
    fail_model("{}: id2label names {} labels{}", c.place, c.id2label->size(), rows);
  }
  if (c.num_labels && *c.num_labels != n) {
    if (!c.id2label) fail_model("{}: num_labels is {}{}", c.place, *c.num_labels, rows);
    s.notes.push_back(
        fmt::format("{}: num_labels is {}{}, as id2label", c.place, *c.num_labels, rows));
  }
  if (c.problem_type == "regression" && n != 1) {
    fail_model("{}: problem_type is regression{}, expected 1", c.place, rows);
  }
  m->arch.problem = c.problem_type == "multi_label_classification" ? ProblemType::multi_label
                    : n == 1                                       ? ProblemType::regression
                                                                   : ProblemType::single_label;
  m->provenance.task = c.finetuning_task;
  if (c.id2label) {
    m->provenance.labels = *c.id2label;
    return;
  }
  for (int64_t i = 0; i < n; ++i) m->provenance.labels.push_back(model::unnamed_label(i));
}

void note_config(Source& s, const model::Model& m) {
  const Config& c = *s.config;
  if (c.quantized) {
    s.notes.push_back(
        fmt::format("{}: quantization_config is there, but the weights are plain {}: it is ignored",
                    c.place, dtype_name(m.parameters.tensor(m.arch.embeddings.word).dtype)));
  }
}

// In DistilBERT it is fixed by the code of transformers; config.json does not matter.
double norm_eps(Source& s) {
  constexpr double kFixed = 1e-12;
  const double said = s.config->layer_norm_eps;
  if (s.family != Family::distilbert || said == kFixed) return said;
  s.notes.push_back(fmt::format(
      "{}: layer_norm_eps is not DistilBERT's 1e-12: it is ignored, as transformers does",
      s.config->place));
  return kFixed;
}

// Compares the exits with the object that `costeff convert` writes.
void check_exits(const Source& s, const model::Model& m) {
  const auto& said = s.config->converted.exits;
  std::vector<int64_t> have;
  for (const model::Head& head : m.arch.heads) have.push_back(head.layer);
  if (!said || *said == have) return;
  fail_model("{}: costeff: exits is {}, {} holds a model of {} with exits at layers {}",
             s.config->place, shape_text(*said), *s.set->file, m.provenance.dialect,
             shape_text(have));
}

void list_unused(const Source& s, model::Model* m) {
  for (size_t i = 0; i < s.set->tensors.size(); ++i) {
    if (!s.used[i]) m->provenance.unused.push_back(s.set->tensors[i]);
  }
}

}  // namespace

int64_t label_rows(Source& s, const std::string& name) {
  const Tensor& t = use(s, name + ".weight", {"labels", "inputs"});
  if (t.shape[0] > kMaxLabels) {
    fail_model("{}shape {}, expected at most {} labels", tensor_place(t), shape_text(t.shape),
               kMaxLabels);
  }
  return t.shape[0];
}

model::Linear use_classifier(Source& s, const std::string& name, int64_t labels, int64_t in) {
  const Tensor* t = find(s, name + ".weight");
  const bool differ = t && !t->shape.empty() && t->shape[0] != labels;
  return use_linear(s, model::Role::classifier, name, labels, in,
                    differ ? "as many rows as the final classifier" : std::string_view());
}

model::Head pooled_head(Source& s, int64_t layer, const std::string& pooler,
                        const std::string& classifier, Dim pooler_rows, int64_t hidden,
                        int64_t labels, std::string_view because) {
  model::Head head;
  head.layer = layer;
  head.pooler = use_linear(s, model::Role::pooler, pooler, pooler_rows, hidden, because);
  head.activation = model::Activation::tanh;
  head.classifier = use_classifier(s, classifier, labels, head.pooler->out);
  return head;
}

void refuse_numbers_from(const Source& s, const std::string& beginning, int64_t count,
                         const std::string& expected) {
  const std::set<int64_t> found = numbers(s, beginning);
  if (!found.empty() && *found.rbegin() >= count) {
    fail_model("{}: has tensors of {}{}, expected {}", *s.set->file, beginning, *found.rbegin(),
               expected);
  }
}

bool exit_listed(const Source& s, int64_t layer, const std::string& beginning) {
  const auto& exits = s.config->converted.exits;
  if (!exits || std::find(exits->begin(), exits->end(), layer) != exits->end()) return true;
  if (has_any(s, beginning)) {
    fail_model("{}: costeff: exits is {}, but {} has tensors {}* of an exit at layer {}",
               s.config->place, shape_text(*exits), *s.set->file, beginning, layer);
  }
  return false;
}

void finish(Source& s, model::Model* m) {
  check_exits(s, *m);
  model::number_parameters(m);
  m->arch.activation = s.config->activation;
  m->arch.layer_norm_eps = static_cast<float>(norm_eps(s));
  if (m->arch.heads.empty()) {
    m->arch.num_labels = 0;  // an encoder alone
  } else if (m->arch.question_answering) {
    m->arch.num_labels = m->arch.heads.back().classifier.out;
    m->provenance.labels = {"start", "end"};
  } else {
    name_labels(s, m);
  }
  note_config(s, *m);
  refuse_unknown(s);
  list_unused(s, m);
  m->provenance.notes = std::move(s.notes);
  m->provenance.warnings = std::move(s.warnings);
}

}  // namespace costeff::checkpoint
