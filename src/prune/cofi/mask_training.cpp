#include "prune/cofi/mask_training.h"

#include <fmt/format.h>

#include <algorithm>

#include "optim/adamw.h"
#include "prune/cofi/fold_masks.h"

namespace costeff::prune {
namespace {

// Takes a step of a vector with the gradients d.
void take_step(const kernels::GradTable& grad, const kernels::AdamStep& step,
               const std::vector<float>& d, std::vector<float>* p, std::vector<float>* first,
               std::vector<float>* second) {
  grad.adam(step, d.data(), static_cast<int64_t>(d.size()), p->data(), first->data(),
            second->data());
}

}  // namespace

MaskTraining::MaskTraining(const model::Architecture& arch, const MaskOptions& options)
    : options_(options),
      size_(arch),
      a_(first_log_alphas(arch, options.hidden, options.seed)),
      lambda_(2, 0.0f),
      lambda_first_(2, 0.0f),
      lambda_second_(2, 0.0f) {
  for (grad::MaskValues<float>* v : {&first_, &second_, &noise_})
    v->assign(arch, options.hidden, 0.0f);
}

double MaskTraining::target(int64_t step) const {
  const auto since = static_cast<double>(step - options_.first_steps);
  const auto warmup = static_cast<double>(std::max<int64_t>(1, options_.warmup_steps));
  return options_.sparsity * std::clamp(since / warmup, 0.0, 1.0);
}

void MaskTraining::draw(int64_t step) {
  if (step < options_.first_steps) return;
  draw_noise(options_.seed, static_cast<uint64_t>(step), &noise_);
  masks_ = sample_masks(a_, noise_);
  shop_->weights->mask(&masks_);
}

void MaskTraining::begin(train::Workshop* shop, int64_t step, int64_t steps) {
  shop_ = shop;
  steps_ = steps;
  done_ = step == steps;
  draw(step);
  shop->team.run([&](const Crew& crew) { shop->weights->pack(crew); });
}

void MaskTraining::descend(int64_t step) {
  const model::Architecture& arch = shop_->model.arch;
  const kernels::GradTable& grad = shop_->weights->grad();
  d_a_.assign(arch, options_.hidden, 0);
  add_mask_slopes(a_, noise_, d_masks_, &d_a_);
  const double t = target(step), off = expected_sparsity(size_, a_, 0, nullptr) - t;
  expected_sparsity(size_, a_, lambda_[0] + 2 * lambda_[1] * off, &d_a_);
  loss_ = lambda_[0] * off + lambda_[1] * off * off;
  const optim::AdamW adam{.variant = optim::Variant::torch};
  const int64_t taken = step - options_.first_steps + 1;
  const kernels::AdamStep down = optim::adam_step(adam, taken, options_.rate, 0, 1);
  std::vector<std::vector<float>> slopes;
  grad::each_vector(d_a_,
                    [&](const std::vector<double>& v) { slopes.emplace_back(v.begin(), v.end()); });
  std::vector<std::vector<float>*> first, second;
  grad::each_vector(first_, [&](std::vector<float>& v) { first.push_back(&v); });
  grad::each_vector(second_, [&](std::vector<float>& v) { second.push_back(&v); });
  size_t at = 0;
  grad::each_vector(a_, [&](std::vector<float>& v) {
    take_step(grad, down, slopes[at], &v, first[at], second[at]);
    ++at;
  });
  const std::vector<float> climbs{static_cast<float>(off), static_cast<float>(off * off)};
  take_step(grad, optim::adam_step(adam, taken, -options_.lambda_rate, 0, 1), climbs, &lambda_,
            &lambda_first_, &lambda_second_);
}

void MaskTraining::update(int64_t step, const Crew& crew) {
  const bool masked = step >= options_.first_steps;
  if (masked) shop_->weights->mask_gradients(&d_masks_, crew);
  if (crew.leads()) {
    if (masked) descend(step);
    clamp_log_alphas(&a_);
    draw(step + 1);
    done_ = step + 1 == steps_;
  }
  crew.meet();
}

std::vector<Tensor> MaskTraining::layer_map() {
  kept_.emplace();
  return fold_layer_map(shop_->model, *shop_->layer_map, masks(), &*kept_);
}

std::string MaskTraining::about() const {
  constexpr double kNear = 0.02;
  const double learnt = sparsity_of(size_, evaluation_masks(a_));
  std::string line = fmt::format("sparsity {:.1f} % of {:.1f} % (expected of the masks: {:.1f} %)",
                                 100 * sparsity(), 100 * options_.sparsity,
                                 100 * expected_sparsity(size_, a_, 0, nullptr));
  if (done_ && learnt < options_.sparsity - kNear) {
    line += fmt::format(
        "; the masks had come to {:.1f} %, the rest was cut at the end: more epochs or a higher "
        "learning rate of the masks help",
        100 * learnt);
  }
  return line;
}

train::Guide MaskTraining::guide() {
  train::Guide g;
  g.steps.self = this;
  g.steps.update = [](void* self, int64_t step, const Crew& crew) {
    static_cast<MaskTraining*>(self)->update(step, crew);
  };
  g.steps.loss = [](const void* self) { return static_cast<const MaskTraining*>(self)->loss_; };
  g.begin = [this](train::Workshop* shop, int64_t step, int64_t steps) {
    begin(shop, step, steps);
  };
  g.model = [this] { return fold_masks(shop_->model, masks()); };
  g.beside = [this] { return layer_map(); };
  g.may_be_best = [this] { return sparsity() >= options_.sparsity; };
  g.about = [this] { return about(); };
  const auto add = [&](const char* what, grad::MaskValues<float>* values) {
    int64_t number = 0;
    grad::each_vector(*values, [&](std::vector<float>& v) {
      if (!v.empty()) g.state.push_back({fmt::format("masks.{}.{}", what, number), v});
      ++number;
    });
  };
  add("log_alpha", &a_);
  add("first", &first_);
  add("second", &second_);
  g.state.push_back({"masks.lambda", lambda_});
  g.state.push_back({"masks.lambda_first", lambda_first_});
  g.state.push_back({"masks.lambda_second", lambda_second_});
  g.identity = {{"sparsity", options_.sparsity},
                {"masks of hidden units", options_.hidden},
                {"steps without masks", options_.first_steps},
                {"steps until the sparsity", options_.warmup_steps},
                {"learning rate of masks", options_.rate},
                {"learning rate of the multipliers", options_.lambda_rate},
                {"seed of masks", options_.seed}};
  return g;
}

}  // namespace costeff::prune
