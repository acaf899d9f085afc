#pragma once

// Small random checkpoints on disk, for tests that need a whole model of a given shape.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

// A directory that is removed with its contents.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  std::string path() const { return path_.string(); }
  std::string file(const std::string& name) const { return (path_ / name).string(); }
  std::vector<std::string> names() const;  // of what is in it

 private:
  std::filesystem::path path_;
};

void write_file(const std::string& path, const std::string& bytes);
std::string read_whole_file(const std::string& path);

struct TinyShape {
  // plain, deebert, costeff (that is cost-eff), qa; own: costeff's own off-ramps, all different, on
  // plain or, with a rank, on cost-eff
  std::string dialect = "deebert";
  int64_t layers = 4, hidden = 24, head_size = 4, labels = 3, positions = 64;
  // By layer, repeated if shorter. 0: of the sublayer only its output's bias and its LayerNorm are left.
  std::vector<int64_t> heads{2, 1, 3, 2};
  std::vector<int64_t> ffn{20, 7, 1, 33};
  int64_t rank = 0;  // costeff: embedding rank, 0: not factorised
  bool pooler_dense = false;
  std::string pooling_mode = "cls", hidden_mode = "concat";
  int64_t last_n_hidden = 1;
  uint64_t seed = 1;
  bool own_last = false;                   // own: the last exit is one of ours too
  std::vector<std::string> label_names{};  // [labels] id2label; empty: the file has none
  bool zeros = false;  // all weights: a large model that takes neither time nor disk to make
};

struct TinyTensor {
  std::vector<int64_t> shape;
  std::vector<float> values;  // empty: zeros
};
using TinyTensors = std::map<std::string, TinyTensor>;

// The exits of dialect "own". rows 0: no dense layer.
struct TinyExit {
  int64_t layer;
  const char* pooling;
  int64_t rows;
  const char* activation;
};
std::vector<TinyExit> tiny_own_exits(const TinyShape& shape);
// Dialect "own" on CoFi's compact form, with layers that have lost all heads, all neurons or both, the
// last one too.
std::vector<TinyShape> tiny_empty_shapes();
// Dialect "own" on each kind of encoder.
std::vector<TinyShape> tiny_own_shapes();

TinyTensors tiny_tensors(const TinyShape& shape);
std::string tiny_config(const TinyShape& shape);
void write_safetensors(const std::string& path, const TinyTensors& tensors);

// config.json, vocab.txt (words w0 .. w99 and the special tokens) and model.safetensors.
void write_tiny_checkpoint(const std::string& dir, const TinyShape& shape);

// `count` texts of 0 to 40 words of that vocabulary.
std::vector<std::string> tiny_texts(int64_t count, uint64_t seed);
