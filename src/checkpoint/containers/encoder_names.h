#pragma once

// What training scripts put around the names of a model's tensors, and how the encoder is found
// among them: "net.module.bert.encoder.layer.0...." is container "net.", prefix "bert.".

#include <optional>
#include <string>
#include <string_view>

namespace costeff::checkpoint {

// The name without the parts that wrappers add and that stand for nothing, wherever they are:
// module (DataParallel), _orig_mod (torch.compile), _fsdp_wrapped_module, ... LayerNorm's old gamma
// and beta read weight and bias.
std::string canonical_name(std::string_view name);

// Where a tensor of a known encoder says that the encoder is.
struct EncoderName {
  std::string container;  // in front of all names of the model: "", "model.", "net.", ...
  std::string prefix;     // of the encoder: "bert.", ..., or "" for one saved by itself
  auto operator<=>(const EncoderName&) const = default;
};

// Of a canonical name. Nullopt: no tensor of an encoder, or of one that is not ours ("albert.").
// A prefix of ours may stand in any container. An encoder without a prefix may stand only in those
// that people wrap it in (model., base_model.): "electra." would look just like another one.
std::optional<EncoderName> encoder_name(std::string_view canonical);

// Does the tensor of this name in a file, wrapped or not, belong to a known encoder?
bool is_encoder_tensor(std::string_view name);

}  // namespace costeff::checkpoint
