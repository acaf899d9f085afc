#include "prune/session/prune_stage.h"

#include "checkpoint/dialects/dialect_choice.h"
#include "prune/factorise.h"
#include "prune/fold.h"
#include "prune/session/copy.h"
#include "prune/taylor.h"

namespace costeff::prune {

train::LoopOptions importance_pass(const PruneStage& s) {
  train::LoopOptions o;
  o.aim = train::Aim::importance;
  o.epochs = s.epochs;
  o.batch = s.batch;
  o.skip_short = true;
  o.with_replacement = true;
  o.micro_rows = s.micro_batch;
  o.hidden_dropout = 0;
  o.attention_dropout = 0;
  o.seed = s.seed;
  o.first_exit = s.first_exit;
  o.temperature = s.temperature;
  o.hidden_tokens = s.max_length;
  return o;
}

std::optional<Pruned> prune_once(const PruneStage& s, Team* team,
                                 const std::function<void(const train::StepReport&)>& on_step,
                                 const std::atomic<bool>* stop) {
  Copy student(s.student, *s.kernels, has_no_importance);
  Copy teacher(s.teacher, *s.kernels, grad::all_frozen);
  grad::Network network(student.weights.get()), teacher_network(teacher.weights.get());
  train::Loop loop(student.weights.get(), &network, nullptr, s.rows, importance_pass(s),
                   &teacher_network);
  loop.make_room(team->size());
  Importance importance(*student.weights);
  const auto run = [&](const auto& work) { team->run(work); };
  while (!loop.done()) {
    if (stop && *stop) return std::nullopt;
    const train::StepReport step = loop.gradients(team->size(), run);
    run([&](const Crew& crew) { importance.add(crew); });
    on_step(step);
  }
  Kept kept = best_units(importance.scores(), s.widths.heads, s.widths.neurons);
  model::Model narrow = fold(student.backbone.model, kept);
  const model::Embeddings& e = narrow.arch.embeddings;
  if (s.widths.rank > 0 && (!e.word_up || e.word_up->in != s.widths.rank))
    factorise_embedding(&narrow, s.widths.rank);
  narrow.provenance.policy.reset();
  // COST-EFF's encoder, whatever form its exits have.
  narrow.provenance.dialect = "cost-eff";
  checkpoint::set_dialect(&narrow, s.dialect);
  return Pruned{std::move(kept), std::move(narrow), student.backbone.config};
}

}  // namespace costeff::prune
