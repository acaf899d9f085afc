#pragma once

// Makes models: fine-tunes a BERT on labelled texts, and teaches one to exit early. The result is a
// model directory that every other part of the library opens.

#include <costeff/error.h>
#include <costeff/exit_table.h>
#include <costeff/options.h>
#include <costeff/result.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace costeff {

// A text and what it should be answered.
struct TrainRow {
  Example example;                   // texts, or its own ids; Example::gold is not read
  int32_t label = 0;                 // single-label: 0 to C - 1
  float score = 0;                   // regression
  std::vector<int32_t> labels = {};  // multi-label: ascending, each once; may be none
};

// How a model is trained: which losses, in which order, with which settings of its paper.
struct Recipe {
  std::string_view name;       // "plain", "ramps", "deebert", ...
  std::string_view paper;      // where it is from; empty: ours
  std::string_view use;        // what it is for, a few words
  bool early_exits = true;     // the result has off-ramps
  bool needs_teacher = false;  // TrainOptions::teacher must be given
  std::string_view dialect;    // written if no other is asked for
  // What the options below are if they are absent.
  double learning_rate = 0, head_learning_rate = 0;  // head 0: the same
  double epochs = 0, roberta_epochs = 0;             // of each stage
  int64_t batch = 0;
  double warmup = 0, decay = 0;
};
std::span<const Recipe> recipes();
// Throws Error(usage), which lists the names.
const Recipe& find_recipe(std::string_view name);

// What a backbone is, as far as its files tell without reading the weights' values.
struct BackboneInfo {
  std::string dialect;              // "plain-bert", ...
  std::string task;                 // finetuning_task of config.json; empty: absent
  int64_t num_labels = 0;           // of its classifiers; 0: it has none
  std::vector<std::string> labels;  // [C] names of its classes; empty: none, or only LABEL_i
  ProblemType problem = ProblemType::single_label;
  bool roberta = false;        // of RoBERTa's family, whose MNLI models count the labels otherwise
  int64_t layers = 0;          // L
  std::vector<int64_t> exits;  // layers with a classifier; empty: it has none
};
// Accepts what Trainer accepts. Throws Error(model).
BackboneInfo inspect_backbone(const std::string& path);

// What off-ramps read. automatic: the first token, or with `ramps` the mean over the tokens.
enum class ExitPooling { automatic, first, mean };
// Which of the evaluated models is kept: that with the best metric at the last exit, or with the best
// mean over the exits. automatic: last for recipes without off-ramps, else mean. A stage that trains the
// last exit alone (DeeBERT's first) is always judged by that.
enum class BestBy { automatic, last, mean };
const char* best_by_name(BestBy best_by);

// The metric of every exit on the rows of the development set, [E]; higher is better. table: the
// answers of all exits, row by row as given to the trainer.
using TrainMetric = std::function<std::vector<double>(std::span<const TrainRow>, const ExitTable&)>;

struct TrainOptions {
  std::string recipe = "plain";
  std::string teacher;  // a model directory, for recipes that distil

  // What is answered.
  ProblemType problem = ProblemType::single_label;
  std::vector<std::string> labels;  // [C] names of the classes; regression: empty
  std::string task;                 // finetuning_task of config.json; empty: none

  // Exits.
  std::vector<int64_t> exits;  // layers with an off-ramp, 1-based, ascending; empty: all
  ExitPooling pooling = ExitPooling::automatic;
  std::string dialect;  // to write: "costeff", "deebert", ...; empty: the recipe's, or one that can

  // Settings; absent: those of the recipe.
  std::optional<double> learning_rate, head_learning_rate;
  std::optional<double> epochs;  // of each stage; may be a fraction
  std::optional<int64_t> batch;  // rows of a step
  std::optional<double> warmup;  // share of the steps in which the learning rate rises
  std::optional<double> decay;   // weight decay
  double clip = 1;               // the largest norm of a step's gradient; 0: any
  std::optional<double> dropout, attention_dropout;  // absent: 0.1
  int64_t micro_batch = 0;  // rows computed at once; 0: as many as fit 4,096 tokens. Same bits
  bool freeze_embeddings = false;
  std::vector<int64_t> freeze_layers;  // 1-based
  std::vector<double> class_weights;   // [C]; empty: all 1
  std::vector<double> pos_weights;  // [C] multi-label: of the labels that a row has; empty: all 1
  double label_smoothing = 0;       // share of the label that is spread over all classes
  double temperature = 1;           // of distilled answers
  int64_t first_exit = 1;           // COST-EFF: off-ramps before it are not trained
  double hidden_share = 0;  // of a stage's steps: the first ones, which learn hidden states alone
  uint64_t seed = 42;
  int64_t max_length = 0;  // tokens, 3 or more; 0: 128, or less if the model has fewer
  // Longer texts are read in windows that share so many tokens, as RunOptions::doc_stride. Each window is a row
  // to train on with the label of its text; evaluations judge the mean of a text's windows. -1: they are cut.
  int64_t doc_stride = -1;

  // The run.
  int64_t eval_every = 0;  // steps; 0: four times an epoch, and at its end
  BestBy best_by = BestBy::automatic;
  int64_t early_stop = 0;   // ends after so many evaluations without a better one; 0: never
  double time_limit_s = 0;  // ends with the best model so far; 0: never
  TrainMetric
      metric;  // empty: accuracy (of sets: all labels); for a regression the negative mean squared error
  std::string metric_name;  // what `metric` is called: a run goes on only with the same one
  ComputeType compute = ComputeType::float32;  // of the products: float32 or bfloat16
  std::string isa;                             // as LoadOptions::isa
  int64_t threads = 0;                         // 0: as many as the process may use
  int64_t memory_budget = int64_t{1} << 30;  // bytes of pooled states that `ramps` keeps in memory
  bool resume =
      false;  // goes on with what an interrupted run has left in OUT.training, which must be there
  std::string record;  // a JSON object that training.json shall hold as "data"; empty: none
};

// One stage of a recipe.
struct TrainStage {
  std::string name;  // "fine-tune", "off-ramps", ...
  std::string what;  // which parameters and losses, a few words
  double epochs = 0;
  int64_t steps = 0;
  double learning_rate = 0, head_learning_rate = 0;
  int64_t parameters = 0;  // that it trains
};

// What a run will hold in memory, in bytes.
struct TrainMemory {
  int64_t weights = 0;    // values and packed forms, the teacher's too
  int64_t gradients = 0;  // and moments
  int64_t activations = 0;
  int64_t evaluation = 0;
  int64_t rows = 0;   // token ids; pooled states that are kept
  int64_t total = 0;  // at the peak: not all of these at the same time
};

// What will be done; nothing is computed for it.
struct TrainPlan {
  std::string dialect;         // of the result
  std::vector<int64_t> exits;  // layers
  std::vector<TrainStage> stages;
  int64_t batch = 0, eval_every = 0;
  int64_t rows = 0, dev_rows = 0, tokens = 0;  // tokens: of an epoch
  int64_t max_length = 0;                      // to which rows are cut
  int64_t longest = 0;                         // tokens of a row
  int64_t truncated = 0;                       // rows cut to max_length
  int64_t parameters = 0;                      // of the result
  TrainMemory memory;
  BestBy best_by = BestBy::mean;
  std::vector<std::string> notes;  // what a user should know: new classifiers, leftovers, ...
};

struct TrainStep {
  int64_t stage = 0;            // index into TrainPlan::stages
  int64_t step = 0, steps = 0;  // of the stage; step from 1
  double epoch = 0;             // of the stage, a fraction
  double loss = 0, norm = 0;    // before clipping
  double learning_rate = 0;
  int64_t rows = 0, tokens = 0;  // of the step
  double seconds = 0;            // of the step
  double seconds_left = 0;       // of the run, estimated
};

struct TrainEvaluation {
  int64_t stage = 0, step = 0;
  double epoch = 0;
  double train_loss = 0;       // mean over the steps since the last one; NaN: none
  std::vector<double> metric;  // [E]
  double score = 0;            // what best_by makes of it
  bool best = false;           // better than all before in this stage
  double seconds = 0;          // since the run began, all of its parts together
};

enum class TrainEnd { finished, early_stop, time_limit };
const char* train_end_name(TrainEnd end);

struct TrainResult {
  TrainEnd end = TrainEnd::finished;
  std::vector<TrainEvaluation> evaluations;
  int64_t best = -1;  // index of the evaluation whose model was written; -1: it was not evaluated
  std::string dialect;
  std::vector<std::string> files;
};

// Any of them may be empty. Called by the thread that called run().
struct TrainObserver {
  std::function<void(const TrainStep&)> step;
  std::function<void(const TrainEvaluation&)> evaluation;
  std::function<void(const std::string&)> say;  // "pooled states of 67,349 rows", ...
};

// Moves about `share` of the rows to the result. A hash of seed and texts decides, so that copies of a
// text stay on one side and a row's side does not depend on the others.
std::vector<TrainRow> split_off_dev(std::vector<TrainRow>* rows, double share, uint64_t seed);

// One run of training. The same backbone, rows and options give the same bits for any number of
// threads, any micro_batch, and after any interruption, for a given kernel table.
class Trainer {
 public:
  // Opens `backbone`, a pretrained encoder with or without a classifier or any model that Engine opens,
  // and tokenises the rows. Throws Error(model), Error(usage) for options that do not fit, and
  // Error(input) that names the row.
  Trainer(const std::string& backbone, std::vector<TrainRow> train, std::vector<TrainRow> dev,
          TrainOptions options);
  ~Trainer();
  Trainer(Trainer&&) noexcept;
  Trainer& operator=(Trainer&&) noexcept;

  const TrainPlan& plan() const;

  // Seconds that run() will take, from a few steps that are computed and forgotten.
  double estimate_seconds();

  // Trains, and writes the best model to the directory `out`, which must not exist or be empty; it
  // appears complete or not at all. While it runs, OUT.training holds what is needed to go on. Returns
  // nullopt if *stop became true: the step in hand was finished and saved. Throws Error(output), and
  // Error(input) that names step and term if the loss is not finite, and the directory with the best
  // model so far. May be called once.
  std::optional<TrainResult> run(const std::string& out, const TrainObserver& observer = {},
                                 const std::atomic<bool>* stop = nullptr);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace costeff
