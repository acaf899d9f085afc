#include "tasks/report/sweep_writer.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/format.h"
#include "base/utf8.h"
#include "tasks/write/format_text.h"

namespace costeff::tasks {
namespace {

using OrderedJson = nlohmann::ordered_json;

std::string counted(int64_t n, const char* one, const char* many) {
  std::string digits = std::to_string(n);
  for (auto i = static_cast<std::ptrdiff_t>(digits.size()) - 3; i > 0; i -= 3)
    digits.insert(static_cast<size_t>(i), ",");
  return digits + " " + (n == 1 ? one : many);
}

std::string histogram_text(const std::vector<int64_t>& counts) {
  std::string s;
  for (const int64_t n : counts) s += (s.empty() ? "" : ",") + std::to_string(n);
  return s;
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
  return std::isnan(i.low) ? "" : string_printf("%.3f-%.3f", i.low, i.high);
}

void append_points(const SweepReport& r, size_t per_curve, std::string* out) {
  cell("", 1, Align::left, out);
  cell("policy", 17, Align::left, out);
  cell("setting", 14, Align::left, out);
  cell(r.quality_name, 9, Align::right, out);
  cell(r.regression ? "spearman" : "95%", 11, Align::right, out);
  cell(r.regression ? "differs" : "agrees", 7, Align::right, out);
  cell("layer", 6, Align::right, out);
  cell("MACs/x", 6, Align::right, out);
  end_line(out);
  for (const size_t i : shown_points(r, per_curve)) {
    const SweepPoint& p = r.points[i];
    cell(p.pareto ? "*" : "", 1, Align::left, out);
    cell(p.family == "given" || p.family == "model" ? p.name : p.family, 17, Align::left, out);
    cell(p.setting.empty() ? "-" : p.setting, 14, Align::left, out);
    cell(string_printf("%.4f", p.quality), 9, Align::right, out);
    cell(r.regression ? string_printf("%.4f", p.spearman) : interval_text(p.interval), 11,
         Align::right, out);
    cell(string_printf("%.4f", p.agreement), 7, Align::right, out);
    cell(string_printf("%.2f", p.mean_layer), 6, Align::right, out);
    cell(string_printf("%.2fx", p.speedup_macs), 6, Align::right, out);
    end_line(out);
  }
}

void append_timings(const SweepReport& r, std::string* out) {
  if (std::none_of(r.points.begin(), r.points.end(),
                   [](const SweepPoint& p) { return !p.timings.empty(); })) {
    return;
  }
  *out += string_printf("\nmeasured, %lld thread%s; median and range of interleaved passes\n",
                        static_cast<long long>(r.threads), r.threads == 1 ? "" : "s");
  cell("policy", 16, Align::left, out);
  cell("setting", 14, Align::left, out);
  cell(r.quality_name, 9, Align::right, out);
  cell("batch", 6, Align::right, out);
  cell("rows/s", 8, Align::right, out);
  cell("range", 13, Align::right, out);
  cell("speed-up", 8, Align::right, out);
  end_line(out);
  for (const SweepPoint& p : r.points) {
    for (const SweepTiming& t : p.timings) {
      cell(p.name, 16, Align::left, out);
      cell(p.setting.empty() ? "-" : p.setting, 14, Align::left, out);
      cell(string_printf("%.4f", p.quality), 9, Align::right, out);
      cell(std::to_string(t.batch_tokens), 6, Align::right, out);
      cell(string_printf("%.0f", t.rows_per_s), 8, Align::right, out);
      cell(string_printf("%.0f-%.0f", t.rows_per_s_low, t.rows_per_s_high), 13, Align::right, out);
      cell(string_printf("%.2fx", t.speedup), 8, Align::right, out);
      end_line(out);
    }
  }
}

void append_exits(const SweepReport& r, std::string* out) {
  *out += "\nif all rows left at one layer\n";
  cell("layer", 5, Align::right, out);
  cell(r.quality_name, 9, Align::right, out);
  if (!r.regression) {
    cell("95%", 11, Align::right, out);
    cell("entropy", 8, Align::right, out);
    cell("ECE", 7, Align::right, out);
  }
  end_line(out);
  for (const ExitSummary& e : r.exits) {
    cell(std::to_string(e.layer), 5, Align::right, out);
    cell(string_printf("%.4f", e.quality), 9, Align::right, out);
    if (!r.regression) {
      cell(interval_text(e.interval), 11, Align::right, out);
      cell(string_printf("%.4f", e.mean_entropy), 8, Align::right, out);
      cell(string_printf("%.4f", e.ece), 7, Align::right, out);
    }
    end_line(out);
  }
}

OrderedJson number(double v) { return std::isfinite(v) ? OrderedJson(v) : OrderedJson(nullptr); }

OrderedJson point_json(const SweepReport& r, const SweepPoint& p) {
  OrderedJson j;
  j["curve"] = p.family;
  j["policy"] = p.name;
  j["setting"] = p.setting;
  if (!p.policy.thresholds.empty()) j["thresholds"] = p.policy.thresholds;
  if (p.policy.kind == PolicyKind::patience) j["patience"] = p.policy.patience;
  j["exit_start"] = p.policy.exit_start;
  j["text"] = p.text;
  j["quality"] = number(p.quality);
  j["quality_low"] = number(p.interval.low);
  j["quality_high"] = number(p.interval.high);
  if (r.regression) j["spearman"] = number(p.spearman);
  j["agreement"] = number(p.agreement);
  j["mean_exit_layer"] = p.mean_layer;
  j["layers_saved"] = p.layers_saved;
  j["speedup_layers"] = p.speedup_layers;
  j["macs"] = p.macs;
  j["speedup_macs"] = p.speedup_macs;
  j["pareto"] = p.pareto;
  j["exit_histogram"] = p.histogram;
  for (const SweepTiming& t : p.timings) {
    j["timings"].push_back({{"batch_tokens", t.batch_tokens},
                            {"seconds", t.seconds},
                            {"rows_per_s", t.rows_per_s},
                            {"rows_per_s_low", t.rows_per_s_low},
                            {"rows_per_s_high", t.rows_per_s_high},
                            {"speedup_time", t.speedup}});
  }
  return j;
}

OrderedJson exit_json(const ExitSummary& e) {
  OrderedJson j;
  j["layer"] = e.layer;
  j["quality"] = number(e.quality);
  j["quality_low"] = number(e.interval.low);
  j["quality_high"] = number(e.interval.high);
  j["mean_entropy"] = e.mean_entropy;
  j["ece"] = e.ece;
  j["bins"] = OrderedJson::array();
  for (const ReliabilityBin& b : e.bins) {
    j["bins"].push_back({{"low", b.low},
                         {"high", b.high},
                         {"rows", b.rows},
                         {"right", b.right},
                         {"mean_prob", b.mean_prob}});
  }
  return j;
}

OrderedJson disagreement_json(const SweepReport& r, const Disagreement& d) {
  const auto name = [&](int64_t label) { return r.labels[static_cast<size_t>(label)]; };
  OrderedJson j;
  j["row"] = d.row + 1;
  j["id"] = d.id;
  j["text"] = d.text;
  if (!d.pair.empty()) j["pair"] = d.pair;
  if (!d.gold.empty()) j["gold"] = d.gold;
  j["layer"] = d.layer;
  j["early_label"] = name(d.early_label);
  j["early_prob"] = d.early_prob;
  j["last_label"] = name(d.last_label);
  j["last_prob"] = d.last_prob;
  return j;
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

std::string sweep_text(const SweepReport& r, size_t per_curve) {
  std::string out = printable(r.model) + " on " + printable(r.data) + ": " +
                    counted(r.rows, "row", "rows") + ", " + counted(r.tokens, "token", "tokens") +
                    "\n" + string_printf("every exit computed once in %.2f s; ", r.pass_seconds) +
                    counted(static_cast<int64_t>(r.points.size()), "setting", "settings") +
                    string_printf(" judged in %.3f s\n\n", r.sweep_seconds);
  append_points(r, per_curve, &out);
  out += "* nothing else here is as good with fewer multiply-accumulates (MACs)\n";
  if (shown_points(r, per_curve).size() < r.points.size())
    out += "A part of the settings is shown; --tsv, --json and --html have all of them.\n";
  if (r.searched) {
    out += "by-layer: thresholds were searched on these very rows, so their " + r.quality_name +
           "\nis flattering; costeff tune --per-layer tests them on rows of their own.\n";
  }
  append_timings(r, &out);
  append_exits(r, &out);
  if (!r.regression) {
    out += "\n" + counted(r.disagreeing_rows, "row has", "rows have") +
           " an early exit that disagrees with the last\n";
  }
  return out;
}

std::string sweep_tsv(const SweepReport& r) {
  std::string out =
      "curve\tpolicy\tsetting\texit_start\trows\tquality\tquality_low\tquality_high\tspearman\t"
      "agreement\tmean_exit_layer\tlayers_saved\tspeedup_layers\tmacs\tspeedup_macs\tpareto\t"
      "exit_histogram\tbatch_tokens\trows_per_s\trows_per_s_low\trows_per_s_high\tspeedup_time\n";
  for (const SweepPoint& p : r.points) {
    std::string line = p.family + "\t" + p.name + "\t" + p.setting + "\t" +
                       std::to_string(p.policy.exit_start) + "\t" + std::to_string(r.rows);
    for (const double v :
         {p.quality, p.interval.low, p.interval.high, r.regression ? p.spearman : std::nan(""),
          p.agreement, p.mean_layer, p.layers_saved, p.speedup_layers, p.macs, p.speedup_macs}) {
      line += "\t" + shortest(v);
    }
    line += std::string("\t") + (p.pareto ? "1" : "0") + "\t" + histogram_text(p.histogram);
    if (p.timings.empty()) out += line + "\tnan\tnan\tnan\tnan\tnan\n";
    for (const SweepTiming& t : p.timings) {
      out += line + "\t" + std::to_string(t.batch_tokens) + "\t" + shortest(t.rows_per_s) + "\t" +
             shortest(t.rows_per_s_low) + "\t" + shortest(t.rows_per_s_high) + "\t" +
             shortest(t.speedup) + "\n";
    }
  }
  return out;
}

std::string sweep_json(const SweepReport& r) {
  OrderedJson j;
  j["model"] = r.model;
  j["dialect"] = r.dialect;
  j["data"] = r.data;
  j["task"] = r.task.empty() ? OrderedJson(nullptr) : OrderedJson(r.task);
  j["quality_name"] = r.quality_name;
  j["labels"] = r.labels;
  j["regression"] = r.regression;
  j["labelled"] = r.labelled;
  j["rows"] = r.rows;
  j["tokens"] = r.tokens;
  j["layers"] = r.layers;
  j["threads"] = r.threads;
  j["pass_seconds"] = r.pass_seconds;
  j["sweep_seconds"] = r.sweep_seconds;
  j["full_macs"] = r.full_macs;
  j["searched"] = r.searched;
  j["points"] = OrderedJson::array();
  for (const SweepPoint& p : r.points) j["points"].push_back(point_json(r, p));
  j["exits"] = OrderedJson::array();
  for (const ExitSummary& e : r.exits) j["exits"].push_back(exit_json(e));
  j["disagreeing_rows"] = r.disagreeing_rows;
  j["disagreements"] = OrderedJson::array();
  for (const Disagreement& d : r.disagreements)
    j["disagreements"].push_back(disagreement_json(r, d));
  return j.dump(1, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

}  // namespace costeff::tasks
