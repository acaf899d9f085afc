#pragma once

// Training scripts put other names around those of a model's tensors. Here the encoder is found
// among them: "net.module.bert.encoder.layer.0...." has the container "net." and the prefix "bert.".

#include <optional>
#include <string>
#include <string_view>

namespace costeff::checkpoint {

// The name without the parts that wrappers add, wherever they are: module (DataParallel), _orig_mod
// (torch.compile), _fsdp_wrapped_module, ... LayerNorm's old names gamma and beta become weight and
// bias.
std::string canonical_name(std::string_view name);

// Where the encoder is, by the name of one of its tensors.
struct EncoderName {
  std::string container;  // before all names of the model: "", "model.", "net.", ...
  std::string prefix;     // of the encoder: "bert.", ..., or "" for one saved by itself
  auto operator<=>(const EncoderName&) const = default;
};

// For a canonical name. Returns nullopt if it is no tensor of an encoder, or of an unknown one
// ("mobilebert."). An encoder with a known prefix may be in any container. One without a prefix may be
// only in those that are common for it (model., base_model.), as "mpnet." would look like another.
std::optional<EncoderName> encoder_name(std::string_view canonical);

// Whether the tensor of this name in a file, wrapped or not, belongs to a known encoder.
bool is_encoder_tensor(std::string_view name);

}  // namespace costeff::checkpoint
