#pragma once

// The values of model_type in config.json that the engine computes.

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
  const char* prefix;        // of the encoder's tensors: "roberta."
  const char* plain;         // the dialect of its classifiers without off-ramps
  // What transformers presumes where config.json has no such key.
  int64_t heads = 12;
  const char* activation = "gelu";
};

std::span<const ModelType> model_types();

// Null if there is no such type.
const ModelType* find_model_type(std::string_view name);
const ModelType& first_of(Family family);
// The type as which a model of the family is written: that of its config.json (`name`) if it is one of
// the family's, else the first.
const ModelType& written_type(Family family, std::string_view name);
// By the prefix of an encoder, "bert.".
const ModelType& type_of_prefix(std::string_view prefix);

// Whether a file with the tensors of `family` may have that model_type. ElasticBERT computes the same
// as BERT, and its code has been used with both names.
bool type_fits(std::string_view name, Family family);

// "bert, roberta, ...": all, or those that fit the family.
std::string model_type_names();
std::string model_type_names(Family family);

}  // namespace costeff::checkpoint
