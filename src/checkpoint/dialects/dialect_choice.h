#pragma once

// Which dialect a model is written in, where there is a choice: `costeff train` gives exits to models
// that had none.

#include <string>

#include "checkpoint/config.h"
#include "model/spec.h"

namespace costeff::checkpoint {

// The dialects that a model may be given, by the names that users write: "costeff", "plain",
// "deebert", "berxit", "pabee", "cost-eff", "elasticbert".
std::string dialect_choices();

// The dialect that writes the model's encoder with a single exit: "plain-bert", "distilbert",
// "cofi-compact-roberta", ...
std::string base_dialect(const model::Model& m);

// In both functions below, `config` is what the model was read from. Without it they presume that
// hidden units are pruned in CoFi's dialects and nowhere else.

// Whether base_dialect() can write `head` as the final exit.
bool base_can_say(const model::Model& m, const model::Head& head, const Config* config = nullptr);

// "" if `dialect` can write the encoder and all exits of the model, else what it cannot: "reads the
// mean over the tokens at layer 3, and deebert's exits read the first token". Throws Error(usage) for a
// name that is not among dialect_choices().
std::string why_not(const std::string& dialect, const model::Model& m,
                    const Config* config = nullptr);

// Sets Provenance::dialect to the full name for the model's family ("deebert-roberta",
// "costeff-distilbert"), so that name_model writes it so. why_not() must be "". Throws Error(usage) for
// a name that is not among dialect_choices().
void set_dialect(model::Model* m, const std::string& dialect);

}  // namespace costeff::checkpoint
