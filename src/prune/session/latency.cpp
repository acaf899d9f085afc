#include "prune/session/latency.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "model/embed.h"
#include "model/head.h"
#include "model/layer.h"
#include "model/weights.h"
#include "prune/fold.h"

namespace costeff::prune {
namespace {

constexpr size_t kRowsTimed = 32;  // of a batch, as many as the engine may compute at once
constexpr int64_t kTimes = 5;      // of which the shortest counts
constexpr int64_t kMostPoints =
    32;  // of the numbers of neurons; between them it is a straight line

// The memory of a thread.
struct Seat {
  std::vector<float> x, first;
  model::LayerScratch scratch;
  model::HeadScratch exits;
  std::vector<float> logits, uncertain;
};

class Stopwatch {
 public:
  Stopwatch(const model::Model& m, std::span<const train::Row> rows, const TimeOptions& options)
      : m_(m), options_(options), embeddings_(m, *options.kernels, options.precision) {
    for (const train::Row& row : rows.first(std::min(rows.size(), kRowsTimed))) {
      ids_.insert(ids_.end(), row.ids.begin(), row.ids.end());
      types_.insert(types_.end(), row.types.begin(), row.types.end());
      types_.resize(ids_.size());
      start_.push_back(static_cast<int32_t>(ids_.size()));
      real_.push_back(static_cast<int32_t>(row.ids.size()));
    }
    seats_.resize(static_cast<size_t>(options.team->size()));
    const auto hidden = static_cast<size_t>(m.arch.hidden_size);
    for (Seat& s : seats_) {
      s.x.resize(ids_.size() * hidden);
      s.first.resize(real_.size() * hidden);
      s.logits.resize(real_.size() * static_cast<size_t>(m.arch.num_labels));
      s.uncertain.resize(real_.size());
    }
    embed(&seats_[0]);
    states_ = seats_[0].x;
  }

  // Of what is neither heads nor neurons.
  double time_of_rest() {
    return shortest([&](Seat* s) { embed(s); }) + shortest([&](Seat* s) { run_exits(s); });
  }
  // Of a model of one layer. first_only: as the last layer of a model that reads nothing else.
  double time_of_layer(const model::Model& one, bool first_only) {
    const model::WeightStore store(one, *options_.kernels, options_.precision);
    const model::LayerShape shape = model::layer_shape(one.arch);
    const model::LayerWeights& w = store.layer(0);
    return shortest([&](Seat* s) {
      if (first_only) {
        model::run_layer_first(*options_.kernels, shape, w, view(), s->x.data(), s->first.data(),
                               &s->scratch);
      } else {
        model::run_layer(*options_.kernels, shape, w, view(), s->x.data(), &s->scratch);
      }
    });
  }

 private:
  model::PackedView view() const {
    return {static_cast<int64_t>(real_.size()), start_.data(), real_.data()};
  }
  void embed(Seat* s) const {
    model::embed(*options_.kernels, m_, embeddings_.embeddings(), view(), ids_.data(),
                 types_.data(), s->x.data(), &s->scratch);
  }
  void run_exits(Seat* s) const {
    for (size_t i = 0; i < m_.arch.heads.size(); ++i) {
      const model::Head& head = m_.arch.heads[i];
      model::pool(head.pooling, view(), m_.arch.hidden_size, s->x.data(), s->first.data());
      const std::vector<const float*> history(static_cast<size_t>(head.last_n_hidden),
                                              s->first.data());
      model::run_head(*options_.kernels, head, embeddings_.head(static_cast<int64_t>(i)),
                      m_.arch.hidden_size, view().sequences, history.data(), head.last_n_hidden,
                      s->logits.data(), s->uncertain.data(), &s->exits);
    }
  }
  // Microseconds of a text: of the shortest of some times that all threads do the same at once.
  template <typename Work>
  double shortest(const Work& work) {
    double best = std::numeric_limits<double>::infinity();
    for (int64_t i = 0; i < kTimes; ++i) {
      std::chrono::steady_clock::time_point begin, end;
      options_.team->run([&](const Crew& crew) {
        Seat* const seat = &seats_[static_cast<size_t>(crew.rank)];
        seat->x = states_;
        crew.meet();
        if (crew.leads()) begin = std::chrono::steady_clock::now();
        work(seat);
        crew.meet();
        if (crew.leads()) end = std::chrono::steady_clock::now();
      });
      best = std::min(best, std::chrono::duration<double, std::micro>(end - begin).count());
    }
    return best / static_cast<double>(real_.size());
  }

  const model::Model& m_;
  const TimeOptions& options_;
  const model::WeightStore embeddings_;
  std::vector<int32_t> ids_, types_, start_{0}, real_;
  std::vector<float> states_;  // [T, H]: what every layer is given
  std::vector<Seat> seats_;
};

// A model of one sublayer of layer `l`, with its first `units` units.
model::Model only_sublayer(const model::Model& m, size_t l, bool attention, int64_t units,
                           bool first_only) {
  model::Model one = m;
  model::Layer layer;
  Kept kept;
  kept.heads.resize(1);
  kept.neurons.resize(1);
  std::vector<uint8_t> first(static_cast<size_t>(attention ? m.arch.layers[l].attention->heads
                                                           : m.arch.layers[l].ffn->in.out));
  std::fill_n(first.begin(), units, uint8_t{1});
  if (attention) {
    layer.attention = m.arch.layers[l].attention;
    kept.heads[0] = std::move(first);
  } else {
    layer.ffn = m.arch.layers[l].ffn;
    kept.neurons[0] = std::move(first);
  }
  one.arch.layers = {layer};
  one.arch.heads.clear();
  if (first_only) one.arch.heads = {m.arch.heads.back()};
  return fold(one, kept);
}

// The points that are measured among counts: about kMostPoints, the first and the last.
std::vector<size_t> points_of(size_t counts) {
  std::vector<size_t> points;
  const size_t by = (counts + kMostPoints - 1) / kMostPoints;
  for (size_t i = 0; i + 1 < counts; i += by) points.push_back(i);
  points.push_back(counts - 1);
  return points;
}

// Fills in what lies between the points, and lets no number of units take longer than a larger one does.
void complete(const std::vector<size_t>& points, SublayerCosts* s) {
  for (size_t p = 0; p + 1 < points.size(); ++p) {
    const size_t a = points[p], b = points[p + 1];
    for (size_t i = a + 1; i < b; ++i) {
      const double at = static_cast<double>(s->counts[i] - s->counts[a]) /
                        static_cast<double>(s->counts[b] - s->counts[a]);
      s->costs[i] = s->costs[a] + at * (s->costs[b] - s->costs[a]);
    }
  }
  for (size_t i = s->costs.size() - 1; i-- > 0;)
    s->costs[i] = std::min(s->costs[i], s->costs[i + 1]);
}

}  // namespace

std::optional<MeasuredTime> measure_time(const model::Model& m, std::span<const train::Row> rows,
                                         const TimeOptions& options,
                                         const std::function<void(int64_t, int64_t)>& progress,
                                         const std::function<bool()>& stop) {
  const Kept all = all_kept(m.arch);
  MeasuredTime time{linear_costs(all, std::vector<UnitCosts>(m.arch.layers.size()), options.step),
                    0};
  Stopwatch watch(m, rows, options);
  time.rest = watch.time_of_rest();
  // Sublayers of the same size take as long.
  std::map<std::tuple<bool, int64_t, bool>, SublayerCosts> known;
  const auto sublayers = static_cast<int64_t>(2 * m.arch.layers.size());
  int64_t done = 0;
  for (size_t l = 0; l < m.arch.layers.size(); ++l) {
    const bool first_only = l + 1 == m.arch.layers.size() && model::reads_first_only(m.arch);
    for (const bool attention : {true, false}) {
      if (progress) progress(++done, sublayers);
      SublayerCosts& costs = attention ? time.table.heads[l] : time.table.neurons[l];
      const bool there =
          attention ? m.arch.layers[l].attention.has_value() : m.arch.layers[l].ffn.has_value();
      if (!there) continue;
      const auto [it, fresh] =
          known.try_emplace({attention, costs.counts.back(), first_only}, costs);
      if (fresh) {
        const std::vector<size_t> points = points_of(costs.counts.size());
        for (const size_t p : points) {
          if (stop && stop()) return std::nullopt;
          it->second.costs[p] = watch.time_of_layer(
              only_sublayer(m, l, attention, costs.counts[p], first_only), first_only);
        }
        complete(points, &it->second);
      }
      costs = it->second;
    }
  }
  return time;
}

}  // namespace costeff::prune
