// costeff's own dialect: the encoder of any other one, and off-ramps that need not be alike. Each may
// read the first token or the mean over all, with a pooler of any size or without one. config.json lists
// them in "costeff_exits"; their tensors are costeff_exits.LAYER.*. The final classifier stays in the
// form of the encoder's own dialect where that can say it, so that transformers still opens the model.

#include <algorithm>
#include <utility>

#include "base/fail.h"
#include "checkpoint/dialects/backbone.h"
#include "checkpoint/dialects/dialect_choice.h"
#include "checkpoint/dialects/dialects.h"
#include "checkpoint/heads.h"

namespace costeff::checkpoint {
namespace {

constexpr const char* kOwnExits = "costeff_exits.";

std::string own_name(int64_t layer) { return fmt::format("{}{}", kOwnExits, layer); }

void check_own_exits(const Source& s) {
  const Config& c = *s.config;
  if (!c.own_exits) {
    fail_model("{}: costeff_exits is missing, but {} has tensors {}*, expected a list of them",
               c.place, *s.set->file, kOwnExits);
  }
  if (!has_any(s, kOwnExits)) {
    fail_model("{}: costeff_exits lists {}, but {} has no tensor {}*", c.place,
               c.own_exits->size() == 1 ? "an exit" : fmt::format("{} exits", c.own_exits->size()),
               *s.set->file, kOwnExits);
  }
  if (s.masks) {
    fail_model("{}: CoFi's masks beside costeff_exits of {}, expected a model they are folded into",
               *s.masks->file, c.place);
  }
  const bool classifiers = !numbers(s, "classifiers.").empty();
  for (const std::string& other :
       {s.prefix + "encoder.highway.", s.prefix + "encoder.lte_classifier.",
        std::string("classifiers.")}) {
    if (other == "classifiers." ? !classifiers : !has_any(s, other)) continue;
    fail_model("{}: has tensors {}* of another dialect's exits beside {}*, expected one kind",
               *s.set->file, other, kOwnExits);
  }
}

// Refuses a second final classifier.
void refuse_base_exit(const Source& s, int64_t layers) {
  for (const char* beginning : {"classifier.", "pre_classifier.", "qa_outputs."}) {
    if (!has_any(s, beginning)) continue;
    fail_model(
        "{}: has tensors {}*, but costeff_exits of {} has an exit at the last layer, {}; "
        "expected one of them",
        *s.set->file, beginning, s.config->place, layers);
  }
}

model::Head build_own_exit(Source& s, const OwnExit& e, int64_t hidden, int64_t labels) {
  model::Head head;
  head.layer = e.layer;
  head.pooling = e.pooling;
  head.activation = e.activation;
  const std::string p = own_name(e.layer);
  if (e.dense) head.pooler = use_linear(s, model::Role::pooler, p + ".dense", "R", hidden);
  head.classifier =
      use_classifier(s, p + ".classifier", labels, head.pooler ? head.pooler->out : hidden);
  return head;
}

void refuse_unlisted(const Source& s) {
  for (auto it = s.by_name.lower_bound(kOwnExits);
       it != s.by_name.end() && it->first.starts_with(kOwnExits); ++it) {
    if (s.used[it->second]) continue;
    fail_model("{}belongs to no exit in costeff_exits of {}",
               tensor_place(s.set->tensors[it->second]), s.config->place);
  }
}

}  // namespace

bool detect_own(const Source& s) { return s.config->own_exits || has_any(s, kOwnExits); }

void build_own(Source& s, model::Model* m) {
  check_own_exits(s);
  const std::vector<OwnExit>& exits = *s.config->own_exits;
  const BackboneForm form = find_backbone(s);
  form.build_encoder(s, m);
  const auto layers = static_cast<int64_t>(m->arch.layers.size());
  const int64_t last = exits.back().layer;
  if (last > layers) {
    fail_model("{}: costeff_exits has an exit at layer {}, {} holds {} layers", s.config->place,
               last, *s.set->file, layers);
  }
  int64_t labels = 0;
  if (last == layers) {
    refuse_base_exit(s, layers);
    check_width_without_pooler(s, *m);
    labels = label_rows(s, own_name(last) + ".classifier");
  } else {
    if (is_question_answering(s)) {
      fail_model("{}: has tensors qa_outputs.* beside {}*, expected a classifier of texts",
                 *s.set->file, kOwnExits);
    }
    form.add_exit(s, m);
    labels = m->arch.heads.back().classifier.out;
  }
  std::vector<model::Head> heads;
  for (const OwnExit& e : exits) heads.push_back(build_own_exit(s, e, m->arch.hidden_size, labels));
  m->arch.heads.insert(m->arch.heads.begin(), heads.begin(), heads.end());
  refuse_unlisted(s);
  m->provenance.dialect = "costeff-" + form.dialect;
}

void save_own(const model::Model& m, SavedModel* out) {
  const bool in_base = base_can_say(m, m.arch.heads.back(), out->config);
  // Without a head, the other dialect only adds its keys.
  model::Model base;
  base.arch = m.arch;
  base.arch.heads = {m.arch.heads.back()};
  if (!in_base) {
    base.arch.heads = {model::Head()};
    base.arch.heads[0].layer = m.arch.heads.back().layer;
  }
  dialect_named(base_dialect(m)).save(base, out);
  Json exits = Json::array();
  for (const model::Head& head : m.arch.heads) {
    if (in_base && &head == &m.arch.heads.back()) continue;
    const std::string p = own_name(head.layer);
    put_head(out, p + ".dense", p + ".classifier", head);
    exits.push_back({{"layer", head.layer},
                     {"pooling", own_pooling_name(head.pooling)},
                     {"dense", head.pooler.has_value()},
                     {"activation", model::activation_name(head.activation)}});
  }
  if (exits.empty()) return;  // then it is the other dialect's model
  out->json["costeff_exits"] = std::move(exits);
  out->dialect = "costeff-" + out->dialect;
  if (in_base) return;
  // transformers would fill a missing classifier with random numbers. "BertModel" has none.
  constexpr std::string_view kClassifier = "ForSequenceClassification";
  std::string name = out->json["architectures"][0];
  if (const size_t at = name.find(kClassifier); at != name.npos)
    out->json["architectures"][0] = name.replace(at, kClassifier.size(), "Model");
}

}  // namespace costeff::checkpoint
