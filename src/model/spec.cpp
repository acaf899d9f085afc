#include "model/spec.h"

namespace costeff::model {

const char* activation_name(Activation a) {
  switch (a) {
    case Activation::gelu_erf:
      return "gelu";
    case Activation::gelu_tanh:
      return "gelu_new";
    case Activation::relu:
      return "relu";
    case Activation::silu:
      return "silu";
    case Activation::tanh:
      return "tanh";
    case Activation::none:
      return "none";
  }
  return "?";
}

bool reads_first_only(const Model& m) {
  return !m.heads.empty() && m.heads.back().pooling == Pooling::first;
}

}  // namespace costeff::model
