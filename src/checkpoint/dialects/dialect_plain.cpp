#include "checkpoint/dialects/dialects.h"
#include "checkpoint/heads.h"

namespace costeff::checkpoint {

// XLM-R has RoBERTa's tensors; only config.json tells them apart.
const char* plain_name(Family family, const std::string& model_type) {
  return written_type(family, model_type).plain;
}

bool has_roberta_head(Family family) {
  return family == Family::roberta || family == Family::electra;
}

model::Activation activation_after_pooler(Family family) {
  if (family == Family::distilbert) return model::Activation::relu;
  // Whatever hidden_act says (transformers, modeling_electra.py, ElectraClassificationHead).
  return family == Family::electra ? model::Activation::gelu_erf : model::Activation::tanh;
}

bool is_question_answering(const Source& s) {
  return has_any(s, "qa_outputs.") && !has_any(s, "classifier.");
}

bool has_roberta_head(const Source& s) {
  if (has_any(s, "classifier.out_proj.") || has_any(s, "classifier.dense.")) return true;
  return has_roberta_head(s.family) && !has_any(s, "classifier.");
}

void add_single_exit(Source& s, Widths widths, model::Model* m) {
  const int64_t h = m->arch.hidden_size, last = static_cast<int64_t>(m->arch.layers.size());
  model::Head head;
  if (is_question_answering(s)) {
    // SQuAD: row 0 start, row 1 end, on every token; a pooler in the file is not used.
    m->arch.question_answering = true;
    head.layer = last;
    head.pooling = model::Pooling::tokens;
    head.activation = model::Activation::none;
    head.classifier = use_linear(s, model::Role::classifier, "qa_outputs", 2, h);
    mark_leftover(s, s.prefix + "pooler.");
  } else {
    // CoFi prunes only the pooler's input: [unpruned H, H].
    const int64_t rows = widths == Widths::cofi ? unpruned_hidden_size(s, h) : h;
    const bool roberta = has_roberta_head(s);
    const std::string pooler = roberta ? "classifier.dense" : pooler_name(s.family, s.prefix);
    const std::string classifier = roberta ? "classifier.out_proj" : "classifier";
    head = pooled_head(s, last, pooler, classifier, rows, h, label_rows(s, classifier),
                       widths == Widths::cofi ? "hidden_size of config.json" : "");
    head.activation = activation_after_pooler(s.family);
    head.drops_input = roberta;  // RobertaClassificationHead
    if (s.family == Family::albert) head.dropout = s.config->classifier_dropout_prob;
    if (roberta) mark_leftover(s, s.prefix + "pooler.");
  }
  m->arch.heads.push_back(std::move(head));
}

void build_single_exit(Source& s, Widths widths, model::Model* m) {
  build_encoder(s, widths, m);
  add_single_exit(s, widths, m);
}

bool detect_plain(const Source&) { return true; }

void build_plain(Source& s, model::Model* m) {
  build_single_exit(s, Widths::full, m);
  m->provenance.dialect = plain_name(s.family, s.config->model_type);
  if (m->arch.question_answering) m->provenance.dialect += "-qa";
}

void put_single_exit(const model::Model& m, SavedModel* out) {
  const model::Head& head = m.arch.heads.back();
  if (m.arch.question_answering) return put_linear(out, "qa_outputs", head.classifier);
  if (has_roberta_head(out->family)) {
    return put_head(out, "classifier.dense", "classifier.out_proj", head);
  }
  put_head(out, pooler_name(out->family, out->prefix), "classifier", head);
  put_dropout(out, head);
}

void save_plain(const model::Model& m, SavedModel* out) {
  put_single_exit(m, out);
  put_architecture(out, "", m.arch.question_answering);
  out->dialect = plain_name(out->family, out->json["model_type"]);
  if (m.arch.question_answering) out->dialect += "-qa";
}

}  // namespace costeff::checkpoint
