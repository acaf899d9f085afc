#include "grad/head.h"

#include <algorithm>

#include "model/head.h"

namespace costeff::grad {
namespace {

using kernels::Activation;
using kernels::round_up;

bool uses(const SharedMap& shared, const HeadGradient& g) {
  return g.uncertain || (!shared.lte && g.logits);
}

void join_backward(const kernels::GradTable& grad, const model::Head& head, int64_t hidden,
                   int64_t rows, const Crew& crew, const float* d_joined,
                   std::span<float* const> d_history) {
  const Range mine = crew.part(rows);
  const auto n = static_cast<int64_t>(d_history.size());
  const bool concat = head.hidden_mode == model::HiddenMode::concat;
  for (int64_t b = mine.begin; b < mine.end; ++b) {
    for (int64_t s = 0; s < n; ++s) {
      float* d = d_history[static_cast<size_t>(s)];
      if (!d) continue;
      const float* from = d_joined + (concat ? b * n + s : b) * hidden;
      grad.add_scaled(from, concat ? 1.0f : 1.0f / static_cast<float>(n), hidden, d + b * hidden);
    }
  }
  crew.meet();
}

}  // namespace

int64_t joined_size(const model::Head& head, int64_t hidden) {
  return head.hidden_mode == model::HiddenMode::concat ? head.last_n_hidden * hidden : hidden;
}
int64_t pooled_size(const model::Head& head, int64_t hidden) {
  return head.pooler ? head.pooler->out : joined_size(head, hidden);
}

void reserve_head(const model::Head& head, int64_t hidden, int64_t rows, Reserve* reserve,
                  HeadRecord* record) {
  const int64_t joined = round_up(rows * joined_size(head, hidden));
  const int64_t pooled = round_up(rows * pooled_size(head, hidden));
  (*reserve)(&record->joined, joined);
  (*reserve)(&record->d_joined, joined);
  for (FloatBuffer* b : {&record->pre, &record->pooled, &record->dropped, &record->d_dropped})
    (*reserve)(b, pooled);
  (*reserve)(&record->logits, std::max<int64_t>(1, rows * head.classifier.out));
  (*reserve)(&record->uncertain, rows);
  (*reserve)(&record->d_lte, rows);
}

void pool_forward(const model::Pooling& pooling, const Batch& batch, int64_t hidden,
                  const Crew& crew, const float* x, float* pooled) {
  const Range mine = crew.part(batch.rows());
  for (int64_t b = mine.begin; b < mine.end; ++b) {
    const int32_t begin = batch.start[static_cast<size_t>(b)],
                  real = batch.real[static_cast<size_t>(b)];
    const int32_t start[] = {begin, begin + real};  // without the place of no token after it
    model::pool(pooling, {1, start, &real}, hidden, x, pooled + b * hidden);
  }
  crew.meet();
}

void pool_backward(const kernels::GradTable& grad, const model::Pooling& pooling,
                   const Batch& batch, int64_t hidden, const Crew& crew, const float* d_pooled,
                   float* d) {
  const Range mine = crew.part(batch.rows());
  for (int64_t b = mine.begin; b < mine.end; ++b) {
    const int64_t begin = batch.start[static_cast<size_t>(b)],
                  real = batch.real[static_cast<size_t>(b)];
    const bool mean = pooling == model::Pooling::mean;
    const float share = mean ? 1.0f / static_cast<float>(real) : 1.0f;
    for (int64_t t = begin; t < begin + (mean ? real : 1); ++t)
      grad.add_scaled(d_pooled + b * hidden, share, hidden, d + t * hidden);
  }
  crew.meet();
}

void head_forward(const TrainedWeights& w, const model::Head& head, int64_t index,
                  const Batch& batch, const Dropout& general, const Crew& crew,
                  std::span<const float* const> history, HeadRecord* r, LinearScratch* scratch) {
  const Dropout dropout = general.of_exit(head.dropout);
  const int64_t hidden = w.arch().hidden_size, rows = batch.rows();
  const int64_t size = pooled_size(head, hidden), width = joined_size(head, hidden);
  if (crew.leads()) {
    model::join(head, hidden, rows, history.data(), head.last_n_hidden, r->joined.data());
    if (head.drops_input)
      drop_rows(w.grad(), dropout, Site::pooler_input, index, batch, r->joined.data(), width);
  }
  crew.meet();
  if (head.pooler) {
    linear_forward(w, w.linear(*head.pooler), crew, r->joined.data(), width, rows, r->pre.data(),
                   size, scratch);
  } else if (crew.leads()) {
    std::copy_n(r->joined.data(), rows * size, r->pre.data());
  }
  if (crew.leads()) {
    std::copy_n(r->pre.data(), rows * size, r->pooled.data());
    if (head.activation != Activation::none)
      w.kernels().activate(head.activation, r->pooled.data(), rows * size);
    std::copy_n(r->pooled.data(), rows * size, r->dropped.data());
    drop_rows(w.grad(), dropout, Site::pooled, index, batch, r->dropped.data(), size);
  }
  crew.meet();
  if (has_classifier(head)) {
    linear_forward(w, w.linear(head.classifier), crew, r->dropped.data(), size, rows,
                   r->logits.data(), head.classifier.out, scratch);
  }
  if (!head.lte) return;
  linear_forward(w, w.linear(*head.lte), crew, r->pooled.data(), size, rows, r->uncertain.data(), 1,
                 scratch);
  if (crew.leads()) model::sigmoid(r->uncertain.data(), rows);
  crew.meet();
}

void head_backward(TrainedWeights* w, const model::Head& head, int64_t index, const Batch& batch,
                   const Dropout& general, const Crew& crew, const HeadGradient& gradient,
                   std::span<float* const> d_history, bool pooler_is_shared, bool lte_is_shared,
                   HeadRecord* r, LinearScratch* scratch) {
  const Dropout dropout = general.of_exit(head.dropout);
  const int64_t hidden = w->arch().hidden_size, rows = batch.rows();
  const int64_t size = pooled_size(head, hidden), width = joined_size(head, hidden);
  float* d = r->d_dropped.data();
  if (gradient.logits) {
    const TrainedLinear& classifier = w->linear(head.classifier);
    linear_weight_gradient(w, classifier, crew, gradient.logits, classifier.out(),
                           r->dropped.data(), size, rows, scratch);
    linear_input_gradient(*w, classifier, crew, gradient.logits, classifier.out(), rows, d, size,
                          false, scratch);
    if (crew.leads()) drop_rows(w->grad(), dropout, Site::pooled, index, batch, d, size);
  } else if (crew.leads()) {
    std::fill_n(d, rows * size, 0.0f);
  }
  crew.meet();
  if (gradient.uncertain) {
    const TrainedLinear& lte = w->linear(*head.lte);
    float* d_lte = r->d_lte.data();
    if (crew.leads()) {
      for (int64_t b = 0; b < rows; ++b) {
        const float u = r->uncertain.data()[b];
        d_lte[b] = gradient.uncertain[b] * u * (1 - u);
      }
    }
    crew.meet();
    if (!lte_is_shared)
      linear_weight_gradient(w, lte, crew, d_lte, 1, r->pooled.data(), size, rows, scratch);
    linear_input_gradient(*w, lte, crew, d_lte, 1, rows, d, size, true, scratch);
  }
  if (crew.leads()) w->grad().activate_backward(head.activation, r->pre.data(), d, rows * size);
  crew.meet();
  const bool asked = std::any_of(d_history.begin(), d_history.end(), [](float* p) { return p; });
  const float* d_joined = d;
  if (head.pooler) {
    const TrainedLinear& pooler = w->linear(*head.pooler);
    if (!pooler_is_shared)
      linear_weight_gradient(w, pooler, crew, d, size, r->joined.data(), width, rows, scratch);
    if (!asked) return;
    linear_input_gradient(*w, pooler, crew, d, size, rows, r->d_joined.data(), width, false,
                          scratch);
    if (head.drops_input) {
      if (crew.leads())
        drop_rows(w->grad(), dropout, Site::pooler_input, index, batch, r->d_joined.data(), width);
      crew.meet();
    }
    d_joined = r->d_joined.data();
  }
  if (asked) join_backward(w->grad(), head, hidden, rows, crew, d_joined, d_history);
}

void shared_gradient(TrainedWeights* w, SharedMap* shared, int64_t rows, const Crew& crew,
                     std::span<const HeadGradient> gradients, std::span<const HeadRecord> records,
                     LinearScratch* scratch) {
  const int64_t out = shared->map->out(), in = shared->map->in();
  const int64_t count = std::count_if(shared->users.begin(), shared->users.end(),
                                      [&](size_t e) { return uses(*shared, gradients[e]); });
  if (count == 0) return;
  if (crew.leads()) {
    float* d = shared->d.data();
    float* x = shared->x.data();
    for (int64_t b = 0; b < rows; ++b) {
      for (const size_t e : shared->users) {
        if (!uses(*shared, gradients[e])) continue;
        const HeadRecord& r = records[e];
        d = std::copy_n((shared->lte ? r.d_lte : r.d_dropped).data() + b * out, out, d);
        x = std::copy_n((shared->lte ? r.pooled : r.joined).data() + b * in, in, x);
      }
    }
  }
  crew.meet();
  linear_weight_gradient(w, *shared->map, crew, shared->d.data(), out, shared->x.data(), in,
                         rows * count, scratch);
}

}  // namespace costeff::grad
