#include "tiny_checkpoint.h"

#include <unistd.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <stdexcept>

namespace fs = std::filesystem;
using nlohmann::json;

TempDir::TempDir() {
  std::string name = (fs::temp_directory_path() / "costeff-test-XXXXXX").string();
  if (!::mkdtemp(name.data())) throw std::runtime_error("cannot make " + name);
  path_ = name;
}
TempDir::~TempDir() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::vector<std::string> TempDir::names() const {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(path_))
    names.push_back(entry.path().filename().string());
  return names;
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string read_whole_file(const std::string& path) {
  std::ostringstream s;
  s << std::ifstream(path, std::ios::binary).rdbuf();
  return s.str();
}

namespace {

int64_t at(const std::vector<int64_t>& v, int64_t i) {
  return v[static_cast<size_t>(i) % v.size()];
}

int64_t count_of(const TinyTensor& t) {
  int64_t n = 1;
  for (int64_t d : t.shape) n *= d;
  return n;
}

struct Maker {
  TinyTensors tensors;
  std::mt19937_64 rng;
  bool zeros = false;

  void add(const std::string& name, std::vector<int64_t> shape, float mean, float scale) {
    std::normal_distribution<float> normal(mean, scale);
    TinyTensor t{std::move(shape), {}};
    for (int64_t i = zeros ? 0 : count_of(t); i > 0; --i) t.values.push_back(normal(rng));
    tensors[name] = std::move(t);
  }
  void linear(const std::string& name, int64_t out, int64_t in) {
    add(name + ".weight", {out, in}, 0, 1.5f / std::sqrt(static_cast<float>(in)));
    add(name + ".bias", {out}, 0, 0.2f);
  }
  // The output of a sublayer.
  void output(const std::string& name, int64_t out, int64_t in) {
    if (in > 0) return linear(name, out, in);
    add(name + ".bias", {out}, 0, 0.2f);
  }
  void norm(const std::string& name, int64_t size) {
    add(name + ".weight", {size}, 1, 0.2f);
    add(name + ".bias", {size}, 0, 0.2f);
  }
};

bool has_costeff_encoder(const TinyShape& s) {
  return s.dialect == "costeff" || (s.dialect == "own" && s.rank > 0);
}

}  // namespace

std::vector<TinyExit> tiny_own_exits(const TinyShape& s) {
  std::vector<TinyExit> exits;
  for (int64_t layer = 1; layer < s.layers + (s.own_last ? 1 : 0); ++layer) {
    const TinyExit forms[] = {{layer, "mean", 0, "tanh"},
                              {layer, "first", 7, "relu"},
                              {layer, "mean", 40, "none"},
                              {layer, "first", 0, "gelu"}};
    exits.push_back(forms[(layer - 1) % 4]);
  }
  return exits;
}

std::vector<TinyShape> tiny_empty_shapes() {
  return {{.dialect = "own", .heads = {2, 0, 0, 1}, .ffn = {0, 7, 0, 0}},
          {.dialect = "own", .heads = {0, 3, 0, 0}, .ffn = {5, 0, 0, 9}},
          {.dialect = "own", .heads = {0}, .ffn = {0}, .own_last = true}};
}

std::vector<TinyShape> tiny_own_shapes() {
  std::vector<TinyShape> shapes = tiny_empty_shapes();
  shapes.insert(shapes.end(), {{.dialect = "own", .heads = {6}, .ffn = {96}},
                               {.dialect = "own"},  // on CoFi's compact form
                               {.dialect = "own",
                                .heads = {2},
                                .ffn = {16},
                                .rank = 5,
                                .pooling_mode = "avg",
                                .last_n_hidden = 3},
                               {.dialect = "own", .heads = {6}, .ffn = {96}, .own_last = true}});
  return shapes;
}

TinyTensors tiny_tensors(const TinyShape& s) {
  Maker m;
  m.rng.seed(s.seed);
  m.zeros = s.zeros;
  const std::string e = "bert.embeddings.";
  if (s.rank > 0) {
    m.add(e + "word_embeddings1.weight", {105, s.rank}, 0, 1);
    m.add(e + "word_embeddings2.weight", {s.hidden, s.rank}, 0, 1);
  } else {
    m.add(e + "word_embeddings.weight", {105, s.hidden}, 0, 1);
  }
  m.add(e + "position_embeddings.weight", {s.positions, s.hidden}, 0, 0.5f);
  m.add(e + "token_type_embeddings.weight", {2, s.hidden}, 0, 0.5f);
  m.norm(e + "LayerNorm", s.hidden);
  for (int64_t i = 0; i < s.layers; ++i) {
    const std::string l = "bert.encoder.layer." + std::to_string(i) + ".";
    const int64_t a = at(s.heads, i) * s.head_size, f = at(s.ffn, i);
    for (const char* part : {"query", "key", "value"})
      if (a > 0) m.linear(l + "attention.self." + part, a, s.hidden);
    m.output(l + "attention.output.dense", s.hidden, a);
    m.norm(l + "attention.output.LayerNorm", s.hidden);
    if (f > 0) m.linear(l + "intermediate.dense", f, s.hidden);
    m.output(l + "output.dense", s.hidden, f);
    m.norm(l + "output.LayerNorm", s.hidden);
  }
  const bool costeff = has_costeff_encoder(s), poolers = !costeff || s.pooler_dense;
  const bool joined = costeff && !s.pooler_dense && s.hidden_mode == "concat";
  if (s.dialect == "qa") {
    m.linear("qa_outputs", 2, s.hidden);
    return m.tensors;
  }
  if (s.dialect == "own") {
    for (const TinyExit& exit : tiny_own_exits(s)) {
      const std::string p = "costeff_exits." + std::to_string(exit.layer) + ".";
      if (exit.rows > 0) m.linear(p + "dense", exit.rows, s.hidden);
      m.linear(p + "classifier", s.labels, exit.rows > 0 ? exit.rows : s.hidden);
    }
    if (s.own_last) return m.tensors;
  } else if (s.dialect != "plain") {
    for (int64_t i = 0; i + 1 < s.layers + (costeff ? 0 : 1); ++i) {
      const std::string h = "bert.encoder.highway." + std::to_string(i) + ".";
      if (poolers) m.linear(h + "pooler.dense", s.hidden, s.hidden);
      m.linear(h + "classifier", s.labels,
               s.hidden * (joined ? std::min(s.last_n_hidden, i + 2) : 1));
    }
  }
  if (poolers) m.linear("bert.pooler.dense", s.hidden, s.hidden);
  m.linear("classifier", s.labels, s.hidden * (joined ? s.last_n_hidden : 1));
  return m.tensors;
}

std::string tiny_config(const TinyShape& s) {
  json c = {{"model_type", "bert"},
            {"hidden_size", s.hidden},
            {"num_hidden_layers", s.layers},
            {"num_attention_heads", s.hidden / s.head_size},
            {"intermediate_size", s.hidden * 4},
            {"max_position_embeddings", s.positions},
            {"type_vocab_size", 2},
            {"vocab_size", 105},
            {"hidden_act", "gelu"},
            {"layer_norm_eps", 1e-12},
            {"num_labels", s.labels}};
  for (const TinyExit& e : tiny_own_exits(s)) {
    if (s.dialect != "own") break;
    c["costeff_exits"].push_back({{"layer", e.layer},
                                  {"pooling", e.pooling},
                                  {"dense", e.rows > 0},
                                  {"activation", e.activation}});
  }
  if (has_costeff_encoder(s)) {
    c["num_attention_heads"] = at(s.heads, 0);
    c["prun_hidden_size"] = at(s.heads, 0) * s.head_size;
    c["prun_intermediate_size"] = at(s.ffn, 0);
    c["emb_hidden_dim"] = s.rank > 0 ? s.rank : -1;
    c["pooler_dense"] = s.pooler_dense;
    c["pooling_mode"] = s.pooling_mode;
    c["hidden_mode"] = s.hidden_mode;
    c["last_n_hidden"] = s.last_n_hidden;
  }
  for (size_t i = 0; i < s.label_names.size(); ++i)
    c["id2label"][std::to_string(i)] = s.label_names[i];
  return c.dump(1);
}

void write_safetensors(const std::string& path, const TinyTensors& tensors) {
  json header;
  uint64_t end = 0;
  for (const auto& [name, t] : tensors) {
    const uint64_t begin = end;
    end += static_cast<uint64_t>(count_of(t)) * sizeof(float);
    header[name] = {{"dtype", "F32"}, {"shape", t.shape}, {"data_offsets", {begin, end}}};
  }
  std::string text = header.dump();
  while (text.size() % 8) text += ' ';
  const uint64_t size = text.size();
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(size >> (8 * i));
  std::ofstream file(path, std::ios::binary);
  file << bytes << text;
  for (const auto& [name, t] : tensors) {
    // Zeros are left out, as a hole.
    if (t.values.empty()) file.seekp(count_of(t) * int64_t{sizeof(float)}, std::ios::cur);
    file.write(reinterpret_cast<const char*>(t.values.data()),
               static_cast<std::streamsize>(t.values.size() * sizeof(float)));
  }
  file.close();
  fs::resize_file(path, bytes.size() + size + end);
}

void write_tiny_checkpoint(const std::string& dir, const TinyShape& shape) {
  write_file(dir + "/config.json", tiny_config(shape));
  std::string vocab = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
  for (int i = 0; i < 100; ++i) vocab += "w" + std::to_string(i) + "\n";
  write_file(dir + "/vocab.txt", vocab);
  write_safetensors(dir + "/model.safetensors", tiny_tensors(shape));
}

std::vector<std::string> tiny_texts(int64_t count, uint64_t seed) {
  std::mt19937_64 rng(seed);
  std::vector<std::string> texts;
  for (int64_t i = 0; i < count; ++i) {
    std::string s;
    for (uint64_t words = rng() % 41; words > 0; --words)
      s += "w" + std::to_string(rng() % 100) + " ";
    texts.push_back(s);
  }
  return texts;
}
