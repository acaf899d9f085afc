#pragma once

// What a model is, as data: views into the checkpoint, no arithmetic, no files. src/checkpoint
// brings every dialect into this form. Letters: B sequences, T packed tokens, H hidden size, N
// heads, d head size, A = N d, F feed-forward size, L layers, C labels, V vocabulary, r embedding
// rank.

#include <costeff/options.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/tensor.h"
#include "kernels/kernel_table.h"

namespace costeff::model {

using kernels::Activation;

// y = x weight^T + bias
struct Linear {
  Tensor weight;               // [out, in]
  std::optional<Tensor> bias;  // [out]
  int64_t out() const { return weight.shape[0]; }
  int64_t in() const { return weight.shape[1]; }
};

struct LayerNorm {
  Tensor weight, bias;  // [H]
};

// A sublayer that was pruned away is absent: the identity, its LayerNorm included (CoFi).
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

struct Layer {
  std::optional<Attention> attention;
  std::optional<FeedForward> ffn;
};

struct Embeddings {
  Tensor word;                    // [V, H], or [V, r] when factorised
  std::optional<Linear> word_up;  // factorised: [H, r], word vector = w1[id] w2^T (COST-EFF)
  Tensor position;                // [rows, H]; token i of a sequence has row position_offset + i
  std::optional<Tensor> type;     // [types, H]; DistilBERT has none
  int64_t position_offset = 0;    // RoBERTa: 2
  LayerNorm norm;
};

// What an exit reads from the hidden states [S, H] of one sequence.
enum class Pooling {
  first,   // the first token's
  mean,    // the mean over the tokens
  tokens,  // every token's: question answering, no pooled vector
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
};

struct Model {
  std::string
      dialect;  // "plain-bert", "deebert-bert", "cost-eff", ...: spec of the checkpoint formats
  Embeddings embeddings;
  std::vector<Layer> layers;
  std::vector<Head> heads;  // ascending in `layer`, at most one a layer; the last one is at layer L

  int64_t hidden_size = 0, head_size = 0;
  int64_t vocab_size = 0;  // rows of embeddings.word
  int64_t max_length = 0;  // tokens: position rows less the offset, and config's limit
  int64_t type_vocab_size = 0;
  int64_t num_labels = 0;
  bool regression = false;          // one label: the logit is the score
  bool question_answering = false;  // heads give start and end logits on every token
  Activation activation = Activation::gelu_erf;
  float layer_norm_eps = 1e-12f;
  std::vector<std::string> labels;  // [C]
  std::string task;                 // finetuning_task of config.json; empty: it names none

  std::optional<ExitPolicy> policy;            // exit_policy.json
  ComputeType compute = ComputeType::float32;  // what config.json says it was quantised to
  std::vector<Tensor> unused;                  // in the checkpoint, not in use
  std::vector<std::string> notes;              // oddities that were accepted, one line each
  TensorSet tensors;                           // keeps the bytes alive
};

// Whether of the last hidden states only the first token's is read.
bool reads_first_only(const Model& m);

const char* activation_name(Activation a);

}  // namespace costeff::model
