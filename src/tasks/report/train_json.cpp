#include "tasks/report/train_json.h"

#include "tasks/write/json_writer.h"

namespace costeff::tasks {
namespace {

void write_stage(const TrainStage& s, JsonWriter* json) {
  json->begin_object();
  json->field("name", s.name);
  json->field("what", s.what);
  json->field("epochs", s.epochs);
  json->field("steps", s.steps);
  json->field("learning_rate", s.learning_rate);
  json->field("head_learning_rate", s.head_learning_rate);
  json->field("parameters", s.parameters);
  json->end_object();
}

// The members of the plan, in the object that is open.
void write_plan(const TrainReport& r, JsonWriter* json) {
  const TrainPlan& p = r.plan;
  json->field("backbone", r.backbone);
  json->optional_field("out", r.out);
  json->field("recipe", r.recipe->name);
  json->field("data", r.data);
  json->field("dev", r.dev);
  json->optional_field("task", r.task);
  json->field("labels", r.labels);
  json->field("label_note", r.label_note);
  json->field("metric", r.metric);
  json->field("best_by", best_by_name(p.best_by));
  json->field("dialect", p.dialect);
  json->field("exits", p.exits);
  json->field("batch", p.batch);
  json->field("eval_every", p.eval_every);
  json->field("rows", p.rows);
  json->field("dev_rows", p.dev_rows);
  json->field("tokens", p.tokens);
  json->field("longest", p.longest);
  json->field("truncated", p.truncated);
  json->field("parameters", p.parameters);
  write_stages(p, json);
  write_memory(p.memory, json);
  if (r.estimated_s >= 0) json->field("estimated_seconds", r.estimated_s);
  json->field("notes", p.notes);
}

void write_end(const TrainReport& r, JsonWriter* json) {
  const TrainResult& done = *r.result;
  json->field("end", train_end_name(done.end));
  json->key("best");
  done.best >= 0 ? json->value(done.best) : json->null();
  json->field("dialect", done.dialect);
  json->field("files", done.files);
  json->field("seconds", r.seconds);
}

template <typename Members>
std::string event_line(std::string_view event, Members members) {
  std::string out;
  JsonWriter json(&out);
  json.begin_object();
  json.field("event", event);
  members(&json);
  json.end_object();
  return out + "\n";
}

}  // namespace

void write_stages(const TrainPlan& p, JsonWriter* json) {
  json->begin_array("stages");
  for (const TrainStage& s : p.stages) write_stage(s, json);
  json->end_array();
}

void write_memory(const TrainMemory& m, JsonWriter* json) {
  json->begin_object("memory");
  json->field("weights", m.weights);
  json->field("gradients", m.gradients);
  json->field("activations", m.activations);
  json->field("evaluation", m.evaluation);
  json->field("rows", m.rows);
  json->field("total", m.total);
  json->end_object();
}

void write_evaluation(const TrainEvaluation& e, JsonWriter* json) {
  json->field("stage", e.stage);
  json->field("step", e.step);
  json->field("epoch", e.epoch);
  json->field("train_loss", e.train_loss);
  json->field("metric", e.metric);
  json->field("score", e.score);
  json->field("best", e.best);
  json->field("seconds", e.seconds);
}

std::string plan_event(const TrainReport& r) {
  return event_line("plan", [&](JsonWriter* json) { write_plan(r, json); });
}

std::string step_event(const TrainStep& s) {
  return event_line("step", [&](JsonWriter* json) {
    json->field("stage", s.stage);
    json->field("step", s.step);
    json->field("steps", s.steps);
    json->field("epoch", s.epoch);
    json->field("loss", s.loss);
    json->field("norm", s.norm);
    json->field("learning_rate", s.learning_rate);
    json->field("rows", s.rows);
    json->field("tokens", s.tokens);
    json->field("seconds", s.seconds);
    json->field("seconds_left", s.seconds_left);
  });
}

std::string evaluation_event(const TrainEvaluation& e) {
  return event_line("evaluation", [&](JsonWriter* json) { write_evaluation(e, json); });
}

std::string end_event(const TrainReport& r, const std::string& how, const std::string& error) {
  return event_line("end", [&](JsonWriter* json) {
    if (how.empty()) return write_end(r, json);
    json->field("end", how);
    if (!error.empty()) json->field("error", error);
    json->field("seconds", r.seconds);
  });
}

std::string train_json(const TrainReport& r) {
  std::string out;
  JsonWriter json(&out, 1);
  json.begin_object();
  write_plan(r, &json);
  if (r.result) {
    json.begin_array("evaluations");
    for (const TrainEvaluation& e : r.result->evaluations) {
      json.begin_object();
      write_evaluation(e, &json);
      json.end_object();
    }
    json.end_array();
    json.begin_object("result");
    write_end(r, &json);
    json.end_object();
  }
  json.end_object();
  return out + "\n";
}

}  // namespace costeff::tasks
