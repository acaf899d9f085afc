#pragma once

// tokenizer_config.json, special_tokens_map.json and added_tokens.json of a checkpoint directory;
// config.json for the tokenizer's class.

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json/json.h"
#include "text/config/tokenizer_files.h"
#include "text/tokens/added_tokens.h"

namespace costeff::text {

enum class Role : uint8_t { bos, eos, unk, sep, pad, cls, mask };
inline constexpr int kRoles = 7;
const char* role_key(Role role);  // "cls_token"

// The largest id that a file may give a token: the number of ids is an int32 too.
inline constexpr int64_t kMaxId = std::numeric_limits<int32_t>::max() - 1;

// A special token as a file names it: by its text alone, or with flags.
struct NamedToken {
  AddedToken token;
  bool has_flags = false;
  std::string file;  // where it is named; empty: a default of ours
};

struct TokenizerConfig {
  std::string file;  // tokenizer_config.json, whether it exists or not; begins messages
  // From tokenizer_config.json, or else config.json, as in transformers; `class_file` is which.
  std::string tokenizer_class, class_file;
  std::string model_type;  // of config.json; read only if no file names a class
  std::optional<bool> do_lower_case, strip_accents, tokenize_chinese_chars;
  std::optional<bool> add_prefix_space;
  std::optional<bool> keep_accents, remove_space;
  std::optional<int64_t> model_max_length;  // absent, null or "very large": none
  std::optional<bool> truncates_left;       // truncation_side
  std::array<std::optional<NamedToken>, kRoles> roles;
  std::vector<NamedToken> additional;  // additional_special_tokens
  std::vector<AddedToken> added;       // added_tokens_decoder, or else added_tokens.json; by id

  const std::optional<NamedToken>& role(Role r) const { return roles[static_cast<size_t>(r)]; }
  // Names a token if the files do not.
  void set_default(Role r, const char* content, bool lstrip = false);
};

// True if the class tells nothing about the tokenizer: it is empty, or transformers' base class.
bool says_nothing(std::string_view tokenizer_class);

// A file that does not exist leaves its settings at their defaults. Throws Error(model).
TokenizerConfig read_tokenizer_config(const TokenizerFiles& files);

// One token object: {"content": ..., "lstrip": ..., ...} as in added_tokens_decoder and
// tokenizer.json.
AddedToken read_added_token(const Json& object, const std::string& place);

// The tokens to search texts for: added tokens, then the special tokens that are not among them. An
// id from `find` (-1: none) goes before that of the files. Special tokens without an id are left
// out. Throws Error(model) if an added token has the id of another token of the vocabulary (`name`
// gives that; empty: none).
using FindId = std::function<int32_t(std::string_view)>;
using FindName = std::function<std::string(int32_t)>;
std::vector<AddedToken> collect_added_tokens(const TokenizerConfig& config, const FindId& find,
                                             const FindName& name);

// The id of a special token that every sequence needs. Throws Error(model) that names it if neither
// the vocabulary nor the added tokens have it.
int32_t required_id(const TokenizerConfig& config, Role role, const std::vector<AddedToken>& added,
                    const FindId& find, const std::string& vocab_file);

}  // namespace costeff::text
