#pragma once

#include <costeff/error.h>
#include <costeff/options.h>
#include <costeff/policy.h>
#include <costeff/qa.h>
#include <costeff/result.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace costeff {

struct LayerInfo {
  int64_t layer = 0;           // 1-based
  int64_t heads = 0;           // 0: no attention, or nothing of it but a bias
  int64_t attention_size = 0;  // A = heads * head size
  int64_t ffn_size = 0;        // F; 0: no feed-forward, or nothing of it but a bias
  int64_t parameters = 0;
  int64_t same_as =
      0;  // the first layer with the same weights, whose parameters count; 0: its own (ALBERT)
};

struct ExitInfo {
  int64_t layer = 0;       // 1-based: computed on the output of this layer
  std::string form;        // e.g. "first token, pooler, tanh"
  int64_t input_size = 0;  // of the classifier
  int64_t parameters = 0;
  int64_t macs = 0;      // for one sequence
  bool learned = false;  // has a learned exit (BERxiT)
};

struct TensorInfo {
  std::string name, dtype;
  std::vector<int64_t> shape;
};

// What a checkpoint is; `costeff inspect` prints it.
struct ModelInfo {
  std::string path, dialect;
  std::string task;  // finetuning_task in config.json, as written there; empty: absent
  int64_t hidden_size = 0, head_size = 0, num_labels = 0, vocab_size = 0, max_length = 0;
  // The length to which texts are cut by default: max_length, or model_max_length of the tokenizer if
  // that is less.
  int64_t default_max_length = 0;
  int64_t type_vocab_size = 0;
  int64_t embedding_rank = 0;  // 0: not factorised
  int64_t embedding_size = 0;  // of the embeddings; hidden_size but in ELECTRA and ALBERT
  bool embedding_map = false;  // a matrix maps them to hidden_size
  ProblemType problem = ProblemType::single_label;
  bool question_answering = false;  // start and end logits on every token: Engine::answer
  bool first_token_only =
      false;  // exits read only the first token, so the last layer computes no other
  std::string activation, dtype, tokenizer;
  double layer_norm_eps = 0;
  ComputeType compute = ComputeType::float32;  // of a loaded model
  std::string kernels;                         // of a loaded model: the table that computes
  std::vector<std::string> labels;             // [C] names, id2label or LABEL_i
  std::vector<LayerInfo> layers;
  std::vector<ExitInfo> exits;
  int64_t parameters = 0;             // of the tensors in use
  std::vector<TensorInfo> unused;     // in the checkpoint, but not in use
  std::vector<std::string> notes;     // accepted oddities that a user should know
  std::vector<std::string> warnings;  // why answers may be wrong; should be shown in every run
  ExitPolicy policy;                  // used if none is given
  bool policy_from_model = false;     // it comes from exit_policy.json
};

// The multiply-accumulates of the embeddings of a sequence.
int64_t embedding_macs(const ModelInfo& info, int64_t tokens);

// The multiply-accumulates of one sequence of `tokens` tokens that leaves at `exit_layer` (1-based).
// exits: counts all off-ramps that it passes; otherwise only the exit where it leaves.
int64_t macs(const ModelInfo& info, int64_t tokens, int64_t exit_layer, bool exits);

enum class ReadStatus { row, would_block, end };

// Gives the next row. `row` may hold an earlier one: set every member. Called from one thread at a
// time. If may_block is false, return would_block instead of waiting for input, so that the rows read
// so far are answered at once.
using Source = std::function<ReadStatus(Example& row, bool may_block)>;

// Receives answers in input order, from one thread at a time (not always the same one).
using Sink = std::function<void(std::span<const Example>, std::span<const Result>)>;

// The same for questions.
using QaSource = std::function<ReadStatus(QaExample& row, bool may_block)>;
using QaSink = std::function<void(std::span<const QaExample>, std::span<const QaResult>)>;

// A loaded model with its tokenizer. Weights stay memory-mapped and are converted when a layer is
// first reached. All member functions may be called from several threads.
class Engine {
 public:
  // Loads a checkpoint directory. Throws Error(model), or Error(usage) for a wrong isa.
  explicit Engine(const std::string& path, const LoadOptions& options = {});
  ~Engine();
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;

  const ModelInfo& info() const;

  // Scores a stream with bounded memory. A row's answer does not depend on its neighbours, the order,
  // the threads or the batch, bit for bit. Throws what the source or the sink throws, and Error(input)
  // for a row that cannot be scored; the rows before it have then reached the sink. Ends early if *stop
  // becomes true; the sink has then received the first rows of the input, in order.
  RunStats run(const Source& source, const Sink& sink, const RunOptions& options,
               const std::atomic<bool>* stop = nullptr) const;

  // Throws Error(input) for a row that run() could not score, and computes nothing.
  void check(const Example& row, const RunOptions& options = {}) const;

  // Scores rows in memory.
  std::vector<Result> score(std::span<const Example> rows, const RunOptions& options = {}) const;

  // Answers a stream of questions, with the promises of run(). A long context is read in windows, which
  // are distributed over the threads. Throws Error(usage) for a model without a question answering
  // head, and Error(input) for a question that leaves no room for its context.
  QaStats answer(const QaSource& source, const QaSink& sink, const QaOptions& options,
                 const std::atomic<bool>* stop = nullptr) const;

  // Throws Error(input) for a question that answer() could not answer, and computes nothing.
  void check(const QaExample& question, const QaOptions& options = {}) const;

  // Answers questions in memory.
  std::vector<QaResult> answer(std::span<const QaExample> questions,
                               const QaOptions& options = {}) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The label thresholds of a run in which `asked` were asked for: these, or those of the model's own policy. Throws
// Error(usage) for some that this model cannot use: for a model that is not multi-label, or not one and not as
// many as labels, or not 0 to 1.
std::vector<double> label_thresholds_of(const ModelInfo& info, std::span<const double> asked);

// Reads "float32", "bfloat16" or "bf16", "int8". Throws Error(usage).
ComputeType parse_compute_type(const std::string& name);
const char* compute_type_name(ComputeType type);

// The names of the kernel tables that this CPU can run, best first.
std::vector<std::string> available_isas();

}  // namespace costeff
