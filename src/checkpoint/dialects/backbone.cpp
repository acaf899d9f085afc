#include "checkpoint/dialects/backbone.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/fail.h"
#include "base/utf8.h"
#include "checkpoint/dialects/dialects.h"

namespace costeff::checkpoint {
namespace {

void build_full_encoder(Source& s, model::Model* m) { build_encoder(s, Widths::full, m); }
void build_cofi_encoder(Source& s, model::Model* m) { build_encoder(s, Widths::cofi, m); }
void add_full_exit(Source& s, model::Model* m) { add_single_exit(s, Widths::full, m); }
void add_cofi_exit(Source& s, model::Model* m) { add_single_exit(s, Widths::cofi, m); }

bool has_costeff_encoder(const Source& s) {
  return s.config->costeff.present || has_any(s, s.prefix + "embeddings.word_embeddings1.") ||
         has_any(s, s.prefix + "embeddings.word_embeddings2.");
}

std::string pretrained_pooler(const Source& s, const model::Model& m) {
  if (m.arch.family != Family::elasticbert) return pooler_name(s.family, s.prefix);
  return fmt::format("{}encoder.pooler.{}.dense", s.prefix, m.arch.layers.size() - 1);
}

// The heads of transformers' ...ForPreTraining, ...ForMaskedLM and ...ForNextSentencePrediction.
bool is_pretraining_head(std::string_view name) {
  constexpr std::array<std::string_view, 10> kHeads{"cls.",
                                                    "lm_head.",
                                                    "vocab_transform.",
                                                    "vocab_layer_norm.",
                                                    "vocab_projector.",
                                                    "discriminator_predictions.",
                                                    "generator_predictions.",
                                                    "generator_lm_head.",
                                                    "predictions.",
                                                    "sop_classifier."};
  return std::any_of(kHeads.begin(), kHeads.end(),
                     [&](std::string_view head) { return name.starts_with(head); });
}

// Another head would be a surprise: whoever begins with this encoder should know that it is not used.
void note_other_heads(Source& s) {
  int64_t count = 0;
  std::string first;
  for (const auto& [name, i] : s.by_name) {
    const bool ours = name.starts_with(s.prefix.empty() ? "embeddings." : s.prefix);
    if (s.used[i] || s.expected_unused[i] || ours || is_pretraining_head(name)) continue;
    if (s.prefix.empty() && (name.starts_with("encoder.") || name.starts_with("pooler."))) continue;
    if (count++ == 0) first = printable(s.set->tensors[i].name, 200);
  }
  if (count == 0) return;
  s.notes.push_back(fmt::format("{}: {} beside the encoder {} not used, the first: {}",
                                *s.set->file,
                                count == 1 ? "1 tensor" : fmt::format("{} tensors", count),
                                count == 1 ? "is" : "are", first));
}

}  // namespace

BackboneForm find_backbone(const Source& s) {
  if (detect_distilbert(s)) return {"distilbert", build_full_encoder, add_distilbert_exit};
  if (detect_elasticbert(s))
    return {"elasticbert-static", build_elasticbert_encoder, add_elasticbert_exit};
  if (has_costeff_encoder(s)) return {"cost-eff", build_costeff_encoder, add_costeff_exit};
  if (detect_cofi(s)) {
    return {compact_name(s.family), build_cofi_encoder, add_cofi_exit};
  }
  return {plain_name(s.family, s.config->model_type), build_full_encoder, add_full_exit};
}

void check_width_without_pooler(const Source& s, const model::Model& m) {
  const int64_t h = m.arch.hidden_size, said = s.config->hidden_size.value_or(h);
  if (said == h || s.config->converted.attention_sizes) return;
  const Tensor& word = m.parameters.tensor(m.arch.embeddings.word);
  fail_model("{}: hidden_size is {}, the tensors have {} ({} {})", s.config->place, said, h,
             word.name, shape_text(word.shape));
}

bool is_headless(const Source& s) {
  for (const std::string& beginning :
       {std::string("classifier."), std::string("classifiers."), std::string("pre_classifier."),
        std::string("qa_outputs."), std::string("costeff_exits."), s.prefix + "encoder.highway.",
        s.prefix + "encoder.lte_classifier."}) {
    if (has_any(s, beginning)) return false;
  }
  return !s.config->own_exits;
}

std::optional<model::Linear> build_headless(Source& s, model::Model* m) {
  if (s.masks) {
    fail_model("{}: CoFi's masks beside an encoder without a classifier, expected one of them",
               *s.masks->file);
  }
  const BackboneForm form = find_backbone(s);
  form.build_encoder(s, m);
  m->provenance.dialect = form.dialect;
  const int64_t h = m->arch.hidden_size;
  std::optional<model::Linear> pooler;
  if (const std::string name = pretrained_pooler(s, *m); has_any(s, name + ".")) {
    const bool cofi = form.build_encoder == build_cofi_encoder;
    pooler = use_linear(s, model::Role::pooler, name, cofi ? unpruned_hidden_size(s, h) : h, h,
                        cofi ? "hidden_size of config.json" : "");
  } else {
    check_width_without_pooler(s, *m);
  }
  note_other_heads(s);
  if (const std::string& name = s.config->architecture;
      name.find("ForSequenceClassification") != name.npos ||
      name.find("ForQuestionAnswering") != name.npos) {
    s.notes.push_back(fmt::format("{}: architectures is \"{}\", but {} has no classifier",
                                  s.config->place, printable(name, 60), *s.set->file));
  }
  return pooler;
}

}  // namespace costeff::checkpoint
