#pragma once

// What a file is, by its first bytes: text as it is, text in gzip or zstd, or what no reader of
// lines can make sense of.

#include <string>
#include <string_view>

namespace costeff::tasks {

enum class Packing { none, gzip, zstd };

struct Content {
  bool unsure = false;  // more bytes are needed to tell
  Packing packing = Packing::none;
};

// head: the first bytes of the input; complete: there are no more. Throws Error(input), which says
// what to do, for archives, tables in binary formats, documents, and text in UTF-16 and UTF-32.
// Lines of text are never unsure: a decision does not wait for input that a line does not need.
Content look_at(std::string_view head, bool complete, const std::string& name);

// "gzip", "zstd"
const char* packing_name(Packing packing);

// The path without an ending that says how the file is packed: "in.jsonl.gz" is "in.jsonl".
std::string_view without_packing(std::string_view path);

}  // namespace costeff::tasks
