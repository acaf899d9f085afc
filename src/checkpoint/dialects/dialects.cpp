#include "checkpoint/dialects/dialects.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/fail.h"
#include "base/files/file_bytes.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/containers/encoder_names.h"
#include "checkpoint/containers/weights.h"
#include "checkpoint/exit_policy.h"
#include "checkpoint/foreign_tensors.h"
#include "checkpoint/heads.h"

namespace costeff::checkpoint {
namespace {

constexpr std::array<Dialect, 8> kDialects{{
    {detect_distilbert, build_distilbert, "distilbert", save_distilbert},
    {detect_elasticbert, build_elasticbert, "elasticbert", save_elasticbert},
    {detect_pabee, build_pabee, "pabee", save_pabee},
    {detect_costeff, build_costeff, "cost-eff", save_costeff},
    {detect_berxit, build_berxit, "berxit", save_berxit},
    {detect_deebert, build_deebert, "deebert", save_deebert},
    {detect_cofi, build_cofi, "cofi", save_cofi},
    {detect_plain, build_plain, "plain", save_plain},
}};

// config.json may lack model_type, and DistilBERT has its own names for keys.
bool holds_distilbert(const TensorSet& set) {
  return std::any_of(set.tensors.begin(), set.tensors.end(), [](const Tensor& t) {
    return t.name.find("transformer.layer.") != std::string::npos && is_encoder_tensor(t.name);
  });
}

}  // namespace

std::span<const Dialect> dialects() { return kDialects; }

model::Model build_model(TensorSet set, const Config& config, const TensorSet* masks,
                         bool ignore_unused) {
  Source s = open_source(set, config, masks);
  s.ignore_unused = ignore_unused;
  refuse_known_foreign(s);
  model::Model m;
  s.parameters = &m.parameters;
  for (const Dialect& d : dialects()) {
    if (!d.detect(s)) continue;
    d.build(s, &m);
    break;
  }
  if (masks && m.provenance.dialect.find("cofi") != 0) {
    fail_model("{}: CoFi's masks beside the tensors of {}, expected a model without off-ramps",
               *masks->file, m.provenance.dialect);
  }
  finish(s, &m);
  m.parameters.storage = std::move(set);
  return m;
}

model::Model load_model(const std::string& dir, bool ignore_unused, Config* config_out) {
  // Before the weights: if it names another architecture, they need not be read.
  const std::string config_path = join_path(dir, "config.json");
  check_directory(dir);
  std::string text;
  if (file_exists(config_path)) {
    text = read_config_text(config_path);
    parse_config(text, config_path);
  }
  TensorSet set = read_weights(dir);
  if (text.empty()) text = read_config_text(config_path);  // throws: there is none
  const Config config = parse_config(text, config_path, holds_distilbert(set));
  if (config_out) *config_out = config;
  std::optional<TensorSet> masks;
  if (const std::string path = join_path(dir, "zs.pt"); file_exists(path)) masks = read_torch(path);
  std::optional<ExitPolicy> policy = read_exit_policy(join_path(dir, "exit_policy.json"));
  model::Model m = build_model(std::move(set), config, masks ? &*masks : nullptr, ignore_unused);
  m.provenance.policy = std::move(policy);
  m.provenance.compute = config.converted.compute;
  // Last, because it reads every byte: zip archives carry checksums.
  if (masks && masks->check_bytes) masks->check_bytes(*masks);
  if (m.parameters.storage.check_bytes) m.parameters.storage.check_bytes(m.parameters.storage);
  if (masks) masks->check_unchanged();
  m.parameters.storage.check_unchanged();
  m.provenance.notes.insert(m.provenance.notes.end(), m.parameters.storage.notes.begin(),
                            m.parameters.storage.notes.end());
  if (masks)
    m.provenance.notes.insert(m.provenance.notes.end(), masks->notes.begin(), masks->notes.end());
  return m;
}

}  // namespace costeff::checkpoint
