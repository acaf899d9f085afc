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

}  // namespace costeff::model
