#include "runtime/conveyor.h"

#include <algorithm>
#include <cstring>

#include "base/fail.h"
#include "exit/kept_probs.h"

namespace costeff::runtime {
namespace {

// Groups of less than half a full batch wait for more sequences.
constexpr int64_t kEnoughShare = 2;

double seconds_since(Clock::time_point* t) {
  const auto now = Clock::now();
  const double s = std::chrono::duration<double>(now - *t).count();
  *t = now;
  return s;
}

int64_t longest_history(const model::Model& m) {
  int64_t n = 1;
  for (const model::Head& h : m.arch.heads) n = std::max(n, h.last_n_hidden);
  return n;
}

// The exits with a history are COST-EFF's, which all pool alike. Other exits beside them need not.
model::Pooling pooling_of_history(const model::Model& m) {
  const std::vector<model::Head>& heads = m.arch.heads;
  const auto with_history = [](const model::Head& h) { return h.last_n_hidden > 1; };
  const auto first = std::find_if(heads.begin(), heads.end(), with_history);
  if (first == heads.end()) return model::Pooling::first;
  for (const model::Head& h : heads) {
    if (with_history(h) && h.pooling != first->pooling)
      fail(ErrorKind::internal, "exits pool their hidden states in different ways");
  }
  return first->pooling;
}

}  // namespace

Conveyor::Conveyor(const LoadedModel& model, const ForwardPlan& plan,
                   const ConveyorOptions& options, Team* team)
    : model_(model),
      plan_(plan),
      options_(options),
      team_(team),
      shape_(model::layer_shape(model.spec.arch)),
      hidden_(model.spec.arch.hidden_size),
      history_size_(longest_history(model.spec)),
      kept_(exits::kept_numbers(plan.policy, model.spec.arch.num_labels)),
      history_pooling_(pooling_of_history(model.spec)),
      waiting_(model.spec.arch.layers.size() + 1),
      layer_scratch_(team ? static_cast<size_t>(team->size()) : 1) {}

bool Conveyor::has_room(int64_t tokens) const {
  return fresh_.empty() || fresh_.tokens() + tokens <= options_.batch_tokens;
}

bool Conveyor::empty() const {
  return fresh_.empty() &&
         std::all_of(waiting_.begin(), waiting_.end(), [](const Waiting& w) { return w.empty(); });
}

void Conveyor::admit(const text::Encoding& e, int64_t pad_to, const Ticket& ticket) {
  std::vector<int32_t>&ids = arrivals_.ids, &types = arrivals_.types;
  ids.insert(ids.end(), e.ids.begin(), e.ids.end());
  types.insert(types.end(), e.type_ids.begin(), e.type_ids.end());
  // COST-EFF's own code also averages over [PAD] positions, which attend to the others, but are not
  // attended to. [PAD] is id 0 in the BERT vocabularies of such models; RoBERTa's is known.
  const int64_t padding = pad_to - static_cast<int64_t>(e.ids.size());
  if (padding > 0) {
    const int64_t pad = std::max<int64_t>(model_.spec.arch.embeddings.pad_token(), 0);
    ids.resize(ids.size() + static_cast<size_t>(padding), static_cast<int32_t>(pad));
    types.resize(ids.size(), 0);
  }
  fresh_.start.push_back(static_cast<int32_t>(ids.size()));
  fresh_.real.push_back(static_cast<int32_t>(e.ids.size()));
  fresh_.tickets.push_back(ticket);
  fresh_.states.emplace_back();
  fresh_.kept.resize(fresh_.kept.size() + static_cast<size_t>(kept_));
  if (options_.max_delay.count() > 0) run_ready();
}

void Conveyor::start() {
  embed_arrivals();
  run_group(0);
  run_ready();
}

bool Conveyor::run_some() {
  if (!fresh_.empty()) {
    embed_arrivals();
    run_group(0);
    return true;
  }
  for (size_t done = 1; done < waiting_.size(); ++done) {
    if (waiting_[done].empty()) continue;
    run_group(static_cast<int64_t>(done));
    return true;
  }
  return false;
}

// Runs the deepest queue first, so that sequences that can leave do so, and nowhere more than a group and
// a half waits.
void Conveyor::run_ready() {
  const int64_t enough = std::max<int64_t>(1, options_.batch_tokens / kEnoughShare);
  const bool timed = options_.max_delay.count() > 0;
  const auto late = timed ? Clock::now() - options_.max_delay : Clock::time_point{};
  const auto ready = [&](const Waiting& w) {
    return !w.empty() && (w.tokens() >= enough || (timed && w.tickets.front().since < late));
  };
  for (size_t done = waiting_.size() - 1; done > 0; --done) {
    if (!ready(waiting_[done])) continue;
    run_group(static_cast<int64_t>(done));
    done = waiting_.size();  // start again from the deepest
  }
}

void Conveyor::embed_arrivals() {
  auto clock = Clock::now();
  first_only_ = false;
  std::swap(fresh_, waiting_[0]);
  Waiting& w = waiting_[0];
  float* x = w.x.reserve(w.tokens() * hidden_);
  model::embed(model_.kernels, model_.spec, model_.weights.embeddings(), w.view(w.sequences()),
               arrivals_.ids.data(), arrivals_.types.data(), x, &layer_scratch_[0]);
  arrivals_.ids.clear();
  arrivals_.types.clear();
  if (history_size_ > 1) {
    w.history.resize(static_cast<size_t>(history_size_));
    for (FloatBuffer& h : w.history) h.reserve(w.sequences() * hidden_);
    keep_pooled(history_pooling_, w, w.sequences(), w.history[0].data());
  }
  times_.embed_s += seconds_since(&clock);
}

const model::Head* Conveyor::head_at(int64_t layer) const {
  const std::vector<model::Head>& heads = model_.spec.arch.heads;
  const auto head = std::find_if(heads.begin(), heads.end(),
                                 [&](const model::Head& h) { return h.layer == layer; });
  return head == heads.end() ? nullptr : &*head;
}

// Writes the pooled hidden states of the first `n` sequences to `to` [n, H]. After the last layer that
// is only done for its own exit, so first_only_ fits its pooling.
void Conveyor::keep_pooled(model::Pooling pooling, const Waiting& w, int64_t n, float* to) const {
  if (first_only_) {
    std::memcpy(to, first_.data(), sizeof(float) * static_cast<size_t>(n * hidden_));
  } else {
    model::pool(pooling, w.view(n), hidden_, w.x.data(), to);
  }
}

void Conveyor::run_layer(int64_t layer, int64_t n, Waiting* w) {
  if (team_ && !model_.weights.has_layer(layer - 1)) {
    team_->run([&](const Crew&) { model_.weights.help_with_layer(layer - 1); });
  }
  const model::LayerWeights& weights = model_.weights.layer(layer - 1);
  const model::PackedView view = w->view(n);
  times_.layer_tokens += view.tokens();
  first_only_ = layer == plan_.last_layer && head_at(layer)->pooling == model::Pooling::first;
  float* first = first_only_ ? first_.reserve(n * hidden_) : nullptr;
  const auto compute = [&](const Crew& crew) {
    const model::Workspace work(crew, &layer_scratch_[0],
                                &layer_scratch_[static_cast<size_t>(crew.rank)]);
    if (first) {
      model::run_layer_first(model_.kernels, shape_, weights, view, w->x.data(), first, work);
    } else {
      model::run_layer(model_.kernels, shape_, weights, view, w->x.data(), work);
    }
  };
  if (team_) {
    team_->run(compute);
  } else {
    compute({});
  }
}

// Runs layer done + 1 over the front of the queue before it.
void Conveyor::run_group(int64_t done) {
  const model::Model& spec = model_.spec;
  const int64_t layer = done + 1;
  Waiting& w = waiting_[static_cast<size_t>(done)];
  const int64_t n = front_of(w, options_.batch_tokens);
  if (n == 0) return;
  auto clock = Clock::now();
  leaving_.assign(static_cast<size_t>(n), layer == plan_.last_layer);
  run_layer(layer, n, &w);
  const double layer_s = seconds_since(&clock);
  const double ffn_s = std::chrono::duration<double>(clock - layer_scratch_[0].ffn_began).count();
  times_.attention_s += layer_s - ffn_s;
  times_.ffn_s += ffn_s;

  if (spec.arch.question_answering) {
    if (layer == plan_.last_layer) ask_tokens(n, &w);
  } else {
    const model::Head* head = head_at(layer);
    const bool asked = head && (plan_.all_exits || layer == plan_.last_layer ||
                                (asks_exits(plan_.policy) && layer >= plan_.policy.exit_start));
    if (history_size_ > 1 && (layer < plan_.last_layer || head->last_n_hidden > 1)) {
      keep_pooled(history_pooling_, w, n,
                  w.history[static_cast<size_t>(layer % history_size_)].data());
    }
    if (asked) ask_exit(static_cast<size_t>(head - spec.arch.heads.data()), n, &w);
  }
  move_front(&w, n, leaving_, hidden_, &waiting_[static_cast<size_t>(layer)]);
  times_.exits_s += seconds_since(&clock);
}

}  // namespace costeff::runtime
