// Which files of a directory read_weights reads.

#include "checkpoint/containers/weights.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "base/error_of.h"
#include "checkpoint/container_bytes.h"

namespace costeff::checkpoint {
namespace {

namespace fs = std::filesystem;

class Weights : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "costeff_weights_XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    dir = name;
  }
  void TearDown() override { fs::remove_all(dir); }
  void write(const std::string& name, const std::string& bytes) {
    std::ofstream(dir / name, std::ios::binary) << bytes;
  }
  std::string error() {
    return error_of(ErrorKind::model, [&] { read_weights(dir.string()); });
  }
  static std::string safetensors(const std::string& tensor, char value) {
    return test::safetensors_bytes(
        "{\"" + tensor + R"(":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
        std::string(1, value));
  }
  static std::string torch(const std::string& tensor, char value) {
    return test::torch_zip(
        test::pk_state_dict(
            {{tensor,
              test::pk_tensor(
                  {.storage_type = "ByteStorage", .numel = 1, .shape = {1}, .stride = {1}})}}),
        {{"0", std::string(1, value)}});
  }
  char value(const std::string& tensor) {
    set = read_weights(dir.string());
    return static_cast<char>(*set.find(tensor)->data);
  }
  fs::path dir;
  TensorSet set;
};

TEST_F(Weights, TakesTheFirstThatIsThere) {
  write("pytorch_model.bin.index.json", R"({"weight_map":{"a":"4.bin"}})");
  write("4.bin", torch("a", '4'));
  EXPECT_EQ(value("a"), '4');
  EXPECT_EQ(*set.file, (dir / "pytorch_model.bin.index.json").string());
  write("pytorch_model.bin", torch("a", '3'));
  EXPECT_EQ(value("a"), '3');
  write("model.safetensors.index.json", R"({"weight_map":{"a":"2.safetensors"}})");
  write("2.safetensors", safetensors("a", '2'));
  EXPECT_EQ(value("a"), '2');
  write("model.safetensors", safetensors("a", '1'));
  EXPECT_EQ(value("a"), '1');
  // A file that exists but cannot be read is an error, never a reason to read the next.
  fs::remove(dir / "model.safetensors");
  fs::create_symlink("nowhere", dir / "model.safetensors");
  EXPECT_EQ(error(), (dir / "model.safetensors").string() + ": No such file or directory");
}

TEST_F(Weights, SaysWhatIsMissing) {
  EXPECT_EQ(error(), dir.string() +
                         ": no weights, expected model.safetensors, model.safetensors.index.json, "
                         "pytorch_model.bin or pytorch_model.bin.index.json");
  EXPECT_EQ(error_of(ErrorKind::model, [] { read_weights("/no_such_model"); }),
            "/no_such_model: does not exist, expected a checkpoint directory");
  write("vocab.txt", "x");
  const std::string file = (dir / "vocab.txt").string();
  EXPECT_EQ(error_of(ErrorKind::model, [&] { read_weights(file); }),
            file + ": is not a directory, expected a checkpoint directory");
}

// Users may give names of models on a hub, but nothing is downloaded.
TEST_F(Weights, NamesOfAHub) {
  const std::string cure =
      ": does not exist, expected a checkpoint directory; nothing is downloaded: if this is "
      "the name of a model on a hub, download its files first and give their directory";
  for (const std::string name : {"no-such-bert-base-uncased", "no-such-org/bert_tiny.v2"}) {
    EXPECT_EQ(error_of(ErrorKind::model, [&] { read_weights(name); }), name + cure);
  }
  for (const std::string name :
       {"./no-such-bert", "../no/such", "a/b/no-such", "no-such/", "no such", "/no-such-org"}) {
    EXPECT_EQ(error_of(ErrorKind::model, [&] { read_weights(name); }),
              name + ": does not exist, expected a checkpoint directory");
  }
}

TEST_F(Weights, ADirectoryWithoutPermission) {
  write("model.safetensors", safetensors("a", '1'));
  const bool root = ::geteuid() == 0;  // root may read everything
  for (const fs::path& closed : {dir, dir / "inner"}) {
    fs::create_directory(closed);
    fs::permissions(dir, fs::perms::none);
    if (root) {
      ASSERT_EQ(::seteuid(65534), 0);
    }
    const std::string name = closed.string();
    const std::string found = error_of(ErrorKind::model, [&] { read_weights(name); });
    if (root) {
      ASSERT_EQ(::seteuid(0), 0);
    }
    fs::permissions(dir, fs::perms::owner_all);
    EXPECT_EQ(found, name +
                         ": permission denied, expected a checkpoint directory that this user "
                         "may read");
  }
}

TEST_F(Weights, ReadsRegularFilesOnly) {
  ASSERT_EQ(mkfifo((dir / "model.safetensors").c_str(), 0600), 0);
  EXPECT_NE(error().find("not a regular file"), std::string::npos);
  fs::remove(dir / "model.safetensors");
  fs::create_directory(dir / "model.safetensors");
  EXPECT_NE(error().find("is a directory"), std::string::npos);
}

TEST_F(Weights, ShardsHoldWhatTheIndexSays) {
  const std::string index = "model.safetensors.index.json", place = (dir / index).string();
  write("1.safetensors", safetensors("a", '1'));
  write("2.safetensors", safetensors("b", '2'));
  write(index, R"({"weight_map":{"a":"1.safetensors","b":"2.safetensors"}})");
  EXPECT_EQ(value("b"), '2');
  ASSERT_EQ(set.tensors.size(), 2u);
  EXPECT_EQ(set.tensors[0].name, "a");
  EXPECT_EQ(*set.find("b")->file, (dir / "2.safetensors").string());

  write(index, R"({"weight_map":{"a":"1.safetensors"}})");
  EXPECT_EQ(read_weights(dir.string()).tensors.size(), 1u);
  write(index, R"({"weight_map":{"a":"1.safetensors","c":"2.safetensors"}})");
  EXPECT_EQ(error(), (dir / "2.safetensors").string() + ": tensor c: is not in this file; " +
                         place + " says so");
  write(index, R"({"weight_map":{"b":"1.safetensors","a":"2.safetensors"}})");
  EXPECT_NE(error().find("is not in this file but in"), std::string::npos);
  write(index, R"({"weight_map":{"a":"1.safetensors","b":"3.safetensors"}})");
  EXPECT_EQ(error(), place + ": names the file 3.safetensors, which is not there");
  write("2.safetensors", safetensors("a", '2'));
  write(index, R"({"weight_map":{"a":"1.safetensors","b":"2.safetensors"}})");
  EXPECT_NE(error().find("tensor a: is defined twice (also in"), std::string::npos);
  write(index, "");
  EXPECT_EQ(error(), place + ": is empty, expected JSON with a weight_map");
}

TEST_F(Weights, ShardsKeepTheirChecksumsAndNotes) {
  const std::string good = torch("a", '1');
  std::string bad = torch("b", '2');
  write("1.bin", good);
  write("2.bin", bad);
  write("pytorch_model.bin.index.json", R"({"weight_map":{"a":"1.bin","b":"2.bin"}})");
  EXPECT_EQ(value("b"), '2');
  ASSERT_TRUE(set.check_bytes);
  EXPECT_EQ(error_of(ErrorKind::model, [&] { set.check_bytes(set); }), "");
  // After the name in the local header come 4 bytes and padding up to a multiple of 64.
  bad[(bad.find("archive/data/0") + 14 + 4 + 63) / 64 * 64] = '3';
  write("2.bin", bad);
  EXPECT_EQ(value("b"), '3');
  EXPECT_NE(error_of(ErrorKind::model, [&] { set.check_bytes(set); })
                .find("2.bin: entry archive/data/0: CRC-32 is"),
            std::string::npos);
}

}  // namespace
}  // namespace costeff::checkpoint
