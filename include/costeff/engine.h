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
  int64_t heads = 0;           // 0: no attention sublayer
  int64_t attention_size = 0;  // A = heads * head size
  int64_t ffn_size = 0;        // F; 0: no feed-forward sublayer
  int64_t parameters = 0;
};

struct ExitInfo {
  int64_t layer = 0;       // 1-based: computed on the output of this layer
  std::string form;        // e.g. "first token, pooler, tanh"
  int64_t input_size = 0;  // of the classifier
  int64_t parameters = 0;
  int64_t macs = 0;      // a sequence
  bool learned = false;  // has a learned exit (BERxiT)
};

struct TensorInfo {
  std::string name, dtype;
  std::vector<int64_t> shape;
};

// What a checkpoint is; `costeff inspect` prints it.
struct ModelInfo {
  std::string path, dialect;
  std::string task;  // config.json's finetuning_task, as it is written; empty: it names none
  int64_t hidden_size = 0, head_size = 0, num_labels = 0, vocab_size = 0, max_length = 0;
  // What texts are cut to where nothing is asked: max_length, or less if the tokenizer's
  // model_max_length says so.
  int64_t default_max_length = 0;
  int64_t type_vocab_size = 0;
  int64_t embedding_rank = 0;  // 0: not factorised
  bool regression = false;
  bool question_answering = false;  // start and end logits on every token: Engine::answer
  bool first_token_only =
      false;  // the exits read the first token: the last layer is computed for it alone
  std::string activation, dtype, tokenizer;
  double layer_norm_eps = 0;
  ComputeType compute = ComputeType::float32;  // what a loaded model computes in
  std::vector<std::string> labels;             // [C] names, id2label or LABEL_i
  std::vector<LayerInfo> layers;
  std::vector<ExitInfo> exits;
  int64_t parameters = 0;             // of the tensors in use
  std::vector<TensorInfo> unused;     // in the checkpoint, not in use
  std::vector<std::string> notes;     // what a user should know: oddities that were accepted
  std::vector<std::string> warnings;  // why answers may be wrong: to be shown in every run
  ExitPolicy policy;                  // used when none is given
  bool policy_from_model = false;     // it comes from exit_policy.json
};

// Multiply-accumulates of one sequence of `tokens` tokens that leaves at `exit_layer` (1-based).
// exits: those of the off-ramps it passes are counted too; else only the one it leaves by.
int64_t macs(const ModelInfo& info, int64_t tokens, int64_t exit_layer, bool exits);

enum class ReadStatus { row, would_block, end };

// Gives the next row. `row` is recycled: set every member. Called from one thread at a time.
// `may_block` false: answer would_block rather than wait for input, so that the rows read so far
// are answered at once.
using Source = std::function<ReadStatus(Example& row, bool may_block)>;

// Takes answers in input order, from one thread at a time (not always the same one).
using Sink = std::function<void(std::span<const Example>, std::span<const Result>)>;

// The same of questions.
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

  // Scores a stream with bounded memory. A row's answer does not depend on its neighbours, on the
  // order, on the threads or on the batch, bit for bit. Throws what the source or the sink throws,
  // and Error(input) for a row that cannot be scored; rows before it have reached the sink by then.
  // Ends early once *stop is true; the sink has had the first rows of the input then, in order.
  RunStats run(const Source& source, const Sink& sink, const RunOptions& options,
               const std::atomic<bool>* stop = nullptr) const;

  // Throws Error(input) for a row that run() could not score, and computes nothing.
  void check(const Example& row, const RunOptions& options = {}) const;

  // Scores rows that are all there.
  std::vector<Result> score(std::span<const Example> rows, const RunOptions& options = {}) const;

  // Answers questions, with the promises of run(). A long context is read in windows, which are
  // spread over the threads. Throws Error(usage) for a model without a question answering head, and
  // Error(input) for a question that leaves no room for its context.
  QaStats answer(const QaSource& source, const QaSink& sink, const QaOptions& options,
                 const std::atomic<bool>* stop = nullptr) const;

  // Throws Error(input) for a question that answer() could not answer, and computes nothing.
  void check(const QaExample& question, const QaOptions& options = {}) const;

  // Answers questions that are all there.
  std::vector<QaResult> answer(std::span<const QaExample> questions,
                               const QaOptions& options = {}) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// "float32", "bfloat16" or "bf16", "int8". Throws Error(usage).
ComputeType parse_compute_type(const std::string& name);
const char* compute_type_name(ComputeType type);

// Names of the kernel tables this CPU can run, best first.
std::vector<std::string> available_isas();

}  // namespace costeff
