// Questions from SQuAD's JSON and from rows, over any bytes, and the writers of answers. The first
// byte chooses the format, the second the size of the pieces that the input comes in; the rest is
// the file. The same questions must come out, or the same error, however it is cut into pieces.

#include <costeff/error.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json/json.h"
#include "base/utf8.h"
#include "fuzz/check.h"
#include "tasks/read/qa_reader.h"
#include "tasks/write/qa_writer.h"

namespace {

using namespace costeff;
using namespace costeff::tasks;
using fuzz::require;

void write_answer(const QaExample& example, int64_t index, std::string* out) {
  QaResult result;
  result.answer.text = example.context.substr(0, example.context.size() / 2);
  result.n_best = {result.answer, QaAnswer()};
  QaOutputOptions options;
  options.n_best = 2;
  options.version_2 = true;
  for (QaFormat format : {QaFormat::tsv, QaFormat::csv, QaFormat::jsonl, QaFormat::squad}) {
    options.format = format;
    const bool squad = format == QaFormat::squad;
    out->clear();
    if (squad) append_qa_header(options, out);
    append_qa_row(example, result, options, squad ? 0 : index, out);
    append_qa_footer(options, 1, out);
    if (squad || format == QaFormat::jsonl) require(Json::accept(*out) && is_utf8(*out));
    require(out->ends_with('\n'));
    if (format == QaFormat::tsv) require(out->find('\n') == out->size() - 1);
  }
}

// All that the reader returns, and how it ends.
template <typename Reader>
std::string read_all(Reader&& reader, std::string_view bytes, bool squad) {
  std::string seen, out;
  int64_t rows = 0;
  try {
    QaExample example;
    QaGold gold;
    while (reader.next(example, true, &gold) == ReadStatus::row) {
      if (squad) require(is_utf8(example.question) && is_utf8(example.context));
      seen += example.id + '\n' + example.question + '\n' + example.context + '\n';
      seen += example.place + (gold.impossible ? " impossible\n" : "\n");
      for (const std::string& answer : gold.answers) seen += answer + '\n';
      // Rows with the same long context make the output, not the input, large.
      if (rows < 20) write_answer(example, rows, &out);
      ++rows;
    }
    require(reader.bytes_done() <= static_cast<int64_t>(bytes.size()));
  } catch (const Error& e) {
    require(e.kind() == ErrorKind::input || e.kind() == ErrorKind::usage);
    seen += e.what();
  }
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  if (data[0] % 4 == 0) {
    const auto read = [&](size_t chunk) {
      return read_all(SquadReader({{"input", bytes}}, nullptr, chunk), bytes, true);
    };
    require(read(size_t{data[1]} + 1) == read(256u << 10));
    return 0;
  }
  constexpr InputFormat kFormats[] = {InputFormat::tsv, InputFormat::csv, InputFormat::jsonl};
  InputOptions options;
  options.format = kFormats[data[0] % 4 - 1];
  if (data[1] & 1) options.header = Header::no;
  if (data[1] & 2) options.text_field = "2";
  if (data[1] & 4) options.id_field = "id";
  try {
    read_all(QaReader({{"input", bytes}}, options, false), bytes, false);
  } catch (const Error& e) {
    require(e.kind() == ErrorKind::usage || e.kind() == ErrorKind::input);
  }
  return 0;
}
