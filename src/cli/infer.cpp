#include <costeff/engine.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/format.h"
#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/flag_checks.h"
#include "cli/infer_flags.h"
#include "cli/infer_qa.h"
#include "cli/input_flags.h"
#include "cli/load_flags.h"
#include "cli/long_run.h"
#include "cli/policy_flags.h"
#include "cli/print.h"
#include "cli/row_printer.h"
#include "cli/stats.h"
#include "tasks/read/reader.h"
#include "tasks/write/row_output.h"
#include "tasks/write/writer.h"

namespace costeff::cli {
namespace {

// What --format, --all-exits and the name of the output file ask for; else what suits where it
// goes: nothing yet.
std::optional<tasks::OutputFormat> asked_format(const InferOptions& o) {
  using tasks::OutputFormat;
  std::optional<OutputFormat> format;
  if (!o.format.empty()) {
    format = tasks::output_format_from_name(o.format);
  } else if (o.all_exits || o.output.ends_with(".jsonl")) {
    format = OutputFormat::jsonl;
  } else if (o.output.ends_with(".csv")) {
    format = OutputFormat::csv;
  } else if (o.output != "-" || o.top_k > 1) {
    format = OutputFormat::tsv;
  }
  if (o.all_exits && format != OutputFormat::jsonl) throw_usage("--all-exits needs --format jsonl");
  if (o.top_k > 1 && format == OutputFormat::table)
    throw_usage("--top-k needs --format tsv, csv or jsonl");
  return format;
}

tasks::OutputOptions output_options(const InferOptions& o,
                                    std::optional<tasks::OutputFormat> format, const ModelInfo& m,
                                    int fd) {
  tasks::OutputOptions out;
  out.format =
      format.value_or(::isatty(fd) ? tasks::OutputFormat::table : tasks::OutputFormat::tsv);
  out.labels = m.labels;
  out.regression = m.regression;
  out.all_exits = o.all_exits;
  out.top_k = o.top_k;
  out.header = !o.no_output_header;
  out.table_width = terminal_width(fd);
  out.num_layers = static_cast<int64_t>(m.layers.size());
  return out;
}

void say_verbose(const ModelInfo& m, const RunOptions& run, const LoadFlags& load) {
  const ExitPolicy& policy = run.policy ? *run.policy : m.policy;
  std::fprintf(stderr, "model: %s, %s, %zu layers, %zu exits\n", printable(m.path).c_str(),
               m.dialect.c_str(), m.layers.size(), m.exits.size());
  std::fprintf(stderr, "exit policy: %s%s\n", policy_text(policy).c_str(),
               run.policy            ? " (flags)"
               : m.policy_from_model ? " (exit_policy.json)"
                                     : " (the model states none)");
  std::fprintf(stderr, "kernels: %s\n", kernels_text(load, m.compute).c_str());
  if (!m.unused.empty())
    std::fprintf(stderr, "not used: %zu tensors (costeff inspect lists them)\n", m.unused.size());
  for (const std::string& note : m.notes)
    std::fprintf(stderr, "note: %s\n", printable(note).c_str());
}

// Typed lines are wanted soon, files are wanted done.
void set_mode(const InferOptions& o, RunOptions* run) {
  const auto& files = o.input.files;
  const bool typed = files.empty() || std::find(files.begin(), files.end(), "-") != files.end();
  if (o.mode.empty()) {
    run->mode = typed ? Mode::latency : Mode::throughput;
  } else if (o.mode == "latency" || o.mode == "throughput") {
    run->mode = o.mode == "latency" ? Mode::latency : Mode::throughput;
  } else {
    throw_usage("--mode \"" + printable(o.mode, 40) + "\", expected throughput or latency");
  }
  run->max_delay_ms = o.max_delay >= 0 ? o.max_delay : run->mode == Mode::latency ? 100 : 0;
}

bool reads_terminal(const InferOptions& o) {
  return ::isatty(STDIN_FILENO) == 1 &&
         std::find(o.input.files.begin(), o.input.files.end(), "-") != o.input.files.end();
}

// What is in the rows beside the model's and the input's part.
tasks::Fingerprint infer_fingerprint(const InferOptions& o, const tasks::OutputOptions& output,
                                     const RunOptions& run, const ModelInfo& m) {
  const ExitPolicy& p = run.policy ? *run.policy : m.policy;
  const auto yes = [](bool b) { return std::string(b ? "yes" : "no"); };
  return {{"format", tasks::output_format_name(output.format)},
          {"output header", yes(output.header)},
          {"all-exits", yes(o.all_exits)},
          {"top-k", std::to_string(o.top_k)},
          {"policy", policy_name(p.kind)},
          {"threshold", shortest_list(p.thresholds)},
          {"patience", std::to_string(p.patience)},
          {"exit-layer", std::to_string(p.layer)},
          {"exit-start", std::to_string(p.exit_start)},
          {"max-length", std::to_string(o.encode.max_length)},
          {"truncation", o.encode.truncation},
          {"pair-cut", o.encode.pair_cut},
          {"bad-rows", o.bad_rows.mode},
          {"keep", o.keep},
          {"pad-to", std::to_string(o.pad_to)}};
}

// Where the rows go. With --resume a file has a format that does not depend on a terminal.
std::unique_ptr<tasks::RowOutput> open_output(const InferOptions& o,
                                              const tasks::OutputOptions& output,
                                              const RunOptions& run, const ModelInfo& m,
                                              const tasks::RunFiles& begun) {
  refuse_to_replace(o.output, o.input.files);
  if (!o.long_run.resume) return std::make_unique<tasks::RowOutput>(o.output, &interrupted);
  if (output.format == tasks::OutputFormat::table) {
    throw_usage("--resume needs --format tsv, csv or jsonl");
  }
  const auto files = input_files(o.input);
  return std::make_unique<tasks::RowOutput>(
      o.output, run_fingerprint(m, o.input, o.load, o.long_run, files, begun,
                                infer_fingerprint(o, output, run, m)));
}

tasks::InputOptions read_options(const InferOptions& o) {
  tasks::InputOptions options = input_options_that_say(o.input, o.quiet);
  if (!o.keep.empty()) options.keep = tasks::parse_kept_columns(o.keep, tasks::is_output_name);
  options.skip_bad_rows = o.bad_rows.skip();
  options.keep_raw = !o.bad_rows.file.empty();
  return options;
}

// The rows of --shard. Counting them reads the input once, which is little beside scoring it.
RowRange rows_to_score(const InferOptions& o) {
  if (o.long_run.shard.empty()) return {};
  tasks::RowReader reader(input_files(o.input), read_options(o), &interrupted);
  Example row;
  return shard_rows(parse_shard(o.long_run.shard),
                    skip_rows([&] { return reader.next(row, true); }));
}

QaCommand qa_command(const InferOptions& o) {
  return {.model = o.model,
          .input = o.input,
          .flags = o.qa,
          .load = o.load,
          .long_run = o.long_run,
          .bad_rows = o.bad_rows,
          .keep = o.keep,
          .format = o.format,
          .output = o.output,
          .max_length = o.encode.max_length,
          .threads = o.threads,
          .batch_tokens = o.batch_tokens,
          .no_output_header = o.no_output_header,
          .quiet = o.quiet,
          .verbose = o.verbose,
          .stats = o.stats,
          .stats_json = o.stats_json};
}

int infer(const InferOptions& o) {
  check_not_swapped(o.model, o.input.files);
  if (o.model.empty()) throw_usage("the name of the model directory is empty");
  const auto format = asked_format(o);
  RunOptions run;
  run.encode = encode_options(o.encode);
  run.all_exits = o.all_exits;
  run.threads = o.threads;
  run.batch_tokens = o.batch_tokens;
  run.pad_to = o.pad_to;
  run.skip_bad_rows = o.bad_rows.skip();
  check_bad_row_flags(o.bad_rows, {o.output}, o.input.files);
  const tasks::InputOptions reading = read_options(o);
  if (o.long_run.resume) check_rereadable(input_files(o.input), "--resume");
  if (!o.long_run.shard.empty()) {
    parse_shard(o.long_run.shard);
    check_rereadable(input_files(o.input), "--shard");
  }
  set_mode(o, &run);
  const tasks::RunFiles begun = files_at_begin(o.long_run, o.model, input_files(o.input));
  tasks::RowReader reader(input_files(o.input), reading, &interrupted);
  const Engine engine = load_engine(o.model, load_options(o.load));
  const ModelInfo& m = engine.info();
  if (m.question_answering) {
    throw_usage(o.model + ": " + m.dialect + " answers questions and has no labels; use --task qa");
  }
  if (m.regression && o.top_k > 0) {
    throw_usage("--top-k needs labels, and this model gives a score (regression)");
  }
  run.policy = policy_from_flags(o.policy, m.policy, m.regression);
  if (o.verbose && !o.quiet) say_verbose(m, run, o.load);

  // Whether a terminal wants a table must be known before the output is opened: --resume notes it.
  tasks::OutputOptions output = output_options(o, format, m, STDOUT_FILENO);
  output.kept = tasks::output_names(reading.keep);
  const RowRange range = rows_to_score(o);
  if (!o.long_run.shard.empty() && parse_shard(o.long_run.shard).part > 1) output.header = false;
  const auto bad = open_bad_rows(o.bad_rows);
  const auto file = open_output(o, output, run, m, begun);
  output.table_width = terminal_width(file->fd());
  if (!o.quiet) say_going_on(*file, "row", "rows");
  Example before;
  const auto next = [&] { return reader.next(before, true); };
  skip_rows(next, range.first);
  pass_found_rows(next, file->rows_found(), o.bad_rows.skip(), bad.get(), before,
                  [&] { engine.check(before, run); });
  RowPrinter printer(file.get(), bad.get(), o.quiet || reads_terminal(o), "row", "rows");
  printer.begin(reader, range.last < 0 ? -1 : range.last - range.first);
  if (file->wants_header()) tasks::append_header(output, printer.text());
  if (!o.quiet && reads_terminal(o) && ::isatty(STDERR_FILENO)) {
    std::fputs("reading from the terminal, a text a line; Ctrl-D ends\n", stderr);
  }
  RunStats stats;
  bool done = false;
  try {
    stats = engine.run(
        [&](Example& row, bool may_block) {
          if (range.last >= 0 && reader.rows() >= range.last) {
            reader.check_unchanged();
            return ReadStatus::end;
          }
          return reader.next(row, may_block);
        },
        [&](auto examples, auto results) {
          // The window may have become narrower.
          if (output.format == tasks::OutputFormat::table) {
            output.table_width = terminal_width(file->fd());
          }
          printer.print(reader, examples, results,
                        [&](const Example& row, const Result& result, int64_t, std::string* text) {
                          tasks::append_row(row, result, output, text);
                        });
        },
        run, &interrupted);
    if (!interrupted) {
      printer.finish();
      begun.check_inputs();
      printer.erase_progress();
      printer.commit();
      done = true;
    }
  } catch (const OutputClosed&) {
    if (!interrupted) return kPipeClosed;
  } catch (const Error& e) {
    printer.erase_progress();
    throw_with_rows(e, *file, printer.rows(), "row was", "rows were");
  }
  printer.erase_progress();
  if (!done) {
    if (!o.quiet) say_how_to_go_on(file.get(), o.output, printer.rows(), "row", "rows");
    return kInterrupted;
  }
  stats.skipped_rows = bad->count();
  if (!o.quiet) {
    say_row_warnings(stats);
    say_skipped(*bad);
  }
  if (o.stats) std::fputs(stats_text(stats, m, printer.seconds()).c_str(), stderr);
  if (o.stats_json) std::fputs(stats_json(stats, m, printer.seconds()).c_str(), stderr);
  return 0;
}

}  // namespace

void add_infer(CLI::App* app, std::function<int()>* run) {
  auto o = std::make_shared<InferOptions>();
  CLI::App* sub = add_infer_flags(app, o.get());
  sub->callback([=] {
    *run = [=] {
      check_qa_flags(*sub, o->input.task);
      return is_qa_task(o->input.task) ? infer_qa(qa_command(*o)) : infer(*o);
    };
  });
}

}  // namespace costeff::cli
