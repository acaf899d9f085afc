#pragma once

// What a model is, as data: no arithmetic, no files. src/checkpoint brings every dialect into this
// form. Letters: B sequences, T packed tokens, H hidden size, N heads, d head size, A = N d, F
// feed-forward size, L layers, C labels, V vocabulary, r embedding rank.

#include <costeff/options.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernels/kernel_table.h"
#include "model/parameters.h"

namespace costeff::model {

using kernels::Activation;

// The family whose tensor names and position numbers a checkpoint has.
enum class Family { bert, roberta, elasticbert, distilbert, electra, albert, ernie };

// y = x weight^T + bias
struct Linear {
  int64_t out = 0, in = 0;
  ParameterId weight = kNone;  // [out, in]; none where one of them is 0
  ParameterId bias = kNone;    // [out], or none
  bool has_weight() const { return weight != kNone; }
};

struct LayerNorm {
  ParameterId weight = kNone, bias = kNone;  // [H]; of embeddings [E]
};

// A sublayer that was pruned away is absent and acts as the identity, including its LayerNorm (CoFi). One
// that is there without units has no weights but its output's bias: x = LayerNorm(x + bias).
struct Attention {
  Linear query, key, value;  // [A, H]
  Linear output;             // [H, A]
  LayerNorm norm;
  int64_t heads = 0;  // A / d
};

struct FeedForward {
  Linear in;   // [F, H]
  Linear out;  // [H, F]
  LayerNorm norm;
};

// Layers may refer to the same parameters (ALBERT): shared_layers().
struct Layer {
  std::optional<Attention> attention;
  std::optional<FeedForward> ffn;
};

// E, the embeddings' size, is H but in ELECTRA and ALBERT, which map the normed sum to H.
struct Embeddings {
  ParameterId word = kNone;       // [V, E], or [V, r] when factorised
  std::optional<Linear> word_up;  // factorised: [E, r], word vector = w1[id] w2^T (COST-EFF)
  ParameterId position = kNone;   // [rows, E]; position_offset tells the row of a token
  ParameterId type = kNone;       // [types, E]; DistilBERT has none
  ParameterId task = kNone;       // [tasks, E]; only ERNIE has it, and only its row 0 is added
  std::optional<Linear> map;      // [H, E], after the LayerNorm; without it E is H
  // The row of a sequence's first token. In BERT it is 0, and token i has row i. In the RoBERTa family
  // it is the pad token's id + 1, and the following rows go to the following tokens except pad tokens.
  // A pad token always has the row of its own id (transformers, modeling_roberta.py,
  // create_position_ids_from_input_ids).
  int64_t position_offset = 0;
  LayerNorm norm;

  // RoBERTa's pad token; -1 in the other families, where every token counts.
  int64_t pad_token() const { return position_offset - 1; }
  // The row of a token, where *next is the row of the next one that is counted: position_offset
  // before a sequence's first.
  int64_t position_of(int32_t id, int64_t* next) const {
    return id == pad_token() ? pad_token() : (*next)++;
  }
  // Rows before this one belong to no token.
  int64_t first_position() const { return position_offset > 0 ? pad_token() : 0; }
};

// What an exit reads from the hidden states [S, H] of one sequence.
enum class Pooling {
  first,   // that of the first token
  mean,    // the mean over all tokens
  tokens,  // that of every token: question answering, no pooled vector
};
enum class HiddenMode { concat, average };

// An exit: v = pool(hidden states); v = act(pooler v); logits = classifier v. The final classifier
// is an exit like any other, the last one.
struct Head {
  int64_t layer = 0;  // computed on the output of this layer, 1-based
  Pooling pooling = Pooling::first;
  // COST-EFF: pools the last n hidden states (the embedding output counts as one) and joins them,
  // oldest first. n has been cut to what is available after `layer`.
  int64_t last_n_hidden = 1;
  HiddenMode hidden_mode = HiddenMode::concat;
  std::optional<Linear> pooler;
  Activation activation =
      Activation::tanh;       // after the pooler, or on the pooled vector without one
  Linear classifier;          // [C, pooler out or the pooled size]
  std::optional<Linear> lte;  // BERxiT: [1, pooler out], learning to exit
  // Of training. What the classifier reads is dropped with this probability; none: with that of the
  // hidden states. RoBERTa's classifier drops what its pooler reads, too.
  std::optional<float> dropout;
  bool drops_input = false;
};

// Head::dropout of DistilBERT's classifier (seq_classif_dropout), unless it was changed.
inline constexpr float kDistilBertDropout = 0.2f;
// The same of ALBERT's (classifier_dropout_prob).
inline constexpr float kAlbertDropout = 0.1f;

// Sizes, forms and which parameter goes where.
struct Architecture {
  Family family = Family::bert;
  Embeddings embeddings;
  std::vector<Layer> layers;
  std::vector<Head> heads;  // ascending in `layer`, at most one a layer; the last one is at layer L

  int64_t hidden_size = 0, head_size = 0;
  int64_t embedding_size() const { return embeddings.map ? embeddings.map->in : hidden_size; }  // E
  int64_t vocab_size = 0;  // rows of embeddings.word
  int64_t max_length = 0;  // tokens: position rows less the offset, and config's limit
  int64_t type_vocab_size = 0;
  int64_t num_labels = 0;
  ProblemType problem = ProblemType::single_label;  // regression: one label, the logit is the score
  bool question_answering = false;  // heads give start and end logits on every token
  Activation activation = Activation::gelu_erf;
  float layer_norm_eps = 1e-12f;
};

// Where a model came from, and what else its directory says.
struct Provenance {
  std::string dialect;                         // "plain-bert", "deebert-bert", "cost-eff", ...
  std::vector<std::string> labels;             // [C]
  std::string task;                            // finetuning_task of config.json; empty: none
  std::optional<ExitPolicy> policy;            // exit_policy.json
  ComputeType compute = ComputeType::float32;  // what config.json says it was quantised to
  std::vector<Tensor> unused;                  // in the checkpoint, but not in use
  std::vector<std::string> notes;              // accepted oddities, one line each
  std::vector<std::string> warnings;           // reasons why answers may be wrong, one line each
};

struct Model {
  Architecture arch;
  Parameters parameters;
  Provenance provenance;
};

// The parameters in use, each once, in the order of the computation: embeddings, layers, exits.
std::vector<ParameterId> parameters_in_use(const Architecture& arch);

// Sets Parameter::layer from the architecture. Needed after it was built or has lost parts.
void number_parameters(Model* m);

// Calls f(Parameter&) for each parameter in use.
template <typename AnyModel, typename F>
void for_each_parameter(AnyModel& m, F f) {
  for (const ParameterId id : parameters_in_use(m.arch)) f(m.parameters[id]);
}

// Those of one layer, in that order.
std::vector<ParameterId> parameters_of(const Layer& layer);

// For each layer the first one that has the same parameters, from 0: its own number if none before it
// has. Sublayers are shared with their LayerNorms or not at all.
std::vector<int64_t> shared_layers(const Architecture& arch);
// Whether any two layers have the same parameters.
bool shares_layers(const Architecture& arch);

// Whether only the first token of the last hidden states is read.
bool reads_first_only(const Architecture& arch);

const char* activation_name(Activation a);

// What a class without a name is called: "LABEL_3", as in transformers.
std::string unnamed_label(int64_t i);
// Whether these are all called so.
bool are_unnamed(const std::vector<std::string>& labels);

}  // namespace costeff::model
