#include <costeff/convert.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <system_error>

#include "base/fail.h"
#include "base/files/file_bytes.h"
#include "base/files/new_directory.h"
#include "base/names.h"
#include "base/utf8.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/config.h"
#include "checkpoint/dialects/save_model.h"
#include "runtime/convert/edit_model.h"
#include "runtime/convert/tokenizer_files.h"
#include "runtime/model_info.h"

namespace costeff {
namespace {

constexpr std::array<Name<StoredType>, 3> kStoredTypes{{{"float32", StoredType::float32},
                                                        {"float16", StoredType::float16},
                                                        {"bfloat16", StoredType::bfloat16}}};

namespace fs = std::filesystem;

// "models/sst2/" -> "sst2".
std::string last_component(const std::string& path) {
  std::error_code ignored;
  fs::path p = fs::absolute(path, ignored).lexically_normal();
  if (!p.has_filename()) p = p.parent_path();
  return p.filename().string();
}

void refuse_same(const std::string& source, const std::string& target) {
  std::error_code ignored;
  if (fs::equivalent(source, target, ignored)) {
    fail_usage("{}: is the source itself, expected another directory", target);
  }
}

std::optional<DType> dtype_of(const std::optional<StoredType>& type) {
  if (!type) return std::nullopt;
  switch (*type) {
    case StoredType::float16:
      return DType::f16;
    case StoredType::bfloat16:
      return DType::bf16;
    case StoredType::float32:
      break;
  }
  return DType::f32;
}

void edit(model::Model* m, const ConvertOptions& options) {
  const int64_t last = m->arch.heads.back().layer;
  if (options.exits) {
    for (int64_t layer : *options.exits) {
      const auto& dropped = options.drop_layers;
      if (layer != last && std::find(dropped.begin(), dropped.end(), layer) != dropped.end()) {
        fail_usage("the exit at layer {} is to stay, but the layer is to be dropped", layer);
      }
    }
    runtime::keep_exits(m, *options.exits);
  }
  if (!options.drop_layers.empty()) runtime::drop_layers(m, options.drop_layers);
}

// A mistake of our own must not reach the target.
void check_readable(const std::string& dir, const checkpoint::SavedModel& saved) {
  try {
    const model::Model m = checkpoint::load_model(dir);
    if (m.provenance.dialect == saved.dialect) return;
    fail(ErrorKind::internal, "it reads as {}, expected {}", m.provenance.dialect, saved.dialect);
  } catch (const Error& e) {
    fail(ErrorKind::internal, "what was written does not read back: {}", e.what());
  }
}

}  // namespace

std::optional<ConvertReport> convert_checkpoint(const std::string& source,
                                                const std::string& target,
                                                const ConvertOptions& options,
                                                const std::atomic<bool>* stop) {
  refuse_same(source, target);
  NewDirectory directory(target);
  checkpoint::Config config;
  model::Model m = checkpoint::load_model(source, options.ignore_unused, &config);
  runtime::check_own_policy(m, join_path(source, "exit_policy.json"));
  const checkpoint::SavedFrom from{last_component(source), m.provenance.dialect,
                                   runtime::describe(m).dtype};
  edit(&m, options);

  ConvertReport report;
  report.notes = m.provenance.notes;
  report.warnings = m.provenance.warnings;
  for (std::string& note : runtime::drop_misfit_policy(&m)) report.notes.push_back(std::move(note));
  if (!m.provenance.unused.empty()) {
    report.notes.push_back(fmt::format("{} tensors that the model does not use are left out",
                                       m.provenance.unused.size()));
  }
  const std::optional<DType> dtype = dtype_of(options.dtype);
  checkpoint::SavedModel saved = checkpoint::name_model(&m, config);
  bool written = false;
  read_unchanged(m.parameters.storage, [&] {
    if (options.quantise) {
      checkpoint::quantise(&m, *options.quantise);
    } else if (dtype) {
      m.provenance.compute = ComputeType::float32;
    }
    checkpoint::record_source(&saved, m, from, dtype);
    written = checkpoint::write_model(saved, m, dtype, directory.path(), stop);
  });
  if (!written) return std::nullopt;
  report.files = {"config.json", "model.safetensors"};
  if (m.provenance.policy) report.files.emplace_back("exit_policy.json");
  if (!runtime::copy_tokenizer_files(source, directory.path(), &report.files, stop))
    return std::nullopt;
  check_readable(directory.path(), saved);
  directory.commit();

  report.dialect = saved.dialect;
  report.layers = static_cast<int64_t>(m.arch.layers.size());
  model::for_each_parameter(m, [&](const model::Parameter& p) {
    const DType stored = checkpoint::stored_dtype(p.tensor.dtype, dtype);
    ++report.tensors;
    report.bytes += p.tensor.numel() * dtype_size(stored);
    if (stored == DType::i8) report.bytes += p.tensor.shape[0] * 4;
  });
  for (const model::Head& head : m.arch.heads) report.exits.push_back(head.layer);
  return report;
}

StoredType parse_stored_type(const std::string& name) {
  return value_of_name(kStoredTypes, name, "dtype");
}

}  // namespace costeff
