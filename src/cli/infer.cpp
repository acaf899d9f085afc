#include <costeff/engine.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/input_flags.h"
#include "cli/policy_flags.h"
#include "cli/stats.h"
#include "tasks/output_file.h"
#include "tasks/progress.h"
#include "tasks/reader.h"
#include "tasks/writer.h"

namespace costeff::cli {
namespace {

// As a shell reports a process that a closed pipe has ended.
constexpr int kPipeClosed = 128 + 13;
constexpr int kInterrupted = 128 + 2;

struct InferOptions {
  std::string model;
  InputFlags input;
  EncodeFlags encode;
  PolicyFlags policy;
  std::string format, output = "-", isa;
  bool all_exits = false, no_output_header = false, quiet = false, verbose = false, stats = false, stats_json = false;
  int64_t top_k = 0, threads = 0, batch_tokens = 0, pad_to = 0;
};

// Nobody reads the output any more: the run ends, and that is no error.
struct OutputClosed {};

bool ends_with(const std::string& s, const std::string& end) {
  return s.size() >= end.size() && s.compare(s.size() - end.size(), end.size(), end) == 0;
}

tasks::OutputFormat choose_format(const InferOptions& o, int output_fd) {
  using tasks::OutputFormat;
  if (!o.format.empty()) {
    const OutputFormat f = tasks::output_format_from_name(o.format);
    if (o.all_exits && f != OutputFormat::jsonl) throw_usage("--all-exits needs --format jsonl");
    return f;
  }
  if (o.all_exits || ends_with(o.output, ".jsonl")) return OutputFormat::jsonl;
  if (ends_with(o.output, ".csv")) return OutputFormat::csv;
  return o.output == "-" && ::isatty(output_fd) ? OutputFormat::table : OutputFormat::tsv;
}

tasks::OutputOptions output_options(const InferOptions& o, const ModelInfo& m, int fd) {
  tasks::OutputOptions out;
  out.format = choose_format(o, fd);
  out.labels = m.labels;
  out.regression = m.regression;
  out.all_exits = o.all_exits;
  out.top_k = o.top_k;
  out.header = !o.no_output_header;
  out.table_width = terminal_width(fd);
  out.num_layers = static_cast<int64_t>(m.layers.size());
  return out;
}

void say_verbose(const ModelInfo& m, const RunOptions& run, const std::string& isa) {
  const ExitPolicy& policy = run.policy ? *run.policy : m.policy;
  std::fprintf(stderr, "model: %s, %s, %zu layers, %zu exits\n", printable(m.path).c_str(), m.dialect.c_str(),
               m.layers.size(), m.exits.size());
  std::fprintf(stderr, "exit policy: %s%s\n", policy_text(policy).c_str(),
               run.policy ? "" : m.policy_from_model ? " (exit_policy.json)" : " (the model states none)");
  std::fprintf(stderr, "kernels: %s\n", isa.empty() ? available_isas().front().c_str() : isa.c_str());
  if (!m.unused.empty()) std::fprintf(stderr, "not used: %zu tensors (costeff inspect lists them)\n", m.unused.size());
  for (const std::string& note : m.notes) std::fprintf(stderr, "note: %s\n", printable(note).c_str());
}

void say_warnings(const RunStats& s, bool verbose) {
  if (s.bad_utf8_rows > 0) {
    std::fprintf(stderr, "costeff: warning: %lld %s not UTF-8; bad bytes were read as U+FFFD\n",
                 static_cast<long long>(s.bad_utf8_rows), s.bad_utf8_rows == 1 ? "row is" : "rows are");
  }
  if (verbose && s.truncated_rows > 0) {
    std::fprintf(stderr, "%lld rows were cut at the maximal length\n", static_cast<long long>(s.truncated_rows));
  }
}

int infer(const InferOptions& o) {
  tasks::RowReader reader(input_files(o.input), input_options(o.input), &interrupted);
  const Engine engine(o.model, {.isa = o.isa});
  const ModelInfo& m = engine.info();

  RunOptions run;
  run.encode = encode_options(o.encode);
  run.policy = policy_from_flags(o.policy, m.policy);
  run.all_exits = o.all_exits;
  run.threads = o.threads;
  run.batch_tokens = o.batch_tokens;
  run.pad_to = o.pad_to;
  if (o.verbose && !o.quiet) say_verbose(m, run, o.isa);

  tasks::OutputFile file(o.output, &interrupted);
  const tasks::OutputOptions output = output_options(o, m, file.fd());
  tasks::Progress progress(tasks::want_progress(o.quiet, file.fd()));
  std::string text;
  int64_t rows = 0;
  double output_s = 0;
  const auto write = [&] {
    const tasks::WriteStatus status = file.write(text);
    text.clear();
    if (status != tasks::WriteStatus::ok) throw OutputClosed();
  };
  const auto sink = [&](std::span<const Example> examples, std::span<const Result> results) {
    const auto begin = std::chrono::steady_clock::now();
    if (rows == 0) tasks::append_header(output, &text);
    for (size_t i = 0; i < examples.size(); ++i) tasks::append_row(examples[i], results[i], output, &text);
    write();
    rows += static_cast<int64_t>(examples.size());
    progress.update(rows, reader.bytes_done(), reader.bytes_total());
    output_s += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  const auto source = [&](Example& row, bool may_block) { return reader.next(row, may_block); };

  RunStats stats;
  try {
    stats = engine.run(source, sink, run, &interrupted);
    if (!interrupted && rows == 0) {
      tasks::append_header(output, &text);
      write();
    }
  } catch (const OutputClosed&) {
    return interrupted ? kInterrupted : kPipeClosed;
  }
  progress.erase();
  if (!o.quiet) say_warnings(stats, o.verbose);
  if (o.stats || o.stats_json) std::fputs(stats_text(stats, m, output_s, o.stats_json).c_str(), stderr);
  if (interrupted) {
    if (!o.quiet) std::fprintf(stderr, "costeff: interrupted after %lld rows\n", static_cast<long long>(rows));
    return kInterrupted;
  }
  file.commit();
  return 0;
}

void add_output_flags(CLI::App* sub, InferOptions* o) {
  sub->add_option("--format", o->format,
                  "tsv, csv, jsonl or table. Without it: by the extension of --output; on a terminal "
                  "table; else tsv")
      ->type_name("NAME")
      ->group("Output");
  sub->add_option("--output,-o", o->output, "Write here, all or nothing; - is standard output")
      ->type_name("FILE")
      ->group("Output");
  sub->add_flag("--all-exits", o->all_exits,
                "Also give what every exit answers, to the last layer (JSONL key exits)")
      ->group("Output");
  sub->add_option("--top-k", o->top_k, "Also give the K likeliest labels")
      ->type_name("K")
      ->check(CLI::Range(int64_t{1}, int64_t{1000000}))
      ->group("Output");
  sub->add_flag("--no-output-header", o->no_output_header, "No line of column names")->group("Output");
  sub->add_flag("--stats", o->stats, "Afterwards speed, exits and time by stage, on stderr")->group("Output");
  sub->add_flag("--stats-json", o->stats_json, "The same as one line of JSON")->group("Output");
  sub->add_flag("--quiet,-q", o->quiet, "No progress, no warnings")->group("Output");
  sub->add_flag("--verbose,-v", o->verbose, "Say what is loaded and which policy is in force")->group("Output");
}

}  // namespace

void add_infer(CLI::App* app, std::function<int()>* run) {
  auto o = std::make_shared<InferOptions>();
  CLI::App* sub = app->add_subcommand("infer", "Classify texts: a row of output for each row of input");
  sub->footer(
      "Examples:\n"
      "  costeff infer models/sst2-slender reviews.txt\n"
      "  costeff infer MODEL dev.tsv --task mrpc --threshold 0.3 -o answers.tsv\n"
      "  echo 'a charming film' | costeff infer MODEL - --format jsonl --all-exits");
  sub->add_option("MODEL", o->model, "Checkpoint directory")->required();
  add_input_flags(sub, &o->input);
  add_output_flags(sub, o.get());
  add_policy_flags(sub, &o->policy);
  add_encode_flags(sub, &o->encode);
  sub->add_option("--threads,-t", o->threads, "Threads (all that this process may use)")
      ->type_name("N")
      ->check(CLI::Range(int64_t{1}, int64_t{1024}))
      ->group("Computing");
  sub->add_option("--batch-tokens", o->batch_tokens, "Tokens that travel together (512)")
      ->type_name("N")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 20))
      ->group("Computing");
  sub->add_option("--pad-to", o->pad_to,
                  "Averaging off-ramps also count [PAD] up to N tokens, as COST-EFF's code does (128 there)")
      ->type_name("N")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 20))
      ->group("Computing");
  sub->add_option("--isa", o->isa, "Kernel table to use, of those in costeff --version")
      ->type_name("NAME")
      ->envname("COSTEFF_ISA")
      ->group("Computing");
  sub->callback([=] { *run = [=] { return infer(*o); }; });
}

}  // namespace costeff::cli
