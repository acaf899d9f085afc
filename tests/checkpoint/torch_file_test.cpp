#include "checkpoint/containers/torch_file.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error_of.h"
#include "checkpoint/container_bytes.h"
#include "checkpoint/containers/weights.h"

namespace costeff::checkpoint {
namespace {

using test::floats;
using test::pk_global;
using test::pk_int;
using test::pk_ints;
using test::pk_state_dict;
using test::pk_string;
using test::pk_tensor;
using test::pk_tuple;
using test::TensorPickle;
using test::torch_legacy;
using test::torch_zip;

TensorSet parse_file(const std::string& file) {
  return parse_torch(test::as_bytes(file), nullptr, "m.bin");
}
std::string torch_error(const std::string& file) {
  return error_of(ErrorKind::model, [&] {
    const TensorSet set = parse_file(file);
    if (set.check_bytes) set.check_bytes(set);
  });
}
// One tensor "w" over a storage of six floats, 0 to 5.
const std::string kSix = test::raw<float>({0, 1, 2, 3, 4, 5});
std::string one(TensorPickle t) {
  if (t.numel == 0) t.numel = 6;
  return torch_zip(pk_state_dict({{"w", pk_tensor(t)}}), {{"0", kSix}});
}
std::vector<float> values(const TensorPickle& t) {
  const std::string file = one(t);
  return floats(parse_file(file).tensors[0]);
}

TEST(TorchFile, ContiguousTensorsAreViews) {
  const std::string parameter =
      pk_global("torch._utils", "_rebuild_parameter") +
      pk_tuple({pk_tensor({.numel = 6, .offset = 4, .shape = {2}, .stride = {1}}), "\x88",
                pk_global("collections", "OrderedDict") + ")R"}) +
      "R";
  const std::string file =
      torch_zip(pk_state_dict({{"a", pk_tensor({.numel = 6, .shape = {2, 3}, .stride = {3, 1}})},
                               {"p", parameter},
                               {"ids", pk_tensor({.storage_type = "LongStorage",
                                                  .key = "1",
                                                  .numel = 1,
                                                  .shape = {},
                                                  .stride = {}})},
                               {"flag", pk_tensor({.storage_type = "BoolStorage",
                                                   .key = "2",
                                                   .numel = 0,
                                                   .shape = {0, 5},
                                                   .stride = {5, 1}})}}),
                {{"0", kSix}, {"1", test::le(7, 8)}, {"2", ""}});
  const TensorSet set = parse_file(file);
  ASSERT_EQ(set.tensors.size(), 4u);
  EXPECT_EQ(set.tensors[0].name, "a");
  EXPECT_EQ(set.tensors[0].shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(floats(set.tensors[0]), (std::vector<float>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(reinterpret_cast<const char*>(set.tensors[0].data), &file[file.find(kSix)]);
  EXPECT_EQ(floats(*set.find("p")), (std::vector<float>{4, 5}));
  EXPECT_EQ(set.find("ids")->dtype, DType::i64);
  EXPECT_EQ(set.find("ids")->numel(), 1);
  EXPECT_EQ(set.find("flag")->dtype, DType::boolean);
  EXPECT_EQ(set.find("flag")->shape, (std::vector<int64_t>{0, 5}));
  EXPECT_EQ(set.owners.size(), 1u);  // nothing was copied
  EXPECT_TRUE(set.notes.empty());
  EXPECT_EQ(torch_error(file), "");
}

TEST(TorchFile, OtherViewsAreCopied) {
  using V = std::vector<float>;
  EXPECT_EQ(values({.shape = {3, 2}, .stride = {1, 3}}), (V{0, 3, 1, 4, 2, 5}));  // transposed
  EXPECT_EQ(values({.offset = 1, .shape = {3}, .stride = {2}}), (V{1, 3, 5}));
  EXPECT_EQ(values({.offset = 2, .shape = {2, 2}, .stride = {0, 1}}), (V{2, 3, 2, 3}));  // expanded
  EXPECT_EQ(values({.offset = 5, .shape = {4}, .stride = {0}}), (V{5, 5, 5, 5}));
  EXPECT_EQ(values({.shape = {1, 2, 1, 2}, .stride = {99, 1, 77, 3}}), (V{0, 3, 1, 4}));
  // Strides of dimensions of 1 do not matter.
  EXPECT_EQ(values({.shape = {1, 6, 1}, .stride = {1, 1, 1}}), (V{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(values({.offset = 3, .shape = {}, .stride = {}}), (V{3}));
  const std::string file = one({.shape = {2}, .stride = {5}});
  TensorSet set = parse_file(file);
  TensorSet moved = std::move(set);
  EXPECT_EQ(floats(moved.tensors[0]), (V{0, 5}));
}

TEST(TorchFile, ViewsStayInTheirStorage) {
  const struct {
    TensorPickle tensor;
    const char* message;
  } cases[] = {
      {{.shape = {7}, .stride = {1}}, "reach outside its storage of 6 numbers"},
      {{.offset = 1, .shape = {6}, .stride = {1}}, "reach outside"},
      {{.offset = INT64_MAX, .shape = {6}, .stride = {1}}, "reach outside"},
      {{.shape = {2, 3}, .stride = {int64_t{1} << 62, 1}}, "reach outside"},
      {{.shape = {5}, .stride = {int64_t{1} << 62}}, "reach outside"},
      {{.offset = -1, .shape = {1}, .stride = {1}}, "the offset in its storage is the number -1"},
      {{.shape = {-6}, .stride = {1}}, "shape holds the number -6"},
      {{.shape = {6}, .stride = {-1}}, "stride holds the number -1"},
      {{.shape = {2, 3}, .stride = {1}}, "shape [2, 3] with strides [1], expected one for each"},
      {{.shape = {int64_t{1} << 33, int64_t{1} << 33}, .stride = {0, 0}}, "larger than any file"},
      {{.shape = {0, int64_t{1} << 33, int64_t{1} << 33}, .stride = {0, 0, 0}}, "larger than any"},
      {{.shape = {1000, 1000}, .stride = {0, 0}}, "would take 4000000 bytes in memory"},
      {{.numel = 5, .shape = {1}, .stride = {1}}, "has 24 bytes, expected 5 numbers of F32"},
      {{.numel = 7, .shape = {1}, .stride = {1}}, "has 24 bytes, expected 7 numbers of F32"},
      {{.numel = -6, .shape = {1}, .stride = {1}}, "the number -6"},
      {{.numel = int64_t{1} << 62, .shape = {1}, .stride = {1}}, "has 24 bytes, expected"},
      {{.storage_type = "DoubleStorage", .shape = {1}, .stride = {1}}, "expected 6 numbers of F64"},
      {{.key = "../../x", .shape = {1}, .stride = {1}},
       "its storage archive/data/../../x is not in the file"},
  };
  for (const auto& c : cases) {
    const std::string e = torch_error(one(c.tensor));
    EXPECT_EQ(e.find("m.bin: tensor w: "), 0u) << e;
    EXPECT_NE(e.find(c.message), std::string::npos) << c.message << "\n" << e;
  }
}

TEST(TorchFile, ArgumentsOfOtherTypes) {
  const std::string rebuild = pk_global("torch._utils", "_rebuild_tensor_v2");
  const std::string storage = pk_tuple({pk_string("storage"), pk_global("torch", "FloatStorage"),
                                        pk_string("0"), pk_string("cpu"), pk_int(6)}) +
                              "Q";
  std::vector<std::string> deep(70, pk_int(1));
  const std::string bad_values[] = {
      rebuild + pk_tuple({storage}) + "R",
      rebuild + pk_tuple({"N", pk_int(0), pk_ints({6}), pk_ints({1})}) + "R",
      rebuild + pk_tuple({pk_string("0") + "Q", pk_int(0), pk_ints({6}), pk_ints({1})}) + "R",
      rebuild +
          pk_tuple({pk_tuple({pk_string("0")}) + "Q", pk_int(0), pk_ints({6}), pk_ints({1})}) + "R",
      rebuild + pk_tuple({storage, "N", pk_ints({6}), pk_ints({1})}) + "R",
      rebuild + pk_tuple({storage, pk_int(0), pk_int(6), pk_ints({1})}) + "R",
      rebuild + pk_tuple({storage, pk_int(0), pk_tuple({pk_string("6")}), pk_ints({1})}) + "R",
      rebuild + pk_tuple({storage, pk_int(0), pk_tuple(deep), pk_tuple(deep)}) + "R",
      pk_global("torch._utils", "_rebuild_parameter") + ")R",
      pk_global("torch._utils", "_rebuild_parameter") + pk_tuple({"N"}) + "R",
      rebuild +
          pk_tuple({pk_tuple({pk_string("storage"), rebuild, pk_string("0"), "N", pk_int(6)}) + "Q",
                    pk_int(0), pk_ints({6}), pk_ints({1})}) +
          "R",
  };
  for (const std::string& value : bad_values) {
    const std::string e = torch_error(torch_zip(pk_state_dict({{"w", value}}), {{"0", kSix}}));
    EXPECT_EQ(e.find("m.bin: tensor w: "), 0u) << e;
  }
}

TEST(TorchFile, TensorNamedTwiceIsAnError) {
  const std::string t = pk_tensor({.numel = 6, .shape = {6}, .stride = {1}});
  EXPECT_EQ(torch_error(torch_zip(pk_state_dict({{"w", t}, {"w", t}}), {{"0", kSix}})),
            "m.bin: tensor w: is defined twice");
}

TEST(TorchFile, OtherEntriesAreIgnoredWithANote) {
  const std::string t = pk_tensor({.numel = 6, .shape = {6}, .stride = {1}});
  const std::string file = torch_zip(
      pk_state_dict({{"epoch", pk_int(3)}, {"w", t}, {"opt", "}"}, {"x", "N"}, {"y", "N"}}),
      {{"0", kSix}});
  const TensorSet set = parse_file(file);
  EXPECT_EQ(set.tensors.size(), 1u);
  ASSERT_EQ(set.notes.size(), 1u);
  EXPECT_EQ(
      set.notes[0],
      "m.bin: ignored 4 entries that are not named tensors: epoch (the number 3), opt (a dict), "
      "x (None), ...");
}

TEST(TorchFile, SaysWhatThereIsInstead) {
  const std::string t = pk_tensor({.numel = 6, .shape = {6}, .stride = {1}});
  const auto pickled = [](const std::string& opcodes) {
    return torch_error(torch_zip("\x80\x02" + opcodes + ".", {{"0", kSix}}));
  };
  EXPECT_EQ(pickled("]"), "m.bin: holds a list, expected a state dict (a dict of tensors)");
  EXPECT_EQ(pickled("N"), "m.bin: holds None, expected a state dict (a dict of tensors)");
  EXPECT_EQ(pickled("}"), "m.bin: a dict without tensors, expected a state dict; it holds nothing");
  EXPECT_EQ(
      pickled("}(" + pk_string("model") + "}" + pk_string("w") + t + "s" + pk_string("epoch") +
              pk_int(3) + "u"),
      "m.bin: a dict without tensors, expected a state dict; it holds model (a dict), epoch (the "
      "number 3)");
  EXPECT_EQ(torch_error(""),
            "m.bin: is empty (0 bytes), expected what torch.save writes (a zip archive or a "
            "pickle)");
  EXPECT_NE(torch_error("hello").find("text, not weights"), std::string::npos);
  EXPECT_NE(torch_error("version https://git-lfs.github.com/spec/v1\n").find("run git lfs pull"),
            std::string::npos);
  EXPECT_NE(torch_error(test::safetensors_bytes("{}", "")).find("looks like a safetensors file"),
            std::string::npos);
  EXPECT_NE(torch_error("<html>").find("web page"), std::string::npos);
}

TEST(TorchFile, ArchivesThatAreNoStateDict) {
  EXPECT_NE(torch_error(test::zip_bytes({{"m/data.pkl", "N."}, {"m/constants.pkl", "N."}}))
                .find("a TorchScript archive"),
            std::string::npos);
  EXPECT_NE(torch_error(test::zip_bytes({{"m/x", ""}})).find("zip archive without m/data.pkl"),
            std::string::npos);
  const std::string pickle =
      pk_state_dict({{"w", pk_tensor({.numel = 6, .shape = {6}, .stride = {1}})}});
  EXPECT_EQ(torch_error(torch_zip(pickle, {{"0", kSix}}, "big")),
            "m.bin: byteorder is \"big\", expected \"little\"");
  EXPECT_NE(torch_error(torch_zip(pickle, {{"0", kSix}}, "")).find("byteorder"), std::string::npos);
  EXPECT_NE(
      torch_error(test::zip_bytes({{"a/data.pkl", pickle, 0x808, 0, true}, {"a/data/0", kSix}}))
          .find("entry a/data.pkl: CRC-32"),
      std::string::npos);
  EXPECT_NE(
      torch_error(test::zip_bytes({{"a/data.pkl", pickle}, {"a/data/0", kSix, 0x808, 0, true}}))
          .find("entry a/data/0: CRC-32"),
      std::string::npos);
  // Old archives have no byteorder entry.
  EXPECT_EQ(torch_error(test::zip_bytes({{"a/data.pkl", pickle}, {"a/data/0", kSix}})), "");
}

TEST(TorchFile, Legacy) {
  const std::string pickle = pk_state_dict(
      {{"w", pk_tensor({.numel = 6, .shape = {2, 3}, .stride = {3, 1}, .legacy = true})},
       {"v", pk_tensor({.numel = 6, .offset = 5, .shape = {1}, .stride = {1}, .legacy = true})},
       {"h", pk_tensor({.storage_type = "HalfStorage",
                        .key = "7",
                        .numel = 1,
                        .shape = {1},
                        .stride = {1},
                        .legacy = true})}});
  const std::string half = test::le(0x3C00, 2);
  const std::string file = torch_legacy(pickle, {{"7", 1, half}, {"0", 6, kSix}});
  const TensorSet set = parse_file(file);
  ASSERT_EQ(set.tensors.size(), 3u);
  EXPECT_EQ(floats(set.tensors[0]), (std::vector<float>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(floats(set.tensors[1]), (std::vector<float>{5}));
  EXPECT_EQ(floats(set.tensors[2]), (std::vector<float>{1}));

  for (size_t n = 0; n < file.size(); ++n) EXPECT_NE(torch_error(file.substr(0, n)), "") << n;
  EXPECT_EQ(torch_error(file + "x"), "m.bin: 1 bytes after the last storage, expected none");
  EXPECT_NE(
      torch_error(torch_legacy(pickle, {{"7", 1, half}})).find("storage 0 is not in the file"),
      std::string::npos);
  EXPECT_NE(torch_error(torch_legacy(pickle, {{"7", 1, half}, {"0", 7, kSix + "1234"}}))
                .find("its length is 7, expected 6"),
            std::string::npos);
  EXPECT_NE(
      torch_error(torch_legacy(pickle, {{"7", 1, half}, {"0", -1, kSix}})).find("its length is -1"),
      std::string::npos);
  EXPECT_NE(torch_error(torch_legacy(pickle, {{"7", 1, half}, {"0", 6, kSix}, {"z", 0, ""}}))
                .find("\"z\", which no tensor uses"),
            std::string::npos);
  EXPECT_NE(
      torch_error(torch_legacy(pickle, {{"7", 1, half}, {"7", 1, half}})).find("is there twice"),
      std::string::npos);

  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string s = file;
    s.replace(s.find(from), from.size(), to);
    return torch_error(s);
  };
  EXPECT_NE(changed("\x19.", "\x18.").find("magic number"), std::string::npos);
  EXPECT_NE(
      changed(test::le(1001, 8), test::le(1002, 8)).find("protocol version is the number 1002"),
      std::string::npos);
  EXPECT_NE(changed("\x88u.", "\x89u.").find("little_endian is False"), std::string::npos);
}

// Written by PyTorch 2.6 with and without torch.serialization.set_crc32_options(False).
TEST(TorchFile, WithAndWithoutChecksums) {
  for (const char* name : {"zip_with_crcs.bin", "zip_without_crcs.bin"}) {
    const TensorSet set =
        read_torch(std::string(COSTEFF_SOURCE_DIR) + "/tests/fuzz/corpus/torch/" + name);
    ASSERT_EQ(set.tensors.size(), 2u);
    EXPECT_EQ(set.tensors[0].name, "w");
    EXPECT_EQ(floats(set.tensors[0]), (std::vector<float>{0, 1, 2, 3, 4, 5}));
    EXPECT_EQ(floats(set.tensors[1]), std::vector<float>(5, 1.0f));
    set.check_bytes(set);
    const bool without = name == std::string_view("zip_without_crcs.bin");
    ASSERT_EQ(set.notes.size(), without ? 1u : 0u);
    if (without) {
      EXPECT_NE(set.notes[0].find(": written without CRC-32s"), std::string::npos);
    }
  }
}

TEST(TorchFile, EveryTruncationIsAnError) {
  const std::string file = one({.shape = {2, 3}, .stride = {3, 1}});
  for (size_t n = 0; n < file.size(); ++n) EXPECT_NE(torch_error(file.substr(0, n)), "") << n;
}

}  // namespace
}  // namespace costeff::checkpoint
