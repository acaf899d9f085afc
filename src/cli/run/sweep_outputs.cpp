#include "cli/run/sweep_outputs.h"

#include "base/fail.h"
#include "base/utf8.h"
#include "cli/flags/flag_checks.h"
#include "cli/run/print.h"
#include "tasks/page/sweep_page.h"
#include "tasks/report/sweep_writer.h"
#include "tasks/sweep/study.h"

namespace costeff::cli {
namespace {

using Models = std::span<const tasks::SweepReport>;

std::string title_of(const SweepFlags& f, Models models) {
  if (!f.title.empty()) return f.title;
  std::string names;
  for (const std::string& name : tasks::study_names(models))
    names += (names.empty() ? "" : ", ") + name;
  return names + ": " + models.front().quality_name + " against speed";
}

}  // namespace

SweepOutputs::SweepOutputs(const SweepFlags& f, const std::string& data) {
  add(f.tsv, data, [](const SweepFlags&, Models r) { return sweep_tsv(r); });
  add(f.json, data, [](const SweepFlags&, Models r) { return sweep_json(r); });
  add(f.svg, data, [](const SweepFlags& flags, Models r) {
    return sweep_svg(r, svg_axis(flags), title_of(flags, r));
  });
  add(f.html, data,
      [](const SweepFlags& flags, Models r) { return sweep_html(r, title_of(flags, r)); });
}

void SweepOutputs::add(const std::string& path, const std::string& data, Text text) {
  if (path.empty()) return;
  refuse_to_replace(path, {data});
  for (const File& other : files_) {
    if (same_place(other.path, path))
      fail_usage("{}: two outputs, expected a file for each", printable(path, 200));
  }
  files_.push_back({path, text, std::make_unique<tasks::OutputFile>(path, &interrupted)});
  if (path == "-") uses_stdout_ = true;
}

std::string SweepOutputs::names() const {
  std::string names;
  size_t left = files_.size() - (uses_stdout_ ? 1 : 0);
  for (const File& file : files_) {
    if (file.path == "-") continue;
    names += printable(file.path);
    if (--left > 0) names += left == 1 ? " and " : ", ";
  }
  return names;
}

int SweepOutputs::write(const SweepFlags& f, Models r) {
  for (const File& file : files_) {
    const tasks::WriteStatus status = file.out->write(file.text(f, r));
    if (status == tasks::WriteStatus::closed) return kPipeClosed;
    if (status == tasks::WriteStatus::stopped) return kInterrupted;
  }
  if (interrupted) return kInterrupted;
  for (const File& file : files_) file.out->commit();
  return 0;
}

}  // namespace costeff::cli
