#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "base/fail.h"
#include "base/parse.h"
#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/flags/flag_checks.h"
#include "cli/flags/input_flags.h"
#include "cli/flags/load_flags.h"
#include "cli/flags/policy_flags.h"
#include "cli/run/bench_report.h"
#include "cli/run/open.h"
#include "cli/run/print.h"
#include "tasks/read/reader.h"
#include "tasks/write/output_file.h"
#include "tasks/write/writer.h"

namespace costeff::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct BenchFlags {
  std::string model, json;
  std::optional<std::string> lengths;
  InputFlags input;
  EncodeFlags encode;
  LoadFlags load;
  PolicyFlags policy;
  int64_t threads = 0, batch_tokens = 0, rounds = 5;
  double seconds = 1;
};

double seconds_between(Clock::time_point a, Clock::time_point b) {
  return std::chrono::duration<double>(b - a).count();
}

// --lengths, or the usual lengths as far as the model takes them.
std::vector<int64_t> lengths_of(const BenchFlags& f, int64_t max) {
  std::vector<int64_t> lengths;
  if (!f.lengths) {
    for (const int64_t usual : {8, 32, 128}) {
      if (usual <= max) lengths.push_back(usual);
    }
    return lengths;
  }
  const std::string& text = *f.lengths;
  if (text == "none") return lengths;
  if (const auto asked = parse_int_list(text, 1, max)) return *asked;
  fail_usage("--lengths \"{}\", expected numbers of tokens up to {}, such as 8,32,128",
             printable(text, 60), max);
}

// Bytes of the weights of the first `layers` layers, in the type they are computed in.
double weight_bytes(const ModelInfo& m, double layers) {
  const double size = m.compute == ComputeType::float32    ? 4
                      : m.compute == ComputeType::bfloat16 ? 2
                                                           : 1;
  double bytes = 0;
  for (const LayerInfo& l : m.layers) {
    if (static_cast<double>(l.layer) > layers) break;
    bytes += size * static_cast<double>(4 * m.hidden_size * l.attention_size +
                                        2 * m.hidden_size * l.ffn_size);
  }
  return bytes;
}

// Texts of `length` random tokens, each given as soon as the one before is answered.
LatencyPoint measure_latency(const Engine& engine, const BenchFlags& f, const RunOptions& run,
                             int64_t length) {
  const ModelInfo& m = engine.info();
  std::mt19937_64 rng(1);
  std::vector<double> times;
  double layers = 0, macs_sum = 0;
  Clock::time_point asked;
  const auto begin = Clock::now();
  constexpr int64_t kWarmUp = 3, kMinRuns = 10;
  int64_t given = 0;
  engine.run(
      [&](Example& row, bool may_block) {
        if (!may_block) return ReadStatus::would_block;
        if (interrupted ||
            (given >= kWarmUp + kMinRuns && seconds_between(begin, Clock::now()) > f.seconds))
          return ReadStatus::end;
        row = Example();
        row.has_ids = true;
        for (int64_t i = 0; i < length; ++i)
          row.input_ids.push_back(
              static_cast<int32_t>(rng() % static_cast<uint64_t>(m.vocab_size)));
        ++given;
        asked = Clock::now();
        return ReadStatus::row;
      },
      [&](std::span<const Example>, std::span<const Result> r) {
        const double s = seconds_between(asked, Clock::now());
        if (given <= kWarmUp) return;
        times.push_back(s * 1e3);
        layers += static_cast<double>(r[0].exit_layer);
        macs_sum += static_cast<double>(macs(m, length, r[0].exit_layer, true));
      },
      run);
  LatencyPoint p;
  p.length = length;
  p.runs = static_cast<int64_t>(times.size());
  if (times.empty()) return p;
  std::sort(times.begin(), times.end());
  const auto at = [&](double q) {
    return times[static_cast<size_t>(q * static_cast<double>(times.size() - 1) + 0.5)];
  };
  const double runs = static_cast<double>(p.runs);
  p.median_ms = at(0.5);
  p.p95_ms = at(0.95);
  p.p99_ms = at(0.99);
  p.mean_exit_layer = layers / runs;
  p.macs = macs_sum / runs;
  p.weight_bytes = weight_bytes(m, p.mean_exit_layer);
  return p;
}

// The rows of the files, again and again.
ThroughputPoint measure_throughput(const Engine& engine, const BenchFlags& f, RunOptions run,
                                   const std::optional<ExitPolicy>& policy) {
  const ModelInfo& m = engine.info();
  std::vector<Example> rows;
  tasks::RowReader reader(input_files(f.input), input_options_that_say(f.input), &interrupted);
  for (Example row; reader.next(row, true) == ReadStatus::row;) rows.push_back(row);
  if (rows.empty()) fail_input("{}: no rows, expected some to measure with", f.input.files[0]);
  run.mode = Mode::throughput;
  struct Round {
    RunStats stats;
    double macs = 0, output_s = 0;
  };
  tasks::OutputOptions format;  // TSV, as infer writes it
  format.labels = m.labels;
  format.problem = m.problem;
  format.num_layers = static_cast<int64_t>(m.layers.size());
  std::string text;
  std::vector<Round> rounds;
  for (int64_t i = 0; i <= f.rounds && !interrupted; ++i) {
    Round round;
    size_t next = 0;
    round.stats = engine.run(
        [&](Example& row, bool) {
          if (next == rows.size()) return ReadStatus::end;
          row = rows[next++];
          return ReadStatus::row;
        },
        [&](std::span<const Example> examples, std::span<const Result> r) {
          const auto begin = Clock::now();
          text.clear();
          for (size_t k = 0; k < r.size(); ++k) tasks::append_row(examples[k], r[k], format, &text);
          round.output_s += seconds_between(begin, Clock::now());
          for (const Result& one : r)
            round.macs += static_cast<double>(macs(m, one.tokens, one.exit_layer, true));
        },
        run, &interrupted);
    if (i > 0) rounds.push_back(std::move(round));  // the first one packs weights
  }
  if (rounds.empty()) return {};
  std::sort(rounds.begin(), rounds.end(),
            [](const Round& a, const Round& b) { return a.stats.wall_s < b.stats.wall_s; });
  const Round& middle = rounds[rounds.size() / 2];
  ThroughputPoint p;
  p.policy = policy_text(policy.value_or(m.policy));
  p.seconds = middle.stats.wall_s;
  p.fastest_s = rounds.front().stats.wall_s;
  p.slowest_s = rounds.back().stats.wall_s;
  p.gmacs_per_s = middle.macs / p.seconds / 1e9;
  p.output_s = middle.output_s;
  p.stats = middle.stats;
  return p;
}

int bench(const BenchFlags& f) {
  if (f.model.empty()) throw_usage("the name of the model directory is empty");
  const Engine engine = load_engine(f.model, load_options(f.load));
  const ModelInfo& m = engine.info();
  if (m.question_answering)
    fail_usage("{}: {} answers questions, expected a classifier", f.model, m.dialect);
  const auto policy = policy_from_flags(f.policy, m.policy, is_regression(m));
  RunOptions run;
  run.policy = policy;
  run.encode = encode_options(f.encode);
  run.threads = f.threads;
  run.batch_tokens = f.batch_tokens;
  run.mode = Mode::latency;
  const std::vector<int64_t> lengths = lengths_of(f, m.max_length);

  std::optional<tasks::OutputFile> file;
  refuse_to_replace(f.json, f.input.files);
  if (!f.json.empty()) file.emplace(f.json, &interrupted);
  BenchReport report;
  report.model = f.model;
  report.compute = m.compute;
  report.peak = measure_machine(f.load.isa, m.compute, f.threads);
  for (int64_t length : lengths) report.latency.push_back(measure_latency(engine, f, run, length));
  if (!f.input.files.empty())
    report.throughput.push_back(measure_throughput(engine, f, run, policy));
  if (interrupted) return kInterrupted;
  // Other programs may have slowed the machine down the first time.
  const MachinePeak again = measure_machine(f.load.isa, m.compute, f.threads);
  report.peak.gmacs_per_s = std::max(report.peak.gmacs_per_s, again.gmacs_per_s);
  report.peak.read_gb_per_s = std::max(report.peak.read_gb_per_s, again.read_gb_per_s);
  if (file) {
    if (file->write(bench_json(report)) != tasks::WriteStatus::ok) return kPipeClosed;
    file->commit();
  }
  return f.json == "-" ? 0 : print(bench_text(report));
}

}  // namespace

void add_bench(CLI::App* app, std::function<int()>* run) {
  auto f = std::make_shared<BenchFlags>();
  CLI::App* sub = app->add_subcommand(
      "bench", "Measure speed here, one text at a time and whole files, beside the CPU's peak");
  sub->footer(
      std::string(
          "The peak is the rate of multiply-accumulates in registers alone, with the instructions "
          "of the\nkernels in use; the roofline is the larger of MACs / peak and weight bytes / "
          "memory bandwidth.\nPeak and bandwidth are measured before and after the rest, and the "
          "better value counts. MACs are\nthose of real tokens and of the layers and off-ramps "
          "that were computed. A share is above 100%\nif the machine was faster than while its "
          "peak was measured, or if the weights lay in the CPU's\ncaches, which are faster than "
          "memory.\n\n"
          "JSON: model dtype threads machine (cpu kernels peak_gflops read_gb_per_s), latency (a "
          "list of\nlength median_ms p95_ms p99_ms runs mean_exit_layer gflops peak_share "
          "roofline_share), throughput\n(a list of policy rows tokens seconds fastest_s slowest_s "
          "rows_per_s tokens_per_s mean_exit_layer\ngflops peak_share stage_seconds).\n\n"
          "Examples:\n"
          "  costeff bench models/sst2-slender --policy never\n"
          "  costeff bench MODEL dev.tsv --dtype int8 --threads 1 -S 0.3 --json -\n\n") +
      kExitCodes);
  sub->add_option("MODEL", f->model, "Checkpoint directory")->required();
  sub->add_option("FILES", f->input.files, "Rows to measure throughput with; none: only latency");
  sub->add_option("--lengths", f->lengths,
                  "Lengths in tokens to measure latency with, or none (default: 8,32,128)")
      ->type_name("N[,N...]");
  sub->add_option("--seconds", f->seconds, "Time to spend on each length (default: 1)")
      ->type_name("S")
      ->check(number_between(0, 1e6));
  sub->add_option("--rounds", f->rounds, "Number of times to score the files (default: 5)")
      ->type_name("N")
      ->check(whole_number(1, 1000000));
  sub->add_option("--json", f->json, "Write all numbers here as JSON (- is standard output)")
      ->type_name("FILE");
  add_format_flags(sub, &f->input);
  add_encode_flags(sub, &f->encode);
  add_policy_flags(sub, &f->policy);
  const char* group = "Computing";
  add_thread_flags(sub, group, &f->threads, &f->batch_tokens);
  add_load_flags(sub, group, &f->load);
  sub->callback([=] { *run = [=] { return bench(*f); }; });
}

}  // namespace costeff::cli
