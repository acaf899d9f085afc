#include "prune/tune.h"

#include <algorithm>
#include <cmath>

namespace costeff::prune {
namespace {

using grad::Batch;
using grad::Sublayer;
using grad::TrainedWeights;

// A stream of hidden states: x of each batch, after the sublayers so far.
struct Stream {
  const TrainedWeights* weights;
  std::vector<FloatBuffer> x;
  grad::LayerRecord record;
  grad::LayerScratch scratch;
  grad::EmbeddingRecord embedding;
};

void open_stream(const TrainedWeights& w, std::span<const Batch> batches, Team* team, Stream* s) {
  s->weights = &w;
  grad::BatchShape shape;
  for (const Batch& batch : batches) shape.cover(grad::shape_of(batch));
  const model::Architecture& arch = w.arch();
  grad::Reserve reserve(grad::Reserve::Mode::allocate);
  grad::reserve_linear(w, grad::largest_products(arch, shape.tokens), team->size(), false, &reserve,
                       &s->scratch.linear);
  grad::reserve_embedding(w, shape.tokens, &reserve, &s->embedding);
  grad::reserve_shared_layer(w, shape.tokens, &reserve, &s->record);
  grad::reserve_scratch(w, shape, team->size(), false, &reserve, &s->scratch);
  s->x.resize(batches.size());
  for (size_t b = 0; b < batches.size(); ++b) {
    float* x = s->x[b].reserve(batches[b].tokens() * arch.hidden_size);
    grad::prepare_embedding(w, batches[b], &s->embedding);
    team->run([&](const Crew& crew) {
      grad::embedding_forward(w, batches[b], {}, crew, &s->embedding, x, &s->scratch.linear);
    });
  }
}

const model::Linear& output_of(const model::Architecture& arch, int64_t layer, Sublayer sublayer) {
  const model::Layer& l = arch.layers[static_cast<size_t>(layer)];
  return sublayer == Sublayer::attention ? l.attention->output : l.ffn->out;
}

// The output matrix W [H, columns] of a model in training's form, as the fits see it.
Eigen::MatrixXd weight_of(const TrainedWeights& w, const model::Linear& l) {
  using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  return Eigen::Map<const RowMajor>(w[l.weight].value.data(), l.out, l.in).cast<double>();
}

void zero_dropped(TrainedWeights* w, const model::Linear& l, const std::vector<uint8_t>& kept,
                  int64_t size) {
  if (!l.has_weight()) return;
  float* values = (*w)[l.weight].value.data();
  for (int64_t r = 0; r < l.out; ++r) {
    for (int64_t c = 0; c < l.in; ++c)
      if (!kept[static_cast<size_t>(c / size)]) values[r * l.in + c] = 0;
  }
}

// The places of a batch whose rows are fitted.
enum class Fitted { tokens, first };
std::vector<int64_t> places_of(const Batch& batch, Fitted fitted) {
  std::vector<int64_t> places;
  for (size_t b = 0; b < batch.real.size(); ++b) {
    const int64_t n = fitted == Fitted::first ? 1 : batch.real[b];
    for (int64_t t = 0; t < n; ++t) places.push_back(batch.start[b] + t);
  }
  return places;
}

// What exits read of the last layer's tokens.
Fitted read_of_last_layer(const model::Architecture& arch) {
  const auto layers = static_cast<int64_t>(arch.layers.size());
  for (const model::Head& head : arch.heads)
    if (head.layer == layers && head.pooling != model::Pooling::first) return Fitted::tokens;
  return Fitted::first;
}

class Tuning {
 public:
  Tuning(const TuneModels& models, const Kept& kept, const TuneOptions& options,
         std::span<const Batch> batches, Team* team)
      : models_(models), kept_(kept), options_(options), batches_(batches), team_(*team) {
    open_stream(*models.student, batches, team, &student_);
    open_stream(options.teacher ? *models.teacher : *models.original, batches, team, &target_);
    const model::Architecture& arch = models.student->arch();
    for (const model::Layer& layer : arch.layers) {
      scales_.heads.emplace_back(layer.attention ? layer.attention->heads : 0, 1.0);
      scales_.neurons.emplace_back(layer.ffn ? layer.ffn->in.out : 0, 1.0);
    }
  }

  void run_sublayer(int64_t layer, Sublayer sublayer, const TuneObserver& observer);
  const Scores& scales() const { return scales_; }

 private:
  bool is_reference() const { return options_.fit == Fit::reference_scales; }
  Fitted fitted(int64_t layer, Sublayer sublayer) const;
  // Moves the target's stream where its own products are what is fitted to.
  Moments collect(int64_t layer, Sublayer sublayer, const std::vector<int64_t>& columns,
                  bool* target_moved);
  void fit_scales(const Moments& m, int64_t layer, Sublayer sublayer,
                  const std::vector<int64_t>& columns, const TuneObserver& observer);
  void fit_matrix(const Moments& m, const model::Linear& output,
                  const std::vector<int64_t>& columns);
  void advance(int64_t layer, Sublayer sublayer, Stream* stream);

  const TuneModels& models_;
  const Kept& kept_;
  const TuneOptions& options_;
  std::span<const Batch> batches_;
  Team& team_;
  Stream student_, target_;
  Scores scales_;
  bool stopped_ = false;  // Kwon's: a fit that failed ends all
};

// Kwon's code fits the last feed-forward to first tokens, its attention to all.
Fitted Tuning::fitted(int64_t layer, Sublayer sublayer) const {
  const model::Architecture& arch = models_.student->arch();
  if (layer + 1 < static_cast<int64_t>(arch.layers.size())) return Fitted::tokens;
  if (is_reference() && sublayer == Sublayer::attention) return Fitted::tokens;
  return read_of_last_layer(arch);
}

// r is the target's residual and products less the student's residual: both have the same bias. Kwon's
// feed-forward target has all neurons, as its hook is called before they are masked.
Moments Tuning::collect(int64_t layer, Sublayer sublayer, const std::vector<int64_t>& columns,
                        bool* target_moved) {
  const int64_t hidden = models_.student->arch().hidden_size;
  const model::Linear& output = output_of(models_.student->arch(), layer, sublayer);
  const float* bias =
      output.bias == model::kNone ? nullptr : (*models_.original)[output.bias].value.data();
  const bool all_units = sublayer == Sublayer::ffn || !options_.teacher;
  const TrainedWeights& products = all_units ? *models_.original : *models_.teacher;
  // The products that are fitted to are the stream's own: it goes on with them.
  const bool moves = *target_moved = &products == target_.weights;
  Moments moments(static_cast<int64_t>(columns.size()), hidden);
  Eigen::MatrixXd a, r;
  for (size_t b = 0; b < batches_.size(); ++b) {
    const Batch& batch = batches_[b];
    const std::vector<int64_t> places = places_of(batch, fitted(layer, sublayer));
    const auto rows = static_cast<int64_t>(places.size());
    a.resize(rows, static_cast<int64_t>(columns.size()));
    r.resize(rows, hidden);
    const float* x = student_.x[b].data();
    float* target = target_.x[b].data();
    team_.run([&](const Crew& crew) {
      const grad::SublayerInputs theirs =
          grad::sublayer_inputs(*target_.weights, sublayer, layer, batch, {}, crew, target,
                                &target_.record, &target_.scratch);
      const float* y =
          grad::sublayer_products(products, sublayer, layer, batch, crew, theirs, &target_.scratch);
      const grad::SublayerInputs ours =
          grad::sublayer_inputs(*models_.student, sublayer, layer, batch, {}, crew, x,
                                &student_.record, &student_.scratch);
      const Range mine = crew.part(rows);
      for (int64_t i = mine.begin; i < mine.end; ++i) {
        const int64_t t = places[static_cast<size_t>(i)];
        for (size_t c = 0; c < columns.size(); ++c)
          a(i, static_cast<int64_t>(c)) = ours.rows[t * ours.ld + columns[c]];
        for (int64_t h = 0; h < hidden; ++h) {
          const int64_t at = t * hidden + h;
          r(i, h) = static_cast<double>(target[at]) + y[at] - x[at] - (bias ? bias[h] : 0.0f);
        }
      }
      crew.meet();
      if (moves) {
        grad::sublayer_norm(products, sublayer, layer, batch, {}, crew, target, &target_.record,
                            target, &target_.scratch);
      }
      moments.add(a, r, crew);
    });
  }
  return moments;
}

void Tuning::fit_scales(const Moments& m, int64_t layer, Sublayer sublayer,
                        const std::vector<int64_t>& columns, const TuneObserver& observer) {
  const model::Architecture& arch = models_.student->arch();
  const bool heads = sublayer == Sublayer::attention;
  const int64_t size = heads ? arch.head_size : 1;
  const model::Linear& output = output_of(arch, layer, sublayer);
  // Kwon's code leaves the first attention out.
  if (columns.empty() || stopped_ || (is_reference() && heads && layer == 0)) return;
  const Eigen::MatrixXd whole = weight_of(*models_.original, output);
  Eigen::MatrixXd weight(output.out, static_cast<int64_t>(columns.size()));
  for (size_t c = 0; c < columns.size(); ++c)
    weight.col(static_cast<int64_t>(c)) = whole.col(columns[c]);
  const ScaleEquations equations = scale_equations(m, weight, size, heads);
  const auto scales = is_reference()
                          ? reference_scales(equations, heads, options_.limit)
                          : damped_scales(equations, heads, options_.ridge, options_.limit);
  if (observer) observer(layer, sublayer, &equations);
  if (!scales) {
    stopped_ = is_reference();
    return;
  }
  auto& of_units = heads ? scales_.heads[static_cast<size_t>(layer)]
                         : scales_.neurons[static_cast<size_t>(layer)];
  float* values = (*models_.student)[output.weight].value.data();
  for (size_t c = 0; c < columns.size(); ++c) {
    const double scale = (*scales)[static_cast<int64_t>(c) / size];
    of_units[static_cast<size_t>(columns[c] / size)] = scale;
    for (int64_t r = 0; r < output.out; ++r) {
      float& w = values[r * output.in + columns[c]];
      w = static_cast<float>(scale * w);
    }
  }
}

void Tuning::fit_matrix(const Moments& m, const model::Linear& output,
                        const std::vector<int64_t>& columns) {
  if (columns.empty()) {
    if (output.bias == model::kNone) return;
    float* bias = (*models_.student)[output.bias].value.data();
    for (int64_t h = 0; h < output.out; ++h)
      bias[h] += static_cast<float>(m.r[h] / static_cast<double>(m.rows));
    return;
  }
  float* values = (*models_.student)[output.weight].value.data();
  const Eigen::MatrixXd whole = weight_of(*models_.student, output);
  Eigen::MatrixXd old(output.out, static_cast<int64_t>(columns.size()));
  for (size_t c = 0; c < columns.size(); ++c)
    old.col(static_cast<int64_t>(c)) = whole.col(columns[c]);
  const Eigen::MatrixXd fitted = refit(m, old, options_.ridge);
  for (size_t c = 0; c < columns.size(); ++c)
    for (int64_t r = 0; r < output.out; ++r)
      values[r * output.in + columns[c]] = static_cast<float>(fitted(r, static_cast<int64_t>(c)));
}

void Tuning::advance(int64_t layer, Sublayer sublayer, Stream* stream) {
  for (size_t b = 0; b < batches_.size(); ++b) {
    float* x = stream->x[b].data();
    team_.run([&](const Crew& crew) {
      const grad::SublayerInputs inputs =
          grad::sublayer_inputs(*stream->weights, sublayer, layer, batches_[b], {}, crew, x,
                                &stream->record, &stream->scratch);
      grad::sublayer_products(*stream->weights, sublayer, layer, batches_[b], crew, inputs,
                              &stream->scratch);
      grad::sublayer_norm(*stream->weights, sublayer, layer, batches_[b], {}, crew, x,
                          &stream->record, x, &stream->scratch);
    });
  }
}

void Tuning::run_sublayer(int64_t layer, Sublayer sublayer, const TuneObserver& observer) {
  const model::Architecture& arch = models_.student->arch();
  const bool heads = sublayer == Sublayer::attention;
  const auto at = static_cast<size_t>(layer);
  const int64_t size = heads ? arch.head_size : 1;
  const auto& kept = heads ? kept_.heads[at] : kept_.neurons[at];
  const model::Linear& output = output_of(arch, layer, sublayer);
  const std::vector<int64_t> columns = places(kept, size);
  zero_dropped(models_.student, output, kept, size);
  auto& scales = heads ? scales_.heads[at] : scales_.neurons[at];
  for (size_t i = 0; i < kept.size(); ++i)
    if (!kept[i]) scales[i] = 0;
  if (options_.teacher) {
    const auto& theirs = heads ? options_.teacher->heads[at] : options_.teacher->neurons[at];
    zero_dropped(models_.teacher, output, theirs, size);
    team_.run([&](const Crew& crew) { models_.teacher->pack(crew, true); });
  }
  bool target_moved = false;
  const Moments moments = collect(layer, sublayer, columns, &target_moved);
  if (options_.fit == Fit::refit) {
    fit_matrix(moments, output, columns);
    if (observer) observer(layer, sublayer, nullptr);
  } else {
    fit_scales(moments, layer, sublayer, columns, observer);
  }
  team_.run([&](const Crew& crew) { models_.student->pack(crew, true); });
  advance(layer, sublayer, &student_);
  if (!target_moved) advance(layer, sublayer, &target_);
}

}  // namespace

std::optional<Scores> tune(const TuneModels& models, const Kept& kept, const TuneOptions& options,
                           std::span<const grad::Batch> batches, Team* team,
                           const TuneObserver& observer, const std::function<bool()>& stop) {
  Tuning tuning(models, kept, options, batches, team);
  const model::Architecture& arch = models.student->arch();
  for (int64_t l = 0; l < static_cast<int64_t>(arch.layers.size()); ++l) {
    const model::Layer& layer = arch.layers[static_cast<size_t>(l)];
    if (stop && stop()) return std::nullopt;
    if (layer.attention) tuning.run_sublayer(l, Sublayer::attention, observer);
    if (stop && stop()) return std::nullopt;
    if (layer.ffn) tuning.run_sublayer(l, Sublayer::ffn, observer);
  }
  return tuning.scales();
}

}  // namespace costeff::prune
