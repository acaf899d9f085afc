#include <costeff/engine.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fail.h"
#include "base/format.h"
#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/flags/flag_checks.h"
#include "cli/flags/infer_flags.h"
#include "cli/flags/label_flags.h"
#include "cli/run/infer_qa.h"
#include "cli/run/long_run.h"
#include "cli/run/open.h"
#include "cli/run/print.h"
#include "cli/run/row_printer.h"
#include "cli/run/stats.h"
#include "tasks/read/reader.h"
#include "tasks/write/row_output.h"
#include "tasks/write/writer.h"

namespace costeff::cli {
namespace {

// The format that --format, --all-exits or the name of the output file ask for. Absent: it depends
// on whether standard output is a terminal.
std::optional<tasks::OutputFormat> asked_format(const InferFlags& f) {
  using tasks::OutputFormat;
  std::optional<OutputFormat> format;
  if (!f.format.empty()) {
    format = tasks::output_format_from_name(f.format);
  } else if (f.all_exits || f.output.ends_with(".jsonl")) {
    format = OutputFormat::jsonl;
  } else if (f.output.ends_with(".csv")) {
    format = OutputFormat::csv;
  } else if (f.output != "-" || f.top_k > 1) {
    format = OutputFormat::tsv;
  }
  if (f.all_exits && format != OutputFormat::jsonl) throw_usage("--all-exits needs --format jsonl");
  if (f.doc.windows && format != OutputFormat::jsonl) throw_usage("--windows needs --format jsonl");
  if (f.top_k > 1 && format == OutputFormat::table)
    throw_usage("--top-k needs --format tsv, csv or jsonl");
  return format;
}

tasks::OutputOptions output_options(const InferFlags& f, std::optional<tasks::OutputFormat> format,
                                    const ModelInfo& m, int fd) {
  tasks::OutputOptions out;
  out.format =
      format.value_or(::isatty(fd) ? tasks::OutputFormat::table : tasks::OutputFormat::tsv);
  out.labels = m.labels;
  out.problem = m.problem;
  out.all_exits = f.all_exits;
  out.top_k = f.top_k;
  out.windows = f.doc.windows;
  out.header = !f.no_output_header;
  out.table_width = terminal_width(fd);
  out.num_layers = static_cast<int64_t>(m.layers.size());
  return out;
}

void say_verbose(const ModelInfo& m, const RunOptions& run, const LoadFlags& load) {
  const ExitPolicy& policy = run.policy ? *run.policy : m.policy;
  const char* from = run.policy            ? "flags"
                     : m.policy_from_model ? "exit_policy.json"
                                           : "the model states none";
  std::string text = fmt::format("model: {}, {}, {} layers, {} exits\n", printable(m.path),
                                 m.dialect, m.layers.size(), m.exits.size());
  append_format(&text, "exit policy: {} ({})\n", policy_text(policy), from);
  append_format(&text, "kernels: {}\n", kernels_text(load, m.compute));
  if (!m.unused.empty()) {
    append_format(&text, "not used: {} tensors (costeff inspect lists them)\n", m.unused.size());
  }
  for (const std::string& note : m.notes) append_format(&text, "note: {}\n", printable(note));
  std::fputs(text.c_str(), stderr);
}

// Typed lines are answered as soon as possible, files with as little work as possible.
void set_mode(const InferFlags& f, RunOptions* run) {
  const auto& files = f.input.files;
  const bool typed = files.empty() || std::find(files.begin(), files.end(), "-") != files.end();
  if (f.mode.empty()) {
    run->mode = typed ? Mode::latency : Mode::throughput;
  } else if (f.mode == "latency" || f.mode == "throughput") {
    run->mode = f.mode == "latency" ? Mode::latency : Mode::throughput;
  } else {
    fail_usage("--mode \"{}\", expected throughput or latency", printable(f.mode, 40));
  }
  run->max_delay_ms = f.max_delay >= 0 ? f.max_delay : run->mode == Mode::latency ? 100 : 0;
}

bool reads_terminal(const InferFlags& f) {
  return ::isatty(STDIN_FILENO) == 1 &&
         std::find(f.input.files.begin(), f.input.files.end(), "-") != f.input.files.end();
}

// What the rows depend on besides the model and the input.
tasks::Fingerprint infer_fingerprint(const InferFlags& f, const tasks::OutputOptions& output,
                                     const RunOptions& run, const ModelInfo& m) {
  const ExitPolicy& p = run.policy ? *run.policy : m.policy;
  const auto yes = [](bool b) { return std::string(b ? "yes" : "no"); };
  const auto number = [](int64_t n) { return fmt::format("{}", n); };
  return {{"format", tasks::output_format_name(output.format)},
          {"output header", yes(output.header)},
          {"all-exits", yes(f.all_exits)},
          {"top-k", number(f.top_k)},
          {"doc-stride", number(f.doc.stride)},
          {"join", f.doc.join},
          {"windows", yes(f.doc.windows)},
          {"label-threshold", shortest_list(run.label_thresholds)},
          {"policy", policy_name(p.kind)},
          {"threshold", shortest_list(p.thresholds)},
          {"patience", number(p.patience)},
          {"exit-layer", number(p.layer)},
          {"exit-start", number(p.exit_start)},
          {"average", yes(p.average)},
          {"exit-weights", shortest_list(p.exit_weights)},
          {"max-length", number(f.encode.max_length)},
          {"truncation", f.encode.truncation},
          {"pair-cut", f.encode.pair_cut},
          {"bad-rows", f.bad_rows.mode},
          {"keep", f.keep},
          {"pad-to", number(f.pad_to)}};
}

// Opens the output. --resume needs a format that does not depend on a terminal.
std::unique_ptr<tasks::RowOutput> open_output(const InferFlags& f,
                                              const tasks::OutputOptions& output,
                                              const RunOptions& run, const ModelInfo& m,
                                              const tasks::RunFiles& begun) {
  refuse_to_replace(f.output, f.input.files);
  if (!f.long_run.resume) return std::make_unique<tasks::RowOutput>(f.output, &interrupted);
  if (output.format == tasks::OutputFormat::table) {
    throw_usage("--resume needs --format tsv, csv or jsonl");
  }
  const auto files = input_files(f.input);
  return std::make_unique<tasks::RowOutput>(
      f.output, run_fingerprint(m, f.input, f.load, f.long_run, files, begun,
                                infer_fingerprint(f, output, run, m)));
}

tasks::InputOptions read_options(const InferFlags& f) {
  tasks::InputOptions options = input_options_that_say(f.input, f.quiet);
  if (!f.keep.empty()) options.keep = tasks::parse_kept_columns(f.keep, tasks::is_output_name);
  options.skip_bad_rows = f.bad_rows.skip();
  options.keep_raw = !f.bad_rows.file.empty();
  return options;
}

// The rows of --shard. Counting all rows reads the input once, which takes little time compared with
// scoring it.
RowRange rows_to_score(const InferFlags& f) {
  if (f.long_run.shard.empty()) return {};
  tasks::RowReader reader(input_files(f.input), read_options(f), &interrupted);
  Example row;
  return shard_rows(parse_shard(f.long_run.shard),
                    skip_rows([&] { return reader.next(row, true); }));
}

// What can be refused before the model is loaded. Throws Error(usage).
RunOptions run_options(const InferFlags& f) {
  RunOptions run;
  run.encode = encode_options(f.encode);
  run.all_exits = f.all_exits;
  run.threads = f.threads;
  run.batch_tokens = f.batch_tokens;
  run.pad_to = f.pad_to;
  run.label_thresholds = label_thresholds_from(f.label_threshold);
  check_doc_flags(f.doc, f.encode);
  add_doc_options(f.doc, &run);
  run.skip_bad_rows = f.bad_rows.skip();
  check_bad_row_flags(f.bad_rows, {f.output}, f.input.files);
  if (f.long_run.resume) check_rereadable(input_files(f.input), "--resume");
  if (!f.long_run.shard.empty()) {
    parse_shard(f.long_run.shard);
    check_rereadable(input_files(f.input), "--shard");
  }
  set_mode(f, &run);
  return run;
}

void check_model(const InferFlags& f, const ModelInfo& m) {
  if (m.question_answering) {
    fail_usage("{}: {} answers questions and has no labels; use --task qa", f.model, m.dialect);
  }
  if (is_regression(m) && f.top_k > 0) {
    throw_usage("--top-k needs labels, and this model gives a score (regression)");
  }
}

// Answers the rows of `range` that the output does not have yet. Returns the exit code.
int score_rows(const InferFlags& f, const Engine& engine, const RunOptions& run, RowRange range,
               const tasks::RunFiles& begun, tasks::OutputOptions output,
               tasks::RowReader* reader) {
  const auto bad = open_bad_rows(f.bad_rows);
  const auto file = open_output(f, output, run, engine.info(), begun);
  output.table_width = terminal_width(file->fd());
  if (!f.quiet) say_going_on(*file, "row", "rows");
  Example before;
  const auto next = [&] { return reader->next(before, true); };
  skip_rows(next, range.first);
  pass_found_rows(next, file->rows_found(), f.bad_rows.skip(), bad.get(), before,
                  [&] { engine.check(before, run); });
  RowPrinter printer(file.get(), bad.get(), f.quiet || reads_terminal(f), "row", "rows");
  printer.begin(*reader, range.rows());
  if (file->wants_header()) tasks::append_header(output, printer.text());
  if (!f.quiet && reads_terminal(f) && ::isatty(STDERR_FILENO)) {
    std::fputs("reading from the terminal, one text per line; Ctrl-D ends\n", stderr);
  }
  const auto append = [&](const Example& row, const Result& result, int64_t, std::string* text) {
    tasks::append_row(row, result, output, text);
  };
  const auto print_rows = [&](auto examples, auto results) {
    // The window may have become narrower.
    if (output.format == tasks::OutputFormat::table) {
      output.table_width = terminal_width(file->fd());
    }
    printer.print(*reader, examples, results, append);
  };
  RunStats stats;
  const RunEnd end = write_rows(
      &printer, *file, begun, "row", "rows",
      [&] { stats = engine.run(rows_in_range(reader, range), print_rows, run, &interrupted); },
      [] {});
  if (end == RunEnd::pipe_closed) return kPipeClosed;
  if (end == RunEnd::stopped) {
    if (!f.quiet) say_how_to_go_on(file.get(), f.output, printer.rows(), "row", "rows");
    return kInterrupted;
  }
  stats.skipped_rows = bad->count();
  if (!f.quiet) {
    say_row_warnings(stats);
    say_skipped(*bad);
  }
  const ModelInfo& m = engine.info();
  if (f.stats) std::fputs(stats_text(stats, m, printer.seconds()).c_str(), stderr);
  if (f.stats_json) std::fputs(stats_json(stats, m, printer.seconds()).c_str(), stderr);
  return 0;
}

int infer(const InferFlags& f) {
  check_not_swapped(f.model, f.input.files);
  if (f.model.empty()) throw_usage("the name of the model directory is empty");
  const auto format = asked_format(f);
  const tasks::InputOptions reading = read_options(f);
  RunOptions run = run_options(f);
  const tasks::RunFiles begun = files_at_begin(f.long_run, f.model, input_files(f.input));
  tasks::RowReader reader(input_files(f.input), reading, &interrupted);
  const Engine engine = load_engine(f.model, load_options(f.load));
  const ModelInfo& m = engine.info();
  check_model(f, m);
  if (!f.quiet) say_label_thresholds(m, run.label_thresholds);
  run.label_thresholds = label_thresholds_of(m, run.label_thresholds);
  run.policy = policy_from_flags(f.policy, m.policy, is_regression(m));
  if (f.verbose && !f.quiet) say_verbose(m, run, f.load);

  // Whether a terminal wants a table must be known before the output is opened: --resume notes it.
  tasks::OutputOptions output = output_options(f, format, m, STDOUT_FILENO);
  output.kept = tasks::output_names(reading.keep);
  const RowRange range = rows_to_score(f);
  if (parse_shard(f.long_run.shard).part > 1) output.header = false;
  return score_rows(f, engine, run, range, begun, output, &reader);
}

}  // namespace

void add_infer(CLI::App* app, std::function<int()>* run) {
  auto f = std::make_shared<InferFlags>();
  CLI::App* sub = add_infer_flags(app, f.get());
  sub->callback([=] {
    *run = [=] {
      check_qa_flags(*sub, f->input.task);
      return is_qa_task(f->input.task) ? infer_qa(*f) : infer(*f);
    };
  });
}

}  // namespace costeff::cli
