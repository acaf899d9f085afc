#include "tasks/report/eval_writer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

#include "base/format.h"
#include "base/utf8.h"
#include "tasks/write/format_text.h"
#include "tasks/write/json_writer.h"

namespace costeff::tasks {
namespace {

constexpr std::array<Metric, 6> kAllMetrics{Metric::accuracy, Metric::f1,      Metric::macro_f1,
                                            Metric::matthews, Metric::pearson, Metric::spearman};

// Of multi-label models; their columns come after the others.
constexpr std::array<Metric, 4> kSetMetrics{Metric::subset_accuracy, Metric::micro_f1,
                                            Metric::sample_f1, Metric::hamming_loss};

const MetricValue* find_metric(const Score& s, Metric metric) {
  const auto it = std::find_if(s.metrics.begin(), s.metrics.end(),
                               [&](const MetricValue& m) { return m.metric == metric; });
  return it == s.metrics.end() ? nullptr : &*it;
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
  const auto add_metrics = [&](std::span<const Metric> metrics) {
    for (const Metric metric : metrics) {
      const MetricValue* m = find_metric(s, metric);
      number(m ? m->value : kNaN);
      number(m ? m->interval.low : kNaN);
      number(m ? m->interval.high : kNaN);
    }
  };
  add_metrics(kAllMetrics);
  for (const double v : {s.mean_exit_layer, s.layers_saved, s.speedup_layers, s.macs,
                         s.speedup_macs, s.mean_entropy, p.seconds}) {
    number(v);
  }
  tab();
  for (size_t i = 0; i < s.exit_histogram.size(); ++i) {
    if (i) out->push_back(',');
    append_int(s.exit_histogram[i], out);
  }
  if (is_multi_label(r.labels)) add_metrics(kSetMetrics);
  out->push_back('\n');
}

void write_metrics(const Score& s, JsonWriter* json) {
  if (s.metrics.empty()) return;
  json->begin_object("metrics");
  for (const MetricValue& m : s.metrics) {
    json->key_text(metric_name(m.metric));
    json->begin_object();
    json->field("value", m.value);
    json->field("low", m.interval.low);
    json->field("high", m.interval.high);
    json->field("interval", m.exact ? "clopper-pearson" : "bootstrap");
    json->end_object();
  }
  json->end_object();
}

void write_confusion(const Confusion& c, JsonWriter* json) {
  json->field("correct", c.correct());
  json->begin_array("confusion");
  for (int64_t g = 0; g < c.classes; ++g) {
    json->begin_array();
    for (int64_t a = 0; a < c.classes; ++a) json->value(c.at(g, a));
    json->end_array();
  }
  json->end_array();
}

void write_by_label(const EvalReport& r, const Score& s, JsonWriter* json) {
  json->begin_array("by_label");
  for (size_t i = 0; i < s.by_label.size(); ++i) {
    const LabelCounts& c = s.by_label[i];
    json->begin_object();
    json->field("label", r.labels.names[i]);
    json->field("gold", c.gold);
    json->field("answered", c.answered);
    json->field("both", c.both);
    json->field("precision", c.precision());
    json->field("recall", c.recall());
    json->field("f1", c.f1());
    json->end_object();
  }
  json->end_array();
}

void write_point(const EvalReport& r, const EvalPoint& p, JsonWriter* json) {
  const Score& s = p.score;
  json->begin_object();
  if (p.is_exit) {
    json->field("layer", std::atoll(p.setting.c_str()));
  } else {
    json->field("policy", p.policy);
    json->optional_field("setting", p.setting);
    json->field("exit_start", p.exit_start);
    json->field("text", p.text);
  }
  write_metrics(s, json);
  if (is_multi_label(r.labels)) {
    write_by_label(r, s, json);
  } else if (!is_regression(r.labels)) {
    write_confusion(s.confusion, json);
  }
  json->field("mean_exit_layer", s.mean_exit_layer);
  json->field("layers_saved", s.layers_saved);
  json->field("speedup_layers", s.speedup_layers);
  json->field("macs", s.macs);
  json->field("speedup_macs", s.speedup_macs);
  json->field("mean_entropy", s.mean_entropy);
  json->field("exit_histogram", s.exit_histogram);
  if (!p.is_exit) json->field("seconds", p.seconds);
  json->end_object();
}

double rows_per_second(const EvalReport& r, double seconds) {
  return static_cast<double>(r.rows) / std::max(seconds, 1e-9);
}

void write_report(const EvalReport& r, JsonWriter* json) {
  json->begin_object();
  json->field("data", r.data.path);
  json->field("name", r.data.name);
  json->optional_field("task", r.data.task ? r.data.task->name : "");
  json->optional_field("task_from", r.data.task_from);
  json->field("labels", r.labels.names);
  json->field("labels_note", r.labels.note);
  json->field("labels_guessed", r.labels.guessed);
  if (r.labels.problem == ProblemType::single_label)
    json->field("positive_label", r.labels.names[r.labels.positive]);
  json->field("layers", r.num_layers);
  json->field("rows", r.rows);
  if (r.skipped > 0) json->field("skipped_rows", r.skipped);
  json->field("tokens", r.tokens);
  json->field("seconds", r.seconds);
  json->field("rows_per_s", rows_per_second(r, r.seconds));
  json->field("threads", r.threads);
  json->field("confidence", r.bootstrap.confidence);
  json->begin_object("bootstrap");
  json->field("samples", r.bootstrap.replicates);
  json->field("seed", r.bootstrap.seed);
  json->end_object();
  json->begin_array("policies");
  for (const EvalPoint& p : r.points) write_point(r, p, json);
  json->end_array();
  json->begin_array("exits");
  for (const EvalPoint& p : r.exits) write_point(r, p, json);
  json->end_array();
  json->end_object();
}

// ---- text ----

constexpr int64_t kLabelWidth = 20;

void append_metric(const MetricValue& m, std::string* out) {
  append_format(out, "{:>9.4f}", m.value);
  if (std::isnan(m.interval.low)) {
    append_format(out, "{:>16}", "-");
  } else {
    append_format(out, " {:>7.4f} {:>7.4f}", m.interval.low, m.interval.high);
  }
}

void append_label_cell(const std::string& text, std::string* out) {
  append_cell(text, kLabelWidth, Align::left, true, out);
}

// A policy that is too long for the column stands above its numbers, as its end tells it from others.
void append_point_cell(const std::string& text, std::string* out) {
  const bool fits = static_cast<int64_t>(text.size()) <= kLabelWidth;
  if (!fits) append_format(out, "{}\n", text);
  append_label_cell(fits ? text : "", out);
}

// Names that fit a column.
std::string_view column_name(Metric metric) {
  return metric == Metric::subset_accuracy ? "subset"
         : metric == Metric::hamming_loss  ? "hamming"
                                           : metric_name(metric);
}

// The first metric with the costs, then the other metrics, two to a line.
void append_table(const char* title, const std::vector<EvalPoint>& points, std::string* out) {
  const auto count = points.front().score.metrics.size();
  append_label_cell(title, out);
  append_format(out, "{:>9} {:>7} {:>7}{:>8}{:>7}{:>9}{:>7}\n",
                column_name(points.front().score.metrics[0].metric), "low", "high", "layers",
                "saved", "speed-up", "MACs");
  for (const EvalPoint& p : points) {
    const Score& s = p.score;
    append_point_cell(p.text, out);
    append_metric(s.metrics[0], out);
    append_format(out, "{:>8.3f}{:>6.1f}%{:>8.2f}x{:>6.2f}x\n", s.mean_exit_layer,
                  100 * s.layers_saved, s.speedup_layers, s.speedup_macs);
  }
  for (size_t first = 1; first < count; first += 2) {
    const size_t end = std::min(first + 2, count);
    append_label_cell("", out);
    for (size_t m = first; m < end; ++m) {
      append_format(out, "{:>9} {:>7} {:>7}", column_name(points.front().score.metrics[m].metric),
                    "low", "high");
    }
    *out += "\n";
    for (const EvalPoint& p : points) {
      append_point_cell(p.text, out);
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
    append_point_cell(p.text, out);
    append_format(out, "{:>9.2f}{:>10.0f}\n", p.seconds, rows_per_second(r, p.seconds));
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
    for (int64_t i = first; i < end; ++i) append_format(out, "{:>7}", i + 1);
    *out += "\n";
    for (const EvalPoint& p : r.points) {
      if (!leaves_early(p)) continue;
      append_point_cell(p.text, out);
      for (int64_t i = first; i < end; ++i) {
        append_format(out, "{:>7}", p.score.exit_histogram[static_cast<size_t>(i)]);
      }
      *out += "\n";
    }
  }
}

// Points of which the answers are shown one by one.
constexpr size_t kMaxPoints = 2;

void append_by_label(const EvalReport& r, std::string* out) {
  constexpr int64_t kMaxLabels = 30;
  if (r.points.size() > kMaxPoints || r.labels.num_labels > kMaxLabels) {
    *out += "\nlabels one by one: with --format json\n";
    return;
  }
  for (const EvalPoint& p : r.points) {
    append_format(out, "\nlabels one by one, {}\n", p.text);
    append_label_cell("", out);
    append_format(out, "{:>9}{:>10}{:>11}{:>9}{:>9}\n", "gold", "answered", "precision", "recall",
                  "f1");
    for (size_t i = 0; i < p.score.by_label.size(); ++i) {
      const LabelCounts& c = p.score.by_label[i];
      append_label_cell(r.labels.names[i], out);
      append_format(out, "{:>9}{:>10}{:>11.4f}{:>9.4f}{:>9.4f}\n", c.gold, c.answered,
                    c.precision(), c.recall(), c.f1());
    }
  }
}

void append_confusions(const EvalReport& r, std::string* out) {
  constexpr int64_t kMaxClasses = 5;
  if (is_regression(r.labels)) return;
  if (is_multi_label(r.labels)) return append_by_label(r, out);
  if (r.points.size() > kMaxPoints || r.labels.num_labels > kMaxClasses) {
    *out += "\nconfusion matrices: with --format json\n";
    return;
  }
  const int64_t width = std::min<int64_t>(15, (80 - kLabelWidth) / r.labels.num_labels);
  for (const EvalPoint& p : r.points) {
    append_format(out, "\nconfusion matrix, {} (down: gold, across: answered)\n", p.text);
    append_label_cell("", out);
    for (const std::string& name : r.labels.names) {
      out->push_back(' ');
      append_cell(name, width - 1, Align::right, true, out);
    }
    *out += "\n";
    for (int64_t g = 0; g < p.score.confusion.classes; ++g) {
      append_label_cell(r.labels.names[static_cast<size_t>(g)], out);
      for (int64_t a = 0; a < p.score.confusion.classes; ++a) {
        append_format(out, "{:>{}}", p.score.confusion.at(g, a), width);
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
    append_format(&names, "{}{}", names.empty() ? "" : ", ", metric_name(m.metric));
  }
  append_format(out, "\n{:g}% intervals:", 100 * r.bootstrap.confidence);
  if (!exact.empty()) append_format(out, " {} exact binomial (Clopper-Pearson)", exact);
  if (!drawn.empty()) {
    constexpr size_t kShort = 25;
    append_format(out, "{}{}{}bootstrap, percentiles of {} samples, seed {}",
                  exact.empty() ? " " : ";\n", drawn, drawn.size() > kShort ? "\n" : " ",
                  r.bootstrap.replicates, r.bootstrap.seed);
  }
  *out += "\n";
  if (has_f1) {
    append_format(out, "f1 is that of label {}\n", printable(r.labels.names[r.labels.positive]));
  }
}

}  // namespace

std::string eval_tsv_header(ProblemType problem) {
  std::string out = "data\ttask\tkind\tpolicy\tsetting\tlayer\trows";
  const auto add_metrics = [&](std::span<const Metric> metrics) {
    for (const Metric metric : metrics)
      append_format(&out, "\t{0}\t{0}_low\t{0}_high", metric_name(metric));
  };
  add_metrics(kAllMetrics);
  out +=
      "\tmean_exit_layer\tlayers_saved\tspeedup_layers\tmacs\tspeedup_macs\tmean_entropy\t"
      "seconds\texit_histogram";
  if (problem == ProblemType::multi_label) add_metrics(kSetMetrics);
  return out + "\n";
}

void append_eval_tsv(const EvalReport& r, std::string* out) {
  for (const EvalPoint& p : r.points) append_tsv_point(r, p, out);
  for (const EvalPoint& p : r.exits) append_tsv_point(r, p, out);
}

std::string eval_json(const std::vector<EvalReport>& reports) {
  std::string out;
  JsonWriter json(&out, 2);
  json.begin_object();
  json.field("model", reports.empty() ? "" : reports.front().model);
  json.begin_array("evaluations");
  for (const EvalReport& r : reports) write_report(r, &json);
  json.end_array();
  json.end_object();
  return out + "\n";
}

void append_eval_text(const EvalReport& r, std::string* out) {
  append_format(out, "{}: {}\n{} rows", r.data.name, printable(r.data.path), r.rows);
  if (r.skipped > 0) append_format(out, " ({} skipped)", r.skipped);
  append_format(out, ", {} layers; every exit computed once: {:.2f} s, {:.0f} rows/s\n{}\n\n",
                r.num_layers, r.seconds, rows_per_second(r, r.seconds), printable(r.labels.note));
  append_table("policy", r.points, out);
  append_times(r, out);
  *out += "\n";
  append_table("all leave at", r.exits, out);
  append_histograms(r, out);
  append_confusions(r, out);
  append_interval_note(r, out);
}

}  // namespace costeff::tasks
