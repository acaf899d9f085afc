#include "checkpoint/containers/shard_index.h"

#include <gtest/gtest.h>

#include <string>

#include "base/error_of.h"
#include "base/format.h"
#include "checkpoint/container_bytes.h"

namespace costeff::checkpoint {
namespace {

std::string index_error(const std::string& text) {
  return error_of(ErrorKind::model, [&] { parse_shard_index(text, "m/index.json"); });
}

TEST(ShardIndex, ListsShardsOnceInOrder) {
  const ShardIndex index = parse_shard_index(
      R"({"metadata":{"total_size":12,"x":[1,{"y":null}]},)"
      R"("weight_map":{"a":"2.safetensors","b":"1.safetensors","c":"2.safetensors"},"more":true})",
      "i");
  EXPECT_EQ(index.shards, (std::vector<std::string>{"2.safetensors", "1.safetensors"}));
  EXPECT_EQ(index.shard_of.at("a"), 0u);
  EXPECT_EQ(index.shard_of.at("b"), 1u);
  EXPECT_EQ(index.shard_of.at("c"), 0u);
}

TEST(ShardIndex, StaysInTheDirectory) {
  for (const std::string name : {"../valid/model.safetensors", "/etc/hostname", "sub/x", "..", ".",
                                 "", "x\\u0000y", "./x"}) {
    const std::string e = index_error(R"({"weight_map":{"a":")" + name + R"("}})");
    EXPECT_EQ(e.find("m/index.json: weight_map: tensor a is in \""), 0u) << e;
    EXPECT_NE(e.find("expected the name of a file in the same directory"), std::string::npos);
  }
  EXPECT_EQ(index_error(R"({"weight_map":{"a":"..x"}})"), "");
  EXPECT_NE(index_error(R"({"weight_map":{"a":")" + std::string(256, 'x') + R"("}})"), "");
}

TEST(ShardIndex, NamesWhatIsWrong) {
  const struct {
    std::string text;
    const char* message;
  } cases[] = {
      {"[]", "is a list, expected a JSON object"},
      {"{}", "has no weight_map"},
      {R"({"weight_map":[]})", "weight_map is a list"},
      {R"({"weight_map":{}})", "weight_map is empty"},
      {R"({"weight_map":{"a":7}})", "tensor a is in the number 7"},
      {R"({"weight_map":{"a":"x","a":"y"}})", "tensor a is given twice"},
      {R"({"weight_map":{"a":"x"},"weight_map":{"b":"y"}})", "\"weight_map\" is given twice"},
      {R"({"weight_map":{"a":"x"})", "not valid JSON"},
      {R"({"metadata":)" + std::string(1'000'000, '['), "nested deeper than 64"},
      {std::string(R"({"weight_map":{"a":"x"}})") + '\0', "NUL"},
  };
  for (const auto& c : cases) {
    const std::string e = index_error(c.text);
    EXPECT_EQ(e.find("m/index.json: "), 0u) << e;
    EXPECT_NE(e.find(c.message), std::string::npos) << e;
  }
}

TEST(ShardIndex, LimitsShardsNotTensors) {
  std::string many = R"({"weight_map":{)", one = many;
  for (int i = 0; i < 100'000; ++i) {
    const std::string tensor = fmt::format("{}{}\":\"", i ? ",\"t" : "\"t", i);
    many += fmt::format("{}{}\"", tensor, i);
    one += tensor + "x\"";
  }
  EXPECT_NE(index_error(many + "}}").find("more than 99999 files"), std::string::npos);
  EXPECT_EQ(parse_shard_index(one + "}}", "i").shard_of.size(), 100'000u);
}

}  // namespace
}  // namespace costeff::checkpoint
