#include <costeff/engine.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>

#include "base/fail.h"
#include "base/files/file_bytes.h"
#include "base/names.h"
#include "base/threads/cpu_count.h"
#include "base/utf8.h"
#include "checkpoint/checkpoint.h"
#include "runtime/doc/documents.h"
#include "runtime/encode_row.h"
#include "runtime/model_info.h"
#include "runtime/qa/qa.h"
#include "runtime/qa/windows.h"
#include "runtime/stream.h"

namespace costeff {
namespace {

constexpr std::array<Name<ComputeType>, 4> kComputeTypes{{{"float32", ComputeType::float32},
                                                          {"bfloat16", ComputeType::bfloat16},
                                                          {"bf16", ComputeType::bfloat16},
                                                          {"int8", ComputeType::int8}}};

}  // namespace

struct Engine::Impl {
  Impl(const std::string& path, const LoadOptions& options)
      : Impl(path, options, checkpoint::load_model(path, options.ignore_unused)) {}

  Impl(const std::string& path, const LoadOptions& options, model::Model loaded)
      : compute(options.compute.value_or(loaded.provenance.compute)),
        model(std::move(loaded), runtime::choose_table(options.isa),
              runtime::precision_of(compute)),
        tokenizer(path) {
    const model::Model& m = model.spec;
    if (tokenizer.vocab_size() > m.arch.vocab_size) {
      fail_model("{}: has ids up to {}, for which tensor {} needs {} rows, and it has {}",
                 tokenizer.vocab_file(), tokenizer.vocab_size() - 1,
                 m.parameters.tensor(m.arch.embeddings.word).name, tokenizer.vocab_size(),
                 m.arch.vocab_size);
    }
    info = runtime::describe(m);
    info.path = path;
    info.default_max_length =
        std::min(m.arch.max_length, tokenizer.model_max_length().value_or(m.arch.max_length));
    info.compute = compute;
    info.kernels = runtime::choose_table(options.isa).name;
    info.tokenizer = tokenizer.kind();
    if (m.provenance.policy) {
      info.policy = *m.provenance.policy;
      info.policy_from_model = true;
      runtime::check_own_policy(m, join_path(path, "exit_policy.json"));
    }
  }

  // For rows with their own ids, to which the tokenizer's limit does not apply.
  int64_t max_ids(const EncodeOptions& e) const {
    return e.max_length != 0 ? e.max_length : model.spec.arch.max_length;
  }

  EncodeOptions encode_options(EncodeOptions e, bool asked) const {
    const int64_t limit = model.spec.arch.max_length;
    if (!asked) {
      e.max_length = info.default_max_length;
      if (e.max_length < tokenizer.special_tokens(false)) {
        fail_model(
            "{}: model_max_length is {}, and a text has {} special tokens; a max length that is "
            "asked for goes before it",
            join_path(info.path, "tokenizer_config.json"), e.max_length,
            tokenizer.special_tokens(false));
      }
    } else if (e.max_length < 1 || e.max_length > limit) {
      fail_usage("max length {}, expected 1 to {}, the positions of this model", e.max_length,
                 limit);
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

std::vector<double> label_thresholds_of(const ModelInfo& info, std::span<const double> asked) {
  const std::string fault = label_threshold_fault(exits_of(info), asked);
  if (!fault.empty()) throw_usage(fault);
  if (asked.empty()) return info.policy.label_thresholds;
  return {asked.begin(), asked.end()};
}

const ModelInfo& Engine::info() const { return impl_->info; }

RunStats Engine::run(const Source& source, const Sink& sink, const RunOptions& options,
                     const std::atomic<bool>* stop) const {
  const model::Model& m = impl_->model.spec;
  const ExitPolicy policy = options.policy.value_or(impl_->info.policy);
  check_policy(impl_->info, policy);
  if (options.pad_to < 0 || options.pad_to > m.arch.max_length) {
    fail_usage("padding to {}, expected at most {}, the positions of this model", options.pad_to,
               m.arch.max_length);
  }
  runtime::StreamOptions stream;
  stream.plan = runtime::make_plan(m, policy, options.all_exits);
  stream.plan.label_thresholds = label_thresholds_of(impl_->info, options.label_thresholds);
  stream.encode = impl_->encode_options(options.encode, options.encode.max_length != 0);
  stream.max_ids = impl_->max_ids(options.encode);
  stream.threads = options.threads > 0 ? options.threads : usable_cpus();
  if (options.batch_tokens > 0) stream.batch_tokens = options.batch_tokens;
  stream.pad_to = options.pad_to;
  stream.skip_bad_rows = options.skip_bad_rows;
  stream.mode = options.mode;
  stream.max_delay = std::chrono::duration_cast<std::chrono::steady_clock::duration>(
      std::chrono::duration<double, std::milli>(options.max_delay_ms));
  if (options.doc_stride >= 0) {
    const runtime::DocumentOptions documents{options.doc_stride, options.join, options.windows};
    return runtime::run_documents(impl_->model, impl_->tokenizer, source, sink, documents, stream,
                                  stop);
  }
  return runtime::run_stream(impl_->model, impl_->tokenizer, source, sink, stream, stop);
}

void Engine::check(const Example& row, const RunOptions& options) const {
  const EncodeOptions encode =
      impl_->encode_options(options.encode, options.encode.max_length != 0);
  if (options.doc_stride >= 0) {
    runtime::WindowedText text;
    runtime::DocumentCutter(impl_->model.spec, impl_->tokenizer, encode,
                            impl_->max_ids(options.encode),
                            {options.doc_stride, options.join, false})
        .cut(row, &text);
    return;
  }
  text::Encoding encoding;
  runtime::encode_row(impl_->model.spec, impl_->tokenizer, row, encode,
                      impl_->max_ids(options.encode), &encoding);
}

void Engine::check(const QaExample& question, const QaOptions& options) const {
  runtime::WindowedText encoding;
  runtime::encode_question(
      impl_->model.spec, impl_->tokenizer, question,
      runtime::resolve_qa(options, impl_->model.spec, impl_->info.default_max_length), &encoding);
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
  if (options.batch_tokens > 0) stream.batch_tokens = options.batch_tokens;
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

ComputeType parse_compute_type(const std::string& name) {
  return value_of_name(kComputeTypes, name, "dtype");
}

const char* compute_type_name(ComputeType type) {
  return name_of_value(kComputeTypes, type).data();  // a literal, which ends in a 0
}

std::vector<std::string> available_isas() {
  std::vector<std::string> names;
  for (const kernels::KernelTable* const* t = kernels::all_tables(); *t; ++t)
    names.emplace_back((*t)->name);
  return names;
}

}  // namespace costeff
