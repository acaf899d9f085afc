#include "checkpoint/model_type.h"

#include <algorithm>
#include <array>

namespace costeff::checkpoint {
namespace {

// Movement pruning leaves masked_bert in config.json after its masks have been folded in.
constexpr std::array<ModelType, 11> kModelTypes{{
    {"bert", Family::bert, "Bert", "bert.", "plain-bert"},
    {"roberta", Family::roberta, "Roberta", "roberta.", "plain-roberta"},
    {"xlm-roberta", Family::roberta, "XLMRoberta", "roberta.", "plain-xlmr"},
    {"camembert", Family::roberta, "Camembert", "roberta.", "plain-roberta"},
    {"data2vec-text", Family::roberta, "Data2VecText", "data2vec_text.", "plain-roberta"},
    {"distilbert", Family::distilbert, "DistilBert", "distilbert.", "distilbert"},
    {"elasticbert", Family::elasticbert, "ElasticBert", "elasticbert.", "elasticbert-static"},
    {"electra", Family::electra, "Electra", "electra.", "plain-electra", 4},
    {"albert", Family::albert, "Albert", "albert.", "plain-albert", 64, "gelu_new"},
    {"ernie", Family::ernie, "Ernie", "ernie.", "plain-ernie"},
    {"masked_bert", Family::bert, nullptr, "bert.", "plain-bert"},
}};

template <typename Keep>
std::string joined_types(Keep keep) {
  std::string s;
  for (const ModelType& t : kModelTypes) {
    if (keep(t)) s += (s.empty() ? "" : ", ") + std::string(t.name);
  }
  return s;
}

}  // namespace

std::span<const ModelType> model_types() { return kModelTypes; }

const ModelType* find_model_type(std::string_view name) {
  const auto it = std::find_if(kModelTypes.begin(), kModelTypes.end(),
                               [&](const ModelType& t) { return t.name == name; });
  return it == kModelTypes.end() ? nullptr : &*it;
}

const ModelType& first_of(Family family) {
  return *std::find_if(kModelTypes.begin(), kModelTypes.end(),
                       [&](const ModelType& t) { return t.family == family; });
}

const ModelType& written_type(Family family, std::string_view name) {
  const ModelType* t = find_model_type(name);
  return t && t->family == family && t->class_prefix ? *t : first_of(family);
}

const ModelType& type_of_prefix(std::string_view prefix) {
  return *std::find_if(kModelTypes.begin(), kModelTypes.end(),
                       [&](const ModelType& t) { return t.prefix == prefix; });
}

bool type_fits(std::string_view name, Family family) {
  const ModelType* t = find_model_type(name);
  if (!t) return false;
  const auto like_bert = [](Family f) { return f == Family::bert || f == Family::elasticbert; };
  return t->family == family || (like_bert(t->family) && like_bert(family));
}

std::string model_type_names() {
  return joined_types([](const ModelType&) { return true; });
}

std::string model_type_names(Family family) {
  return joined_types([&](const ModelType& t) { return type_fits(t.name, family); });
}

}  // namespace costeff::checkpoint
