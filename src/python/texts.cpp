#include "python/texts.h"

#include "base/fail.h"
#include "base/utf8.h"

namespace costeff::python {
namespace {

constexpr size_t kMaxShown = 60;  // bytes of a value in a message

// The UTF-8 of a str, which keeps it. Returns false for a str with half a surrogate pair.
bool utf8_of(nb::handle text, std::string_view* out) {
  Py_ssize_t size = 0;
  const char* bytes = PyUnicode_AsUTF8AndSize(text.ptr(), &size);
  if (!bytes) {
    if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) throw nb::python_error();
    PyErr_Clear();
    return false;
  }
  *out = {bytes, static_cast<size_t>(size)};
  return true;
}

// What Python prints for a value, short enough for a message.
std::string shown(nb::handle value) {
  if (value.is_none()) return "None";
  std::string_view type, text;
  const nb::object name = nb::borrow(value.type()).attr("__name__");
  utf8_of(name, &type);
  const nb::object repr = nb::steal(PyObject_Repr(value.ptr()));
  if (!repr.is_valid()) PyErr_Clear();  // an object that cannot be printed
  if (!repr.is_valid() || !utf8_of(repr, &text)) return printable(type, kMaxShown);
  return fmt::format("{} ({})", printable(text, kMaxShown), printable(type, kMaxShown));
}

// Why the item cannot be scored; empty: *out is its text.
std::string item_fault(nb::handle item, std::string_view* out) {
  if (!PyUnicode_Check(item.ptr())) return shown(item) + ", expected a str";
  if (!utf8_of(item, out)) return "a str with half a surrogate pair, which is no text";
  return "";
}

// How an Arrow array holds its strings.
enum class Layout { offsets32, offsets64, views };

// One element of a view array (Arrow's columnar format, "Variable-size Binary View Layout").
struct View {
  int32_t size;
  char prefix[4];  // size <= 12: the text itself begins here
  int32_t buffer, offset;
};
constexpr int32_t kMaxInlineBytes = 12;

[[noreturn]] void refuse_format(const std::string& name, const char* format) {
  const std::string_view f(format);
  if (f == "+s") fail_usage("{} is a table with columns, expected one column of strings", name);
  fail_usage("{} is an Arrow array of format \"{}\", expected strings (\"u\", \"U\" or \"vu\")",
             name, printable(f, kMaxShown));
}

Layout layout_of(const ArrowSchema& schema, const std::string& name) {
  const std::string_view format(schema.format);
  if (format == "u") return Layout::offsets32;
  if (format == "U") return Layout::offsets64;
  if (format == "vu") return Layout::views;
  refuse_format(name, schema.format);
}

[[noreturn]] void refuse_row(const std::string& name, size_t row, const char* found) {
  fail_input("{}[{}]: {}, expected a string", name, row, found);
}

bool is_null(const ArrowArray& a, int64_t i) {
  const auto* bits = static_cast<const uint8_t*>(a.n_buffers > 0 ? a.buffers[0] : nullptr);
  if (!bits || a.null_count == 0) return false;
  const int64_t at = i + a.offset;
  return !(bits[at >> 3] >> (at & 7) & 1);
}

template <typename Offset>
std::string_view text_between(const ArrowArray& a, int64_t i) {
  const auto* offsets = static_cast<const Offset*>(a.buffers[1]) + a.offset + i;
  if (offsets[0] < 0 || offsets[1] < offsets[0]) fail_input("an Arrow array with falling offsets");
  const auto* bytes = static_cast<const char*>(a.buffers[2]);
  return {bytes + offsets[0], static_cast<size_t>(offsets[1] - offsets[0])};
}

std::string_view text_of_view(const ArrowArray& a, int64_t i) {
  const View& view = static_cast<const View*>(a.buffers[1])[a.offset + i];
  if (view.size <= kMaxInlineBytes)
    return {view.prefix, static_cast<size_t>(std::max(view.size, 0))};
  // Buffers: validity, views, the texts' own, and their sizes.
  const int64_t texts = a.n_buffers - 3;
  if (view.buffer < 0 || view.buffer >= texts || view.offset < 0 ||
      static_cast<const int64_t*>(a.buffers[a.n_buffers - 1])[view.buffer] <
          int64_t{view.offset} + view.size) {
    fail_input("an Arrow array with views outside its buffers");
  }
  return {static_cast<const char*>(a.buffers[2 + view.buffer]) + view.offset,
          static_cast<size_t>(view.size)};
}

std::string_view text_at(const ArrowArray& a, Layout layout, int64_t i) {
  if (layout == Layout::views) return text_of_view(a, i);
  return layout == Layout::offsets32 ? text_between<int32_t>(a, i) : text_between<int64_t>(a, i);
}

// The number that a dictionary array has at i, by the format of its indices.
int64_t index_at(const ArrowArray& a, char format, int64_t i) {
  const void* p = a.buffers[1];
  const int64_t at = a.offset + i;
  switch (format) {
    case 'c':
      return static_cast<const int8_t*>(p)[at];
    case 'C':
      return static_cast<const uint8_t*>(p)[at];
    case 's':
      return static_cast<const int16_t*>(p)[at];
    case 'S':
      return static_cast<const uint16_t*>(p)[at];
    case 'i':
      return static_cast<const int32_t*>(p)[at];
    case 'I':
      return static_cast<const uint32_t*>(p)[at];
    default:  // l, L
      return static_cast<const int64_t*>(p)[at];
  }
}

void check_schema(const ArrowSchema& schema, const std::string& name) {
  if (schema.dictionary) {
    const std::string_view format(schema.format);
    if (format.size() != 1 || std::string_view("cCsSiIlL").find(format) == std::string_view::npos)
      refuse_format(name, schema.format);
    layout_of(*schema.dictionary, name);
  } else if (std::string_view(schema.format) !=
             "n") {  // nothing but nulls: its first row is refused
    layout_of(schema, name);
  }
}

void append_array(const ArrowSchema& schema, ArrowOwner<ArrowArray> array, const std::string& name,
                  Texts* out) {
  const ArrowArray& a = array.value;
  const bool nulls = std::string_view(schema.format) == "n";
  const Layout layout =
      nulls ? Layout::views : layout_of(schema.dictionary ? *schema.dictionary : schema, name);
  for (int64_t i = 0; i < a.length; ++i) {
    const size_t row = out->rows.size();
    if (nulls || is_null(a, i)) refuse_row(name, row, "null");
    std::string_view text;
    if (schema.dictionary) {
      const int64_t number = index_at(a, schema.format[0], i);
      if (number < 0 || number >= a.dictionary->length) refuse_row(name, row, "no such entry");
      if (is_null(*a.dictionary, number)) refuse_row(name, row, "null");
      text = text_at(*a.dictionary, layout, number);
    } else {
      text = text_at(a, layout, i);
    }
    out->rows.push_back(text);
    out->bytes += text.size();
  }
  out->arrays.push_back(std::move(array));
}

template <typename T>
T* in_capsule(nb::handle capsule, const char* name) {
  auto* p = static_cast<T*>(PyCapsule_GetPointer(capsule.ptr(), name));
  if (!p) throw nb::python_error();
  return p;
}

void read_stream(const nb::object& capsule, const std::string& name, Texts* out) {
  ArrowOwner<ArrowArrayStream> stream(in_capsule<ArrowArrayStream>(capsule, "arrow_array_stream"));
  ArrowArrayStream& s = stream.value;
  const auto check = [&](int error) {
    if (error == 0) return;
    const char* why = s.get_last_error(&s);
    fail_input("{}: the Arrow stream ends with an error: {}", name, printable(why ? why : "", 200));
  };
  ArrowOwner<ArrowSchema> schema;
  check(s.get_schema(&s, &schema.value));
  check_schema(schema.value, name);
  for (;;) {
    ArrowOwner<ArrowArray> array;
    check(s.get_next(&s, &array.value));
    if (!array.value.release) return;
    append_array(schema.value, std::move(array), name, out);
  }
}

}  // namespace

Texts texts_of_items(const nb::object& items, const std::string& name, int64_t first,
                     bool partial) {
  Texts texts;
  texts.first = first;
  texts.owner = nb::steal(PySequence_Tuple(items.ptr()));
  if (!texts.owner.is_valid()) throw nb::python_error();
  const nb::tuple rows = nb::borrow<nb::tuple>(texts.owner);
  texts.rows.reserve(rows.size());
  for (nb::handle item : rows) {
    std::string_view text;
    if (const std::string fault = item_fault(item, &text); !fault.empty()) {
      const auto row = first + static_cast<int64_t>(texts.rows.size());
      const std::string error = fmt::format("{}[{}]: {}", name, row, fault);
      if (!partial) throw_input(error);
      texts.error = error;
      break;
    }
    texts.rows.push_back(text);
    texts.bytes += text.size();
  }
  return texts;
}

Texts texts_of_arrow(const nb::object& source, const std::string& name) {
  Texts texts;
  if (nb::hasattr(source, "__arrow_c_stream__")) {
    read_stream(source.attr("__arrow_c_stream__")(), name, &texts);
    return texts;
  }
  const nb::tuple pair = nb::cast<nb::tuple>(source.attr("__arrow_c_array__")());
  const ArrowOwner<ArrowSchema> schema(in_capsule<ArrowSchema>(pair[0], "arrow_schema"));
  check_schema(schema.value, name);
  append_array(schema.value, ArrowOwner<ArrowArray>(in_capsule<ArrowArray>(pair[1], "arrow_array")),
               name, &texts);
  return texts;
}

}  // namespace costeff::python
