#pragma once

// COST-EFF's schedule: how narrow a model is after each pruning, and how long its stages last.

#include <cstdint>
#include <string>

namespace costeff::prune {

// Widths that all layers share.
struct Widths {
  int64_t heads = 0, neurons = 0;
  int64_t rank = 0;  // of the word embedding; 0: it is not factorised
  bool operator==(const Widths&) const = default;
};

// After pruning k of `prunings`, from 1. Heads go by what they lose in all, the others in proportion to k;
// the last pruning gives `to`. from.rank 0: the hidden size. to.rank 0: no factors.
Widths widths_after(const Widths& from, const Widths& to, int64_t hidden, int64_t k,
                    int64_t prunings);
// A pruning takes a head from each layer; where no head is lost, one pruning does it all.
int64_t prunings_between(const Widths& from, const Widths& to);

// The learning rate after pruning k: each restores some of what its schedule has lost.
double restored_rate(double rate, int64_t k);
// Steps in which the learning rate rises after a pruning, of `period` steps until the next.
int64_t restored_warmup(int64_t period);

// How long the stages last, in epochs.
struct CosteffEpochs {
  double assistant_states = 0, assistant = 0;  // stages 2a and 2b
  double period = 0;                           // between two prunings of stage 3
  double states = 0, answers = 0;              // stages 4 and 5
  double states_share = 0;                     // of a period: hidden states alone
};
// As the reference's scripts for this task of GLUE and this share of the heads kept; for other tasks that
// of the one with the nearest number of rows.
CosteffEpochs costeff_epochs(const std::string& task, int64_t rows, double heads_share);

}  // namespace costeff::prune
