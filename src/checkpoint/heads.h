#pragma once

// Exits, labels, and what is common to the end of every build.

#include <cstdint>
#include <string>

#include "checkpoint/source.h"
#include "model/spec.h"

namespace costeff::checkpoint {

// C, the rows of NAME.weight [C, in]. Throws when it is missing or has not two axes.
int64_t label_rows(Source& s, const std::string& name);

// The BERT form: first token, `pooler` [R, H], activation, `classifier` [labels, R].
model::Head pooled_head(Source& s, int64_t layer, const std::string& pooler,
                        const std::string& classifier, Dim pooler_rows, int64_t hidden,
                        int64_t labels, std::string_view because = {});

// NAME.{weight,bias} [labels, in] of an off-ramp, which must have the labels of the final
// classifier.
model::Linear take_classifier(Source& s, const std::string& name, int64_t labels, int64_t in);

// Throws when a tensor `beginning`n.* exists with n >= count: exits of layers that are not there.
void refuse_numbers_from(const Source& s, const std::string& beginning, int64_t count,
                         const std::string& expected);

// Does `layer` (1-based) have an exit? All that the dialect has, unless config.json lists those
// that are left ("costeff": {"exits": [...]}); then tensors `beginning`* of one that is not listed
// are an error.
bool exit_listed(const Source& s, int64_t layer, const std::string& beginning);

// Labels, activation, epsilon, unused tensors and notes; checks config.json's number of labels.
void finish(Source& s, model::Model* m);

}  // namespace costeff::checkpoint
