#pragma once

// Exits, labels, and the end of every build.

#include <cstdint>
#include <string>

#include "checkpoint/source.h"
#include "model/spec.h"

namespace costeff::checkpoint {

// C, the number of rows of NAME.weight [C, in]. Throws if it is missing or does not have two axes.
int64_t label_rows(Source& s, const std::string& name);

// The BERT form: first token, `pooler` [R, H], activation, `classifier` [labels, R].
model::Head pooled_head(Source& s, int64_t layer, const std::string& pooler,
                        const std::string& classifier, Dim pooler_rows, int64_t hidden,
                        int64_t labels, std::string_view because = {});

// NAME.{weight,bias} of an off-ramp, [labels, in]: it must have the labels of the final classifier.
model::Linear use_classifier(Source& s, const std::string& name, int64_t labels, int64_t in);

// Throws if there is a tensor `beginning`n.* with n >= count, an exit of a layer that does not exist.
void refuse_numbers_from(const Source& s, const std::string& beginning, int64_t count,
                         const std::string& expected);

// Whether `layer` (1-based) has an exit: all have that the dialect allows, unless config.json lists
// those that are left ("costeff": {"exits": [...]}). Throws if there are tensors `beginning`* of an
// exit that is not listed.
bool exit_listed(const Source& s, int64_t layer, const std::string& beginning);

// Fills in labels, activation, epsilon, unused tensors and notes, and checks the number of labels in
// config.json. Throws Error(model).
void finish(Source& s, model::Model* m);

}  // namespace costeff::checkpoint
