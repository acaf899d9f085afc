#pragma once

// What a file is, by its first bytes: plain text, text packed with gzip or zstd, or something that
// cannot be read as lines.

#include <string>
#include <string_view>

namespace costeff::tasks {

enum class Packing { none, gzip, zstd };

struct Content {
  bool unsure = false;  // more bytes are needed to decide
  Packing packing = Packing::none;
};

// head: the first bytes of the input; complete: there are no more. Throws Error(input), which says
// what to do, for archives, tables in binary formats, documents, and text in UTF-16 and UTF-32.
// A complete line of text is never unsure: the decision never waits for more input than a line
// needs.
Content look_at(std::string_view head, bool complete, const std::string& name);

// "gzip", "zstd"
const char* packing_name(Packing packing);

// The path without an ending that says how the file is packed: "in.jsonl.gz" is "in.jsonl".
std::string_view without_packing(std::string_view path);

}  // namespace costeff::tasks
