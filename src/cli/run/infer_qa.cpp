#include "cli/run/infer_qa.h"

#include <costeff/engine.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "base/fail.h"
#include "base/format.h"
#include "base/utf8.h"
#include "cli/flags/flag_checks.h"
#include "cli/run/long_run.h"
#include "cli/run/open.h"
#include "cli/run/print.h"
#include "cli/run/row_printer.h"
#include "cli/run/stats.h"
#include "tasks/read/qa_reader.h"
#include "tasks/write/qa_writer.h"
#include "tasks/write/row_output.h"

namespace costeff::cli {
namespace {

tasks::QaOutputOptions output_options(const InferFlags& f) {
  tasks::QaOutputOptions out;
  std::string format = f.format;
  for (const char* name : {"jsonl", "csv"}) {
    if (format.empty() && f.output.ends_with(std::string(".") + name)) format = name;
  }
  out.format = format.empty() ? f.qa.n_best > 0 ? tasks::QaFormat::jsonl : tasks::QaFormat::tsv
                              : tasks::qa_format_from_name(format);
  if (f.qa.n_best > 0 && out.format != tasks::QaFormat::jsonl) {
    throw_usage("--n-best needs --format jsonl");
  }
  out.header = !f.no_output_header;
  out.n_best = f.qa.n_best;
  out.version_2 = f.qa.version_2;
  return out;
}

QaOptions qa_options(const InferFlags& f) {
  QaOptions q = qa_options(f.qa, f.doc.stride);
  q.max_length = f.encode.max_length;
  q.threads = f.threads;
  q.batch_tokens = f.batch_tokens;
  q.skip_bad_rows = f.bad_rows.skip();
  return q;
}

std::vector<tasks::KeptColumn> kept_columns(const InferFlags& f) {
  if (f.keep.empty()) return {};
  return tasks::parse_kept_columns(f.keep, tasks::is_qa_output_name);
}

tasks::QaReader open_reader(const InferFlags& f, bool quiet) {
  InputFlags rows = f.input;
  rows.task.clear();
  std::optional<bool> squad;
  if (rows.format == "squad") {
    squad = true;
    rows.format = "auto";
  }
  tasks::InputOptions options = input_options_that_say(rows, quiet);
  options.keep = kept_columns(f);
  options.skip_bad_rows = f.bad_rows.skip();
  options.keep_raw = !f.bad_rows.file.empty();
  return {input_files(rows), options, squad, &interrupted};
}

std::unique_ptr<tasks::RowOutput> open_output(const InferFlags& f,
                                              const tasks::QaOutputOptions& output,
                                              const ModelInfo& m, const tasks::RunFiles& begun) {
  refuse_to_replace(f.output, f.input.files);
  if (!f.long_run.resume) return std::make_unique<tasks::RowOutput>(f.output, &interrupted);
  const QaOptions q = qa_options(f);
  const auto number = [](int64_t n) { return fmt::format("{}", n); };
  const auto files = input_files(f.input);
  return std::make_unique<tasks::RowOutput>(
      f.output, run_fingerprint(m, f.input, f.load, f.long_run, files, begun,
                                {{"format", output.format == tasks::QaFormat::jsonl ? "jsonl"
                                            : output.format == tasks::QaFormat::csv ? "csv"
                                                                                    : "tsv"},
                                 {"output header", output.header ? "yes" : "no"},
                                 {"n-best", number(output.n_best)},
                                 {"bad-rows", f.bad_rows.mode},
                                 {"keep", f.keep},
                                 {"squad-v2", q.version_2 ? "yes" : "no"},
                                 {"null-threshold", shortest_list({q.null_threshold})},
                                 {"max-length", number(q.max_length)},
                                 {"doc-stride", number(q.doc_stride)},
                                 {"max-answer-length", number(q.max_answer_length)}}));
}

// The questions of --shard. Throws Error(usage) if the flags of a long run do not fit the rest.
RowRange questions_to_answer(const InferFlags& f, const tasks::QaOutputOptions& output) {
  const LongRunFlags& asked = f.long_run;
  for (const char* flag : {asked.resume ? "--resume" : "", asked.shard.empty() ? "" : "--shard"}) {
    if (!*flag) continue;
    check_rereadable(input_files(f.input), flag);
    if (output.format == tasks::QaFormat::squad) {
      fail_usage("{} writes rows; --format squad is one JSON object", flag);
    }
  }
  if (asked.shard.empty()) return {};
  const Shard shard = parse_shard(asked.shard);
  tasks::QaReader reader = open_reader(f, true);
  QaExample row;
  return shard_rows(shard, skip_rows([&] { return reader.next(row, true); }));
}

void say_end(const InferFlags& f, QaStats s, const tasks::BadRows& bad, const ModelInfo& m,
             double output_s) {
  if (!f.quiet) {
    say_row_warnings(s);
    say_skipped(bad, "question", "questions");
  }
  s.run.bad_utf8_rows = s.bad_utf8_questions;
  s.run.empty_rows = s.empty_questions;
  s.run.skipped_rows = bad.count();
  if (!f.quiet && f.verbose) {
    std::fputs(fmt::format("{} questions in {} windows\n", s.questions, s.windows).c_str(), stderr);
  }
  if (f.stats) std::fputs(stats_text(s.run, m, output_s).c_str(), stderr);
  if (f.stats_json) std::fputs(stats_json(s.run, m, output_s).c_str(), stderr);
}

// The model and its notes, for --verbose.
void say_qa_model(const ModelInfo& m) {
  std::string text =
      fmt::format("model: {}, {}, {} layers\n", printable(m.path), m.dialect, m.layers.size());
  for (const std::string& note : m.notes) append_format(&text, "note: {}\n", printable(note));
  std::fputs(text.c_str(), stderr);
}

// Answers the questions of `range` that the output does not have yet. Returns the exit code.
int answer_questions(const InferFlags& f, const Engine& engine, RowRange range,
                     const tasks::RunFiles& begun, const tasks::QaOutputOptions& output,
                     tasks::QaReader* reader) {
  const auto bad = open_bad_rows(f.bad_rows);
  const auto file = open_output(f, output, engine.info(), begun);
  if (!f.quiet) say_going_on(*file, "question", "questions");
  const QaOptions options = qa_options(f);
  QaExample before;
  const auto next = [&] { return reader->next(before, true); };
  skip_rows(next, range.first);
  pass_found_rows(next, file->rows_found(), f.bad_rows.skip(), bad.get(), before,
                  [&] { engine.check(before, options); });
  RowPrinter printer(file.get(), bad.get(), f.quiet, "question", "questions");
  printer.begin(*reader, range.rows());
  if (file->wants_header()) tasks::append_qa_header(output, printer.text());
  const auto append = [&](const QaExample& row, const QaResult& answer, int64_t index,
                          std::string* text) {
    tasks::append_qa_row(row, answer, output, index, text);
  };
  const auto print_rows = [&](auto examples, auto results) {
    printer.print(*reader, examples, results, append);
  };
  QaStats stats;
  const RunEnd end = write_rows(
      &printer, *file, begun, "question", "questions",
      [&] {
        stats = engine.answer(rows_in_range(reader, range), print_rows, options, &interrupted);
      },
      [&] { tasks::append_qa_footer(output, printer.rows(), printer.text()); });
  if (end == RunEnd::pipe_closed) return kPipeClosed;
  if (end == RunEnd::stopped) {
    if (!f.quiet) {
      say_how_to_go_on(file.get(), f.output, printer.rows(), "question", "questions");
    }
    return kInterrupted;
  }
  say_end(f, stats, *bad, engine.info(), printer.seconds());
  return 0;
}

}  // namespace

int infer_qa(const InferFlags& f) {
  check_not_swapped(f.model, f.input.files);
  if (f.model.empty()) throw_usage("the name of the model directory is empty");
  check_bad_row_flags(f.bad_rows, {f.output}, f.input.files);
  tasks::QaOutputOptions output = output_options(f);
  output.kept = tasks::output_names(kept_columns(f));
  if (!output.kept.empty() && output.format == tasks::QaFormat::squad) {
    throw_usage(
        "--keep needs --format tsv, csv or jsonl: squad has an answer for each id and nothing "
        "else");
  }
  const tasks::RunFiles begun = files_at_begin(f.long_run, f.model, input_files(f.input));
  const RowRange range = questions_to_answer(f, output);
  if (parse_shard(f.long_run.shard).part > 1) output.header = false;
  tasks::QaReader reader = open_reader(f, f.quiet);
  const Engine engine = load_engine(f.model, load_options(f.load));
  const ModelInfo& m = engine.info();
  if (!m.question_answering) {
    fail_usage("{}: {} has no question answering head (qa_outputs), which --task qa needs", f.model,
               m.dialect);
  }
  if (f.verbose && !f.quiet) say_qa_model(m);
  return answer_questions(f, engine, range, begun, output, &reader);
}

}  // namespace costeff::cli
