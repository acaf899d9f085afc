#include <costeff/slender_train.h>

#include "prune/session/slender_job.h"
#include "prune/session/slender_run.h"

namespace costeff {

struct SlenderTrainer::Impl {
  prune::SlenderJob job;
};

SlenderTrainer::SlenderTrainer(const std::string& model, std::vector<TrainRow> rows,
                               std::vector<TrainRow> dev, SlenderTrainOptions options)
    : impl_(new Impl{{model, std::move(rows), std::move(dev), std::move(options)}}) {}
SlenderTrainer::~SlenderTrainer() = default;
SlenderTrainer::SlenderTrainer(SlenderTrainer&&) noexcept = default;
SlenderTrainer& SlenderTrainer::operator=(SlenderTrainer&&) noexcept = default;

const SlenderTrainPlan& SlenderTrainer::plan() const { return impl_->job.plan; }

double SlenderTrainer::estimate_seconds() { return impl_->job.estimate_seconds(); }

std::optional<SlenderTrainResult> SlenderTrainer::run(const std::string& out,
                                                      const TrainObserver& observer,
                                                      const std::atomic<bool>* stop) {
  return prune::SlenderRun(&impl_->job, out, observer, stop).run();
}

}  // namespace costeff
