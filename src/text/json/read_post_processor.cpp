#include "text/config/tokenizer_config.h"
#include "text/json/tokenizer_json.h"

namespace costeff::text {
namespace {

constexpr int64_t kMaxTypeId = 255;

// ["[SEP]", 102]
int32_t named_id(const JsonPart& part, const char* key) {
  const Json& pair = part.list(key);
  if (pair.size() != 2 || !pair[0].is_string() || !pair[1].is_number_unsigned() ||
      pair[1].get<uint64_t>() > uint64_t{kMaxId}) {
    fail_model("{}: {} is {}, expected [token, id]", part.place, key, json_text(pair));
  }
  return static_cast<int32_t>(pair[1].get<int64_t>());
}

// One list of a TemplateProcessing: each element {"Sequence": {"id": "A", "type_id": 0}} or
// {"SpecialToken": {"id": "[CLS]", "type_id": 0}}, the latter a key of special_tokens.
std::vector<TemplatePiece> read_template(const JsonPart& part, const char* key, int sequences) {
  std::vector<TemplatePiece> pieces;
  int seen_a = 0, seen_b = 0;
  for (const Json& element : part.list(key)) {
    const JsonPart piece(element, part.place + ": " + key);
    const bool is_text = piece.has("Sequence");
    const JsonPart inner = piece.part(is_text ? "Sequence" : "SpecialToken");
    const auto type_id = static_cast<int32_t>(inner.integer("type_id", 0, kMaxTypeId));
    const std::string id = inner.string("id");
    if (is_text) {
      if (id != "A" && id != "B") inner.unsupported("id " + id, "A or B");
      ++(id == "A" ? seen_a : seen_b);
      pieces.push_back({id == "A" ? TemplatePiece::text_a : TemplatePiece::text_b, 0, type_id});
      continue;
    }
    const JsonPart special = part.part("special_tokens").part(id.c_str());
    for (const Json& value : special.list("ids")) {
      if (!value.is_number_unsigned() || value.get<uint64_t>() > uint64_t{kMaxId}) {
        fail_model("{}: id {}, expected a token id", special.place, json_text(value));
      }
      pieces.push_back(
          {TemplatePiece::special, static_cast<int32_t>(value.get<int64_t>()), type_id});
    }
  }
  if (seen_a != 1 || seen_b != sequences - 1) {
    fail_model("{}: {} has A {} times and B {} times, expected {}", part.place, key, seen_a, seen_b,
               sequences == 1 ? "A once" : "each once");
  }
  return pieces;
}

}  // namespace

void read_post_processor(const JsonPart& file, TokenizerJson* out) {
  // Without one: the texts alone, of types 0 and 1.
  out->form.single = {{TemplatePiece::text_a, 0, 0}};
  out->form.pair = {{TemplatePiece::text_a, 0, 0}, {TemplatePiece::text_b, 0, 1}};
  if (!file.has("post_processor")) return;
  int templates = 0;
  for_each_in_sequence(file.part("post_processor"), "processors", [&](const JsonPart& part) {
    const std::string type = part.string("type");
    if (type == "ByteLevel" || type == "RobertaProcessing") {
      out->trim.trim = part.flag("trim_offsets", true);
      out->trim.add_prefix_space = part.flag("add_prefix_space", true);
    }
    if (type == "ByteLevel") return;
    ++templates;
    if (type == "BertProcessing" || type == "RobertaProcessing") {
      const int32_t cls = named_id(part, "cls"), sep = named_id(part, "sep");
      out->form = type == "BertProcessing" ? bert_template(cls, sep) : roberta_template(cls, sep);
    } else if (type == "TemplateProcessing") {
      out->form.single = read_template(part, "single", 1);
      out->form.pair = read_template(part, "pair", 2);
    } else {
      part.unsupported(type,
                       "BertProcessing, RobertaProcessing, TemplateProcessing, ByteLevel or "
                       "Sequence");
    }
    if (templates > 1) part.unsupported(type + " after another", "one that adds special tokens");
  });
}

}  // namespace costeff::text
