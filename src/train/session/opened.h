#pragma once

#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "train/session/settings.h"

namespace costeff::train {

// A model with exits, before anything is computed.
struct Opened {
  checkpoint::Backbone backbone;
  Settings settings;
  std::vector<std::string> notes;  // what a user should know
};

}  // namespace costeff::train
