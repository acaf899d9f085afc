// DistilBERT (transformers, modeling_distilbert.py): names and config keys of its own, no token
// types.

#include "checkpoint/dialects.h"
#include "checkpoint/heads.h"

namespace costeff::checkpoint {

bool detect_distilbert(const Source& s) { return s.family == Family::distilbert; }

void build_distilbert(Source& s, model::Model* m) {
  build_encoder(s, Widths::full, m);
  const int64_t h = m->hidden_size, last = static_cast<int64_t>(m->layers.size());
  m->dialect = "distilbert";
  model::Head head;
  if (is_question_answering(s)) {
    m->question_answering = true;
    m->dialect = "distilbert-qa";
    head.layer = last;
    head.pooling = model::Pooling::tokens;
    head.activation = model::Activation::none;
    head.classifier = take_linear(s, "qa_outputs", 2, h);
  } else {
    // relu, not tanh, after the pooler.
    head = pooled_head(s, last, "pre_classifier", "classifier", h, h, label_rows(s, "classifier"));
    head.activation = model::Activation::relu;
  }
  m->heads.push_back(std::move(head));
}

}  // namespace costeff::checkpoint
