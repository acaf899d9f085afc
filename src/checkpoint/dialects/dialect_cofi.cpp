// CoFi (princeton-nlp/CoFiPruning): a plain classifier without some of its hidden units, heads,
// feed-forward units and whole sublayers. Compact files hold what is left; uncompacted ones come with
// zs.pt.

#include <algorithm>

#include "base/format.h"
#include "checkpoint/dialects/cofi_fold.h"
#include "checkpoint/dialects/dialects.h"
#include "checkpoint/heads.h"

namespace costeff::checkpoint {
namespace {

// The rows of a matrix; 0 for any other tensor, as they are not checked yet when dialects are detected.
int64_t rows_of(const Source& s, const std::string& name) {
  const Tensor* t = find(s, name);
  return t && t->shape.size() == 2 ? t->shape[0] : 0;
}

int64_t columns_of(const Source& s, const std::string& name) {
  const Tensor* t = find(s, name);
  return t && t->shape.size() == 2 ? t->shape[1] : 0;
}

// The pooler keeps its output: [768, H pruned].
bool hidden_pruned(const Source& s) {
  const int64_t h = columns_of(s, s.prefix + "embeddings.word_embeddings.weight");
  const int64_t pooler = rows_of(
      s, has_roberta_head(s) ? "classifier.dense.weight" : s.prefix + "pooler.dense.weight");
  const int64_t unpruned = s.config->hidden_size.value_or(pooler);
  const bool without_pooler = is_question_answering(s) || s.config->own_exits;
  return h < unpruned && (pooler == unpruned || (pooler == 0 && without_pooler));
}

bool layers_pruned(const Source& s) {
  for (int64_t i = 0; i < kMaxLayers; ++i) {
    if (may_be_empty(s, i)) return true;
  }
  const std::string beginning = s.prefix + layer_names(s.family).layer;
  const int64_t unpruned = s.config->hidden_size.value_or(0);
  for (int64_t i : numbers(s, beginning)) {
    if (attention_units(s, i) != Units::some || ffn_units(s, i) != Units::some) return true;
    const std::string p = fmt::format("{}{}.", beginning, i);
    const int64_t a = rows_of(s, p + "attention.self.query.weight");
    const int64_t f = rows_of(s, p + "intermediate.dense.weight");
    // transformers' own prune_heads leaves a plain model, and a list in config.json.
    if (a < unpruned && !s.config->pruned_heads) return true;
    if (f < s.config->intermediate_size.value_or(0)) return true;
  }
  return false;
}

}  // namespace

// CoFi's own code has BERT and RoBERTa. The layers of ELECTRA and ERNIE can have any widths too
// (`costeff slenderize`).
bool detect_cofi(const Source& s) {
  switch (s.family) {
    case Family::bert:
    case Family::roberta:
      return s.masks || hidden_pruned(s) || layers_pruned(s);
    case Family::electra:
    case Family::ernie:
      return layers_pruned(s);
    default:
      return false;
  }
}

std::string compact_name(Family family) {
  const std::string name = "cofi-compact";
  return family == Family::bert ? name : name + "-" + first_of(family).name;
}

void build_cofi(Source& s, model::Model* m) {
  if (s.masks) fold_masks(s);
  build_single_exit(s, Widths::cofi, m);
  m->provenance.dialect = compact_name(s.family);
  if (s.masks) m->provenance.dialect = s.family == Family::roberta ? "cofi-zs-roberta" : "cofi-zs";
  if (m->arch.question_answering) m->provenance.dialect += "-qa";
}

void save_cofi(const model::Model& m, SavedModel* out) {
  // config.json keeps the unpruned sizes; transformers' list of pruned heads does not belong there.
  Json& j = out->json;
  j.erase("pruned_heads");
  const int64_t unpruned = j["hidden_size"];
  int64_t ffn = out->config->intermediate_size.value_or(0);
  for (const model::Layer& layer : m.arch.layers) {
    if (layer.ffn) ffn = std::max(ffn, layer.ffn->in.out);
  }
  if (ffn > 0) j["intermediate_size"] = ffn;
  bool pruned = m.arch.hidden_size < unpruned;
  for (const model::Layer& layer : m.arch.layers) {
    pruned = pruned || !layer.attention || layer.attention->query.out < unpruned || !layer.ffn ||
             layer.ffn->in.out < ffn;
  }
  if (!pruned) return save_plain(m, out);  // masks of ones
  put_single_exit(m, out);
  put_architecture(out, "CoFi", m.arch.question_answering);
  out->dialect = compact_name(out->family);
  if (m.arch.question_answering) out->dialect += "-qa";
}

}  // namespace costeff::checkpoint
