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
#include "checkpoint/dialects/backbone.h"
#include "checkpoint/exit_policy.h"
#include "checkpoint/foreign_tensors.h"
#include "checkpoint/heads.h"

namespace costeff::checkpoint {
namespace {

constexpr std::array<Dialect, 9> kDialects{{
    {detect_own, build_own, "costeff", save_own},
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

// Whether that method's own code has the family's encoder, or computes the same.
bool has_encoder_of(std::string_view dialect, Family family) {
  switch (family) {
    case Family::albert:
      return dialect == "costeff" || dialect == "plain" || dialect == "pabee";
    case Family::electra:
    case Family::ernie:
      return dialect == "costeff" || dialect == "plain" || dialect == "cofi";
    case Family::bert:
    case Family::roberta:
    case Family::elasticbert:
    case Family::distilbert:
      break;
  }
  return true;
}

void build_dialect(Source& s, model::Model* m) {
  for (const Dialect& d : dialects()) {
    if (!d.detect(s)) continue;
    if (!has_encoder_of(d.name, s.family)) {
      fail_model("{}: holds off-ramps of {} on an encoder of {}, expected one of bert or roberta",
                 *s.set->file, d.name, first_of(s.family).name);
    }
    d.build(s, m);
    break;
  }
  if (s.masks && m->provenance.dialect.find("cofi") != 0) {
    fail_model("{}: CoFi's masks beside the tensors of {}, expected a model without off-ramps",
               *s.masks->file, m->provenance.dialect);
  }
}

[[noreturn]] void refuse_headless(const Source& s) {
  const std::string& place = s.config->place;
  const size_t slash = place.rfind('/');
  fail_model(
      "{}: holds an encoder without a classifier, expected tensors such as classifier.weight; "
      "`costeff train {} --data FILE` makes a classifier of it",
      *s.set->file, slash == place.npos ? "." : place.substr(0, slash));
}

BuiltBackbone build(TensorSet set, const Config& config, const TensorSet* masks, bool ignore_unused,
                    bool may_be_headless) {
  Source s = open_source(set, config, masks);
  s.ignore_unused = ignore_unused;
  refuse_known_foreign(s);
  BuiltBackbone built;
  model::Model& m = built.model;
  s.parameters = &m.parameters;
  if (!is_headless(s)) {
    build_dialect(s, &m);
  } else if (may_be_headless) {
    built.pooler = build_headless(s, &m);
  } else {
    refuse_headless(s);
  }
  if (may_be_headless && m.arch.question_answering) {
    fail_model(
        "{}: holds a model that answers questions ({}), expected a classifier of texts or an "
        "encoder without a classifier",
        *s.set->file, m.provenance.dialect);
  }
  finish(s, &m);
  m.parameters.storage = std::move(set);
  return built;
}

// What a directory has, before it is a model.
struct Files {
  TensorSet set;
  Config config;
  std::optional<TensorSet> masks;
  std::optional<ExitPolicy> policy;
};

Files read_files(const std::string& dir) {
  // config.json before the weights: if it names another architecture, they need not be read.
  const std::string config_path = join_path(dir, "config.json");
  check_directory(dir);
  std::string text;
  if (file_exists(config_path)) {
    text = read_config_text(config_path);
    parse_config(text, config_path);
  }
  Files f;
  f.set = read_weights(dir);
  if (text.empty()) text = read_config_text(config_path);  // throws: there is none
  f.config = parse_config(text, config_path, holds_distilbert(f.set));
  if (const std::string path = join_path(dir, "zs.pt"); file_exists(path))
    f.masks = read_torch(path);
  f.policy = read_exit_policy(join_path(dir, "exit_policy.json"));
  return f;
}

// The rest of the files, and their checks. f.set has become part of the model.
void complete(const Files& f, model::Model* m) {
  m->provenance.policy = f.policy;
  m->provenance.compute = f.config.converted.compute;
  TensorSet& set = m->parameters.storage;
  // Last, because it reads every byte: zip archives carry checksums.
  if (f.masks && f.masks->check_bytes) f.masks->check_bytes(*f.masks);
  if (set.check_bytes) set.check_bytes(set);
  if (f.masks) f.masks->check_unchanged();
  set.check_unchanged();
  std::vector<std::string>& notes = m->provenance.notes;
  notes.insert(notes.end(), set.notes.begin(), set.notes.end());
  if (f.masks) notes.insert(notes.end(), f.masks->notes.begin(), f.masks->notes.end());
}

}  // namespace

std::span<const Dialect> dialects() { return kDialects; }

const Dialect& dialect_named(const std::string& full) {
  for (const Dialect& d : dialects()) {
    if (full.starts_with(d.name)) return d;
  }
  fail(ErrorKind::internal, "no dialect is called {}", full);
}

model::Model build_model(TensorSet set, const Config& config, const TensorSet* masks,
                         bool ignore_unused) {
  return build(std::move(set), config, masks, ignore_unused, /*may_be_headless=*/false).model;
}

BuiltBackbone build_backbone(TensorSet set, const Config& config, const TensorSet* masks,
                             bool ignore_unused) {
  return build(std::move(set), config, masks, ignore_unused, /*may_be_headless=*/true);
}

model::Model load_model(const std::string& dir, bool ignore_unused, Config* config_out) {
  Files f = read_files(dir);
  if (config_out) *config_out = f.config;
  model::Model m =
      build_model(std::move(f.set), f.config, f.masks ? &*f.masks : nullptr, ignore_unused);
  complete(f, &m);
  return m;
}

Backbone load_backbone(const std::string& dir, bool ignore_unused) {
  Files f = read_files(dir);
  BuiltBackbone built =
      build_backbone(std::move(f.set), f.config, f.masks ? &*f.masks : nullptr, ignore_unused);
  complete(f, &built.model);
  if (built.model.arch.heads.empty()) built.model.provenance.policy.reset();  // of no exits
  return {std::move(built.model), std::move(f.config), built.pooler};
}

}  // namespace costeff::checkpoint
