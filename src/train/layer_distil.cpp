#include "train/layer_distil.h"

#include <algorithm>

#include "base/fail.h"

namespace costeff::train {
namespace {

// A tensor of the checkpoint that is not in use, of this name and shape; else a new one of zeros, whose
// values are written to *fresh.
model::ParameterId add_map_part(model::Model* m, model::Part part, const std::string& name,
                                std::initializer_list<int64_t> shape, std::span<float>* fresh) {
  for (const Tensor& t : m->provenance.unused) {
    if (t.name == name && std::ranges::equal(t.shape, shape) && is_weight(t))
      return m->parameters.add(model::Role::pooler, part, t);
  }
  return model::new_parameter(&m->parameters, model::Role::pooler, part, "distillation", name,
                              shape, fresh);
}

}  // namespace

std::vector<int64_t> distilled_layers(int64_t teacher_layers) {
  std::vector<int64_t> layers;
  for (int64_t q = 2; q < teacher_layers; q += 3) layers.push_back(q);
  if (layers.empty() && teacher_layers > 0) layers.push_back(teacher_layers - 1);
  return layers;
}

std::vector<int64_t> match_layers(Matching matching,
                                  const std::vector<std::vector<double>>& distances,
                                  const std::vector<bool>& dead) {
  const auto layers = static_cast<int64_t>(dead.size());
  std::vector<int64_t> matched(distances.size());
  int64_t above = layers;
  for (size_t q = distances.size(); q-- > 0;) {
    const std::vector<double>& of = distances[q];
    const int64_t end = matching == Matching::any ? layers : above;
    int64_t nearest = -1;
    for (int64_t j = 0; j < end; ++j) {
      const auto at = static_cast<size_t>(j);
      if (matching == Matching::ordered && dead[at]) continue;
      if (nearest < 0 || of[at] < of[static_cast<size_t>(nearest)]) nearest = j;
    }
    if (nearest < 0) nearest = std::min(above, layers - 1);
    matched[q] = above = nearest;
  }
  return matched;
}

model::Linear layer_transformation(model::Model* student, int64_t teacher_hidden) {
  const int64_t hidden = student->arch.hidden_size;
  model::Linear map{.out = teacher_hidden, .in = hidden};
  std::span<float> identity, zeros;
  map.weight = add_map_part(student, model::Part::weight, "layer_transformation.weight",
                            {teacher_hidden, hidden}, &identity);
  map.bias = add_map_part(student, model::Part::bias, "layer_transformation.bias", {teacher_hidden},
                          &zeros);
  const int64_t both = identity.empty() ? 0 : std::min(teacher_hidden, hidden);
  for (int64_t i = 0; i < both; ++i) identity[static_cast<size_t>(i * hidden + i)] = 1;
  for (const model::ParameterId id : {map.weight, map.bias})
    student->parameters[id].layer = static_cast<int64_t>(student->arch.layers.size());
  return map;
}

LayerDistillation::LayerDistillation(grad::TrainedWeights* weights, model::Linear map,
                                     Matching matching, int64_t teacher_layers)
    : w_(*weights),
      map_(map),
      matching_(matching),
      teacher_layers_(distilled_layers(teacher_layers)) {
  const size_t layers = w_.arch().layers.size();
  sums_.assign(teacher_layers_.size(), std::vector<double>(layers));
  distances_ = sums_;
  matched_.assign(teacher_layers_.size(), 0);
}

void LayerDistillation::begin(int64_t tokens, double weight) {
  divisor_ = static_cast<double>(tokens * map_.out);
  weight_ = weight;
  for (auto& of : sums_) std::fill(of.begin(), of.end(), 0.0);
}

void LayerDistillation::reserve(const grad::BatchShape& batch, int64_t threads) {
  grad::Reserve reserve(grad::Reserve::Mode::allocate);
  reserve(&mapped_, batch.tokens * map_.out);
  reserve_linear(w_, {.rows = batch.tokens, .out = map_.out, .in = map_.in}, threads, true,
                 &reserve, &scratch_);
  const size_t parts = teacher_layers_.size() * static_cast<size_t>(batch.rows);
  if (parts_.size() < parts) parts_.resize(parts);
}

void LayerDistillation::map_states(const grad::Batch& batch, const float* h, const Crew& crew) {
  linear_forward(w_, w_.linear(map_), crew, h, map_.in, batch.tokens(), mapped_.data(), map_.out,
                 &scratch_);
}

void LayerDistillation::measure(const grad::Batch& batch, const grad::Network& student,
                                const grad::Network& teacher, const Crew& crew) {
  const int64_t rows = batch.rows(), size = map_.out;
  const Range mine = crew.part(rows);
  for (size_t j = 0; j < w_.arch().layers.size(); ++j) {
    map_states(batch, student.hidden_state(static_cast<int64_t>(j) + 1), crew);
    for (size_t q = 0; q < teacher_layers_.size(); ++q) {
      const float* t = teacher.hidden_state(teacher_layers_[q] + 1);
      for (int64_t b = mine.begin; b < mine.end; ++b) {
        const auto at = static_cast<size_t>(b);
        const int64_t begin = batch.start[at] * size, end = begin + batch.real[at] * size;
        double sum = 0;
        for (int64_t k = begin; k < end; ++k) {
          const double off = static_cast<double>(mapped_.data()[k]) - t[k];
          sum += off * off;
        }
        parts_[q * static_cast<size_t>(rows) + at] = sum;
      }
    }
    crew.meet();
    if (crew.leads()) {
      for (size_t q = 0; q < sums_.size(); ++q)
        for (int64_t b = 0; b < rows; ++b)
          sums_[q][j] += parts_[q * static_cast<size_t>(rows) + static_cast<size_t>(b)];
    }
    crew.meet();
  }
}

void LayerDistillation::match() {
  std::vector<bool> dead;
  for (size_t j = 0; j < w_.arch().layers.size(); ++j)
    dead.push_back(!w_.layer(static_cast<int64_t>(j)).attention);
  for (size_t q = 0; q < sums_.size(); ++q)
    for (size_t j = 0; j < dead.size(); ++j) distances_[q][j] = sums_[q][j] / divisor_;
  matched_ = match_layers(matching_, distances_, dead);
}

grad::HiddenGradient LayerDistillation::gradient(const grad::Batch& batch,
                                                 const grad::Network& teacher) {
  batch_ = &batch;
  teacher_ = &teacher;
  return {add, this};
}

double LayerDistillation::loss() const {
  double sum = 0;
  for (size_t q = 0; q < matched_.size(); ++q)
    sum += distances_[q][static_cast<size_t>(matched_[q])];
  return sum;
}

// The gradient of weight times D: of W h + b, 2 weight / divisor times the sum over q of what it is off.
void LayerDistillation::add(const void* context, int64_t i, const float* h, float* d,
                            const Crew& crew) {
  auto& self = *static_cast<LayerDistillation*>(const_cast<void*>(context));
  std::vector<const float*> targets;
  for (size_t q = 0; q < self.matched_.size(); ++q) {
    if (self.matched_[q] + 1 == i)
      targets.push_back(self.teacher_->hidden_state(self.teacher_layers_[q] + 1));
  }
  if (targets.empty()) return;
  const grad::Batch& batch = *self.batch_;
  self.map_states(batch, h, crew);
  const int64_t size = self.map_.out;
  const auto slope = static_cast<float>(2 * self.weight_ / self.divisor_);
  const auto times = static_cast<float>(targets.size());
  const Range mine = crew.part(batch.rows());
  float* mapped = self.mapped_.data();
  for (int64_t b = mine.begin; b < mine.end; ++b) {
    const auto at = static_cast<size_t>(b);
    const int64_t begin = batch.start[at] * size, end = begin + batch.real[at] * size;
    for (int64_t k = begin; k < end; ++k) {
      float target = 0;
      for (const float* t : targets) target += t[k];
      mapped[k] = slope * (times * mapped[k] - target);
    }
    std::fill(mapped + end, mapped + batch.start[at + 1] * size, 0.0f);  // places of no token
  }
  crew.meet();
  const grad::TrainedLinear& map = self.w_.linear(self.map_);
  linear_weight_gradient(&self.w_, map, crew, mapped, size, h, self.map_.in, batch.tokens(),
                         &self.scratch_);
  linear_input_gradient(self.w_, map, crew, mapped, size, batch.tokens(), d, self.map_.in, true,
                        &self.scratch_);
}

}  // namespace costeff::train
