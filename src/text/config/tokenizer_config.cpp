#include "text/config/tokenizer_config.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "base/fail.h"
#include "base/parse.h"
#include "base/utf8.h"

namespace costeff::text {
namespace {

constexpr std::array<const char*, kRoles> kRoleKeys = {
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};
constexpr uint64_t kMaxFileBytes = 16u << 20;

// A token given as text or as an object; null: none.
std::optional<NamedToken> read_named(const Json& value, const std::string& file, const char* key) {
  if (value.is_null()) return std::nullopt;
  NamedToken named;
  named.file = file;
  named.token.special = true;
  if (value.is_string()) {
    named.token.content = value.get<std::string>();
  } else if (value.is_object()) {
    named.token = read_added_token(value, file + ": " + key);
    named.token.special = true;
    named.has_flags = true;
  } else {
    fail_model("{}: {} is {}, expected a string or an object with \"content\"", file, key,
               json_text(value));
  }
  return named;
}

void read_roles(const Json& json, const std::string& file, TokenizerConfig* config) {
  for (size_t r = 0; r < kRoleKeys.size(); ++r) {
    const auto it = json.find(kRoleKeys[r]);
    if (it == json.end()) continue;
    std::optional<NamedToken> named = read_named(*it, file, kRoleKeys[r]);
    if (!named) continue;
    std::optional<NamedToken>& have = config->roles[r];
    // If the first file names a token by its text alone, the other may have its flags.
    if (!have || (!have->has_flags && have->token.content == named->token.content)) have = named;
  }
  const auto it = json.find("additional_special_tokens");
  if (it == json.end() || it->is_null()) return;
  if (!it->is_array()) {
    fail_model("{}: additional_special_tokens is {}, expected a list", file, json_text(*it));
  }
  if (!config->additional.empty()) return;
  for (const Json& value : *it) {
    if (auto named = read_named(value, file, "additional_special_tokens")) {
      config->additional.push_back(*named);
    }
  }
}

std::optional<bool> optional_bool(const Json& json, const char* key, const std::string& file,
                                  bool null_is_absent) {
  const auto it = json.find(key);
  if (it == json.end() || (null_is_absent && it->is_null())) return std::nullopt;
  return json_bool(json, key, false, file, ErrorKind::model);
}

std::optional<int64_t> read_max_length(const Json& json, const std::string& file) {
  const char* key =
      json.contains("model_max_length") ? "model_max_length" : "max_len";  // its old name
  const auto it = json.find(key);
  if (it == json.end() || it->is_null()) return std::nullopt;
  const double v = it->is_number() ? it->get<double>() : -1;
  if (!(v >= 1) || (v < 0x1p31 && v != std::floor(v))) {
    fail_model("{}: {} is {}, expected a number of tokens, 1 or more", file, key, json_text(*it));
  }
  // Hugging Face writes 1e30 for "no limit".
  return v >= 0x1p31 ? std::nullopt : std::optional<int64_t>(static_cast<int64_t>(v));
}

std::optional<bool> read_truncation_side(const Json& json, const std::string& file) {
  const auto it = json.find("truncation_side");
  if (it == json.end()) return std::nullopt;
  if (*it != "left" && *it != "right") {
    fail_model("{}: truncation_side is {}, expected left or right", file, json_text(*it));
  }
  return *it == "left";
}

void read_added_decoder(const Json& object, const std::string& file, TokenizerConfig* config) {
  if (!object.is_object()) {
    fail_model("{}: added_tokens_decoder is {}, expected an object", file, json_text(object));
  }
  for (const auto& [key, value] : object.items()) {
    const auto id = parse_int(key, 0, kMaxId);
    if (!id) {
      fail_model("{}: added_tokens_decoder: key \"{}\", expected a token id", file,
                 printable(key, 40));
    }
    AddedToken token = read_added_token(value, file + ": added_tokens_decoder: " + key);
    token.id = static_cast<int32_t>(*id);
    config->added.push_back(std::move(token));
  }
}

// The older form: text to id, no flags.
void read_added_json(const Json& object, const std::string& file, TokenizerConfig* config) {
  std::unordered_set<std::string> special;
  for (const auto& role : config->roles) {
    if (role) special.insert(role->token.content);
  }
  for (const NamedToken& named : config->additional) special.insert(named.token.content);
  for (const auto& [content, id] : object.items()) {
    AddedToken token;
    token.content = content;
    token.id = static_cast<int32_t>(
        json_int(object, content.c_str(), -1, 0, kMaxId, file, ErrorKind::model));
    token.special = special.contains(content);
    token.normalized = !token.special;
    config->added.push_back(std::move(token));
  }
}

// Checkpoints without tokenizer_class in tokenizer_config.json, old ones among them, name the class
// in config.json, or have only the model's type there.
void read_class_of_model(const TokenizerFiles& files, TokenizerConfig* config) {
  const char* name = "config.json";
  if (!says_nothing(config->tokenizer_class) || !files.has(name)) return;
  const std::string path = files.path(name);
  const Json json = parse_json_object(files.read(name, kMaxFileBytes), path, ErrorKind::model);
  const auto of_model = json_string(json, "tokenizer_class", path, ErrorKind::model);
  if (config->tokenizer_class.empty() && of_model) {
    config->tokenizer_class = *of_model;
    config->class_file = path;
  }
  config->model_type = json_string(json, "model_type", path, ErrorKind::model).value_or("");
}

}  // namespace

bool says_nothing(std::string_view tokenizer_class) {
  return tokenizer_class.empty() || tokenizer_class == "PreTrainedTokenizer" ||
         tokenizer_class == "PreTrainedTokenizerFast" || tokenizer_class == "TokenizersBackend";
}

const char* role_key(Role role) { return kRoleKeys[static_cast<size_t>(role)]; }

void TokenizerConfig::set_default(Role r, const char* content, bool lstrip) {
  std::optional<NamedToken>& have = roles[static_cast<size_t>(r)];
  if (!have) {
    have.emplace();
    have->token.content = content;
    have->token.special = true;
  }
  if (!have->has_flags) have->token.lstrip = lstrip;
}

AddedToken read_added_token(const Json& object, const std::string& place) {
  if (!object.is_object()) {
    fail_model("{}: {}, expected an object with \"content\"", place, json_text(object));
  }
  const auto flag = [&](const char* key, bool fallback) {
    return json_bool(object, key, fallback, place, ErrorKind::model);
  };
  AddedToken token;
  const auto content = json_string(object, "content", place, ErrorKind::model);
  if (!content) fail_model("{}: no \"content\"", place);
  token.content = *content;
  token.special = flag("special", false);
  token.normalized = flag("normalized", !token.special);
  token.lstrip = flag("lstrip", false);
  token.rstrip = flag("rstrip", false);
  token.single_word = flag("single_word", false);
  return token;
}

TokenizerConfig read_tokenizer_config(const TokenizerFiles& files) {
  const auto read = [&](const char* name) {
    return parse_json_object(files.read(name, kMaxFileBytes), files.path(name), ErrorKind::model);
  };
  TokenizerConfig config;
  config.file = config.class_file = files.path("tokenizer_config.json");
  bool has_decoder = false;
  if (files.has("tokenizer_config.json")) {
    const Json json = read("tokenizer_config.json");
    config.tokenizer_class =
        json_string(json, "tokenizer_class", config.file, ErrorKind::model).value_or("");
    config.do_lower_case = optional_bool(json, "do_lower_case", config.file, false);
    config.strip_accents = optional_bool(json, "strip_accents", config.file, true);
    config.tokenize_chinese_chars =
        optional_bool(json, "tokenize_chinese_chars", config.file, false);
    config.add_prefix_space = optional_bool(json, "add_prefix_space", config.file, true);
    config.keep_accents = optional_bool(json, "keep_accents", config.file, true);
    config.remove_space = optional_bool(json, "remove_space", config.file, true);
    config.model_max_length = read_max_length(json, config.file);
    config.truncates_left = read_truncation_side(json, config.file);
    read_roles(json, config.file, &config);
    if (const auto it = json.find("added_tokens_decoder"); it != json.end() && !it->is_null()) {
      has_decoder = true;
      read_added_decoder(*it, config.file, &config);
    }
  }
  read_class_of_model(files, &config);
  if (const char* name = "special_tokens_map.json"; files.has(name)) {
    read_roles(read(name), files.path(name), &config);
  }
  if (const char* name = "added_tokens.json"; !has_decoder && files.has(name)) {
    read_added_json(read(name), files.path(name), &config);
  }
  std::stable_sort(config.added.begin(), config.added.end(),
                   [](const AddedToken& a, const AddedToken& b) { return a.id < b.id; });
  return config;
}

std::vector<AddedToken> collect_added_tokens(const TokenizerConfig& config, const FindId& find,
                                             const FindName& name) {
  std::vector<AddedToken> tokens;
  std::unordered_set<std::string> seen;
  for (AddedToken token : config.added) {
    if (!seen.insert(token.content).second) continue;
    if (const int32_t id = find(token.content); id >= 0) {
      token.id = id;
    } else if (const std::string other = name(token.id); !other.empty()) {
      fail_model(
          "{}: added token \"{}\" has id {}, which is another token's in the vocabulary (\"{}\")",
          config.file, printable(token.content, 60), token.id, printable(other, 60));
    }
    tokens.push_back(std::move(token));
  }
  const auto add_special = [&](const NamedToken& named) {
    AddedToken token = named.token;
    token.id = find(token.content);
    if (token.id >= 0 && seen.insert(token.content).second) tokens.push_back(std::move(token));
  };
  for (const auto& role : config.roles) {
    if (role) add_special(*role);
  }
  for (const NamedToken& named : config.additional) add_special(named);
  return tokens;
}

int32_t required_id(const TokenizerConfig& config, Role role, const std::vector<AddedToken>& added,
                    const FindId& find, const std::string& vocab_file) {
  const std::optional<NamedToken>& named = config.role(role);
  if (!named) fail_model("{}: no {}", config.file, role_key(role));
  const std::string& content = named->token.content;
  if (const int32_t id = find(content); id >= 0) return id;
  for (const AddedToken& token : added) {
    if (token.content == content) return token.id;
  }
  fail_model("{}: no token {}, which is the {} of {}", vocab_file, printable(content, 60),
             role_key(role), named->file.empty() ? "this kind of tokenizer" : named->file);
}

}  // namespace costeff::text
