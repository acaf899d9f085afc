#include <costeff/slenderize.h>
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/fail.h"
#include "base/files/new_directory.h"
#include "base/names.h"
#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/flags/flag_checks.h"
#include "cli/flags/train_flags.h"
#include "cli/run/command_line.h"
#include "cli/run/open.h"
#include "cli/run/print.h"
#include "cli/run/train_data.h"
#include "tasks/report/slender_report.h"
#include "tasks/write/progress.h"

namespace costeff::cli {
namespace {

constexpr std::array<Name<SlenderFit>, 3> kFits{
    {{"refit", SlenderFit::refit}, {"scales", SlenderFit::scales}, {"none", SlenderFit::none}}};

constexpr const char* kSlenderizeFooter =
    "MODEL is a fine-tuned BERT or RoBERTa, with or without off-ramps; they stay. Heads\n"
    "and neurons are dropped whose masks have the least Fisher information under the\n"
    "budget (Kwon et al. 2022), and what is left is fitted, sublayer by sublayer, to what\n"
    "the whole model computes on the rows. Nothing is trained. A layer may lose all heads or\n"
    "all neurons. The result is CoFi's compact form; off-ramps are written in costeff's.\n\n"
    "Standard output has the widths of each layer, before and after, and what changed.\n\n"
    "Examples:\n"
    "  costeff slenderize sst2 --data glue/SST-2 -o sst2-half\n"
    "  costeff slenderize sst2 --data glue/SST-2 --macs 0.3 -o sst2-third\n"
    "  costeff slenderize sst2 --data mine.csv --label-field stars --dry-run\n\n";

struct SlenderizeFlags {
  TrainFlags rows;  // what is read, and how; output, threads, isa, dry_run, json, seed
  double macs = 0.5;
  std::string method = "fisher", fit = "refit";
  int64_t at_most = 2048;
  bool exact = false;
};

void check_answers(const TrainData& data, const BackboneInfo& model) {
  const tasks::LabelMap& map = data.labels.map;
  if (map.regression != model.regression) {
    fail_input("the rows have {}, and the model gives {}", map.regression ? "scores" : "labels",
               model.regression ? "scores" : "labels");
  }
  if (!map.regression && map.num_labels != model.num_labels) {
    fail_input("the rows have {} classes ({}), and the model has {}; --labels A,B,... names them",
               map.num_labels, fmt::join(map.names, ", "), model.num_labels);
  }
}

SlenderizeOptions options_of(const SlenderizeFlags& f, const TrainData& data) {
  TrainOptions train;
  add_data_options(f.rows, data, &train);
  SlenderizeOptions o;
  o.target = {SlenderSize::macs, f.macs};
  o.fit = value_of_name(kFits, f.fit, "--tune");
  o.rows = f.at_most;
  o.round = !f.exact;
  o.max_length = f.rows.max_length;
  o.seed = static_cast<uint64_t>(f.rows.seed);
  o.metric = train.metric;
  o.isa = f.rows.isa;
  o.threads = f.rows.pass.threads;
  return o;
}

tasks::SlenderReport begin_report(const SlenderizeFlags& f, const TrainData& data) {
  tasks::SlenderReport r;
  r.model = f.rows.pass.model;
  r.out = f.rows.output;
  for (const tasks::DataSet& set : data.train_sets) r.data.push_back(set.path);
  for (const tasks::DataSet& set : data.dev_sets) r.dev.push_back(set.path);
  r.fit = f.fit;
  r.macs = f.macs;
  r.metric = tasks::metric_name(train_metric(f.rows, data));
  return r;
}

int slenderize(const SlenderizeFlags& f) {
  check_labelled_data(f.rows, "slenderize");
  (void)value_of_name(kFits, f.fit, "--tune");
  if (f.method != "fisher") fail_usage("--method \"{}\", expected fisher", printable(f.method, 40));
  const auto begin = std::chrono::steady_clock::now();
  const BackboneInfo model = inspect_backbone(f.rows.pass.model);
  if (model.num_labels == 0) {
    fail(ErrorKind::model,
         "{}: has no classifier, expected a fine-tuned model (costeff train makes one)",
         f.rows.pass.model);
  }
  if (!f.rows.dry_run) {
    const NewDirectory probe(f.rows.output);
  }
  const auto bad = open_bad_rows(f.rows.pass.bad_rows);
  TrainData data = read_train_data(f.rows, model, bad.get());
  if (interrupted) return kInterrupted;
  if (bad->commit() != tasks::WriteStatus::ok) return kPipeClosed;
  const bool quiet = f.rows.pass.quiet;
  if (!quiet) say_skipped(*bad);
  check_answers(data, model);

  tasks::SlenderReport r = begin_report(f, data);
  Slenderizer slenderizer(f.rows.pass.model, std::move(data.train), std::move(data.dev),
                          options_of(f, data));
  tasks::Progress progress(tasks::want_progress(quiet, -1));
  progress.begin({});
  const SlenderizeProgress show = [&](const std::string& what, int64_t done, int64_t all) {
    if (progress.is_due()) progress.draw(fmt::format("{} {} of {}", what, done, all));
  };
  const SlenderizePlan* plan = slenderizer.plan(show, &interrupted);
  progress.erase();
  if (!plan) return kInterrupted;
  r.plan = *plan;
  if (!quiet)
    for (const std::string& note : plan->notes) say_text(note);
  if (f.rows.dry_run) return print(f.rows.json ? tasks::slender_json(r) : tasks::slender_text(r));
  r.result = slenderizer.run(f.rows.output, show, &interrupted);
  progress.erase();
  if (!r.result) {
    if (!quiet) say("interrupted; nothing was written");
    return kInterrupted;
  }
  r.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const int code = print(f.rows.json ? tasks::slender_json(r) : tasks::slender_text(r));
  if (!quiet) {
    say("wrote {} ({}); it took {:.0f} s", f.rows.output, r.plan.dialect, r.seconds);
    say("next: costeff infer {} FILE", shell_quoted(f.rows.output));
  }
  return code;
}

}  // namespace

void add_slenderize(CLI::App* app, std::function<int()>* run) {
  auto f = std::make_shared<SlenderizeFlags>();
  CLI::App* sub = app->add_subcommand(
      "slenderize", "Drop the heads and neurons of a model that matter least, in minutes");
  sub->footer(kSlenderizeFooter + std::string(kExitCodes));
  sub->add_option("MODEL", f->rows.pass.model, "Directory of the fine-tuned model")->required();
  add_labelled_data_flags(sub, "Rows like those that the model will answer", &f->rows);
  add_format_flags(sub, &f->rows.pass.input);
  const char* size = "Size";
  sub->add_option("--macs", f->macs,
                  "Share of MODEL's multiply-accumulates to keep (default: 0.5), on texts as long "
                  "as these and as costeff inspect counts them")
      ->type_name("X")
      ->check(number_between(0, 1))
      ->group(size);
  sub->add_flag("--no-round", f->exact,
                "Neurons in any number. Without it in multiples of 16, which kernels like")
      ->group(size);
  const char* how = "How";
  sub->add_option("--method", f->method,
                  "fisher (default): nothing is trained; by the Fisher information of masks")
      ->type_name("NAME")
      ->group(how);
  sub->add_option("--tune", f->fit,
                  "What makes up for what is dropped: refit (default; output matrices, fitted "
                  "anew), scales (one for each head and neuron) or none")
      ->type_name("NAME")
      ->group(how);
  sub->add_option("--rows", f->at_most,
                  "Look at no more than N rows, drawn at random (default: 2048)")
      ->type_name("N")
      ->check(whole_number(1, int64_t{1} << 30))
      ->group(how);
  sub->add_option("--max-length", f->rows.max_length, "Cut longer texts to N tokens (default: 128)")
      ->type_name("N")
      ->check(whole_number(3, int64_t{1} << 20))
      ->group(how);
  sub->add_option("--seed", f->rows.seed, "Of the rows that are drawn (default: 42)")
      ->type_name("N")
      ->check(whole_number(0, int64_t{1} << 62))
      ->group(how);
  const char* output = "Output";
  sub->add_option("-o,--output", f->rows.output,
                  "Directory to write: a new name, or an empty directory")
      ->type_name("OUT")
      ->group(output);
  sub->add_flag("--dry-run", f->rows.dry_run, "Say which widths it would have; write nothing")
      ->group(output);
  sub->add_flag("--json", f->rows.json, "Print one JSON object instead of the table")
      ->group(output);
  sub->add_flag("--quiet,-q", f->rows.pass.quiet,
                "Nothing on stderr but warnings about the model and errors")
      ->group(output);
  const char* computing = "Computing";
  add_thread_flags(sub, computing, &f->rows.pass.threads, nullptr);
  add_isa_flag(sub, computing, &f->rows.isa);
  sub->callback([=] { *run = [=] { return slenderize(*f); }; });
}

}  // namespace costeff::cli
