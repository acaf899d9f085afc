// State dicts inside the checkpoints of training scripts.

#include "checkpoint/containers/torch_nested.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error_of.h"
#include "checkpoint/container_bytes.h"
#include "checkpoint/containers/torch_file.h"

namespace costeff::checkpoint {
namespace {

using test::PickleEntry;
using test::pk_string;
using test::StoragePart;

const std::string kData = test::raw<float>({0, 1, 2, 3, 4, 5});

std::string tensor() { return test::pk_tensor({.numel = 6, .shape = {2, 3}, .stride = {3, 1}}); }
std::string dict(const std::vector<PickleEntry>& entries) {
  std::string s = "}(";
  for (const PickleEntry& e : entries) s += pk_string(e.name) + e.value;
  return s + "u";
}
std::string encoder_dict(const std::string& prefix = "") {
  return dict({{prefix + "bert.embeddings.word_embeddings.weight", tensor()},
               {prefix + "classifier.weight", tensor()}});
}
std::string file_of(const std::vector<PickleEntry>& entries) {
  return test::torch_zip("\x80\x02" + dict(entries) + ".", {{"0", kData}});
}
std::vector<std::string> tensor_names(const TensorSet& set) {
  std::vector<std::string> names;
  for (const Tensor& t : set.tensors) names.push_back(t.name);
  return names;
}
TensorSet parsed(const std::string& file) {
  return parse_torch(test::as_bytes(file), nullptr, "m.bin");
}
std::string nested_error(const std::vector<PickleEntry>& entries) {
  const std::string file = file_of(entries);
  return error_of(ErrorKind::model, [&] { parsed(file); });
}

TEST(TorchNested, TheOneWithAnEncoderIsFound) {
  using namespace std::string_literals;
  const std::string state = "}K\x00"s + dict({{"step", "K\x07"}, {"exp_avg", tensor()}}) + "s";
  const std::string optimiser = dict(
      {{"state", state},
       {"param_groups", "](" + dict({{"lr", "G" + test::le(0, 8)}, {"amsgrad", "\x89"}}) + "e"}});
  for (const std::string key : {"state_dict", "model", "model_state_dict", "weights"}) {
    const std::vector<PickleEntry> entries = {{"epoch", "K\x03"},
                                              {key, encoder_dict()},
                                              {"optimizer", optimiser},
                                              {"loss", tensor()},
                                              {"scheduler", "N"},
                                              {"best", "G" + test::le(0, 8)},
                                              {"args", dict({{"name", pk_string("x")}})}};
    const std::string file = file_of(entries);
    const TensorSet set = parsed(file);
    EXPECT_EQ(tensor_names(set), (std::vector<std::string>{"bert.embeddings.word_embeddings.weight",
                                                           "classifier.weight"}));
    EXPECT_EQ(set.notes, std::vector<std::string>{"m.bin: the state dict is its entry " + key +
                                                  "; 6 other entries are ignored"});
    if (set.check_bytes) set.check_bytes(set);
  }
  // In wrappers, and the legacy stream, where all storages are in one list.
  const std::string wrapped = file_of({{"state_dict", encoder_dict("model._orig_mod.")}});
  EXPECT_EQ(parsed(wrapped).tensors.size(), 2u);
  const std::string legacy =
      test::torch_legacy("\x80\x02" + dict({{"model", encoder_dict()}}) + ".", {{"0", 6, kData}});
  EXPECT_EQ(parsed(legacy).tensors.size(), 2u);
}

TEST(TorchNested, TwoReadingsAreShown) {
  EXPECT_EQ(nested_error({{"state_dict", encoder_dict()}, {"ema_state_dict", encoder_dict()}}),
            "m.bin: holds 2 state dicts of an encoder, the entry state_dict and the entry "
            "ema_state_dict, expected one: save it alone");
  EXPECT_EQ(nested_error(
                {{"bert.embeddings.word_embeddings.weight", tensor()}, {"model", encoder_dict()}}),
            "m.bin: holds 2 state dicts of an encoder, the dict itself and the entry model, "
            "expected one: save it alone");
  // The same dict under two names is one.
  const std::string same = encoder_dict() + "q\x05";
  const std::string file = file_of({{"model", same}, {"state_dict", "h\x05"}});
  EXPECT_EQ(parsed(file).tensors.size(), 2u);
}

TEST(TorchNested, OthersAreReadAsTheyAre) {
  // Masks, other models: the top dict.
  const std::string masks = file_of({{"hidden_z", tensor()}, {"more", dict({{"x", tensor()}})}});
  EXPECT_EQ(tensor_names(parsed(masks)), std::vector<std::string>{"hidden_z"});
  EXPECT_EQ(nested_error({{"model", dict({{"vit.x", tensor()}})}, {"epoch", "K\x03"}}),
            "m.bin: a dict without tensors, expected a state dict; it holds model (a dict), epoch "
            "(the number 3)");
  // Nothing beside the state dict is run either.
  const std::string error = nested_error(
      {{"state_dict", encoder_dict()}, {"args", test::pk_global("argparse", "Namespace") + ")R"}});
  EXPECT_NE(error.find("argparse.Namespace"), std::string::npos) << error;
  EXPECT_NE(error.find("save the state dict alone"), std::string::npos) << error;
}

}  // namespace
}  // namespace costeff::checkpoint
