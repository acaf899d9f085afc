#include "tasks/report/slender_report.h"

#include <fmt/format.h>

#include "base/format.h"
#include "tasks/report/train_json.h"
#include "tasks/report/train_report.h"
#include "tasks/write/format_text.h"
#include "tasks/write/json_writer.h"

namespace costeff::tasks {
namespace {

// Of model.safetensors in float32, the names of tensors aside.
int64_t file_bytes(const SlenderShape& shape) {
  return shape.parameters * static_cast<int64_t>(sizeof(float));
}

// The members and the end of an object.
void write_shape(const SlenderShape& shape, JsonWriter* json) {
  json->field("heads", shape.heads);
  json->field("neurons", shape.neurons);
  json->field("rank", shape.rank);
  json->field("parameters", shape.parameters);
  json->field("macs", shape.macs);
  json->field("bytes", file_bytes(shape));
  json->field("sparsity", shape.sparsity);
  json->end_object();
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

double share(double part, double whole) { return whole > 0 ? part / whole : 0; }

const char* size_name(SlenderSize size) {
  switch (size) {
    case SlenderSize::macs:
      return "macs";
    case SlenderSize::parameters:
      return "params";
    case SlenderSize::sparsity:
      return "sparsity";
    case SlenderSize::speedup:
      return "speedup";
  }
  return "";
}

}  // namespace

std::string slender_text(const SlenderReport& r) {
  const SlenderShape &before = r.plan.before, &after = r.plan.after;
  // CoFi's widths are found while it trains.
  const bool known = !after.heads.empty();
  const char* about = known ? "" : "about ";
  std::string out = "layer   heads          neurons\n";
  for (size_t l = 0; l < before.heads.size(); ++l) {
    // A sublayer may be gone.
    const auto left = [&](const std::vector<int64_t>& widths) {
      return known ? fmt::format("{}", widths[l]) : "?";
    };
    append_format(&out, "{:>5}   {:>3} of {:<3}   {:>5} of {}\n", l + 1, left(after.heads),
                  before.heads[l], left(after.neurons), before.neurons[l]);
  }
  append_format(&out, "\nmultiply-accumulates  {}{:.1f}% of {:.3g} a text of {:.1f} tokens\n",
                about, 100 * share(after.macs, before.macs), before.macs,
                share(static_cast<double>(r.plan.tokens), static_cast<double>(r.plan.rows)));
  append_format(&out, "parameters            {}{} of {}, embeddings included\n", about,
                grouped(after.parameters), grouped(before.parameters));
  append_format(&out, "model.safetensors     about {:.1f} MB, before {:.1f} MB in float32\n",
                static_cast<double>(file_bytes(after)) / 1e6,
                static_cast<double>(file_bytes(before)) / 1e6);
  if (after.sparsity > 0)
    append_format(&out, "sparsity              {:.3f} of the weights of heads and neurons\n",
                  after.sparsity);
  if (r.plan.speedup)
    append_format(&out, "speed-up              {:.2f}, by the times that were measured\n",
                  *r.plan.speedup);
  if (after.rank > 0)
    append_format(&out, "embedding             of rank {}{}\n", after.rank,
                  before.rank > 0 ? fmt::format(", before {}", before.rank) : "");
  append_format(&out, "dialect               {}\n", r.plan.dialect);
  if (r.training && !r.result) out += stages_text(*r.training) + memory_text(r.training->memory);
  if (r.estimated_s >= 0) {
    append_format(&out, "{}{}\n", r.training ? "\ntime " : "fits                  ",
                  r.training ? duration_text(r.estimated_s) + " (from a few steps)"
                             : "will take about " + duration_text(r.estimated_s));
  }
  if (!r.result || r.result->metric_before.empty()) return out;
  const std::vector<double>&whole = r.result->metric_before, &slender = r.result->metric_after;
  append_format(&out, "{:<22}{:.4f} at the last layer, before {:.4f}; {} rows\n", r.metric,
                slender.back(), whole.back(), grouped(r.plan.dev_rows));
  if (slender.size() == 1) return out;
  append_format(&out, "{:<22}{:.4f} on average over the exits", "", mean(slender));
  if (whole.size() > 1) append_format(&out, ", before {:.4f}", mean(whole));
  return out + "\n";
}

std::string slender_json(const SlenderReport& r) {
  std::string out;
  JsonWriter json(&out, 1);
  json.begin_object();
  json.field("model", r.model);
  json.optional_field("out", r.out);
  json.field("method", r.method);
  json.field("data", r.data);
  json.field("dev", r.dev);
  if (!r.fit.empty()) {
    json.field("tune", r.fit);
    json.field("size", size_name(r.target.of));
    json.field("asked", r.target.value);
    json.field("drawn_answers", r.drawn);
    if (r.plan.speedup) json.field("speedup", *r.plan.speedup);
  }
  json.field("metric", r.metric);
  json.field("dialect", r.plan.dialect);
  json.field("rows", r.plan.rows);
  json.field("dev_rows", r.plan.dev_rows);
  json.field("tokens", r.plan.tokens);
  json.begin_object("before");
  write_shape(r.plan.before, &json);
  json.begin_object("after");
  write_shape(r.plan.after, &json);
  if (r.training) {
    write_stages(*r.training, &json);
    json.begin_array("shapes");
    for (const SlenderShape& shape : r.shapes) {
      json.begin_object();
      write_shape(shape, &json);
    }
    json.end_array();
    write_memory(r.training->memory, &json);
  }
  if (r.estimated_s >= 0) json.field("estimated_seconds", r.estimated_s);
  if (r.result) {
    if (r.training) {
      json.begin_array("evaluations");
      for (const TrainEvaluation& e : r.evaluations) {
        json.begin_object();
        write_evaluation(e, &json);
        json.end_object();
      }
      json.end_array();
    }
    json.field("metric_before", r.result->metric_before);
    json.field("metric_after", r.result->metric_after);
    json.field("files", r.result->files);
    json.field("seconds", r.seconds);
  }
  json.end_object();
  return out + "\n";
}

}  // namespace costeff::tasks
