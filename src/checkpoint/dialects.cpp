#include "checkpoint/dialects.h"

#include <costeff/error.h>

#include <array>
#include <optional>
#include <utility>

#include "base/file_bytes.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/exit_policy.h"
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

}  // namespace

std::span<const Dialect> dialects() { return kDialects; }

model::Model build_model(TensorSet set, const Config& config, const TensorSet* masks) {
  Source s = open_source(set, config, masks);
  model::Model m;
  s.parameters = &m.parameters;
  for (const Dialect& d : dialects()) {
    if (!d.detect(s)) continue;
    d.build(s, &m);
    break;
  }
  if (masks && m.provenance.dialect.find("cofi") != 0) {
    throw_model(*masks->file + ": CoFi's masks beside the tensors of " + m.provenance.dialect +
                ", expected a model without off-ramps");
  }
  finish(s, &m);
  m.parameters.storage = std::move(set);
  return m;
}

model::Model load_model(const std::string& dir) {
  TensorSet set = read_weights(dir);
  const Config config = read_config(join_path(dir, "config.json"));
  std::optional<TensorSet> masks;
  if (const std::string path = join_path(dir, "zs.pt"); file_exists(path)) masks = read_torch(path);
  std::optional<ExitPolicy> policy = read_exit_policy(join_path(dir, "exit_policy.json"));
  model::Model m = build_model(std::move(set), config, masks ? &*masks : nullptr);
  m.provenance.policy = std::move(policy);
  m.provenance.compute = config.converted.compute;
  // Last, because it reads every byte: zip archives carry checksums.
  if (masks && masks->check_bytes) masks->check_bytes(*masks);
  if (m.parameters.storage.check_bytes) m.parameters.storage.check_bytes(m.parameters.storage);
  m.provenance.notes.insert(m.provenance.notes.end(), m.parameters.storage.notes.begin(), m.parameters.storage.notes.end());
  if (masks) m.provenance.notes.insert(m.provenance.notes.end(), masks->notes.begin(), masks->notes.end());
  return m;
}

}  // namespace costeff::checkpoint
