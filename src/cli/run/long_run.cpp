#include "cli/run/long_run.h"

#include <costeff/version.h>
#include <sys/stat.h>

#include "base/fail.h"
#include "base/utf8.h"
#include "cli/run/print.h"

namespace costeff::cli {
namespace {

// Is the path one that gets its rows at the end, when they are complete?
bool is_plain_file(const std::string& path) {
  if (path == "-" || path.starts_with("/dev/") || path.starts_with("/proc/")) return false;
  struct stat st {};
  return ::stat(path.c_str(), &st) != 0 || S_ISREG(st.st_mode);
}

}  // namespace

RowRange shard_rows(const Shard& s, int64_t rows) {
  // In two terms, since rows * part may be too large for 64 bits.
  const int64_t whole = rows / s.parts, rest = rows % s.parts;
  const auto begin = [&](int64_t part) { return part * whole + part * rest / s.parts; };
  return {begin(s.part - 1), begin(s.part)};
}

void check_rereadable(const std::vector<tasks::InputFile>& files, const char* flag) {
  for (const tasks::InputFile& file : files) {
    if (tasks::is_stdin(file) || tasks::input_bytes(file) < 0) {
      fail_usage("{} needs files that can be read again, not {}", flag,
                 printable(tasks::input_name(file)));
    }
  }
}

int64_t skip_rows(const std::function<ReadStatus()>& next, int64_t max) {
  int64_t rows = 0;
  while (rows < max && next() == ReadStatus::row) ++rows;
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
                         {"files", fmt::format("{}", files.size())}};
  for (size_t i = 0; i < files.size(); ++i) {
    all.emplace_back(fmt::format("file {}", i + 1),
                     fmt::format("{} bytes {}", tasks::input_bytes(files[i]),
                                 tasks::content_hash(files[i].path)));
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
  fail_model("{} ({} {} written before)", e.what(), counted(rows, one, many),
             rows == 1 ? "was" : "were");
}

void say_how_to_go_on(tasks::RowOutput* output, const std::string& path, int64_t rows,
                      const char* one, const char* many) {
  end_typed_line();
  say("interrupted after {}", counted(rows, one, many));
  if (tasks::ResumeFile* kept = output->resume()) {
    kept->keep();
    say("{} kept in {}; the same command goes on from there", counted(kept->rows(), one, many),
        kept->partial());
  } else if (is_plain_file(path)) {
    say("{} was not written; with --resume finished rows are kept, to go on from them", path);
  }
}

void say_going_on(const tasks::RowOutput& output, const char* one, const char* many) {
  const int64_t rows = output.rows_found();
  if (rows > 0) say("going on after {}", counted(rows, one, many));
}

}  // namespace costeff::cli
