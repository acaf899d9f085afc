#include "checkpoint/containers/safetensors.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error_of.h"
#include "base/format.h"
#include "checkpoint/container_bytes.h"
#include "sanitized.h"

namespace costeff::checkpoint {
namespace {

using test::safetensors_bytes;

TensorSet parse(const std::string& file) {
  return parse_safetensors(test::as_bytes(file), nullptr, "m.safetensors");
}
std::string header_error(const std::string& header, const std::string& data) {
  return error_of(ErrorKind::model, [&] { parse(safetensors_bytes(header, data)); });
}

TEST(Safetensors, GivesViewsInHeaderOrder) {
  const std::string file = safetensors_bytes(
      R"({"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2,1],"data_offsets":[3,11]},)"
      R"("a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},)"
      R"("s":{"dtype":"F16","shape":[],"data_offsets":[11,13]},)"
      R"("none":{"dtype":"I64","shape":[0,4],"data_offsets":[13,13]}}   )",
      "abc" + test::raw<float>({1.5f, -2.0f}) + test::le(0x3C00, 2));
  const TensorSet set = parse(file);
  ASSERT_EQ(set.tensors.size(), 4u);
  EXPECT_EQ(set.tensors[0].name, "b");
  EXPECT_EQ(test::floats(set.tensors[0]), (std::vector<float>{1.5f, -2.0f}));  // unaligned
  EXPECT_EQ(set.tensors[0].shape, (std::vector<int64_t>{2, 1}));
  EXPECT_EQ(set.find("a")->dtype, DType::u8);
  EXPECT_EQ(reinterpret_cast<const char*>(set.find("a")->data), &file[file.size() - 13]);
  EXPECT_EQ(test::floats(*set.find("s")), std::vector<float>{1.0f});
  EXPECT_EQ(set.find("none")->numel(), 0);
  EXPECT_EQ(*set.file, "m.safetensors");
  EXPECT_FALSE(set.check_bytes);
}

TEST(Safetensors, NamesWhatIsWrongInAHeader) {
  const std::string a = R"({"a":)", four(4, 'x');
  const struct {
    const char* entry;
    const char* message;
  } cases[] = {
      {R"({"dtype":"F32","shape":[2],"data_offsets":[0,4]}})",
       "shape [2] of F32 takes 8 bytes, data_offsets [0, 4] has 4"},
      {R"({"dtype":"F12","shape":[1],"data_offsets":[0,4]}})", "dtype F12 is unknown"},
      {R"({"dtype":32,"shape":[1],"data_offsets":[0,4]}})",
       "dtype is the number 32, expected a string"},
      {R"({"shape":[1],"data_offsets":[0,4]}})", "has no dtype"},
      {R"({"dtype":"F32","data_offsets":[0,4]}})", "has no shape"},
      {R"({"dtype":"F32","shape":[1]}})", "has no data_offsets"},
      {R"({"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}})", "shape is given twice"},
      {R"({"dtype":"F32","shape":[1],"strides":[1],"data_offsets":[0,4]}})",
       "has a field \"strides\""},
      {R"({"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})",
       "shape holds a number that is negative"},
      {R"({"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}})", "shape holds a number"},
      {R"({"dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,4]}})",
       "shape holds a number"},
      {R"({"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,4]}})",
       "shape holds 9223372036854775808, more than any file has"},
      {R"({"dtype":"F32","shape":[[1]],"data_offsets":[0,4]}})", "shape holds a list"},
      {R"({"dtype":"F32","shape":{},"data_offsets":[0,4]}})",
       "shape is an object, expected a list"},
      {R"({"dtype":"F32","shape":[1],"data_offsets":[0]}})", "data_offsets has 1 numbers"},
      {R"({"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}})", "more than 2 numbers"},
      {R"({"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", "the beginning is after the end"},
      {R"({"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", "but the file has 4 bytes of data"},
      {R"({"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})",
       "larger than any file"},
      {R"({"dtype":"F32","shape":[0,4294967296,4294967296],"data_offsets":[0,0]}})",
       "larger than any file"},
      {R"(null})", "is null, expected an object"},
      {R"([]})", "is a list, expected an object"},
  };
  for (const auto& c : cases) {
    const std::string e = header_error(a + c.entry, four);
    EXPECT_EQ(e.find("m.safetensors: tensor a: "), 0u) << c.entry << "\n" << e;
    EXPECT_NE(e.find(c.message), std::string::npos) << c.entry << "\n" << e;
  }
}

// Buffers that no model reads may have any type that the format has.
TEST(Safetensors, TypesThatShareBytes) {
  const TensorSet set =
      parse(safetensors_bytes(R"({"c":{"dtype":"C64","shape":[1],"data_offsets":[0,8]},)"
                              R"("f4":{"dtype":"F4","shape":[2,3],"data_offsets":[8,11]},)"
                              R"("f6":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[11,14]},)"
                              R"("f8":{"dtype":"F8_E8M0","shape":[1],"data_offsets":[14,15]}})",
                              "01234567abcdefg"));
  EXPECT_EQ(set.find("c")->bytes(), 8);
  EXPECT_EQ(set.find("f4")->bytes(), 3);
  EXPECT_EQ(set.find("f6")->bytes(), 3);
  EXPECT_EQ(set.find("f8")->bytes(), 1);
  EXPECT_NE(header_error(R"({"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}})", "ab")
                .find("shape [3] of F4 is larger than any file, or no whole number of bytes"),
            std::string::npos);
}

TEST(Safetensors, TensorsTileTheData) {
  const auto two = [](const char* first, const char* second) {
    return std::string(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":)") + first +
           R"(},"b":{"dtype":"U8","shape":[2],"data_offsets":)" + second + "}}";
  };
  EXPECT_EQ(header_error(two("[2,4]", "[0,2]"), "wxyz"), "");
  EXPECT_EQ(
      header_error(two("[0,2]", "[1,3]"), "wxy"),
      "m.safetensors: tensor b: begins at byte 1 of the data and overlaps tensor a, which ends "
      "at 2");
  EXPECT_EQ(header_error(two("[0,2]", "[0,2]"), "wx").find("m.safetensors: tensor "), 0u);
  EXPECT_EQ(header_error(two("[3,5]", "[0,2]"), "vwxyz"),
            "m.safetensors: tensor a: begins at byte 3 of the data, expected 2: the bytes between "
            "belong to no tensor");
  EXPECT_EQ(
      header_error(two("[0,2]", "[2,4]"), "vwxyz"),
      "m.safetensors: the tensors end at byte 4 of the data, but there are 5: the bytes after it "
      "belong to no tensor");
}

TEST(Safetensors, RefusesWhatIsNoHeader) {
  EXPECT_NE(header_error("{}", "").find("lists no tensors"), std::string::npos);
  EXPECT_NE(header_error("[1]", "").find("expected a JSON object"), std::string::npos);
  EXPECT_NE(header_error(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}x)", "")
                .find("not valid JSON"),
            std::string::npos);
  // nlohmann's parser would stop at the NUL and take the rest for padding.
  EXPECT_NE(header_error(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})" +
                             std::string(1, '\0') + "junk",
                         "")
                .find("NUL"),
            std::string::npos);
  EXPECT_NE(header_error(R"({"__metadata__":{"format":1}})", "").find("__metadata__"),
            std::string::npos);
  EXPECT_NE(header_error(R"({"__metadata__":{"k":"1","k":"2"}})", "").find("twice"),
            std::string::npos);
  EXPECT_NE(header_error(R"({"__metadata__":{},"__metadata__":{}})", "").find("twice"),
            std::string::npos);
  const std::string entry = R"({"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  EXPECT_EQ(header_error(R"({"a":)" + entry + R"(,"a":)" + entry + "}", ""),
            "m.safetensors: tensor a: is defined twice");
  // A name cannot write on the user's terminal.
  EXPECT_EQ(header_error(R"({"\u001b[2J\n":null})", ""),
            "m.safetensors: tensor \\x1b[2J\\n: is null, expected an object with dtype, shape, "
            "data_offsets");
}

TEST(Safetensors, SaysWhatTheFileIsInstead) {
  const struct {
    std::string bytes;
    const char* message;
  } cases[] = {
      {"", "is empty"},
      {"1234567", "text, not weights"},
      {std::string(7, '\xff'), "7 bytes, expected a safetensors header"},
      {test::le(~uint64_t{0}, 8) + "x", "header length is 18446744073709551615, expected"},
      {test::le(100'000'001, 8) + "{}", "header length is 100000001, expected"},
      {test::le(3, 8) + "{}", "header length is 3, expected from 2 to 2 (cut short?)"},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
       "a Git LFS pointer, not weights; run git lfs pull"},
      {"\n <!DOCTYPE html><html>", "a web page"},
      {"PK\x03\x04rest of an archive", "is a zip archive"},
  };
  for (const auto& c : cases) {
    const std::string e = error_of(ErrorKind::model, [&] { parse(c.bytes); });
    EXPECT_EQ(e.find("m.safetensors: "), 0u) << e;
    EXPECT_NE(e.find(c.message), std::string::npos) << e;
  }
}

TEST(Safetensors, RefusesDeepNestingWithoutRecursion) {
  for (const char* head : {"{\"a\":", "{\"__metadata__\":", "{\"a\":{\"shape\":"}) {
    EXPECT_NE(header_error(head + std::string(20'000'000, '['), ""), "");
  }
  std::string ones = "1";
  for (int i = 0; i < 16; ++i) ones += ",1";
  EXPECT_NE(
      header_error(R"({"a":{"dtype":"U8","shape":[)" + ones + R"(],"data_offsets":[0,1]}})", "x")
          .find("more than 16 dimensions"),
      std::string::npos);
}

TEST(Safetensors, ReadsHalfAMillionTensors) {
  constexpr int kCount = kSanitized ? 50'000 : 500'000;
  std::string header = "{";
  for (int i = 0; i < kCount; ++i) {
    header += fmt::format("{}{}{}", i ? ",\"x." : "\"x.", i,
                          R"(":{"dtype":"F16","shape":[0],"data_offsets":[0,0]})");
  }
  EXPECT_EQ(parse(safetensors_bytes(header + "}", "")).tensors.size(), size_t{kCount});
}

}  // namespace
}  // namespace costeff::checkpoint
