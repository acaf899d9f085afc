// The module costeff._costeff: what the package costeff is written on. _costeff.pyi describes it.

#include <costeff/engine.h>
#include <costeff/policy_file.h>
#include <costeff/version.h>
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <memory>

#include "python/model.h"
#include "python/texts.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace costeff::python {
namespace {

// The class of costeff's exceptions for a kind of error.
const char* class_name(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage:
      return "UsageError";
    case ErrorKind::input:
      return "InputError";
    case ErrorKind::model:
      return "ModelError";
    case ErrorKind::output:
      return "OutputError";
    case ErrorKind::internal:
      break;
  }
  return "Error";
}

void raise_error(const std::exception_ptr& p, void*) {
  try {
    std::rethrow_exception(p);
  } catch (const Error& e) {
    const nb::object type = nb::module_::import_("costeff._errors").attr(class_name(e.kind()));
    // The text may hold bytes of a file, in any encoding.
    const nb::object text = nb::steal(PyUnicode_DecodeUTF8(
        e.what(), static_cast<Py_ssize_t>(std::char_traits<char>::length(e.what())), "replace"));
    PyErr_SetObject(type.ptr(), text.ptr());
  }
}

// A NumPy array that owns the column.
template <typename T, typename Element = T>
nb::object array(std::vector<T> column, std::initializer_list<size_t> shape) {
  auto* kept = new std::vector<T>(std::move(column));
  const nb::capsule owner(kept, [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
  return nb::cast(nb::ndarray<nb::numpy, Element>(kept->data(), shape, owner));
}

nb::dict stats_dict(const RunStats& s) {
  nb::dict d;
  d["rows"] = s.rows;
  d["tokens"] = s.tokens;
  d["windows"] = s.windows;
  d["truncated_rows"] = s.truncated_rows;
  d["empty_rows"] = s.empty_rows;
  d["bad_utf8_rows"] = s.bad_utf8_rows;
  d["exit_histogram"] = s.exit_histogram;
  d["layer_tokens"] = s.layer_tokens;
  d["threads"] = s.threads;
  d["seconds"] = s.wall_s;
  return d;
}

// The columns by name; those that the model does not have are left out.
nb::dict columns(Answers a, const ModelInfo& m, bool all_exits) {
  const auto rows = static_cast<size_t>(a.rows()), labels = static_cast<size_t>(m.num_labels);
  nb::dict d;
  d["exit_layer"] = array(std::move(a.exit_layer), {rows});
  d["tokens"] = array(std::move(a.tokens), {rows});
  d["truncated"] = array<uint8_t, bool>(std::move(a.truncated), {rows});
  d["logits"] = array(std::move(a.logits), {rows, labels});
  if (!is_regression(m)) {
    d["prob"] = array(std::move(a.prob), {rows});
    d["entropy"] = array(std::move(a.entropy), {rows});
    d["probs"] = array(std::move(a.probs), {rows, labels});
  }
  if (m.problem == ProblemType::single_label)
    d["label_ids"] = array(std::move(a.label_ids), {rows});
  if (is_multi_label(m)) {
    d["label_mask"] = array<uint8_t, bool>(std::move(a.label_mask), {rows, labels});
  }
  if (!all_exits) return d;
  if (rows == 0) {
    for (const ExitInfo& e : m.exits) a.exit_layers.push_back(e.layer);
  }
  const size_t exits = a.exit_layers.size();
  nb::dict e;
  e["layers"] = array(std::move(a.exit_layers), {exits});
  e["logits"] = array(std::move(a.exit_logits), {rows, exits, labels});
  if (!is_regression(m)) {
    e["probs"] = array(std::move(a.exit_probs), {rows, exits, labels});
    e["entropy"] = array(std::move(a.exit_entropy), {rows, exits});
  }
  e["uncertainty"] = array(std::move(a.exit_uncertainty), {rows, exits});
  d["exits"] = e;
  return d;
}

const char* problem_name(ProblemType problem) {
  return problem == ProblemType::single_label  ? "single_label"
         : problem == ProblemType::multi_label ? "multi_label"
                                               : "regression";
}

nb::dict info_dict(const ModelInfo& m) {
  nb::dict d;
  std::vector<int64_t> exits;
  for (const ExitInfo& e : m.exits) exits.push_back(e.layer);
  d["dialect"] = m.dialect;
  d["task"] = m.task;
  d["problem"] = problem_name(m.problem);
  d["labels"] = m.labels;
  d["num_labels"] = m.num_labels;
  d["layers"] = m.layers.size();
  d["exits"] = exits;
  d["max_length"] = m.default_max_length;
  d["dtype"] = compute_type_name(m.compute);
  d["parameters"] = m.parameters;
  d["policy"] = exit_policy_text(m.policy);
  d["warnings"] = m.warnings;
  d["question_answering"] = m.question_answering;
  return d;
}

std::unique_ptr<Model> open_model(const nb::bytes& path, const std::string& dtype,
                                  const std::string& isa, bool ignore_unused) {
  LoadOptions options{.isa = isa, .ignore_unused = ignore_unused};
  if (!dtype.empty()) options.compute = parse_compute_type(dtype);
  return std::make_unique<Model>(std::string(path.c_str(), path.size()), std::move(options));
}

nb::tuple run(Model& model, const Texts& texts, const Texts* pairs, const Request& request,
              bool interruptible, bool partial) {
  Outcome o = model.run(texts, pairs, request, interruptible, partial);
  return nb::make_tuple(columns(std::move(o.answers), model.info(), request.all_exits),
                        stats_dict(o.stats), o.error);
}

NB_MODULE(_costeff, m) {
  nb::register_exception_translator(raise_error);
  m.attr("__version__") = kVersion;
  m.def("available_isas", &available_isas);

  nb::class_<Texts>(m, "Texts")
      .def("__len__", [](const Texts& t) { return t.rows.size(); })
      .def_ro("error", &Texts::error);
  m.def("texts_of_items", &texts_of_items, "items"_a, "name"_a, "first"_a = 0, "partial"_a = false);
  m.def("texts_of_arrow", &texts_of_arrow, "source"_a, "name"_a);

  nb::class_<Request>(m, "Request")
      .def(nb::init<>())
      .def_rw("policy", &Request::policy)
      .def_rw("threshold", &Request::threshold)
      .def_rw("exit_weights", &Request::exit_weights)
      .def_rw("join", &Request::join)
      .def_rw("patience", &Request::patience)
      .def_rw("exit_layer", &Request::exit_layer)
      .def_rw("exit_start", &Request::exit_start)
      .def_rw("average", &Request::average, nb::arg().none())
      .def_rw("label_thresholds", &Request::label_thresholds)
      .def_rw("max_length", &Request::max_length)
      .def_rw("doc_stride", &Request::doc_stride)
      .def_rw("threads", &Request::threads)
      .def_rw("batch_tokens", &Request::batch_tokens)
      .def_rw("all_exits", &Request::all_exits);

  nb::class_<Model>(m, "Model")
      .def_static("open", &open_model, "path"_a, "dtype"_a, "isa"_a, "ignore_unused"_a)
      .def("info", [](const Model& model) { return info_dict(model.info()); })
      .def("run", &run, "texts"_a, "pairs"_a.none(), "request"_a, "interruptible"_a, "partial"_a);
}

}  // namespace
}  // namespace costeff::python
