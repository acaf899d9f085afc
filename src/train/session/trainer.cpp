#include <costeff/train.h>

#include "train/session/estimate.h"
#include "train/session/prepared.h"
#include "train/session/training.h"

namespace costeff {

struct Trainer::Impl {
  train::Prepared prepared;
};

Trainer::Trainer(const std::string& backbone, std::vector<TrainRow> train,
                 std::vector<TrainRow> dev, TrainOptions options)
    : impl_(new Impl{{backbone, train, std::move(dev), std::move(options)}}) {}
Trainer::~Trainer() = default;
Trainer::Trainer(Trainer&&) noexcept = default;
Trainer& Trainer::operator=(Trainer&&) noexcept = default;

const TrainPlan& Trainer::plan() const { return impl_->prepared.plan; }

double Trainer::estimate_seconds() { return train::estimate_seconds(impl_->prepared); }

std::optional<TrainResult> Trainer::run(const std::string& out, const TrainObserver& observer,
                                        const std::atomic<bool>* stop) {
  return train::Training(&impl_->prepared, out, observer, stop).run();
}

}  // namespace costeff
