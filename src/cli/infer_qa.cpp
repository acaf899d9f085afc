#include "cli/infer_qa.h"

#include <costeff/engine.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "base/format.h"
#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/flag_checks.h"
#include "cli/print.h"
#include "cli/row_printer.h"
#include "cli/stats.h"
#include "tasks/read/qa_reader.h"
#include "tasks/write/qa_writer.h"
#include "tasks/write/row_output.h"

namespace costeff::cli {
namespace {

constexpr const char* kQaOnly[] = {"--doc-stride", "--max-answer-length", "--n-best", "--squad-v2",
                                   "--null-threshold"};
constexpr const char* kNotQa[] = {"--all-exits",  "--top-k",    "--pad-to",     "--policy",
                                  "--threshold",  "--patience", "--exit-layer", "--exit-start",
                                  "--truncation", "--pair-cut"};

tasks::QaOutputOptions output_options(const QaCommand& c) {
  tasks::QaOutputOptions out;
  std::string format = c.format;
  for (const char* name : {"jsonl", "csv"}) {
    if (format.empty() && c.output.ends_with(std::string(".") + name)) format = name;
  }
  out.format = format.empty() ? c.flags.n_best > 0 ? tasks::QaFormat::jsonl : tasks::QaFormat::tsv
                              : tasks::qa_format_from_name(format);
  if (c.flags.n_best > 0 && out.format != tasks::QaFormat::jsonl) {
    throw_usage("--n-best needs --format jsonl");
  }
  out.header = !c.no_output_header;
  out.n_best = c.flags.n_best;
  out.version_2 = c.flags.version_2;
  return out;
}

QaOptions qa_options(const QaCommand& c) {
  QaOptions q;
  q.max_length = c.max_length;
  q.doc_stride = c.flags.doc_stride;
  q.max_answer_length = c.flags.max_answer_length;
  q.n_best = std::max(q.n_best, c.flags.n_best);
  q.version_2 = c.flags.version_2;
  q.null_threshold = c.flags.null_threshold;
  q.threads = c.threads;
  q.batch_tokens = c.batch_tokens;
  q.skip_bad_rows = c.bad_rows.skip();
  return q;
}

std::vector<tasks::KeptColumn> kept_columns(const QaCommand& c) {
  if (c.keep.empty()) return {};
  return tasks::parse_kept_columns(c.keep, tasks::is_qa_output_name);
}

tasks::QaReader open_reader(const QaCommand& c, bool quiet) {
  InputFlags rows = c.input;
  rows.task.clear();
  std::optional<bool> squad;
  if (rows.format == "squad") {
    squad = true;
    rows.format = "auto";
  }
  tasks::InputOptions options = input_options_that_say(rows, quiet);
  options.keep = kept_columns(c);
  options.skip_bad_rows = c.bad_rows.skip();
  options.keep_raw = !c.bad_rows.file.empty();
  return {input_files(rows), options, squad, &interrupted};
}

std::unique_ptr<tasks::RowOutput> open_output(const QaCommand& c,
                                              const tasks::QaOutputOptions& output,
                                              const ModelInfo& m, const tasks::RunFiles& begun) {
  refuse_to_replace(c.output, c.input.files);
  if (!c.long_run.resume) return std::make_unique<tasks::RowOutput>(c.output, &interrupted);
  const QaOptions q = qa_options(c);
  const auto files = input_files(c.input);
  return std::make_unique<tasks::RowOutput>(
      c.output, run_fingerprint(m, c.input, c.load, c.long_run, files, begun,
                                {{"format", output.format == tasks::QaFormat::jsonl ? "jsonl"
                                            : output.format == tasks::QaFormat::csv ? "csv"
                                                                                    : "tsv"},
                                 {"output header", output.header ? "yes" : "no"},
                                 {"n-best", std::to_string(output.n_best)},
                                 {"bad-rows", c.bad_rows.mode},
                                 {"keep", c.keep},
                                 {"squad-v2", q.version_2 ? "yes" : "no"},
                                 {"null-threshold", shortest_list({q.null_threshold})},
                                 {"max-length", std::to_string(q.max_length)},
                                 {"doc-stride", std::to_string(q.doc_stride)},
                                 {"max-answer-length", std::to_string(q.max_answer_length)}}));
}

// Refuses what cannot work, and gives the questions of --shard.
RowRange questions_to_answer(const QaCommand& c, const tasks::QaOutputOptions& output) {
  const LongRunFlags& f = c.long_run;
  for (const char* flag : {f.resume ? "--resume" : "", f.shard.empty() ? "" : "--shard"}) {
    if (!*flag) continue;
    check_rereadable(input_files(c.input), flag);
    if (output.format == tasks::QaFormat::squad) {
      throw_usage(std::string(flag) + " writes rows; --format squad is one JSON object");
    }
  }
  if (f.shard.empty()) return {};
  const Shard shard = parse_shard(f.shard);
  tasks::QaReader reader = open_reader(c, true);
  QaExample row;
  return shard_rows(shard, skip_rows([&] { return reader.next(row, true); }));
}

void say_end(const QaCommand& c, QaStats s, const tasks::BadRows& bad, const ModelInfo& m,
             double output_s) {
  if (!c.quiet) {
    say_row_warnings(s);
    say_skipped(bad, "question", "questions");
  }
  s.run.bad_utf8_rows = s.bad_utf8_questions;
  s.run.empty_rows = s.empty_questions;
  s.run.skipped_rows = bad.count();
  if (!c.quiet && c.verbose) {
    std::fprintf(stderr, "%lld questions in %lld windows\n", static_cast<long long>(s.questions),
                 static_cast<long long>(s.windows));
  }
  if (c.stats) std::fputs(stats_text(s.run, m, output_s).c_str(), stderr);
  if (c.stats_json) std::fputs(stats_json(s.run, m, output_s).c_str(), stderr);
}

}  // namespace

void add_qa_flags(CLI::App* infer, QaFlags* f) {
  CLI::Option* task = infer->get_option("--task");
  task->description(task->get_description() +
                    "; or qa: questions and contexts (SQuAD's .json, or two columns)");
  const char* group = "Question answering (--task qa)";
  infer
      ->add_option(
          "--doc-stride", f->doc_stride,
          "Tokens that neighbouring windows of a long context share (default: 128, or less "
          "where windows are short)")
      ->type_name("N")
      ->check(whole_number(0, int64_t{1} << 20))
      ->group(group);
  infer
      ->add_option("--max-answer-length", f->max_answer_length,
                   "Tokens that an answer may have (default: 30)")
      ->type_name("N")
      ->check(whole_number(1, int64_t{1} << 20))
      ->group(group);
  infer->add_option("--n-best", f->n_best, "Also give the K likeliest answers (JSONL key nbest)")
      ->type_name("K")
      ->check(whole_number(1, 1000))
      ->group(group);
  infer
      ->add_flag("--squad-v2", f->version_2,
                 "A question may have no answer: the row's answer is then empty")
      ->group(group);
  infer
      ->add_option("--null-threshold", f->null_threshold,
                   "With --squad-v2: no answer where its logits are higher than the best answer's "
                   "by more than this (default: 0)")
      ->type_name("X")
      ->group(group);
}

bool is_qa_task(const std::string& task) { return task == "qa" || task == "squad"; }

void check_qa_flags(const CLI::App& infer, const std::string& task) {
  const bool qa = is_qa_task(task);
  const auto refuse = [&](const char* flag) {
    if (infer.count(flag) == 0) return;
    throw_usage(std::string(flag) + (qa ? " says nothing with --task qa" : " needs --task qa"));
  };
  if (qa) {
    for (const char* flag : kNotQa) refuse(flag);
  } else {
    for (const char* flag : kQaOnly) refuse(flag);
  }
  if (infer.count("--null-threshold") > 0 && infer.count("--squad-v2") == 0) {
    throw_usage("--null-threshold needs --squad-v2");
  }
}

int infer_qa(const QaCommand& c) {
  check_not_swapped(c.model, c.input.files);
  if (c.model.empty()) throw_usage("the name of the model directory is empty");
  check_bad_row_flags(c.bad_rows, {c.output}, c.input.files);
  tasks::QaOutputOptions output = output_options(c);
  output.kept = tasks::output_names(kept_columns(c));
  if (!output.kept.empty() && output.format == tasks::QaFormat::squad) {
    throw_usage(
        "--keep needs --format tsv, csv or jsonl: squad has an answer for each id, no more");
  }
  const tasks::RunFiles begun = files_at_begin(c.long_run, c.model, input_files(c.input));
  const RowRange range = questions_to_answer(c, output);
  if (!c.long_run.shard.empty() && parse_shard(c.long_run.shard).part > 1) output.header = false;
  tasks::QaReader reader = open_reader(c, c.quiet);
  const Engine engine = load_engine(c.model, load_options(c.load));
  const ModelInfo& m = engine.info();
  if (!m.question_answering) {
    throw_usage(c.model + ": " + m.dialect +
                " has no question answering head (qa_outputs), which --task qa needs");
  }
  if (c.verbose && !c.quiet) {
    std::fprintf(stderr, "model: %s, %s, %zu layers\n", printable(m.path).c_str(),
                 m.dialect.c_str(), m.layers.size());
    for (const std::string& note : m.notes) {
      std::fprintf(stderr, "note: %s\n", printable(note).c_str());
    }
  }
  const auto bad = open_bad_rows(c.bad_rows);
  const auto file = open_output(c, output, m, begun);
  if (!c.quiet) say_going_on(*file, "question", "questions");
  const QaOptions options = qa_options(c);
  QaExample before;
  const auto next = [&] { return reader.next(before, true); };
  skip_rows(next, range.first);
  pass_found_rows(next, file->rows_found(), c.bad_rows.skip(), bad.get(), before,
                  [&] { engine.check(before, options); });
  RowPrinter printer(file.get(), bad.get(), c.quiet, "question", "questions");
  printer.begin(reader, range.last < 0 ? -1 : range.last - range.first);
  if (file->wants_header()) tasks::append_qa_header(output, printer.text());
  QaStats stats;
  bool done = false;
  try {
    stats = engine.answer(
        [&](QaExample& row, bool may_block) {
          if (range.last >= 0 && reader.rows() >= range.last) {
            reader.check_unchanged();
            return ReadStatus::end;
          }
          return reader.next(row, may_block);
        },
        [&](auto examples, auto results) {
          printer.print(
              reader, examples, results,
              [&](const QaExample& row, const QaResult& answer, int64_t index, std::string* text) {
                tasks::append_qa_row(row, answer, output, index, text);
              });
        },
        options, &interrupted);
    if (!interrupted) {
      tasks::append_qa_footer(output, printer.rows(), printer.text());
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
    throw_with_rows(e, *file, printer.rows(), "question was", "questions were");
  }
  printer.erase_progress();
  if (!done) {
    if (!c.quiet) {
      say_how_to_go_on(file.get(), c.output, printer.rows(), "question", "questions");
    }
    return kInterrupted;
  }
  say_end(c, stats, *bad, m, printer.seconds());
  return 0;
}

}  // namespace costeff::cli
