#include "cli/flags/slenderize_flags.h"

#include <array>

#include "base/fail.h"
#include "base/names.h"
#include "base/utf8.h"
#include "cli/flags/flag_checks.h"
#include "cli/flags/help_text.h"

namespace costeff::cli {
namespace {

constexpr std::array<Name<SlenderFit>, 3> kFits{
    {{"refit", SlenderFit::refit}, {"scales", SlenderFit::scales}, {"none", SlenderFit::none}}};

// Which methods a flag is for.
enum : unsigned { kFisher = 1, kCosteff = 2, kCofi = 4, kTraining = kCosteff | kCofi };

constexpr std::array<Name<unsigned>, 3> kMethods{
    {{"fisher", kFisher}, {"cost-eff", kCosteff}, {"cofi", kCofi}}};

unsigned method_of(const SlenderizeFlags& f) {
  return value_of_name(kMethods, f.method, "--method");
}

constexpr const char* kSlenderizeFooter =
    "MODEL is fine-tuned, with or without off-ramps, which stay: a BERT or RoBERTa;\n"
    "for fisher also an ELECTRA or ERNIE.\n\n"
    "--method fisher: heads and neurons are dropped whose masks have the least Fisher\n"
    "information under the budget (Kwon et al. 2022), and what is left is fitted, sublayer\n"
    "by sublayer, to what the whole model computes on the rows. Nothing is trained. A\n"
    "layer may lose all heads or all neurons. The result is CoFi's compact form; off-ramps\n"
    "are written in costeff's.\n\n"
    "--method cost-eff (Shen et al. 2022): the assistant, which is MODEL with off-ramps,\n"
    "learns from MODEL, unless that has them. The heads and neurons of each layer that\n"
    "matter least to the assistant's answers are pruned, one head at a time, with training\n"
    "in between; the word embedding is factorised; then the slender model learns the\n"
    "assistant's hidden states and its answers. All layers end up alike. Stages last as\n"
    "long as in the paper, for a task of GLUE of about as many rows; --epochs-scale 0.1\n"
    "makes all of them shorter. OUT.stages holds what is needed to go on with --resume.\n\n"
    "--method cofi (Xia et al. 2022): masks of heads, neurons, whole sublayers and hidden\n"
    "units are trained beside the weights until the sparsity is reached, then what is left,\n"
    "both by the layers and answers of MODEL. The result has one exit.\n\n"
    "Standard output has the widths of each layer, before and after, and what changed;\n"
    "of a method that trains also its evaluations as they come.\n\n"
    "Examples:\n"
    "  costeff slenderize sst2 --data glue/SST-2 -o sst2-half\n"
    "  costeff slenderize sst2 --data glue/SST-2 --macs 0.3 -o sst2-third\n"
    "  costeff slenderize sst2 --data mine.csv --label-field stars --dry-run\n"
    "  costeff slenderize sst2 --data glue/SST-2 --method cost-eff --params 0.33 \\\n"
    "    --epochs-scale 0.1 -o sst2-slender\n"
    "  costeff slenderize sst2 --data glue/SST-2 --method cofi --sparsity 0.8 \\\n"
    "    --epochs-scale 0.1 -o sst2-cofi\n\n";

void add_size_flags(CLI::App* sub, SlenderizeFlags* f) {
  const char* group = "Size";
  sub->add_option(
         "--macs", f->macs,
         "Share of MODEL's multiply-accumulates to keep (fisher: 0.5 by default), on texts "
         "as long as these")
      ->type_name("X")
      ->check(number_between(0, 1))
      ->group(group);
  sub->add_option("--params", f->parameters,
                  "Share of MODEL's parameters to keep, embeddings included")
      ->type_name("X")
      ->check(number_between(0, 1))
      ->group(group);
  sub->add_option("--sparsity", f->sparsity,
                  "Share of the weights of heads and neurons to drop, as CoFi counts them")
      ->type_name("X")
      ->check(number_between(0, 1))
      ->group(group);
  sub->add_option("--speedup", f->speedup,
                  "How many times as fast, by what heads and neurons take on this machine, which "
                  "is measured: with --threads, --dtype, on texts as long as these")
      ->type_name("X")
      ->check(number_between(1, 1000))
      ->group(group);
  const auto width = [&](const char* name, int64_t* to, const char* text) {
    sub->add_option(name, *to, text)
        ->type_name("N")
        ->check(whole_number(1, int64_t{1} << 20))
        ->group(group);
  };
  width("--heads", &f->heads, "Heads of each layer (cost-eff)");
  width("--ffn", &f->neurons, "Feed-forward neurons of each layer; default: as the heads");
  width("--rank", &f->rank,
        "Rank of the word embedding; default: as the heads. The hidden size: it stays whole");
  sub->add_flag("--no-round", f->exact,
                "Neurons and ranks of any number. Without it multiples of 16, which kernels like. "
                "CoFi's are of any number")
      ->group(group);
}

void add_method_flags(CLI::App* sub, SlenderizeFlags* f) {
  const char* group = "How";
  sub->add_option("--method", f->method,
                  "fisher (default): minutes, without training; cost-eff: with training, off-ramps "
                  "and an embedding that is slender too; cofi: with training, the most slender "
                  "layers")
      ->type_name("NAME")
      ->group(group);
  sub->add_option("--tune", f->fit,
                  "fisher: what makes up for what is dropped: refit (default; output matrices, "
                  "fitted anew), scales (one for each head and neuron) or none")
      ->type_name("NAME")
      ->group(group);
  sub->add_option(
         "--rows", f->at_most,
         "Look at N rows to prune, drawn at random (default: fisher 2048; cost-eff as many as "
         "there are, times --epochs-scale, anew for each pruning)")
      ->type_name("N")
      ->check(whole_number(1, int64_t{1} << 30))
      ->group(group);
  sub->add_flag("--no-labels", f->no_labels,
                "fisher: do not read labels. Answers are drawn from MODEL's own, as where the rows "
                "have none; they serve as well")
      ->group(group);
  sub->add_option("--max-length", f->rows.max_length, "Cut longer texts to N tokens (default: 128)")
      ->type_name("N")
      ->check(whole_number(3, int64_t{1} << 20))
      ->group(group);
  sub->add_option("--seed", f->rows.seed,
                  "Of the rows that are drawn, their order and dropout (default: 42)")
      ->type_name("N")
      ->check(whole_number(0, int64_t{1} << 62))
      ->group(group);
}

void add_training_flags(CLI::App* sub, SlenderizeFlags* f) {
  const char* group = "Training (cost-eff, cofi)";
  TrainFlags& t = f->rows;
  const auto add = [&](const char* name, auto* to, const char* text, const char* type,
                       CLI::Validator check) {
    sub->add_option(name, *to, text)->type_name(type)->check(std::move(check))->group(group);
  };
  sub->add_option("--backbone", f->backbone,
                  "A pretrained encoder of MODEL's shape that begins, as in the papers; default: "
                  "MODEL itself")
      ->type_name("DIR")
      ->group(group);
  sub->add_option("--exits", t.exits, "cost-eff: layers with an off-ramp: all (default), or 3,6,9")
      ->type_name("LAYERS")
      ->group(group);
  sub->add_option(
         "--pooling", t.pooling,
         "cost-eff: what new exits read: mean (the mean over the tokens; default) or first (the "
         "first token, as the paper's)")
      ->type_name("NAME")
      ->group(group);
  add("--epochs-scale", &f->epochs_scale, "Of the paper's epochs, for all stages (default: 1)", "X",
      number_between(1e-6, 1000));
  add("--lr", &t.learning_rate,
      "Learning rate (default: 2e-5). cost-eff: that of the assistant and the last stage; half "
      "of it while pruning, half as much again for hidden states",
      "X", number_between(1e-12, 10));
  add("--head-lr", &t.head_learning_rate,
      "Learning rate of the exits (default: as --lr, 10 times that where they are new)", "X",
      number_between(1e-12, 10));
  add("--mask-lr", &f->mask_rate,
      "cofi: learning rate of the masks (default: 0.01 by --epochs-scale, at most 0.1)", "X",
      number_between(1e-9, 10));
  add("--batch", &t.batch, "Rows of a step (default: 32; cofi's last stage: 64)", "N",
      whole_number(1, 65536));
  add("--micro-batch", &t.micro_batch,
      "Rows that are computed at once; less memory, the same result", "N", whole_number(1, 65536));
  add("--dropout", &t.dropout, "Dropout (default: 0.1)", "X", number_between(0, 0.99));
  add("--attention-dropout", &t.attention_dropout,
      "Dropout of attention's probabilities (default: 0.1)", "X", number_between(0, 0.99));
  add("--first-exit", &t.first_exit, "cost-eff: off-ramps before this layer are not trained",
      "LAYER", whole_number(1, kMaxLayers));
  add("--eval-every", &t.eval_every,
      "Steps between evaluations (default: four an epoch, and at the end of a stage)", "N",
      whole_number(1, int64_t{1} << 40));
  sub->add_flag("--resume", t.resume, "Go on with the run that OUT.stages is of")->group(group);
  sub->add_flag("--keep-stages", f->keep_stages, "Leave the models of all stages in OUT.stages")
      ->group(group);
  sub->add_option("--dtype", t.dtype,
                  "Compute products in float32 (default) or bfloat16 (bf16); weights stay float32. "
                  "fisher with --speedup: what it is measured in, int8 too")
      ->type_name("NAME")
      ->group(group);
}

void add_slender_output_flags(CLI::App* sub, SlenderizeFlags* f) {
  const char* group = "Output";
  sub->add_option("-o,--output", f->rows.output,
                  "Directory to write: a new name, or an empty directory")
      ->type_name("OUT")
      ->group(group);
  sub->add_flag("--dry-run", f->rows.dry_run,
                "Say which widths it would have, of a method that trains also its stages, memory "
                "and time; write nothing")
      ->group(group);
  sub->add_option("--log", f->rows.log,
                  "Write every step and evaluation here as it comes, as JSONL")
      ->type_name("FILE")
      ->group(group);
  sub->add_option("--report", f->rows.report,
                  "An HTML page with the curves of the run and of the result")
      ->type_name("FILE")
      ->group(group);
  sub->add_flag("--json", f->rows.json, "Print one JSON object instead of the table")->group(group);
  sub->add_flag("--quiet,-q", f->rows.pass.quiet,
                "Nothing on stderr but warnings about the model and errors")
      ->group(group);
}

// Throws for flags of other methods.
void refuse_foreign_flags(const SlenderizeFlags& f) {
  const TrainFlags& t = f.rows;
  const unsigned method = method_of(f);
  const struct {
    const char* flag;
    bool given;
    unsigned methods;
  } flags[] = {{"--tune", !f.fit.empty(), kFisher},
               {"--rows", f.at_most.has_value(), kFisher | kCosteff},
               {"--no-labels", f.no_labels, kFisher},
               {"--no-round", f.exact, kFisher | kCosteff},
               {"--heads", f.heads > 0, kCosteff},
               {"--ffn", f.neurons > 0, kCosteff},
               {"--rank", f.rank > 0, kCosteff},
               {"--exits", t.exits != "all", kCosteff},
               {"--pooling", t.pooling != "auto", kCosteff},
               {"--first-exit", t.first_exit != 1, kCosteff},
               {"--mask-lr", f.mask_rate.has_value(), kCofi},
               {"--backbone", !f.backbone.empty(), kTraining},
               {"--epochs-scale", f.epochs_scale.has_value(), kTraining},
               {"--lr", t.learning_rate.has_value(), kTraining},
               {"--head-lr", t.head_learning_rate.has_value(), kTraining},
               {"--batch", t.batch.has_value(), kTraining},
               {"--micro-batch", t.micro_batch > 0, kTraining},
               {"--dropout", t.dropout.has_value(), kTraining},
               {"--attention-dropout", t.attention_dropout.has_value(), kTraining},
               {"--eval-every", t.eval_every > 0, kTraining},
               {"--resume", t.resume, kTraining},
               {"--keep-stages", f.keep_stages, kTraining},
               {"--log", !t.log.empty(), kTraining},
               {"--report", !t.report.empty(), kTraining}};
  for (const auto& flag : flags) {
    if (flag.given && (flag.methods & method) == 0)
      fail_usage("{} is not for --method {}", flag.flag, f.method);
  }
}

// What costs are measured in, where some are.
void check_dtype(const SlenderizeFlags& f) {
  if (f.rows.dtype == "float32") return;
  if (!f.speedup) throw_usage("--dtype says nothing for --method fisher without --speedup");
  (void)parse_compute_type(f.rows.dtype);
}

void check_training_flags(const SlenderizeFlags& f) {
  const bool widths = f.heads > 0 || f.neurons > 0 || f.rank > 0;
  if (!slender_target(f) && !widths) {
    fail_usage("no size: {}; see costeff slenderize --help",
               method_of(f) == kCofi ? "--sparsity X, --params X or --macs X"
                                     : "--heads N, --params X or --macs X");
  }
  TrainFlags t = f.rows;
  t.recipe = "assistant";
  t.teacher = t.pass.model;
  check_train_flags(t, "slenderize");
}

}  // namespace

CLI::App* add_slenderize_flags(CLI::App* app, SlenderizeFlags* f) {
  CLI::App* sub =
      app->add_subcommand("slenderize", "Drop the heads and neurons of a model that matter least");
  sub->footer(kSlenderizeFooter + std::string(kExitCodes));
  sub->add_option("MODEL", f->rows.pass.model, "Directory of the fine-tuned model")->required();
  add_labelled_data_flags(sub, "Rows like those that the model will answer", &f->rows);
  add_format_flags(sub, &f->rows.pass.input);
  add_size_flags(sub, f);
  add_method_flags(sub, f);
  add_training_flags(sub, f);
  add_slender_output_flags(sub, f);
  const char* computing = "Computing";
  add_thread_flags(sub, computing, &f->rows.pass.threads, nullptr);
  add_isa_flag(sub, computing, &f->rows.isa);
  return sub;
}

bool trains_to_slenderize(const SlenderizeFlags& f) { return (method_of(f) & kTraining) != 0; }

SlenderMethod slender_method(const SlenderizeFlags& f) {
  return method_of(f) == kCofi ? SlenderMethod::cofi : SlenderMethod::cost_eff;
}

std::optional<SlenderTarget> slender_target(const SlenderizeFlags& f) {
  const struct {
    const char* flag;
    const std::optional<double>& value;
    SlenderSize of;
  } sizes[] = {{"--macs", f.macs, SlenderSize::macs},
               {"--params", f.parameters, SlenderSize::parameters},
               {"--sparsity", f.sparsity, SlenderSize::sparsity},
               {"--speedup", f.speedup, SlenderSize::speedup}};
  std::optional<SlenderTarget> target;
  const char* first = nullptr;
  for (const auto& size : sizes) {
    if (!size.value) continue;
    if (first) fail_usage("{} and {}, expected one of them", first, size.flag);
    first = size.flag;
    target = {size.of, *size.value};
  }
  return target;
}

SlenderFit slender_fit(const SlenderizeFlags& f) {
  return f.fit.empty() ? SlenderFit::refit : value_of_name(kFits, f.fit, "--tune");
}

void check_slenderize_flags(const SlenderizeFlags& f) {
  (void)trains_to_slenderize(f);
  (void)slender_fit(f);
  (void)slender_target(f);
  refuse_foreign_flags(f);
  if (trains_to_slenderize(f)) {
    check_training_flags(f);
  } else {
    check_labelled_data(f.rows, "slenderize");
    check_dtype(f);
  }
}

}  // namespace costeff::cli
