#include "base/names.h"

#include "base/fail.h"
#include "base/utf8.h"

namespace costeff {

void throw_unknown_name(std::string_view what, std::string_view name, const std::string& known,
                        ErrorKind kind) {
  fail(kind, "{} \"{}\" is not known, expected one of {}", what, printable(name, 40), known);
}

}  // namespace costeff
