#pragma once

// Plain option types, open to every room.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace costeff {

// Which side of a pair loses tokens when both together are too long (Hugging Face's names).
enum class Truncation { longest_first, only_first, only_second };

// How longest_first cuts when both sides are long and the budget is odd.
//   fast: as the Rust tokenizers: the longer text, or the second of two equal ones, keeps the odd
//   one. slow: as the Python tokenizers: one token at a time from the longer, from the second on a
//   tie, so
//         that the first keeps the odd one. The numbers in the papers were made with it.
enum class PairCut { fast, slow };

struct EncodeOptions {
  int64_t max_length = 0;  // tokens, special ones included; 0: no truncation
  Truncation truncation = Truncation::longest_first;
  PairCut pair_cut = PairCut::fast;
  bool offsets = false;  // also fill Encoding::spans
};

// When a sequence leaves. All comparisons are strict.
enum class PolicyKind {
  never,     // only the final classifier answers
  entropy,   // the entropy of the softmax, in nats, is below the threshold (DeeBERT, COST-EFF)
  max_prob,  // the largest probability is above the threshold
  margin,    // the largest less the second largest probability is above the threshold
  patience,  // `patience` exits in a row agree with the one before them in the label; of a
             // regression: differ from it by less than the threshold (PABEE)
  learned,   // the learned uncertainty of the exit is below the threshold (BERxiT's LTE)
  fixed,     // at layer `layer`, no sooner, no later
};

struct ExitPolicy {
  PolicyKind kind = PolicyKind::never;
  // One number for all layers, or one a layer: thresholds[i] belongs to layer i + 1. A list may
  // leave out the last layer, which is not asked.
  std::vector<double> thresholds;
  int64_t patience = 0;  // patience; 0: never leave early
  int64_t layer = 0;     // fixed: the layer to leave at, 1-based
  int64_t exit_start =
      1;  // no exit before this layer (1-based); off-ramps before it are not computed
};

// What the products of the encoder are computed in. Sums, LayerNorm, activations, the residual
// stream and the exits' classifiers are float32 in all of them; the exits' poolers are bfloat16 in
// bfloat16 and int8.
//   bfloat16  weights and rows rounded to bfloat16
//   int8      weights symmetric per output channel, rows in 254 steps from a token's least value
//             to its largest
enum class ComputeType { float32, bfloat16, int8 };

struct LoadOptions {
  std::string isa;  // force a kernel table ("portable", "reference"); empty: the best one
  std::optional<ComputeType> compute = {};  // absent: what the model was quantised to, else float32
  // Tensors of the model that the engine does not know (adapters, LoRA that is not merged, ...) are
  // left out instead of refused: the answers may be wrong. ModelInfo::warnings says so.
  bool ignore_unused = false;
};

// How threads share the work.
//   throughput  each computes batches of its own
//   latency     all compute one batch together: one sentence is answered sooner
enum class Mode { throughput, latency };

struct RunOptions {
  EncodeOptions encode;              // max_length 0: ModelInfo::default_max_length
  std::optional<ExitPolicy> policy;  // absent: exit_policy.json of the model, else never
  bool all_exits = false;            // compute every exit to the last layer (Result::exits)
  int64_t threads = 0;               // 0: as many as the process may use
  // Tokens that travel together at most; of each thread that computes them no more than 512 are
  // used. 0: the engine's choice.
  int64_t batch_tokens = 0;
  Mode mode = Mode::throughput;
  // Sequences wait in front of a layer for others to travel with; none longer than so many
  // milliseconds. 0: as long as there are more rows to read.
  double max_delay_ms = 0;
  int64_t pad_to =
      0;  // > 0: mean pooling also counts [PAD] up to this length, as COST-EFF's code does
  // A row that cannot be read or scored reaches the sink with Result::error set. false: it ends the
  // run with Error(input).
  bool skip_bad_rows = false;
};

}  // namespace costeff
