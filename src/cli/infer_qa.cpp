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
#include "tasks/qa_reader.h"
#include "tasks/qa_writer.h"
#include "tasks/row_output.h"

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
  return q;
}

tasks::QaReader open_reader(const InputFlags& flags, bool quiet) {
  InputFlags rows = flags;
  rows.task.clear();
  std::optional<bool> squad;
  if (flags.format == "squad") {
    squad = true;
    rows.format = "auto";
  }
  return {input_files(rows), input_options_that_say(rows, quiet), squad, &interrupted};
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
  tasks::QaReader reader = open_reader(c.input, true);
  QaExample row;
  return shard_rows(shard, skip_rows([&] { return reader.next(row, true); }));
}

void say(const char* begin, int64_t n, const char* one, const char* many) {
  std::fprintf(stderr, "%s%lld %s\n", begin, static_cast<long long>(n), n == 1 ? one : many);
}

void say_end(const QaCommand& c, const QaStats& s, const ModelInfo& m, double output_s) {
  if (!c.quiet && s.bad_utf8_questions > 0) {
    say("costeff: warning: ", s.bad_utf8_questions,
        "question or its context is not UTF-8; bad bytes were read as U+FFFD",
        "questions or their contexts are not UTF-8; bad bytes were read as U+FFFD");
  }
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
  if (c.model.empty()) throw_usage("the name of the model directory is empty");
  tasks::QaOutputOptions output = output_options(c);
  const tasks::RunFiles begun = files_at_begin(c.long_run, c.model, input_files(c.input));
  const RowRange range = questions_to_answer(c, output);
  if (!c.long_run.shard.empty() && parse_shard(c.long_run.shard).part > 1) output.header = false;
  tasks::QaReader reader = open_reader(c.input, c.quiet);
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
  const auto file = open_output(c, output, m, begun);
  if (!c.quiet) say_going_on(*file, "question", "questions");
  QaExample skipped;
  int64_t at =
      skip_rows([&] { return reader.next(skipped, true); }, range.first + file->rows_found());
  RowPrinter printer(file.get(), c.quiet);
  printer.begin(reader, range.last < 0 ? -1 : range.last - range.first);
  if (file->wants_header()) tasks::append_qa_header(output, printer.text());
  QaStats stats;
  try {
    stats = engine.answer(
        [&](QaExample& row, bool may_block) {
          if (range.last >= 0 && at >= range.last) {
            reader.check_unchanged();
            return ReadStatus::end;
          }
          const ReadStatus status = reader.next(row, may_block);
          if (status == ReadStatus::row) ++at;
          return status;
        },
        [&](auto examples, auto results) {
          printer.print(reader, examples.size(), [&](std::string* text) {
            int64_t row = printer.rows();
            for (size_t i = 0; i < examples.size(); ++i)
              tasks::append_qa_row(examples[i], results[i], output, row++, text);
          });
        },
        qa_options(c), &interrupted);
    if (!interrupted) {
      tasks::append_qa_footer(output, printer.rows(), printer.text());
      printer.finish();
      begun.check_inputs();
    }
  } catch (const OutputClosed&) {
    if (!interrupted) return kPipeClosed;
  } catch (const Error& e) {
    printer.erase_progress();
    throw_with_rows(e, *file, printer.rows(), "question was", "questions were");
  }
  printer.erase_progress();
  if (interrupted) {
    if (!c.quiet) {
      say_how_to_go_on(file.get(), c.output, printer.rows(), "question", "questions");
    }
    return kInterrupted;
  }
  file->commit();
  say_end(c, stats, m, printer.seconds());
  return 0;
}

}  // namespace costeff::cli
