#pragma once

// The values of config.json's model_type that name what the engine computes.

#include <span>
#include <string>
#include <string_view>

#include "model/spec.h"

namespace costeff::checkpoint {

using model::Family;

struct ModelType {
  const char* name;  // as in config.json
  Family family;
  const char* class_prefix;  // of transformers' class names: "XLMRoberta"; null: never written
};

// The first of a family is what a model of that family is written as.
std::span<const ModelType> model_types();

// Null: not one of ours.
const ModelType* find_model_type(std::string_view name);
const ModelType& first_of(Family family);

// Whether a file whose tensors are those of `family` may say so of itself. ElasticBERT computes
// what BERT does, and its code has been used with both names.
bool type_fits(std::string_view name, Family family);

// "bert, roberta, ..."; those that fit the family, or all.
std::string model_type_names();
std::string model_type_names(Family family);

}  // namespace costeff::checkpoint
