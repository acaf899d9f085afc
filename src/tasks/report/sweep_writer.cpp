#include "tasks/report/sweep_writer.h"

#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "base/utf8.h"
#include "tasks/report/verdict_text.h"
#include "tasks/sweep/study.h"
#include "tasks/write/format_text.h"

namespace costeff::tasks {
namespace {

std::string histogram_text(const std::vector<int64_t>& counts) {
  std::string s;
  for (const int64_t n : counts) append_format(&s, "{}{}", s.empty() ? "" : ",", n);
  return s;
}

// The name of the quality in nine columns.
std::string quality_head(const SweepReport& r) {
  return r.quality_name == "subset accuracy" ? "subset" : r.quality_name;
}

void cell(std::string_view text, int64_t width, Align align, std::string* out) {
  append_cell(text, width, align, true, out);
  *out += ' ';
}

void end_line(std::string* out) {
  while (!out->empty() && out->back() == ' ') out->pop_back();
  *out += '\n';
}

std::string interval_text(const Interval& i) {
  return std::isnan(i.low) ? "" : fmt::format("{:.3f}-{:.3f}", i.low, i.high);
}

// The name in the first column: of the curve, unless its settings tell the curve from others.
const std::string& shown_name(const SweepPoint& p) {
  const bool by_name =
      p.family == "given" || p.family == "model" || has_curve_of_number(p.policy.kind);
  return by_name ? p.name : p.family;
}

// Columns for the names and settings that are shown; usually as many as the names of the usual policies take.
struct Widths {
  int64_t name = 17, setting = 14;
};
Widths widths_of(const SweepReport& r, const std::vector<size_t>& shown) {
  Widths w;
  for (const size_t i : shown) {
    const SweepPoint& p = r.points[i];
    if (!has_curve_of_number(p.policy.kind)) continue;
    w.name = std::max(w.name, static_cast<int64_t>(p.name.size()));
    w.setting = std::max(w.setting, std::min<int64_t>(24, static_cast<int64_t>(p.setting.size())));
  }
  constexpr int64_t kBoth = 34;  // columns, so that a line has 80
  w.name = std::min<int64_t>(w.name, kBoth - 12);
  w.setting = std::min(w.setting, kBoth - w.name);
  return w;
}

void append_points(const SweepReport& r, size_t per_curve, std::string* out) {
  const std::vector<size_t> shown = shown_points(r, per_curve);
  const Widths width = widths_of(r, shown);
  cell("", 1, Align::left, out);
  cell("policy", width.name, Align::left, out);
  cell("setting", width.setting, Align::left, out);
  cell(quality_head(r), 9, Align::right, out);
  cell(is_regression(r) ? "spearman" : "95%", 11, Align::right, out);
  cell(is_regression(r) ? "differs" : "agrees", 7, Align::right, out);
  cell("layer", 6, Align::right, out);
  cell("MACs/x", 6, Align::right, out);
  end_line(out);
  for (const size_t i : shown) {
    const SweepPoint& p = r.points[i];
    cell(p.pareto ? "*" : "", 1, Align::left, out);
    cell(shown_name(p), width.name, Align::left, out);
    cell(p.setting.empty() ? "-" : p.setting, width.setting, Align::left, out);
    cell(fmt::format("{:.4f}", p.quality), 9, Align::right, out);
    cell(is_regression(r) ? fmt::format("{:.4f}", p.spearman) : interval_text(p.interval), 11,
         Align::right, out);
    cell(fmt::format("{:.4f}", p.agreement), 7, Align::right, out);
    cell(fmt::format("{:.2f}", p.mean_layer), 6, Align::right, out);
    cell(fmt::format("{:.2f}x", p.speedup_macs), 6, Align::right, out);
    end_line(out);
  }
}

void append_timings(const SweepReport& r, std::string* out) {
  if (std::none_of(r.points.begin(), r.points.end(),
                   [](const SweepPoint& p) { return !p.timings.empty(); })) {
    return;
  }
  append_format(out, "\nmeasured, {} {}; median and range of interleaved passes\n", r.threads,
                r.threads == 1 ? "thread" : "threads");
  std::vector<size_t> timed;
  for (size_t i = 0; i < r.points.size(); ++i) {
    if (!r.points[i].timings.empty()) timed.push_back(i);
  }
  const Widths width = widths_of(r, timed);
  cell("policy", width.name - 1, Align::left, out);
  cell("setting", width.setting, Align::left, out);
  cell(quality_head(r), 9, Align::right, out);
  cell("batch", 6, Align::right, out);
  cell("rows/s", 8, Align::right, out);
  cell("range", 13, Align::right, out);
  cell("speed-up", 8, Align::right, out);
  end_line(out);
  for (const SweepPoint& p : r.points) {
    for (const SweepTiming& t : p.timings) {
      cell(p.name, width.name - 1, Align::left, out);
      cell(p.setting.empty() ? "-" : p.setting, width.setting, Align::left, out);
      cell(fmt::format("{:.4f}", p.quality), 9, Align::right, out);
      cell(fmt::format("{}", t.batch_tokens), 6, Align::right, out);
      cell(fmt::format("{:.0f}", t.rows_per_s), 8, Align::right, out);
      cell(fmt::format("{:.0f}-{:.0f}", t.rows_per_s_low, t.rows_per_s_high), 13, Align::right,
           out);
      cell(fmt::format("{:.2f}x", t.speedup), 8, Align::right, out);
      end_line(out);
    }
  }
}

void append_exits(const SweepReport& r, std::string* out) {
  *out += "\nif all rows left at one layer\n";
  cell("layer", 5, Align::right, out);
  cell(quality_head(r), 9, Align::right, out);
  if (!is_regression(r)) {
    cell("95%", 11, Align::right, out);
    cell("entropy", 8, Align::right, out);
    cell("ECE", 7, Align::right, out);
  }
  end_line(out);
  for (const ExitSummary& e : r.exits) {
    cell(fmt::format("{}", e.layer), 5, Align::right, out);
    cell(fmt::format("{:.4f}", e.quality), 9, Align::right, out);
    if (!is_regression(r)) {
      cell(interval_text(e.interval), 11, Align::right, out);
      cell(fmt::format("{:.4f}", e.mean_entropy), 8, Align::right, out);
      cell(fmt::format("{:.4f}", e.ece), 7, Align::right, out);
    }
    end_line(out);
  }
}

void append_tsv_rows(const SweepReport& r, std::string* out) {
  std::string model;
  append_tsv_field(r.model, &model);
  for (size_t i = 0; i < r.points.size(); ++i) {
    const SweepPoint& p = r.points[i];
    std::string line =
        fmt::format("{}\t{}\t{}\t{}\t{}", p.family, p.name, p.setting, p.policy.exit_start, r.rows);
    for (const double v :
         {p.quality, p.interval.low, p.interval.high, is_regression(r) ? p.spearman : kNaN,
          p.agreement, p.mean_layer, p.layers_saved, p.speedup_layers, p.macs, p.speedup_macs}) {
      append_format(&line, "\t{}", shortest(v));
    }
    append_format(&line, "\t{}\t{}", p.pareto ? 1 : 0, histogram_text(p.histogram));
    const Latency l = p.latency.value_or(Latency{0, kNaN, kNaN});
    const std::string end = fmt::format(
        "{}\t{}\t{}\t{}\t{}\t{}\t{}\n", shortest(p.change), shortest(p.change_interval.low),
        shortest(p.change_interval.high), shortest(l.p50_ms), shortest(l.p99_ms),
        static_cast<int64_t>(i) == r.verdict.point ? 1 : 0, model);
    if (p.timings.empty()) append_format(out, "{}\tnan\tnan\tnan\tnan\tnan\t{}", line, end);
    for (const SweepTiming& t : p.timings) {
      append_format(out, "{}\t{}\t{}\t{}\t{}\t{}\t{}", line, t.batch_tokens, shortest(t.rows_per_s),
                    shortest(t.rows_per_s_low), shortest(t.rows_per_s_high), shortest(t.speedup),
                    end);
    }
  }
}

// One front over all models.
void append_front(std::span<const SweepReport> models, std::string* out) {
  *out += "\none front over all models\n";
  int64_t name = 5, setting = 7;
  const std::vector<StudyPoint> front = shown_front(models, 16);
  const std::vector<std::string> names = study_names(models);
  const auto wider = [](int64_t width, const std::string& text) {
    return std::max(width, std::min<int64_t>(24, static_cast<int64_t>(text.size())));
  };
  for (const StudyPoint& p : front) {
    name = wider(name, names[p.model]);
    setting = wider(setting, models[p.model].points[p.point].text);
  }
  const StudyVerdict v = study_verdict(models);
  cell("", 1, Align::left, out);
  cell("model", name, Align::left, out);
  cell("setting", setting, Align::left, out);
  cell(quality_head(models.front()), 9, Align::right, out);
  cell("layer", 6, Align::right, out);
  cell("MMACs", 8, Align::right, out);
  end_line(out);
  for (const StudyPoint& p : front) {
    const SweepPoint& point = models[p.model].points[p.point];
    cell(p.model == v.model && p.point == v.point ? ">" : "", 1, Align::left, out);
    cell(names[p.model], name, Align::left, out);
    cell(point.text, setting, Align::left, out);
    cell(fmt::format("{:.4f}", point.quality), 9, Align::right, out);
    cell(fmt::format("{:.2f}", point.mean_layer), 6, Align::right, out);
    cell(fmt::format("{:.1f}", point.macs / 1e6), 8, Align::right, out);
    end_line(out);
  }
  *out += "MMACs: millions of multiply-accumulates (MACs) a row\n\n";
  *out += wrapped(study_text(models), 79);
  const std::string command = command_of(models[v.model], v.point);
  if (!command.empty()) append_format(out, "  {}\n", command);
}

std::string model_text(const SweepReport& r, size_t per_curve) {
  std::string out =
      fmt::format("{} on {}: {}, {}\n", printable(r.model), printable(r.data),
                  counted(r.rows, "row", "rows"), counted(r.tokens, "token", "tokens"));
  append_format(
      &out, "every exit computed once in {:.2f} s; {} judged in {:.3f} s\n\n", r.pass_seconds,
      counted(static_cast<int64_t>(r.points.size()), "setting", "settings"), r.sweep_seconds);
  append_points(r, per_curve, &out);
  out += "* nothing else here is as good with fewer multiply-accumulates (MACs)\n";
  if (shown_points(r, per_curve).size() < r.points.size())
    out += "Only some settings are shown; --tsv, --json and --html have all of them.\n";
  if (r.searched) {
    append_format(&out,
                  "by-layer: thresholds were searched on these very rows, so their {}\nis "
                  "flattering; costeff tune --per-layer tests them on rows of their own.\n",
                  r.quality_name);
  }
  if (r.weighed) {
    append_format(&out,
                  "evidence: exit weights were estimated on these very rows, so its {}\nis "
                  "flattering; costeff tune estimates and tests them on different rows.\n",
                  r.quality_name);
  }
  out += "\n" + wrapped(verdict_text(r), 79) + wrapped(own_policy_text(r), 79);
  const std::string command = command_to_show(r);
  if (!command.empty()) append_format(&out, "  {}\n", command);
  append_timings(r, &out);
  append_exits(r, &out);
  if (!is_regression(r)) {
    append_format(&out, "\n{} an early exit that disagrees with the last\n",
                  counted(r.disagreeing_rows, "row has", "rows have"));
  }
  return out;
}

}  // namespace

std::vector<size_t> shown_points(const SweepReport& r, size_t per_curve) {
  std::vector<size_t> shown;
  for (size_t begin = 0; begin < r.points.size();) {
    size_t end = begin;
    while (end < r.points.size() && r.points[end].family == r.points[begin].family) ++end;
    std::vector<size_t> curve;
    for (size_t i = begin; i < end; ++i) curve.push_back(i);
    const size_t n = curve.size();
    if (per_curve < 2 || n <= per_curve) {
      shown.insert(shown.end(), curve.begin(), curve.end());
    } else {
      const double low = r.points[curve.front()].mean_layer,
                   high = r.points[curve.back()].mean_layer;
      std::vector<size_t> picked;
      for (size_t k = 0; k < per_curve; ++k) {
        const double wanted =
            low + (high - low) * static_cast<double>(k) / static_cast<double>(per_curve - 1);
        picked.push_back(*std::min_element(curve.begin(), curve.end(), [&](size_t a, size_t b) {
          return std::abs(r.points[a].mean_layer - wanted) <
                 std::abs(r.points[b].mean_layer - wanted);
        }));
      }
      picked.front() = curve.front();
      picked.back() = curve.back();
      picked.erase(std::unique(picked.begin(), picked.end()), picked.end());
      shown.insert(shown.end(), picked.begin(), picked.end());
    }
    begin = end;
  }
  return shown;
}

std::string sweep_text(std::span<const SweepReport> models, size_t per_curve) {
  std::string out;
  for (const SweepReport& r : models) {
    if (!out.empty()) out += "\n\n";
    out += model_text(r, per_curve);
  }
  if (models.size() > 1) append_front(models, &out);
  return out;
}

std::string sweep_tsv(std::span<const SweepReport> models) {
  std::string out =
      "curve\tpolicy\tsetting\texit_start\trows\tquality\tquality_low\tquality_high\tspearman\t"
      "agreement\tmean_exit_layer\tlayers_saved\tspeedup_layers\tmacs\tspeedup_macs\tpareto\t"
      "exit_histogram\tbatch_tokens\trows_per_s\trows_per_s_low\trows_per_s_high\tspeedup_time\t"
      "change\tchange_low\tchange_high\tlatency_p50_ms\tlatency_p99_ms\trecommended\tmodel\n";
  for (const SweepReport& r : models) append_tsv_rows(r, &out);
  return out;
}

}  // namespace costeff::tasks
