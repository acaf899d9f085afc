#pragma once

// Plain option types, which every room may use.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace costeff {

// What a model answers (transformers' problem_type).
enum class ProblemType {
  single_label,  // one of C classes: softmax over the logits
  multi_label,   // any of C labels, none or all: a sigmoid of each logit
  regression,    // a score: the only logit
};

// "one label", "any number of labels", "a score", for messages.
constexpr const char* answer_kind(ProblemType problem) {
  return problem == ProblemType::single_label  ? "one label"
         : problem == ProblemType::multi_label ? "any number of labels"
                                               : "a score";
}

// Of anything that has a `problem`: models, tables, settings.
template <typename T>
constexpr bool is_regression(const T& x) {
  return x.problem == ProblemType::regression;
}
template <typename T>
constexpr bool is_multi_label(const T& x) {
  return x.problem == ProblemType::multi_label;
}

// Which side of a pair loses tokens when both together are too long (Hugging Face's names).
enum class Truncation { longest_first, only_first, only_second };

// Which side gets one token more when longest_first cuts both to an odd total.
//   fast: the longer text, or the second of two equal ones, as in the Rust tokenizers.
//   slow: the first, as in the Python tokenizers, which cut one token at a time from the longer text, and
//         from the second on a tie. The numbers in the papers were made with it.
enum class PairCut { fast, slow };

struct EncodeOptions {
  int64_t max_length = 0;  // tokens, including special ones; 0: no truncation
  Truncation truncation = Truncation::longest_first;
  PairCut pair_cut = PairCut::fast;
  bool offsets = false;  // also fill Encoding::spans
};

// When a sequence leaves. All comparisons are strict.
enum class PolicyKind {
  never,     // only the final classifier answers
  entropy,   // the entropy of the softmax, in nats, is below the threshold (DeeBERT, COST-EFF)
  max_prob,  // the largest probability is above the threshold
  margin,    // the largest probability minus the second largest is above the threshold
  patience,  // `patience` exits in a row have the label of the one before them or, in a regression,
             // differ from it by less than the threshold (PABEE)
  learned,   // the learned uncertainty of the exit is below the threshold (BERxiT's LTE)
  fixed,     // at layer `layer`, no sooner, no later
  confident_patience,  // the entropies of `patience` exits in a row are below the threshold (PCEE-BERT)
  divergence_patience,  // `patience` exits in a row have a Jensen-Shannon divergence, in nats, from the one
  // before them that is below the threshold (F-PABEE). Multi-label: the mean over the
  // labels of the divergence of the two Bernoulli distributions
  evidence,  // the probabilities of exits in a row with the same label, each times the exit's weight, add
             // up to more than the threshold (BEEM)
};

struct ExitPolicy {
  PolicyKind kind = PolicyKind::never;
  // One number for all layers, or one for each: thresholds[i] belongs to layer i + 1. A list may leave
  // out the last layer, which needs none.
  std::vector<double> thresholds;
  int64_t patience = 0;  // of the policies that have one; policy patience with 0: never leave early
  int64_t layer = 0;     // fixed: the layer to leave at, 1-based
  int64_t exit_start = 1;  // no exit before this layer (1-based); off-ramps there are not computed
  // confident_patience: the answer is the mean of the probabilities of the `patience` exits in a row. A row
  // that reaches the last layer gets the answer of that alone.
  bool average = false;
  // evidence: how far each exit is to be believed, usually its accuracy on other rows; 0 or more. One number
  // for all layers, or one for each, as in `thresholds`.
  std::vector<double> exit_weights = {};
  // evidence: 16 hexadecimal digits that tell the rows on which the weights were estimated; empty: not known.
  std::string weights_from = {};
  // Multi-label models: the label thresholds of the answers it was chosen for. A run that names none uses those
  // of the model's own policy.
  std::vector<double> label_thresholds = {};
};

// How the answers to the windows of a long text become one.
enum class WindowJoin {
  mean,   // of the probabilities, or of the scores of a regression
  max,    // the largest of each label; of single-label models their sum is made 1 again
  first,  // that of the first window; no other is computed
};

// The precision of the products in the encoder. Sums, LayerNorm, activations, the residual stream and
// the exits' classifiers are always float32; the exits' poolers are bfloat16 for bfloat16 and int8.
//   bfloat16  weights and rows are rounded to bfloat16
//   int8      weights are symmetric for each output channel, rows in 254 steps from a token's smallest
//             value to its largest
enum class ComputeType { float32, bfloat16, int8 };

struct LoadOptions {
  std::string isa;  // forces a kernel table ("portable", "reference"); empty: the best one
  std::optional<ComputeType> compute = {};  // absent: as the model was quantised, else float32
  // Leaves out tensors of the model that the engine does not know (adapters, LoRA that is not merged,
  // ...) instead of refusing them. Answers may then be wrong, as ModelInfo::warnings says.
  bool ignore_unused = false;
};

// How threads share the work.
//   throughput  each computes its own batches
//   latency     all compute one batch together, so that a sentence is answered sooner
enum class Mode { throughput, latency };

struct RunOptions {
  EncodeOptions encode;              // max_length 0: ModelInfo::default_max_length
  std::optional<ExitPolicy> policy;  // absent: exit_policy.json of the model, else never
  bool all_exits = false;            // compute every exit up to the last layer (Result::exits)
  // Multi-label models: a label is part of the answer if its probability is above this. One number, or
  // one for each label; empty: those in exit_policy.json, else 0.5.
  std::vector<double> label_thresholds;
  int64_t threads = 0;  // 0: as many as the process may use
  // The largest number of tokens that are computed together; more than 512 for each of the threads
  // that compute them have no effect. 0: the engine's choice.
  int64_t batch_tokens = 0;
  Mode mode = Mode::throughput;
  // Sequences wait before a layer so that more are computed together, but no longer than so many
  // milliseconds. 0: as long as there are more rows to read.
  double max_delay_ms = 0;
  int64_t pad_to =
      0;  // > 0: mean pooling counts [PAD] up to this length too, as in COST-EFF's code
  // Texts that are longer than the model are read in windows, which share so many tokens with their
  // neighbours, in place of being cut; of a pair the second text is. -1: they are cut.
  int64_t doc_stride = -1;
  WindowJoin join = WindowJoin::mean;
  bool windows = false;  // also give the answers of the windows (Result::windows)
  // true: a row that cannot be read or scored reaches the sink with Result::error. false: it ends the
  // run with an Error(input).
  bool skip_bad_rows = false;
};

}  // namespace costeff
