#include "tasks/report/eval_writer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/format.h"
#include "base/utf8.h"
#include "tasks/write/format_text.h"

namespace costeff::tasks {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr std::array<Metric, 6> kAllMetrics{Metric::accuracy, Metric::f1,      Metric::macro_f1,
                                            Metric::matthews, Metric::pearson, Metric::spearman};

const MetricValue* find_metric(const Score& s, Metric metric) {
  const auto it = std::find_if(s.metrics.begin(), s.metrics.end(),
                               [&](const MetricValue& m) { return m.metric == metric; });
  return it == s.metrics.end() ? nullptr : &*it;
}

std::string task_name(const EvalReport& r) {
  return r.data.task ? std::string(r.data.task->name) : "none";
}

void append_tsv_point(const EvalReport& r, const EvalPoint& p, std::string* out) {
  const auto tab = [&] { out->push_back('\t'); };
  const auto number = [&](double v) {
    tab();
    *out += shortest(v);
  };
  const Score& s = p.score;
  append_tsv_field(r.data.path, out);
  for (const std::string& field : {r.data.name, std::string(p.is_exit ? "exit" : "policy"),
                                   p.policy, p.setting.empty() ? std::string("nan") : p.setting}) {
    tab();
    append_tsv_field(field, out);
  }
  number(p.policy == "fixed" ? std::atof(p.setting.c_str()) : kNaN);
  tab();
  append_int(r.rows, out);
  for (const Metric metric : kAllMetrics) {
    const MetricValue* m = find_metric(s, metric);
    number(m ? m->value : kNaN);
    number(m ? m->interval.low : kNaN);
    number(m ? m->interval.high : kNaN);
  }
  for (const double v : {s.mean_exit_layer, s.layers_saved, s.speedup_layers, s.macs,
                         s.speedup_macs, s.mean_entropy, p.seconds}) {
    number(v);
  }
  tab();
  for (size_t i = 0; i < s.exit_histogram.size(); ++i) {
    if (i) out->push_back(',');
    append_int(s.exit_histogram[i], out);
  }
  out->push_back('\n');
}

OrderedJson point_json(const EvalReport& r, const EvalPoint& p) {
  const Score& s = p.score;
  OrderedJson j;
  if (p.is_exit) {
    j["layer"] = std::atoll(p.setting.c_str());
  } else {
    j["policy"] = p.policy;
    j["setting"] = p.setting.empty() ? OrderedJson() : OrderedJson(p.setting);
    j["exit_start"] = p.exit_start;
    j["text"] = p.text;
  }
  for (const MetricValue& m : s.metrics) {
    j["metrics"][std::string(metric_name(m.metric))] = {
        {"value", m.value},
        {"low", m.interval.low},
        {"high", m.interval.high},
        {"interval", m.exact ? "clopper-pearson" : "bootstrap"}};
  }
  if (!r.labels.regression) {
    j["correct"] = s.confusion.correct();
    j["confusion"] = OrderedJson::array();
    for (int64_t g = 0; g < s.confusion.classes; ++g) {
      OrderedJson row = OrderedJson::array();
      for (int64_t a = 0; a < s.confusion.classes; ++a) row.push_back(s.confusion.at(g, a));
      j["confusion"].push_back(std::move(row));
    }
  }
  j["mean_exit_layer"] = s.mean_exit_layer;
  j["layers_saved"] = s.layers_saved;
  j["speedup_layers"] = s.speedup_layers;
  j["macs"] = s.macs;
  j["speedup_macs"] = s.speedup_macs;
  j["mean_entropy"] = s.mean_entropy;
  j["exit_histogram"] = s.exit_histogram;
  if (!p.is_exit) j["seconds"] = p.seconds;
  return j;
}

// ---- text ----

constexpr int64_t kLabelWidth = 20;

void append_metric(const MetricValue& m, std::string* out) {
  append_printf(out, "%9.4f", m.value);
  if (std::isnan(m.interval.low)) {
    append_printf(out, "%16s", "-");
  } else {
    append_printf(out, " %7.4f %7.4f", m.interval.low, m.interval.high);
  }
}

void append_label_cell(const std::string& text, std::string* out) {
  append_cell(text, kLabelWidth, Align::left, true, out);
}

// The headline metric with costs, then the others, two to a line.
void append_table(const char* title, const std::vector<EvalPoint>& points, std::string* out) {
  const auto count = points.front().score.metrics.size();
  append_label_cell(title, out);
  append_printf(out, "%9s %7s %7s%8s%7s%9s%7s",
                std::string(metric_name(points.front().score.metrics[0].metric)).c_str(), "low",
                "high", "layers", "saved", "speed-up", "MACs");
  *out += "\n";
  for (const EvalPoint& p : points) {
    const Score& s = p.score;
    append_label_cell(p.text, out);
    append_metric(s.metrics[0], out);
    append_printf(out, "%8.3f%6.1f%%%8.2fx%6.2fx", s.mean_exit_layer, 100 * s.layers_saved,
                  s.speedup_layers, s.speedup_macs);
    *out += "\n";
  }
  for (size_t first = 1; first < count; first += 2) {
    const size_t end = std::min(first + 2, count);
    append_label_cell("", out);
    for (size_t m = first; m < end; ++m) {
      append_printf(out, "%9s %7s %7s",
                    std::string(metric_name(points.front().score.metrics[m].metric)).c_str(), "low",
                    "high");
    }
    *out += "\n";
    for (const EvalPoint& p : points) {
      append_label_cell(p.text, out);
      for (size_t m = first; m < end; ++m) append_metric(p.score.metrics[m], out);
      *out += "\n";
    }
  }
}

// --timed
void append_times(const EvalReport& r, std::string* out) {
  if (std::isnan(r.points.front().seconds)) return;
  *out += "\n";
  append_label_cell("measured, one run", out);
  *out += "  seconds    rows/s\n";
  for (const EvalPoint& p : r.points) {
    append_label_cell(p.text, out);
    append_printf(out, "%9.2f%10.0f\n", p.seconds,
                  static_cast<double>(r.rows) / std::max(p.seconds, 1e-9));
  }
}

void append_histograms(const EvalReport& r, std::string* out) {
  const auto leaves_early = [](const EvalPoint& p) {
    return p.policy != "never" && p.policy != "fixed";
  };
  if (std::none_of(r.points.begin(), r.points.end(), leaves_early)) return;
  constexpr int64_t kPerLine = 8;
  *out += "\nrows that leave after layer\n";
  for (int64_t first = 0; first < r.num_layers; first += kPerLine) {
    const int64_t end = std::min(first + kPerLine, r.num_layers);
    append_label_cell("", out);
    for (int64_t i = first; i < end; ++i)
      append_printf(out, "%7lld", static_cast<long long>(i + 1));
    *out += "\n";
    for (const EvalPoint& p : r.points) {
      if (!leaves_early(p)) continue;
      append_label_cell(p.text, out);
      for (int64_t i = first; i < end; ++i) {
        append_printf(out, "%7lld",
                      static_cast<long long>(p.score.exit_histogram[static_cast<size_t>(i)]));
      }
      *out += "\n";
    }
  }
}

void append_confusions(const EvalReport& r, std::string* out) {
  constexpr size_t kMostPoints = 2;
  constexpr int64_t kMostClasses = 5;
  if (r.labels.regression) return;
  if (r.points.size() > kMostPoints || r.labels.num_labels > kMostClasses) {
    *out += "\nconfusion matrices: with --format json\n";
    return;
  }
  const int64_t width = std::min<int64_t>(15, (80 - kLabelWidth) / r.labels.num_labels);
  for (const EvalPoint& p : r.points) {
    *out += "\nconfusion matrix, " + p.text + " (down: gold, across: answered)\n";
    append_label_cell("", out);
    for (const std::string& name : r.labels.names) {
      out->push_back(' ');
      append_cell(name, width - 1, Align::right, true, out);
    }
    *out += "\n";
    for (int64_t g = 0; g < p.score.confusion.classes; ++g) {
      append_label_cell(r.labels.names[static_cast<size_t>(g)], out);
      for (int64_t a = 0; a < p.score.confusion.classes; ++a) {
        append_printf(out, "%*lld", static_cast<int>(width),
                      static_cast<long long>(p.score.confusion.at(g, a)));
      }
      *out += "\n";
    }
  }
}

void append_interval_note(const EvalReport& r, std::string* out) {
  std::string exact, drawn;
  bool has_f1 = false;
  for (const MetricValue& m : r.points.front().score.metrics) {
    has_f1 = has_f1 || m.metric == Metric::f1;
    std::string& names = m.exact ? exact : drawn;
    names += (names.empty() ? "" : ", ") + std::string(metric_name(m.metric));
  }
  append_printf(out, "\n%g%% intervals:", 100 * r.bootstrap.confidence);
  if (!exact.empty()) *out += " " + exact + " exact binomial (Clopper-Pearson)";
  if (!drawn.empty()) {
    *out += (exact.empty() ? " " : ";\n") + drawn + " bootstrap, percentiles of " +
            std::to_string(r.bootstrap.replicates) + " samples, seed " +
            std::to_string(r.bootstrap.seed);
  }
  *out += "\n";
  if (has_f1) *out += "f1 is that of label " + printable(r.labels.names[r.labels.positive]) + "\n";
}

}  // namespace

std::string eval_tsv_header() {
  std::string out = "data\ttask\tkind\tpolicy\tsetting\tlayer\trows";
  for (const Metric metric : kAllMetrics) {
    const std::string name(metric_name(metric));
    out += "\t" + name + "\t" + name + "_low\t" + name + "_high";
  }
  return out +
         "\tmean_exit_layer\tlayers_saved\tspeedup_layers\tmacs\tspeedup_macs\tmean_entropy\t"
         "seconds\texit_histogram\n";
}

void append_eval_tsv(const EvalReport& r, std::string* out) {
  for (const EvalPoint& p : r.points) append_tsv_point(r, p, out);
  for (const EvalPoint& p : r.exits) append_tsv_point(r, p, out);
}

std::string eval_json(const std::vector<EvalReport>& reports) {
  OrderedJson all;
  all["model"] = reports.empty() ? "" : reports.front().model;
  all["evaluations"] = OrderedJson::array();
  for (const EvalReport& r : reports) {
    OrderedJson j;
    j["data"] = r.data.path;
    j["name"] = r.data.name;
    j["task"] = r.data.task ? OrderedJson(task_name(r)) : OrderedJson();
    j["task_from"] = r.data.task_from.empty() ? OrderedJson() : OrderedJson(r.data.task_from);
    j["labels"] = r.labels.names;
    j["labels_note"] = r.labels.note;
    j["labels_guessed"] = r.labels.guessed;
    if (!r.labels.regression) j["positive_label"] = r.labels.names[r.labels.positive];
    j["layers"] = r.num_layers;
    j["rows"] = r.rows;
    if (r.skipped > 0) j["skipped_rows"] = r.skipped;
    j["tokens"] = r.tokens;
    j["seconds"] = r.seconds;
    j["rows_per_s"] = static_cast<double>(r.rows) / std::max(r.seconds, 1e-9);
    j["threads"] = r.threads;
    j["confidence"] = r.bootstrap.confidence;
    j["bootstrap"] = {{"samples", r.bootstrap.replicates}, {"seed", r.bootstrap.seed}};
    j["policies"] = OrderedJson::array();
    for (const EvalPoint& p : r.points) j["policies"].push_back(point_json(r, p));
    j["exits"] = OrderedJson::array();
    for (const EvalPoint& p : r.exits) j["exits"].push_back(point_json(r, p));
    all["evaluations"].push_back(std::move(j));
  }
  return all.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

void append_eval_text(const EvalReport& r, std::string* out) {
  *out += r.data.name + ": " + printable(r.data.path) + "\n";
  const std::string skipped = r.skipped > 0 ? " (" + std::to_string(r.skipped) + " skipped)" : "";
  append_printf(out, "%lld rows%s, %lld layers; every exit computed once: %.2f s, %.0f rows/s\n",
                static_cast<long long>(r.rows), skipped.c_str(),
                static_cast<long long>(r.num_layers), r.seconds,
                static_cast<double>(r.rows) / std::max(r.seconds, 1e-9));
  *out += printable(r.labels.note) + "\n\n";
  append_table("policy", r.points, out);
  append_times(r, out);
  *out += "\n";
  append_table("all leave at", r.exits, out);
  append_histograms(r, out);
  append_confusions(r, out);
  append_interval_note(r, out);
}

}  // namespace costeff::tasks
