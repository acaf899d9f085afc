#include <costeff/engine.h>

#include <algorithm>
#include <atomic>
#include <chrono>

#include "base/cpu_count.h"
#include "base/file_bytes.h"
#include "base/utf8.h"
#include "checkpoint/checkpoint.h"
#include "runtime/model_info.h"
#include "runtime/qa.h"
#include "runtime/stream.h"

namespace costeff {
namespace {

// Enough rows in flight that a layer's weights are used many times each time they are read, few
// enough that the activations stay in the second-level cache.
constexpr int64_t kBatchTokens = 256;

}  // namespace

struct Engine::Impl {
  Impl(const std::string& path, const LoadOptions& options)
      : Impl(path, options, checkpoint::load_model(path)) {}

  Impl(const std::string& path, const LoadOptions& options, model::Model loaded)
      : compute(options.compute.value_or(loaded.compute)),
        model(std::move(loaded), runtime::choose_table(options.isa),
              runtime::precision_of(compute)),
        tokenizer(path) {
    const model::Model& m = model.spec;
    if (tokenizer.vocab_size() > m.vocab_size) {
      throw_model(tokenizer.vocab_file() + ": has ids up to " +
                  std::to_string(tokenizer.vocab_size() - 1) + ", for which tensor " +
                  m.embeddings.word.name + " needs " + std::to_string(tokenizer.vocab_size()) +
                  " rows, and it has " + std::to_string(m.vocab_size));
    }
    info = runtime::describe(m);
    info.path = path;
    info.default_max_length =
        std::min(m.max_length, tokenizer.model_max_length().value_or(m.max_length));
    info.compute = compute;
    info.tokenizer = tokenizer.kind();
    if (m.policy) {
      info.policy = *m.policy;
      info.policy_from_model = true;
      runtime::check_own_policy(m, join_path(path, "exit_policy.json"));
    }
  }

  EncodeOptions encode_options(EncodeOptions e, bool asked) const {
    const int64_t limit = model.spec.max_length;
    if (!asked) {
      e.max_length = info.default_max_length;
      if (e.max_length < tokenizer.special_tokens(false)) {
        throw_model(join_path(info.path, "tokenizer_config.json") + ": model_max_length is " +
                    std::to_string(e.max_length) + ", and a text has " +
                    std::to_string(tokenizer.special_tokens(false)) +
                    " special tokens; a max length that is asked for goes before it");
      }
    } else if (e.max_length < 1 || e.max_length > limit) {
      throw_usage("max length " + std::to_string(e.max_length) + ", expected 1 to " +
                  std::to_string(limit) + ", the positions of this model");
    }
    return e;
  }

  const ComputeType compute;
  runtime::LoadedModel model;
  text::Tokenizer tokenizer;
  ModelInfo info;
};

Engine::Engine(const std::string& path, const LoadOptions& options)
    : impl_(std::make_unique<Impl>(path, options)) {}
Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;

const ModelInfo& Engine::info() const { return impl_->info; }

RunStats Engine::run(const Source& source, const Sink& sink, const RunOptions& options,
                     const std::atomic<bool>* stop) const {
  const model::Model& m = impl_->model.spec;
  const ExitPolicy policy = options.policy.value_or(impl_->info.policy);
  exits::check_policy(policy, static_cast<int64_t>(m.layers.size()), "exit policy",
                      ErrorKind::usage);
  if (options.pad_to < 0 || options.pad_to > m.max_length) {
    throw_usage("padding to " + std::to_string(options.pad_to) + ", expected at most " +
                std::to_string(m.max_length) + ", the positions of this model");
  }
  runtime::StreamOptions stream;
  stream.plan = runtime::make_plan(m, policy, options.all_exits);
  stream.encode = impl_->encode_options(options.encode, options.encode.max_length != 0);
  stream.max_ids = options.encode.max_length != 0 ? stream.encode.max_length : m.max_length;
  stream.threads = options.threads > 0 ? options.threads : usable_cpus();
  stream.batch_tokens = options.batch_tokens > 0 ? options.batch_tokens : kBatchTokens;
  stream.pad_to = options.pad_to;
  stream.mode = options.mode;
  stream.max_delay = std::chrono::duration_cast<std::chrono::steady_clock::duration>(
      std::chrono::duration<double, std::milli>(options.max_delay_ms));
  return runtime::run_stream(impl_->model, impl_->tokenizer, source, sink, stream, stop);
}

std::vector<Result> Engine::score(std::span<const Example> rows, const RunOptions& options) const {
  std::vector<Result> results;
  results.reserve(rows.size());
  size_t next = 0;
  run(
      [&](Example& row, bool) {
        if (next == rows.size()) return ReadStatus::end;
        row = rows[next++];
        return ReadStatus::row;
      },
      [&](std::span<const Example>, std::span<const Result> r) {
        results.insert(results.end(), r.begin(), r.end());
      },
      options);
  return results;
}

QaStats Engine::answer(const QaSource& source, const QaSink& sink, const QaOptions& options,
                       const std::atomic<bool>* stop) const {
  const model::Model& m = impl_->model.spec;
  const QaOptions resolved = runtime::resolve_qa(options, m, impl_->info.default_max_length);
  runtime::StreamOptions stream;
  stream.plan = runtime::make_plan(m, {}, false);
  stream.threads = options.threads > 0 ? options.threads : usable_cpus();
  stream.batch_tokens = options.batch_tokens > 0 ? options.batch_tokens : kBatchTokens;
  return runtime::run_qa(impl_->model, impl_->tokenizer, source, sink, resolved, stream, stop);
}

std::vector<QaResult> Engine::answer(std::span<const QaExample> questions,
                                     const QaOptions& options) const {
  std::vector<QaResult> results;
  results.reserve(questions.size());
  size_t next = 0;
  answer(
      [&](QaExample& row, bool) {
        if (next == questions.size()) return ReadStatus::end;
        row = questions[next++];
        return ReadStatus::row;
      },
      [&](std::span<const QaExample>, std::span<const QaResult> r) {
        results.insert(results.end(), r.begin(), r.end());
      },
      options);
  return results;
}

PolicyKind parse_policy_kind(const std::string& name) { return exits::policy_from_name(name); }
std::vector<double> parse_thresholds(const std::string& text) {
  return exits::parse_thresholds(text);
}

ComputeType parse_compute_type(const std::string& name) {
  if (name == "float32") return ComputeType::float32;
  if (name == "bfloat16" || name == "bf16") return ComputeType::bfloat16;
  if (name == "int8") return ComputeType::int8;
  throw_usage("dtype \"" + printable(name, 40) + "\", expected float32, bfloat16 (bf16) or int8");
}

const char* compute_type_name(ComputeType type) {
  switch (type) {
    case ComputeType::bfloat16:
      return "bfloat16";
    case ComputeType::int8:
      return "int8";
    case ComputeType::float32:
      break;
  }
  return "float32";
}

std::vector<std::string> available_isas() {
  std::vector<std::string> names;
  for (const kernels::KernelTable* const* t = kernels::all_tables(); *t; ++t)
    names.emplace_back((*t)->name);
  return names;
}

}  // namespace costeff
