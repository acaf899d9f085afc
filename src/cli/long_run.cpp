#include "cli/long_run.h"

#include <costeff/version.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "base/parse.h"
#include "base/utf8.h"

namespace costeff::cli {
namespace {

constexpr int64_t kMostParts = 1000000;

// A path that rows are written to beside, and put in place at the end.
bool is_plain_file(const std::string& path) {
  if (path == "-" || path.starts_with("/dev/") || path.starts_with("/proc/")) return false;
  struct stat st {};
  return ::stat(path.c_str(), &st) != 0 || S_ISREG(st.st_mode);
}

}  // namespace

void add_long_run_flags(CLI::App* app, LongRunFlags* f) {
  const char* group = "Long runs";
  app->add_option("--shard", f->shard,
                  "Score the K-th of N parts of the rows, in order. The outputs of all parts, "
                  "joined with cat, are those of one run: only part 1 has a header")
      ->type_name("K/N")
      ->group(group);
  app->add_flag("--resume", f->resume,
                "Keep finished rows in FILE.partial (of --output FILE) if the run is interrupted; "
                "the same command goes on from there")
      ->group(group);
}

Shard parse_shard(const std::string& text) {
  const auto parts = split_at(text, '/');
  const auto n = parse_int(parts.back(), 1, kMostParts);
  const auto k = n ? parse_int(parts.front(), 1, *n) : std::nullopt;
  if (parts.size() != 2 || !k)
    throw_usage("--shard \"" + printable(text, 40) + "\", expected K/N with K from 1 to N: 2/8");
  Shard s;
  s.part = *k;
  s.parts = *n;
  return s;
}

RowRange shard_rows(const Shard& s, int64_t rows) {
  // In two terms: rows * part may be too large for 64 bits.
  const int64_t whole = rows / s.parts, rest = rows % s.parts;
  const auto begin = [&](int64_t part) { return part * whole + part * rest / s.parts; };
  return {begin(s.part - 1), begin(s.part)};
}

void check_rereadable(const std::vector<tasks::InputFile>& files, const char* flag) {
  for (const tasks::InputFile& file : files) {
    if (tasks::is_stdin(file) || tasks::input_bytes(file) < 0) {
      throw_usage(std::string(flag) + " needs files that can be read again, not " +
                  printable(tasks::input_name(file)));
    }
  }
}

int64_t skip_rows(const std::function<ReadStatus()>& next, int64_t most) {
  int64_t rows = 0;
  while (rows < most && next() == ReadStatus::row) ++rows;
  return rows;
}

tasks::Fingerprint run_fingerprint(const ModelInfo& model, const InputFlags& input,
                                   const LoadFlags& load, const LongRunFlags& flags,
                                   const std::vector<tasks::InputFile>& files,
                                   const tasks::RunFiles& begun, tasks::Fingerprint more) {
  tasks::Fingerprint all{{"costeff", kVersion},
                         {"kernels", kernels_text(load, model.compute)},
                         {"model", tasks::model_hash(model.path)},
                         {"shard", flags.shard.empty() ? "1/1" : flags.shard},
                         {"input-format", input.format},
                         {"text-field", input.text_field},
                         {"pair-field", input.pair_field},
                         {"id-field", input.id_field},
                         {"separator", input.separator},
                         {"delimiter", input.delimiter},
                         {"task", input.task},
                         {"header", input.header      ? "yes"
                                    : input.no_header ? "no"
                                                      : "auto"},
                         {"files", std::to_string(files.size())}};
  for (size_t i = 0; i < files.size(); ++i) {
    all.emplace_back("file " + std::to_string(i + 1), std::to_string(tasks::input_bytes(files[i])) +
                                                          " bytes " +
                                                          tasks::content_hash(files[i].path));
  }
  begun.check();
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

tasks::RunFiles files_at_begin(const LongRunFlags& flags, const std::string& model,
                               const std::vector<tasks::InputFile>& files) {
  if (!flags.resume && flags.shard.empty()) return {"", {}};
  return {model, files};
}

void throw_with_rows(const Error& e, const tasks::RowOutput& output, int64_t rows, const char* one,
                     const char* many) {
  if (e.kind() != ErrorKind::model || !output.straight()) throw e;
  throw_model(std::string(e.what()) + " (" + std::to_string(rows) + " " + (rows == 1 ? one : many) +
              " written before)");
}

void say_how_to_go_on(tasks::RowOutput* output, const std::string& path, int64_t rows,
                      const char* one, const char* many) {
  // The terminal has shown ^C in the line.
  if (::isatty(STDIN_FILENO) && ::isatty(STDERR_FILENO)) std::fputc('\n', stderr);
  std::fprintf(stderr, "costeff: interrupted after %lld %s\n", static_cast<long long>(rows),
               rows == 1 ? one : many);
  if (tasks::ResumeFile* kept = output->resume()) {
    kept->keep();
    std::fprintf(stderr, "costeff: %lld %s kept in %s; the same command goes on from there\n",
                 static_cast<long long>(kept->rows()), kept->rows() == 1 ? one : many,
                 printable(kept->partial()).c_str());
  } else if (is_plain_file(path)) {
    std::fprintf(stderr,
                 "costeff: %s was not written; with --resume finished rows are kept to go on "
                 "from\n",
                 printable(path).c_str());
  }
}

void say_going_on(const tasks::RowOutput& output, const char* one, const char* many) {
  const int64_t rows = output.rows_found();
  if (rows == 0) return;
  std::fprintf(stderr, "costeff: going on after %lld %s\n", static_cast<long long>(rows),
               rows == 1 ? one : many);
}

}  // namespace costeff::cli
