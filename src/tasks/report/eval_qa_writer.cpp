#include "tasks/report/eval_qa_writer.h"

#include <nlohmann/json.hpp>

#include "base/format.h"
#include "base/utf8.h"
#include "tasks/write/format_text.h"

namespace costeff::tasks {
namespace {

using OrderedJson = nlohmann::ordered_json;

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

OrderedJson metric_json(double value, const Interval& interval, const char* how) {
  return {{"value", value}, {"low", interval.low}, {"high", interval.high}, {"interval", how}};
}

}  // namespace

std::string qa_eval_tsv_header() {
  return "data\ttask\tpart\trows\texact\texact_low\texact_high\tf1\tf1_low\tf1_high\twindows\t"
         "seconds\n";
}

void append_qa_eval_tsv(const QaReport& r, std::string* out) {
  for (const Part& p : parts_of(r)) {
    append_tsv_field(r.data.path, out);
    *out += std::string("\t") + (r.version_2 ? "squad-v2" : "squad-v1.1") + "\t" + p.name + "\t" +
            std::to_string(p.rows);
    for (const double v : {p.exact, p.exact_interval.low, p.exact_interval.high, p.f1,
                           p.f1_interval.low, p.f1_interval.high}) {
      *out += "\t" + shortest(v);
    }
    *out += "\t" + std::to_string(r.windows) + "\t" + shortest(r.seconds) + "\n";
  }
}

std::string qa_eval_json(const std::vector<QaReport>& reports) {
  OrderedJson all;
  all["model"] = reports.empty() ? "" : reports.front().model;
  all["evaluations"] = OrderedJson::array();
  for (const QaReport& r : reports) {
    OrderedJson j;
    j["data"] = r.data.path;
    j["task"] = r.version_2 ? "squad-v2" : "squad-v1.1";
    j["rows"] = r.scores.size();
    j["windows"] = r.windows;
    j["seconds"] = r.seconds;
    j["confidence"] = r.bootstrap.confidence;
    j["bootstrap"] = {{"samples", r.bootstrap.replicates}, {"seed", r.bootstrap.seed}};
    for (const Part& p : parts_of(r)) {
      j["parts"][p.name] = {{"rows", p.rows},
                            {"exact", metric_json(p.exact, p.exact_interval, "clopper-pearson")},
                            {"f1", metric_json(p.f1, p.f1_interval, "bootstrap")}};
    }
    all["evaluations"].push_back(std::move(j));
  }
  return all.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

void append_qa_eval_text(const QaReport& r, std::string* out) {
  *out +=
      std::string(r.version_2 ? "SQuAD v2.0: " : "SQuAD v1.1: ") + printable(r.data.path) + "\n";
  append_printf(out, "%zu questions in %lld windows, %.2f s\n\n", r.scores.size(),
                static_cast<long long>(r.windows), r.seconds);
  append_printf(out, "%-12s%9s%9s%8s%8s%9s%8s%8s\n", "", "rows", "exact", "low", "high", "f1",
                "low", "high");
  for (const Part& p : parts_of(r)) {
    append_printf(out, "%-12s%9lld%9.4f%8.4f%8.4f%9.4f%8.4f%8.4f\n", p.name,
                  static_cast<long long>(p.rows), p.exact, p.exact_interval.low,
                  p.exact_interval.high, p.f1, p.f1_interval.low, p.f1_interval.high);
  }
  append_printf(out,
                "\n%g%% intervals: of exact, binomial (Clopper-Pearson);\nof f1, bootstrap: "
                "percentiles of %lld samples, seed %lld\n",
                100 * r.bootstrap.confidence, static_cast<long long>(r.bootstrap.replicates),
                static_cast<long long>(r.bootstrap.seed));
}

}  // namespace costeff::tasks
