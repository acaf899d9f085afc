#include "checkpoint/embeddings.h"

#include <algorithm>
#include <limits>

#include "base/fail.h"

namespace costeff::checkpoint {
namespace {

using model::ParameterId;
using model::Role;

// RoBERTa numbers positions from pad_token_id + 1. The default is that of transformers' RobertaConfig,
// XLMRobertaConfig and CamembertConfig (fairseq's dictionary has <pad> there).
int64_t position_offset(const Source& s, int64_t vocab_size) {
  constexpr int64_t kDefaultPad = 1;
  if (s.family != Family::roberta) return 0;
  const Config& c = *s.config;
  const int64_t pad = c.pad_token_id.value_or(kDefaultPad);
  if (c.strange_pad_token_id.empty() && pad >= 0 && pad < vocab_size) return pad + 1;
  fail_model(
      "{}: pad_token_id is {}{}, expected an id from 0 to {}: RoBERTa's positions begin after it",
      c.place, c.strange_pad_token_id.empty() ? fmt::format("{}", pad) : c.strange_pad_token_id,
      c.pad_token_id || !c.strange_pad_token_id.empty() ? "" : " (the default)", vocab_size - 1);
}

void limit_positions(Source& s, model::Model* m) {
  const Tensor& table = m->parameters.tensor(m->arch.embeddings.position);
  const int64_t offset = m->arch.embeddings.position_offset, rows = table.shape[0];
  if (rows <= offset) {
    fail_model(
        "{}shape {}, expected more than {} rows: RoBERTa's positions begin at {}, after "
        "pad_token_id of {}",
        tensor_place(table), shape_text(table.shape), offset, offset, s.config->place);
  }
  m->arch.max_length = rows - offset;
  const auto limit = s.config->max_position_embeddings;
  if (!limit || *limit == rows) return;
  if (*limit <= offset) {
    fail_model("{}: max_position_embeddings is {}, expected more than {}", s.config->place, *limit,
               offset);
  }
  m->arch.max_length = std::min(rows, *limit) - offset;
  s.notes.push_back(
      fmt::format("{}: max_position_embeddings is {}, the tensor position_embeddings has {} rows: "
                  "at most {} tokens are read",
                  s.config->place, *limit, rows, m->arch.max_length));
}

// ELECTRA and ALBERT map the embeddings to the layers' size; ELECTRA only where the two differ
// (transformers, modeling_electra.py, ElectraModel).
void build_map(Source& s, model::Model* m) {
  model::Embeddings& e = m->arch.embeddings;
  const Config& c = *s.config;
  const bool electra = s.family == Family::electra;
  if (!electra && s.family != Family::albert) return;
  const Tensor& word = m->parameters.tensor(e.word);
  const int64_t size = m->arch.hidden_size;  // as long as there is no map
  if (c.embedding_size && *c.embedding_size != size) {
    fail_model("{}: embedding_size is {}, the tensors have {} ({} {})", c.place, *c.embedding_size,
               size, word.name, shape_text(word.shape));
  }
  const std::string name =
      s.prefix + (electra ? "embeddings_project" : "encoder.embedding_hidden_mapping_in");
  const bool differs = c.hidden_size ? *c.hidden_size != size : has_any(s, name + ".");
  if (electra && !differs) return;
  const Dim rows = c.hidden_size ? Dim(*c.hidden_size) : Dim("H");
  e.map = use_linear(s, Role::embedding_map, name, rows, size, "hidden_size of config.json");
  m->arch.hidden_size = e.map->out;
  if (e.map->out <= kMaxHidden) return;
  const Tensor& map = m->parameters.tensor(e.map->weight);
  fail_model("{}shape {}, expected at most {} rows", tensor_place(map), shape_text(map.shape),
             kMaxHidden);
}

// ERNIE's embedding of the task: task 0, as transformers takes it by default.
void build_task(Source& s, model::Model* m) {
  if (s.family != Family::ernie) return;
  const std::string name = s.prefix + "embeddings.task_type_embeddings.";
  model::Embeddings& e = m->arch.embeddings;
  if (s.config->use_task_id) {
    e.task = use_parameter(s, Role::task, model::Part::weight, name + "weight",
                           {"tasks", m->arch.hidden_size});
  } else if (has_any(s, name)) {
    mark_leftover(s, name);
    s.notes.push_back(fmt::format("{}: use_task_id is not true: {}weight in {} is not in use",
                                  s.config->place, name, *s.set->file));
  }
}

}  // namespace

void note_rows(Source& s, const char* key, const std::optional<int64_t>& said, int64_t rows) {
  if (!said || *said == rows) return;
  s.notes.push_back(fmt::format("{}: {} is {}, the tensor has {} rows: the tensor decides",
                                s.config->place, key, *said, rows));
}

void build_embeddings(Source& s, model::Model* m) {
  const std::string p = s.prefix + "embeddings.";
  model::Embeddings& e = m->arch.embeddings;
  const auto weight = [&](Role role, const std::string& name, std::initializer_list<Dim> shape) {
    return use_parameter(s, role, model::Part::weight, name, shape);
  };
  if (has_any(s, p + "word_embeddings1.") || has_any(s, p + "word_embeddings2.")) {
    // Factorised (COST-EFF): word[id] = w1[id] w2^T, no bias.
    e.word = weight(Role::word, p + "word_embeddings1.weight", {"V", "r"});
    const int64_t rank = m->parameters.tensor(e.word).shape[1];
    const ParameterId up = weight(Role::word_up, p + "word_embeddings2.weight", {"H", rank});
    m->arch.hidden_size = m->parameters.tensor(up).shape[0];
    e.word_up = model::Linear{m->arch.hidden_size, rank, up, model::kNone};
  } else {
    e.word = weight(Role::word, p + "word_embeddings.weight", {"V", "H"});
    m->arch.hidden_size = m->parameters.tensor(e.word).shape[1];
  }
  const Tensor& word = m->parameters.tensor(e.word);
  const int64_t h = m->arch.hidden_size;  // build_map may change it
  m->arch.vocab_size = word.shape[0];
  if (h > kMaxHidden || m->arch.vocab_size > std::numeric_limits<int32_t>::max()) {
    fail_model("{}shape {}, expected at most [2^31-1, {}]", tensor_place(word),
               shape_text(word.shape), kMaxHidden);
  }
  e.position = weight(Role::position, p + "position_embeddings.weight", {"positions", h});
  e.position_offset = position_offset(s, m->arch.vocab_size);
  if (s.family != Family::distilbert) {
    e.type = weight(Role::type, p + "token_type_embeddings.weight", {"types", h});
    m->arch.type_vocab_size = m->parameters.tensor(e.type).shape[0];
    note_rows(s, "type_vocab_size", s.config->type_vocab_size, m->arch.type_vocab_size);
  }
  build_task(s, m);
  e.norm = use_norm(s, Role::embedding_norm, p + "LayerNorm", h);
  build_map(s, m);
  note_rows(s, "vocab_size", s.config->vocab_size, m->arch.vocab_size);
  limit_positions(s, m);
}

}  // namespace costeff::checkpoint
