#include "cli/flags/doc_flags.h"

#include <array>

#include "base/fail.h"
#include "base/names.h"
#include "cli/flags/flag_checks.h"

namespace costeff::cli {
namespace {

constexpr std::array<Name<WindowJoin>, 3> kJoins{
    {{"mean", WindowJoin::mean}, {"max", WindowJoin::max}, {"first", WindowJoin::first}}};

}  // namespace

void add_doc_flags(CLI::App* verb, DocFlags* f, bool questions, bool windows) {
  const char* group = "Long texts";
  verb->add_option(
          "--doc-stride", f->stride,
          std::string("Read texts that are longer than the model in windows that share N tokens "
                      "with their neighbours, in place of cutting them; of a pair the second "
                      "text is read so") +
              (questions
                   ? ". With --task qa contexts always are (default: 128, or fewer if windows "
                     "are short)"
                   : ""))
      ->type_name("N")
      ->check(whole_number(0, int64_t{1} << 20))
      ->group(group);
  verb->add_option(
          "--join", f->join,
          "How the windows' answers become one: mean of the probabilities (default), max "
          "(the largest of each label, made to add up to 1 again), or first (that of the first "
          "window alone)")
      ->type_name("NAME")
      ->group(group);
  if (!windows) return;
  verb->add_flag("--windows", f->windows, "Also give the answer to each window (JSONL)")
      ->group(group);
}

void check_doc_flags(const DocFlags& f, const EncodeFlags& encode) {
  if (f.stride < 0) {
    if (!f.join.empty()) throw_usage("--join needs --doc-stride");
    if (f.windows) throw_usage("--windows needs --doc-stride");
    return;
  }
  const EncodeFlags usual;
  if (encode.truncation != usual.truncation || encode.pair_cut != usual.pair_cut)
    fail_usage("{} says nothing with --doc-stride, which cuts no text",
               encode.truncation != usual.truncation ? "--truncation" : "--pair-cut");
}

void add_doc_options(const DocFlags& f, RunOptions* o) {
  o->doc_stride = f.stride;
  o->windows = f.windows;
  if (!f.join.empty()) o->join = value_of_name(kJoins, f.join, "join");
}

}  // namespace costeff::cli
