#include "runtime/convert/edit_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/fail.h"
#include "base/format.h"
#include "checkpoint/albert_layers.h"
#include "runtime/model_info.h"

namespace costeff::runtime {
namespace {

std::string exits_text(const model::Model& m) {
  std::string s;
  for (const model::Head& h : m.arch.heads)
    append_format(&s, "{}{}", s.empty() ? "" : ", ", h.layer);
  return s;
}

bool contains(std::span<const int64_t> list, int64_t v) {
  return std::find(list.begin(), list.end(), v) != list.end();
}

// Entry i is the new number of layer i + 1, or 0 if it is dropped.
std::vector<int64_t> new_numbers(int64_t layers, std::span<const int64_t> dropped) {
  std::vector<int64_t> numbers;
  int64_t next = 0;
  for (int64_t layer = 1; layer <= layers; ++layer) {
    numbers.push_back(contains(dropped, layer) ? 0 : ++next);
  }
  return numbers;
}

// COST-EFF: an exit after `layer` can read `layer` + 1 hidden states.
void fit_history(model::Head* head, int64_t was) {
  const int64_t n = std::min(head->last_n_hidden, head->layer + 1);
  if (head->hidden_mode == model::HiddenMode::concat && n != head->last_n_hidden) {
    fail_usage(
        "the exit at layer {} reads the last {} hidden states, without the dropped layers there "
        "are {}: leave it out too (--exits), or drop other layers",
        was, head->last_n_hidden, head->layer + 1);
  }
  head->last_n_hidden = n;
}

void renumber_heads(model::Model* m, const std::vector<int64_t>& numbers) {
  const auto last = static_cast<int64_t>(m->arch.layers.size());
  std::vector<model::Head> kept;
  for (model::Head& head : m->arch.heads) {
    const int64_t was = head.layer;
    const bool is_final = &head == &m->arch.heads.back();
    head.layer = is_final ? last : numbers[static_cast<size_t>(was) - 1];
    if (head.layer == 0 || (head.layer == last && !is_final)) continue;
    fit_history(&head, was);
    kept.push_back(std::move(head));
  }
  m->arch.heads = std::move(kept);
}

// Of a list with a number for each layer; a number for all of them stays.
void renumber_list(const std::vector<int64_t>& numbers, std::vector<double>* list) {
  if (list->size() < 2) return;
  std::vector<double> kept;
  for (size_t i = 0; i < list->size(); ++i) {
    if (numbers[i] != 0) kept.push_back((*list)[i]);
  }
  // In a model of one layer the number is never used, but there must be one.
  if (kept.empty()) kept.push_back(list->front());
  *list = std::move(kept);
}

void renumber_policy(ExitPolicy* p, const std::vector<int64_t>& numbers, int64_t last) {
  renumber_list(numbers, &p->thresholds);
  renumber_list(numbers, &p->exit_weights);
  if (p->kind == PolicyKind::fixed) {
    const bool was_last = p->layer == static_cast<int64_t>(numbers.size());
    p->layer = was_last ? last : numbers[static_cast<size_t>(p->layer) - 1];
  }
  int64_t start = 1;
  for (int64_t layer = 1; layer < p->exit_start; ++layer) {
    start += numbers[static_cast<size_t>(layer) - 1] != 0;
  }
  p->exit_start = std::min(start, last);
}

}  // namespace

void keep_exits(model::Model* m, std::span<const int64_t> layers) {
  for (int64_t layer : layers) {
    const bool there = std::any_of(m->arch.heads.begin(), m->arch.heads.end(),
                                   [&](const model::Head& h) { return h.layer == layer; });
    if (!there) {
      fail_usage("no exit at layer {}; this model has exits at layer {}", layer, exits_text(*m));
    }
  }
  const int64_t last = m->arch.heads.back().layer;
  std::erase_if(m->arch.heads, [&](const model::Head& h) {
    return h.layer != last && !contains(layers, h.layer);
  });
  model::number_parameters(m);
}

void drop_layers(model::Model* m, std::span<const int64_t> layers) {
  const auto count = static_cast<int64_t>(m->arch.layers.size());
  for (int64_t layer : layers) {
    if (layer < 1 || layer > count) {
      fail_usage("no layer {} to drop; this model has layers 1 to {}", layer, count);
    }
  }
  const std::vector<int64_t> numbers = new_numbers(count, layers);
  std::vector<model::Layer> kept;
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (numbers[i] != 0) kept.push_back(m->arch.layers[i]);
  }
  if (kept.empty()) fail_usage("all {} layers to drop, expected one to stay", count);
  m->arch.layers = std::move(kept);
  if (m->arch.family == model::Family::albert && !checkpoint::albert_layout_of(m->arch, 1)) {
    fail_usage(
        "without {} {} ALBERT's config.json cannot say which layers share weights, expected to "
        "drop as "
        "many of each group",
        layers.size() == 1 ? "layer" : "layers", fmt::join(layers, ", "));
  }
  renumber_heads(m, numbers);
  model::number_parameters(m);
  if (m->provenance.policy)
    renumber_policy(&*m->provenance.policy, numbers, static_cast<int64_t>(m->arch.layers.size()));
}

std::vector<std::string> drop_misfit_policy(model::Model* m) {
  if (!m->provenance.policy || policy_fault(exits_of(*m), *m->provenance.policy).empty()) return {};
  const bool learned = m->provenance.policy->kind == PolicyKind::learned;
  m->provenance.policy.reset();
  return {std::string("exit_policy.json is left out: ") +
          (learned ? "the learned exits are gone" : "the exit it leaves at is gone")};
}

}  // namespace costeff::runtime
