#include "base/format.h"
#include "tasks/report/policy_fields.h"
#include "tasks/report/sweep_writer.h"
#include "tasks/report/verdict_text.h"
#include "tasks/sweep/points.h"
#include "tasks/sweep/study.h"
#include "tasks/write/json_writer.h"

namespace costeff::tasks {
namespace {

void write_timings(const std::vector<SweepTiming>& timings, JsonWriter* json) {
  json->begin_array("timings");
  for (const SweepTiming& t : timings) {
    json->begin_object();
    json->field("batch_tokens", t.batch_tokens);
    json->field("seconds", t.seconds);
    json->field("rows_per_s", t.rows_per_s);
    json->field("rows_per_s_low", t.rows_per_s_low);
    json->field("rows_per_s_high", t.rows_per_s_high);
    json->field("speedup_time", t.speedup);
    json->end_object();
  }
  json->end_array();
}

void write_point(const SweepReport& r, const SweepPoint& p, JsonWriter* json) {
  json->begin_object();
  json->field("curve", p.family);
  json->field("policy", p.name);
  json->field("setting", p.setting);
  if (!p.policy.thresholds.empty()) json->field("thresholds", p.policy.thresholds);
  write_policy_fields(p.policy, json);
  json->field("exit_start", p.policy.exit_start);
  json->field("text", p.text);
  json->field("quality", p.quality);
  json->field("quality_low", p.interval.low);
  json->field("quality_high", p.interval.high);
  if (is_regression(r)) json->field("spearman", p.spearman);
  json->field("change", p.change);
  json->field("change_low", p.change_interval.low);
  json->field("change_high", p.change_interval.high);
  if (!is_regression(r)) {
    json->field("losses", p.losses);
    json->field("gains", p.gains);
  }
  json->field("agreement", p.agreement);
  json->field("mean_exit_layer", p.mean_layer);
  json->field("layers_saved", p.layers_saved);
  json->field("speedup_layers", p.speedup_layers);
  json->field("macs", p.macs);
  json->field("speedup_macs", p.speedup_macs);
  json->field("pareto", p.pareto);
  json->field("fitted", p.fitted);
  json->field("own", is_own(r, p));
  json->field("exit_histogram", p.histogram);
  if (!p.timings.empty()) write_timings(p.timings, json);
  if (p.latency) {
    json->field("latency_rows", p.latency->rows);
    json->field("latency_p50_ms", p.latency->p50_ms);
    json->field("latency_p99_ms", p.latency->p99_ms);
  }
  json->end_object();
}

void write_exit(const ExitSummary& e, bool regression, JsonWriter* json) {
  json->begin_object();
  json->field("layer", e.layer);
  json->field("quality", e.quality);
  json->field("quality_low", e.interval.low);
  json->field("quality_high", e.interval.high);
  if (regression) {
    json->end_object();
    return;
  }
  json->field("mean_entropy", e.mean_entropy);
  json->field("ece", e.ece);
  json->field("risk_coverage", e.risk.area);
  json->field("risk_coverage_random", e.risk.random);
  json->field("risk_coverage_best", e.risk.best);
  json->begin_array("bins");
  for (const ReliabilityBin& b : e.bins) {
    json->begin_object();
    json->field("low", b.low);
    json->field("high", b.high);
    json->field("rows", b.rows);
    json->field("right", b.right);
    json->field("mean_prob", b.mean_prob);
    json->end_object();
  }
  json->end_array();
  json->end_object();
}

void write_disagreement(const SweepReport& r, const Disagreement& d, JsonWriter* json) {
  json->begin_object();
  json->field("row", d.row + 1);
  json->field("id", d.id);
  json->field("text", d.text);
  if (!d.pair.empty()) json->field("pair", d.pair);
  if (!d.gold.empty()) json->field("gold", d.gold);
  json->field("layer", d.layer);
  json->field("early_label", answer_name(r, d.early_label));
  json->field("early_prob", static_cast<double>(d.early_prob));
  json->field("last_label", answer_name(r, d.last_label));
  json->field("last_prob", static_cast<double>(d.last_prob));
  json->end_object();
}

void write_answers(const SweepReport& r, const AnswerCounts& a, JsonWriter* json) {
  json->begin_object();
  json->field("point", static_cast<int64_t>(a.point));
  json->begin_array("labels");
  for (size_t label = 0; label < a.by_label.size(); ++label) {
    const LabelCounts& c = a.by_label[label];
    json->begin_object();
    json->field("label", label < r.labels.size() ? r.labels[label] : fmt::format("{}", label));
    json->field("rows", c.gold);
    json->field("answered", c.answered);
    json->field("precision", c.precision());
    json->field("recall", c.recall());
    json->field("f1", c.f1());
    json->end_object();
  }
  json->end_array();
  if (a.confusion.classes > 0) {
    json->begin_array("confusion");  // rows with the label i and the answer j
    for (int64_t i = 0; i < a.confusion.classes; ++i) {
      json->begin_array();
      for (int64_t j = 0; j < a.confusion.classes; ++j) json->value(a.confusion.at(i, j));
      json->end_array();
    }
    json->end_array();
  }
  json->end_object();
}

void write_verdict(const SweepReport& r, JsonWriter* json) {
  json->begin_object();
  json->field("point", r.verdict.point);
  json->field("text", r.points[static_cast<size_t>(r.verdict.point)].text);
  json->field("reason", verdict_text(r));
  json->optional_field("command", command_of(r, static_cast<size_t>(r.verdict.point)));
  json->end_object();
}

void write_provenance(const Provenance& p, JsonWriter* json) {
  json->begin_object();
  json->field("version", p.version);
  json->field("date", p.date);
  json->field("command", p.command);
  json->field("dtype", p.dtype);
  json->field("kernels", p.kernels);
  json->field("cpu", p.cpu);
  json->field("texts", p.fingerprint);
  json->end_object();
}

void write_report(const SweepReport& r, JsonWriter* json) {
  json->begin_object();
  json->field("model", r.model);
  json->field("dialect", r.dialect);
  json->field("data", r.data);
  json->optional_field("task", r.task);
  json->field("quality_name", r.quality_name);
  json->field("labels", r.labels);
  json->field("regression", is_regression(r));
  json->field("multi_label", is_multi_label(r));
  if (!r.label_thresholds.empty()) json->field("label_thresholds", r.label_thresholds);
  json->field("labelled", r.labelled);
  json->optional_field("windows", r.windows);
  json->field("rows", r.rows);
  json->field("tokens", r.tokens);
  json->field("layers", r.layers);
  json->field("parameters", r.parameters);
  json->field("threads", r.threads);
  json->field("pass_seconds", r.pass_seconds);
  json->field("sweep_seconds", r.sweep_seconds);
  json->field("full_macs", r.full_macs);
  json->field("full_quality_low", full_depth_interval(r).low);
  json->field("full_quality_high", full_depth_interval(r).high);
  json->field("searched", r.searched);
  if (r.weighed) json->field("weights_estimated", true);
  json->begin_array("points");
  for (const SweepPoint& p : r.points) write_point(r, p, json);
  json->end_array();
  json->key("recommended");
  write_verdict(r, json);
  json->begin_array("answers");
  for (const AnswerCounts& a : r.answers) write_answers(r, a, json);
  json->end_array();
  json->begin_array("exits");
  for (const ExitSummary& e : r.exits) write_exit(e, is_regression(r), json);
  json->end_array();
  json->field("disagreeing_rows", r.disagreeing_rows);
  json->begin_array("disagreements");
  for (const Disagreement& d : r.disagreements) write_disagreement(r, d, json);
  json->end_array();
  json->key("provenance");
  write_provenance(r.provenance, json);
  json->end_object();
}

void write_study_point(std::span<const SweepReport> models, const StudyPoint& at,
                       JsonWriter* json) {
  const SweepReport& r = models[at.model];
  const SweepPoint& p = r.points[at.point];
  json->field("model", r.model);
  json->field("point", static_cast<int64_t>(at.point));
  json->field("text", p.text);
  json->field("quality", p.quality);
  json->field("macs", p.macs);
}

}  // namespace

std::string sweep_json(std::span<const SweepReport> models) {
  std::string out;
  JsonWriter json(&out, 1);
  if (models.size() == 1) {
    write_report(models.front(), &json);
    return out + "\n";
  }
  json.begin_object();
  json.begin_array("models");
  for (const SweepReport& r : models) write_report(r, &json);
  json.end_array();
  json.begin_array("front");
  for (const StudyPoint& p : study_front(models)) {
    json.begin_object();
    write_study_point(models, p, &json);
    json.end_object();
  }
  json.end_array();
  const StudyVerdict v = study_verdict(models);
  json.key("recommended");
  json.begin_object();
  write_study_point(models, {v.model, v.point}, &json);
  json.field("reference", models[v.reference].model);
  json.field("reason", study_text(models));
  json.optional_field("command", command_of(models[v.model], v.point));
  json.end_object();
  json.end_object();
  return out + "\n";
}

}  // namespace costeff::tasks
