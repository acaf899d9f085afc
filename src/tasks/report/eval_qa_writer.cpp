#include "tasks/report/eval_qa_writer.h"

#include "base/format.h"
#include "base/utf8.h"
#include "tasks/write/format_text.h"
#include "tasks/write/json_writer.h"

namespace costeff::tasks {
namespace {

const char* task_name(const QaReport& r) { return r.version_2 ? "squad-v2" : "squad-v1.1"; }

struct Part {
  const char* name;
  int64_t rows = 0;
  double exact = 0, f1 = 0;  // NaN: no rows
  Interval exact_interval, f1_interval;
};

Part make_part(const QaReport& r, const char* name, int answerable) {
  Part p{.name = name, .exact_interval = {}, .f1_interval = {}};
  std::vector<double> f1s;
  int64_t exact = 0;
  double sum = 0;
  for (size_t i = 0; i < r.scores.size(); ++i) {
    if (answerable >= 0 && r.answerable[i] != answerable) continue;
    f1s.push_back(r.scores[i].f1);
    sum += r.scores[i].f1;
    exact += r.scores[i].exact > 0;
  }
  p.rows = static_cast<int64_t>(f1s.size());
  const auto rows = static_cast<double>(p.rows);
  p.exact = p.rows == 0 ? kNaN : static_cast<double>(exact) / rows;
  p.f1 = p.rows == 0 ? kNaN : sum / rows;
  p.exact_interval = binomial_interval(exact, p.rows, r.bootstrap.confidence);
  p.f1_interval = bootstrap(p.rows, mean_statistic(f1s), r.bootstrap);
  return p;
}

std::vector<Part> parts_of(const QaReport& r) {
  std::vector<Part> parts{make_part(r, "all", -1)};
  if (r.version_2) {
    parts.push_back(make_part(r, "has_answer", 1));
    parts.push_back(make_part(r, "no_answer", 0));
  }
  return parts;
}

void write_metric(const JsonWriter::Key& name, double value, const Interval& interval,
                  const char* how, JsonWriter* json) {
  json->begin_object(name);
  json->field("value", value);
  json->field("low", interval.low);
  json->field("high", interval.high);
  json->field("interval", how);
  json->end_object();
}

void write_report(const QaReport& r, JsonWriter* json) {
  json->begin_object();
  json->field("data", r.data.path);
  json->field("task", task_name(r));
  json->field("rows", r.scores.size());
  json->field("windows", r.windows);
  json->field("seconds", r.seconds);
  json->field("confidence", r.bootstrap.confidence);
  json->begin_object("bootstrap");
  json->field("samples", r.bootstrap.replicates);
  json->field("seed", r.bootstrap.seed);
  json->end_object();
  json->begin_object("parts");
  for (const Part& p : parts_of(r)) {
    json->key_text(p.name);
    json->begin_object();
    json->field("rows", p.rows);
    write_metric("exact", p.exact, p.exact_interval, "clopper-pearson", json);
    write_metric("f1", p.f1, p.f1_interval, "bootstrap", json);
    json->end_object();
  }
  json->end_object();
  json->end_object();
}

}  // namespace

std::string qa_eval_tsv_header() {
  return "data\ttask\tpart\trows\texact\texact_low\texact_high\tf1\tf1_low\tf1_high\twindows\t"
         "seconds\n";
}

void append_qa_eval_tsv(const QaReport& r, std::string* out) {
  for (const Part& p : parts_of(r)) {
    append_tsv_field(r.data.path, out);
    append_format(out, "\t{}\t{}\t{}", task_name(r), p.name, p.rows);
    for (const double v : {p.exact, p.exact_interval.low, p.exact_interval.high, p.f1,
                           p.f1_interval.low, p.f1_interval.high}) {
      append_format(out, "\t{}", shortest(v));
    }
    append_format(out, "\t{}\t{}\n", r.windows, shortest(r.seconds));
  }
}

std::string qa_eval_json(const std::vector<QaReport>& reports) {
  std::string out;
  JsonWriter json(&out, 2);
  json.begin_object();
  json.field("model", reports.empty() ? "" : reports.front().model);
  json.begin_array("evaluations");
  for (const QaReport& r : reports) write_report(r, &json);
  json.end_array();
  json.end_object();
  return out + "\n";
}

void append_qa_eval_text(const QaReport& r, std::string* out) {
  append_format(out, "{}: {}\n", r.version_2 ? "SQuAD v2.0" : "SQuAD v1.1", printable(r.data.path));
  append_format(out, "{} questions in {} windows, {:.2f} s\n\n", r.scores.size(), r.windows,
                r.seconds);
  append_format(out, "{:<12}{:>9}{:>9}{:>8}{:>8}{:>9}{:>8}{:>8}\n", "", "rows", "exact", "low",
                "high", "f1", "low", "high");
  for (const Part& p : parts_of(r)) {
    append_format(out, "{:<12}{:>9}{:>9.4f}{:>8.4f}{:>8.4f}{:>9.4f}{:>8.4f}{:>8.4f}\n", p.name,
                  p.rows, p.exact, p.exact_interval.low, p.exact_interval.high, p.f1,
                  p.f1_interval.low, p.f1_interval.high);
  }
  append_format(out,
                "\n{:g}% intervals: of exact, binomial (Clopper-Pearson);\n"
                "of f1, bootstrap: percentiles of {} samples, seed {}\n",
                100 * r.bootstrap.confidence, r.bootstrap.replicates, r.bootstrap.seed);
}

}  // namespace costeff::tasks
