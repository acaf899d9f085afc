#include "base/names.h"

#include "base/utf8.h"

namespace costeff {

void throw_unknown_name(std::string_view what, std::string_view name, const std::string& known,
                        ErrorKind kind) {
  throw Error(kind, std::string(what) + " \"" + printable(name, 40) +
                        "\" is not known, expected one of " + known);
}

}  // namespace costeff
