#pragma once

// Embeddings: the tables that are added up, and what some families do besides.

#include <cstdint>
#include <optional>

#include "checkpoint/source.h"
#include "model/spec.h"

namespace costeff::checkpoint {

// Fills Architecture::embeddings and the sizes that follow from them. Throws Error(model).
void build_embeddings(Source& s, model::Model* m);

// Adds a note if config.json says another number of rows than the tensor has.
void note_rows(Source& s, const char* key, const std::optional<int64_t>& said, int64_t rows);

}  // namespace costeff::checkpoint
