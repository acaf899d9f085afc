#!/usr/bin/env python3
"""Writes tests/text/tokenizer_json_goldens.jsonl.gz: tokenizers in one file each, and what they give.

usage: make_tokenizer_json_goldens.py OUT

Needs the Python packages tokenizers, transformers and sentencepiece, and no network. All tokenizers
are tiny ones, trained here. A line of OUT is a case:
  name, files (the files of the checkpoint directory, by name), rows
  a row: text, pair or null, input_ids, token_type_ids, offsets (characters, flattened), and for cases
         of truncation [max_length, strategy]
Where a case has a tokenizer class that changes what tokenizer.json says, transformers' AutoTokenizer
made the rows, else the tokenizers library. Texts on which the library itself panics are left out."""
import base64
import gzip
import json
import os
import random
import sys
import tempfile

import sentencepiece
from tokenizers import Regex, Tokenizer
from tokenizers import models as M
from tokenizers import normalizers as N
from tokenizers import pre_tokenizers as P
from tokenizers import trainers as R

SPECIAL = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]
WORDS = """the a of and film movie is was not good bad very boring plot actor it's I'm don't can't 3 12 1999
Paris café naïve Über straße Ångström E=mc2 x_y foo-bar www.example.com C++ #1 $5 50% (maybe) "quoted" ...
中文 日本語 テスト 한국어 각 русский Ελλάδα עברית العربية हिन्दी ไทย ½ ² Ⅷ ﬁne ＡＢ Ω Å e\u0301 o\u0308 ạ̈
👍 👍🏽 👩‍👩‍👧 🇩🇪 ©\ufe0f 𝔘 \u00a0 \u200b \ufeff \u00ad \x85 \u2028 \x01 \ufffd \t \n \r\n İ ı ς ﷺ ㍍ Ġ ▁ ## ' ` ``""".split(" ")
HARD = ["", " ", "  ", "a", " a ", "a  b", "\n", "the film's plot", "don't  can't", "[MASK] x [MASK]", "a[SEP]b", "[UNK]", "[unk]",
        "THE FILM WAS NOT GOOD!", "naïve café", "naïve cafe\u0301", "中文film中文", "한국어 각", "12345 6.78 ½", "x" * 130, "é" * 40,
        "🇩🇪🇫", "a\u0301\u0323b", "\u0323a", "a\u0000b", "\ufeffa", "▁a ▁b", "Ġ Ġa", "tab\tnew\nline\r\n", "\u3000wide\u3000", "''a``b''",
        "Ａ\u0301Ｂ", "ab\u200dcd", "e\u0301" * 9, "\u1112\u1161\u11ab", "हिन्दी", "\x85", "a\u00a0b", "$5+3=8 (x)!?", "can't've", "I'LL"]


def texts(seed, count):
    r = random.Random(seed)
    out = []
    for _ in range(count):
        out.append((" " if r.random() < .7 else "").join(r.choice(WORDS) for _ in range(r.randint(1, 9))))
    return out


CORPUS = HARD + texts(1, 400) + ["the film was good and the plot was not boring"] * 20


def trained(model, trainer, normalizer, pre_tokenizer):
    t = Tokenizer(model)
    if normalizer:
        t.normalizer = normalizer
    if pre_tokenizer:
        t.pre_tokenizer = pre_tokenizer
    t.train_from_iterator(CORPUS, trainer)
    return json.loads(t.to_str())


def template(cls, sep):
    def token(name, type_id):
        return {"SpecialToken": {"id": name, "type_id": type_id}}

    def text(name, type_id):
        return {"Sequence": {"id": name, "type_id": type_id}}
    single = [token("[CLS]", 0), text("A", 0), token("[SEP]", 0)]
    return {"type": "TemplateProcessing", "single": single,
            "pair": single + [text("B", 1), token("[SEP]", 1)],
            "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [cls], "tokens": ["[CLS]"]},
                               "[SEP]": {"id": "[SEP]", "ids": [sep], "tokens": ["[SEP]"]}}}


def plain(model, normalizer=None, pre_tokenizer=None, post_processor=None, added=()):
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": list(added),
            "normalizer": normalizer, "pre_tokenizer": pre_tokenizer, "post_processor": post_processor,
            "decoder": None, "model": model}


def added(id, content, **flags):
    token = dict(id=id, content=content, single_word=False, lstrip=False, rstrip=False, normalized=True,
                 special=False)
    token.update(flags)
    return token


def byte_model(**options):
    """Shows the text that reaches the model, byte by byte; and with a suffix where words end."""
    model = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
             "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": True, "ignore_merges": False,
             "vocab": {"<0x%02X>" % b: b for b in range(256)}, "merges": []}
    model.update(options)
    return model


def charsmap():
    """A small table of sentencepiece, with entries of all kinds."""
    rules = [("FF21", "41"), ("61 323", "1EA1"), ("FB01", "66 69"), ("1", ""), ("A0", "20"), ("3000", "20"),
             ("200B", "20"), ("BD", "31 2044 32"), ("41 301", "C1"), ("1112 1161", "D558"), ("2160", "49"),
             ("FDFA", "635 644 649"), ("64 7A", "1C6"), ("E9", "65")]
    with tempfile.TemporaryDirectory() as d:
        with open(d + "/rules.tsv", "w", encoding="utf-8") as f:
            f.writelines(f"{a}\t{b}\n" for a, b in rules)
        with open(d + "/text", "w", encoding="utf-8") as f:
            f.write("a b c d\n" * 10)
        sentencepiece.SentencePieceTrainer.train(
            input=d + "/text", model_prefix=d + "/m", vocab_size=10, hard_vocab_limit=False,
            normalization_rule_tsv=d + "/rules.tsv", minloglevel=2)
        with open(d + "/m.model", "rb") as f:
            return base64.b64encode(field(field(f.read(), 3), 2)).decode()


def field(message, number):
    """The bytes of a field of a protobuf message: normalizer_spec is 3, its precompiled_charsmap 2."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
    while at < len(message):
        key = varint()
        size = {1: 8, 5: 4}.get(key & 7) or (varint() if key & 7 == 2 else 0)
        if key & 7 == 0:
            varint()
        if key >> 3 == number:
            return message[at:at + size]
        at += size
    return None


NORMALIZERS = {
    "null": None, "lowercase": {"type": "Lowercase"}, "nfc": {"type": "NFC"}, "nfd": {"type": "NFD"},
    "nfkc": {"type": "NFKC"}, "nfkd": {"type": "NFKD"}, "strip_accents": {"type": "StripAccents"},
    "nmt": {"type": "Nmt"}, "strip": {"type": "Strip", "strip_left": True, "strip_right": True},
    "strip_right": {"type": "Strip", "strip_left": False, "strip_right": True},
    "bert": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None,
             "lowercase": True},
    "bert_raw": {"type": "BertNormalizer", "clean_text": False, "handle_chinese_chars": True,
                 "strip_accents": True, "lowercase": False},
    "prepend": {"type": "Prepend", "prepend": "▁"},
    "replace": {"type": "Replace", "pattern": {"String": "a"}, "content": "éé"},
    "replace_regex": {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "▁"},
    "replace_empty": {"type": "Replace", "pattern": {"Regex": "x*"}, "content": "-"},
    "byte_level": {"type": "ByteLevel"},
    "sequence": {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "Lowercase"},
                                                     {"type": "StripAccents"}]},
    "llama": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"},
                                                  {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
}


def split(pattern, behavior="Isolated", invert=False, kind="Regex"):
    return {"type": "Split", "pattern": {kind: pattern}, "behavior": behavior, "invert": invert}


def sequence(*steps):
    return {"type": "Sequence", "pretokenizers": list(steps)}


METASPACE = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
GPT4 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+")
PRE_TOKENIZERS = {
    "whitespace": {"type": "Whitespace"}, "whitespace_split": {"type": "WhitespaceSplit"},
    "bert": {"type": "BertPreTokenizer"}, "digits": {"type": "Digits", "individual_digits": False},
    "digits_single": {"type": "Digits", "individual_digits": True}, "metaspace": METASPACE,
    "metaspace_first": dict(METASPACE, prepend_scheme="first"),
    "metaspace_never": dict(METASPACE, prepend_scheme="never"), "metaspace_whole": dict(METASPACE, split=False),
    "metaspace_old": {"type": "Metaspace", "replacement": "_", "add_prefix_space": True},
    "byte_level": BYTE_LEVEL, "byte_level_prefix": dict(BYTE_LEVEL, add_prefix_space=True),
    "byte_level_whole": dict(BYTE_LEVEL, use_regex=False), "delimiter": {"type": "CharDelimiterSplit", "delimiter": "e"},
    "fixed_length": {"type": "FixedLength", "length": 3},
    "xlmr": sequence({"type": "WhitespaceSplit"}, METASPACE),
    "sequence": sequence({"type": "Whitespace"}, {"type": "Digits", "individual_digits": True},
                         {"type": "Punctuation", "behavior": "MergedWithPrevious"}),
    "gpt4": sequence(split(GPT4), dict(BYTE_LEVEL, use_regex=False)),
    "split_string": split(" ", "MergedWithNext", kind="String"), "split_empty": split("", kind="String"),
    "split_words": split(r"\w+|[^\w\s]+", "Removed", True), "split_case": split(r"(?i)the|[A-Z]+(?=[a-z])"),
    "split_lazy": split(r"[^\n]{2,3}?|\p{Lu}?\p{Ll}+"), "split_edges": split(r"^\s+|\s+$|\bfilm\b"),
    "split_atomic": split(r"(?>\w+)\s|\s*+."), "split_class": split(r"[\p{P}\p{S}²½]+"),
}
for how in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
    PRE_TOKENIZERS["punctuation_" + how] = {"type": "Punctuation", "behavior": how}
    PRE_TOKENIZERS["split_" + how] = split(r"\s+|[aeiou]*", how)
    PRE_TOKENIZERS["split_not_" + how] = split(r"\s+|[aeiou]", how, True)


def byte_level_bpe(prefix, whole_alphabet, post_processor, **model):
    alphabet = P.ByteLevel.alphabet() if whole_alphabet else []
    corpus_trainer = R.BpeTrainer(vocab_size=420 if whole_alphabet else 260, special_tokens=SPECIAL, show_progress=False,
                                  initial_alphabet=alphabet, limit_alphabet=300 if whole_alphabet else 60)
    j = trained(M.BPE(), corpus_trainer, None, P.ByteLevel(add_prefix_space=prefix))
    j["model"].update(model)
    j["post_processor"] = post_processor
    return j


def roberta(prefix, trim=True):
    return {"type": "RobertaProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1], "trim_offsets": trim,
            "add_prefix_space": prefix}


def unigram(normalizer, pre_tokenizer, size=420):
    trainer = R.UnigramTrainer(vocab_size=size, special_tokens=SPECIAL, unk_token="[UNK]", show_progress=False)
    j = trained(M.Unigram(), trainer, normalizer, pre_tokenizer)
    j["post_processor"] = template(1, 2)
    return j


def models():
    def wordpiece(normalizer, pre_tokenizer, prefix="##", limit=100, post_processor=template(1, 2)):
        trainer = R.WordPieceTrainer(vocab_size=320, special_tokens=SPECIAL, continuing_subword_prefix=prefix,
                                     limit_alphabet=90, show_progress=False)
        j = trained(M.WordPiece(unk_token="[UNK]"), trainer, normalizer, pre_tokenizer)
        j["model"].update(continuing_subword_prefix=prefix, max_input_chars_per_word=limit)
        j["post_processor"] = post_processor
        return j

    def bpe(normalizer, pre_tokenizer, post_processor=template(1, 2), alphabet=60, specials=SPECIAL, **options):
        trainer = R.BpeTrainer(vocab_size=300 + len(specials), special_tokens=specials, limit_alphabet=alphabet,
                               show_progress=False,
                               **{k: v for k, v in options.items() if k in ("end_of_word_suffix", "continuing_subword_prefix")})
        j = trained(M.BPE(unk_token="[UNK]", **options), trainer, normalizer, pre_tokenizer)
        j["added_tokens"] = j["added_tokens"][:len(SPECIAL)]
        j["post_processor"] = post_processor
        return j
    byte_tokens = ["<0x%02X>" % b for b in range(256)]
    out = {}
    out["wordlevel"] = trained(M.WordLevel(unk_token="[UNK]"),
                               R.WordLevelTrainer(vocab_size=100, special_tokens=SPECIAL, show_progress=False), N.Lowercase(),
                               P.Whitespace())
    out["wordpiece_sequence"] = wordpiece(N.Sequence([N.NFD(), N.Lowercase(), N.StripAccents()]), P.Whitespace())
    out["wordpiece_settings"] = wordpiece(N.BertNormalizer(lowercase=False), P.BertPreTokenizer(), "@", 20,
                                          {"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]})
    out["wordpiece_bert"] = wordpiece(N.BertNormalizer(), P.BertPreTokenizer())
    out["wordpiece_bert_cased"] = wordpiece(N.BertNormalizer(lowercase=False), P.BertPreTokenizer())
    out["bpe_suffix"] = bpe(N.BertNormalizer(), P.BertPreTokenizer(), end_of_word_suffix="</w>")
    out["bpe_prefix_fused"] = bpe(None, P.Whitespace(), continuing_subword_prefix="##", fuse_unk=True)
    out["bpe_metaspace"] = bpe(N.NFKC(), P.Metaspace(), post_processor=None)
    out["bpe_byte_fallback"] = bpe(N.Sequence([N.Prepend("▁"), N.Replace(" ", "▁")]), None,
                                   specials=SPECIAL + byte_tokens, byte_fallback=True, fuse_unk=True)
    out["bpe_some_bytes"] = bpe(None, P.Metaspace(), specials=SPECIAL + byte_tokens[::3], byte_fallback=True)
    out["byte_bpe"] = byte_level_bpe(False, True, roberta(False))
    out["byte_bpe_prefix"] = byte_level_bpe(True, True, roberta(True))
    out["byte_bpe_untrimmed"] = byte_level_bpe(True, True, template(1, 2))
    out["byte_bpe_sequence"] = byte_level_bpe(False, True, {"type": "Sequence", "processors": [
        {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}, template(1, 2)]})
    out["byte_bpe_lacks_bytes"] = byte_level_bpe(False, False, roberta(False))
    out["byte_bpe_lacks_bytes_prefix"] = byte_level_bpe(True, False, roberta(True))
    out["byte_bpe_unk"] = byte_level_bpe(False, False, roberta(False), unk_token="[UNK]")
    out["byte_bpe_fused_unk"] = byte_level_bpe(False, False, roberta(False), unk_token="[UNK]", fuse_unk=True)
    out["byte_bpe_ignore_merges"] = byte_level_bpe(False, True, roberta(False), ignore_merges=True)
    out["unigram"] = unigram(N.Sequence([N.Nmt(), N.NFKC(), N.Replace(Regex(" {2,}"), " ")]), P.Metaspace())
    out["unigram_first"] = unigram(N.Lowercase(), P.Sequence([P.WhitespaceSplit(), P.Metaspace(prepend_scheme="first")]))
    out["unigram_byte_fallback"] = unigram(None, P.Metaspace())
    out["unigram_byte_fallback"]["model"]["vocab"] += [[b, 0.0] for b in byte_tokens]
    out["unigram_byte_fallback"]["model"]["byte_fallback"] = True
    out["unigram_twice"] = unigram(None, P.Metaspace())
    out["unigram_twice"]["model"]["vocab"] += [["▁film", -3.5], ["a", -4.25]]
    table = {"type": "Precompiled", "precompiled_charsmap": charsmap()}
    for name in ("unigram", "unigram_first"):
        j = json.loads(json.dumps(out[name]))
        j["normalizer"] = {"type": "Sequence", "normalizers": [table, j["normalizer"]]}
        out[name + "_precompiled"] = j
    return out


def with_added(j, seed):
    r = random.Random(seed)
    j = json.loads(json.dumps(j))
    vocab = j["model"]["vocab"]
    names = set(vocab) if isinstance(vocab, dict) else {piece for piece, _ in vocab}
    next_id = len(vocab)
    for content in r.sample(["<a>", "foo", "Film", "É", "é t", "中", "<mask>", "ab", "'s", "a b", " q", "▁x"], 7):
        if content in names:
            continue
        j["added_tokens"].append(added(next_id, content, special=r.random() < .4, normalized=r.random() < .6,
                                       **{f: r.random() < .4 for f in ("single_word", "lstrip", "rstrip")}))
        next_id += 1
    return j


ADDED_TEXTS = ["foo film Film FILM <a>x", "x <mask> y", "foofoo foo", "a b ab q  q", "é t É e\u0301", "中文 'sfoo",
               " <a> <a>  <mask>", "Film. film, <A>", "▁x x▁x"]


def library_rows(j, rows):
    t = Tokenizer.from_str(json.dumps(j))
    out = []
    for text, pair in rows:
        try:
            e = t.encode(text, pair) if pair is not None else t.encode(text)
        except BaseException:  # a panic of the library's is no Exception
            continue
        out.append([text, pair, e.ids, e.type_ids, [x for span in e.offsets for x in span]])
    return out


def truncation_rows(j, side):
    t = Tokenizer.from_str(json.dumps(j))
    a, b = "a film a plot the film is", "the plot was not good and it is very boring"
    out = []
    for text, pair in ((a, None), (b, None), (a, b), (b, a), (a, a), (a, ""), ("", b), ("a", b)):
        for length in (2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 64):
            for strategy in ("longest_first", "only_first", "only_second"):
                t.enable_truncation(length, strategy=strategy, direction=side)
                try:
                    e = t.encode(text, pair) if pair is not None else t.encode(text)
                except BaseException:
                    continue
                if len(e.ids) > length:
                    continue  # below the number of special tokens: it does not truncate at all
                out.append([text, pair, e.ids, e.type_ids, [x for s in e.offsets for x in s], [length, strategy]])
    return out


def class_cases(made):
    """Directories as people have them, read by transformers."""
    from transformers import AutoTokenizer
    cased = made["wordpiece_bert_cased"]
    vocab_txt = "".join(token + "\n" for token in sorted(cased["model"]["vocab"], key=cased["model"]["vocab"].get))
    names = {k + "_token": f"[{k.upper()}]" for k in ("unk", "cls", "sep", "pad", "mask")}
    roles = dict(names, bos_token="[CLS]", eos_token="[SEP]")
    xlmr = json.loads(json.dumps(made["unigram_first_precompiled"]))
    xlmr["normalizer"] = xlmr["normalizer"]["normalizers"][0]
    xlmr["pre_tokenizer"] = sequence({"type": "WhitespaceSplit"}, METASPACE)
    xlmr["model"]["unk_id"] = 3
    for place, content in enumerate(("<s>", "<pad>", "</s>", "<unk>", "<mask>")):
        xlmr["model"]["vocab"][place][0] = content
    xlmr["added_tokens"] = [added(i, c, special=True, normalized=False, lstrip=c == "<mask>")
                            for i, c in enumerate(("<s>", "<pad>", "</s>", "<unk>", "<mask>"))]

    def s(i):
        return {"SpecialToken": {"id": i, "type_id": 0}}

    def q(i):
        return {"Sequence": {"id": i, "type_id": 0}}
    xlmr["post_processor"] = {"type": "TemplateProcessing", "single": [s("<s>"), q("A"), s("</s>")],
                              "pair": [s("<s>"), q("A"), s("</s>"), s("</s>"), q("B"), s("</s>")],
                              "special_tokens": {c: {"id": c, "ids": [i], "tokens": [c]}
                                                 for i, c in ((0, "<s>"), (2, "</s>"))}}
    left = json.loads(json.dumps(cased))
    left["truncation"] = {"direction": "Left", "max_length": 4, "strategy": "LongestFirst", "stride": 0}
    left["padding"] = {"strategy": {"Fixed": 40}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 3,
                       "pad_type_id": 0, "pad_token": "[PAD]"}
    cases = {
        "fast_over_cased": (cased, dict(names, tokenizer_class="PreTrainedTokenizerFast"), {"vocab.txt": vocab_txt}),
        "backend_over_cased": (cased, dict(names, tokenizer_class="TokenizersBackend"), {}),
        "bert_over_cased": (cased, dict(names, tokenizer_class="BertTokenizerFast"), {}),
        "bert_cased_by_config": (cased, dict(names, tokenizer_class="BertTokenizer", do_lower_case=False), {}),
        "distilbert_over_cased": (cased, dict(names, tokenizer_class="DistilBertTokenizer"), {}),
        "class_by_model_type": (cased, None, {"config.json": json.dumps({"model_type": "bert"})}),
        "unknown_fast_class": (cased, dict(names, tokenizer_class="SomethingTokenizerFast"), {}),
        "truncation_in_file": (left, dict(names, tokenizer_class="TokenizersBackend"), {}),
        "roberta_over_prefix": (made["byte_bpe_prefix"], dict(roles, tokenizer_class="RobertaTokenizerFast"), {}),
        "roberta_with_prefix": (made["byte_bpe_prefix"],
                                dict(roles, tokenizer_class="RobertaTokenizer", add_prefix_space=True), {}),
        "xlmr": (xlmr, dict(tokenizer_class="XLMRobertaTokenizer"), {}),
    }
    for name, (j, config, more) in cases.items():
        files = {"tokenizer.json": json.dumps(j, ensure_ascii=False), **more}
        if config is not None:
            files["tokenizer_config.json"] = json.dumps(config)
        with tempfile.TemporaryDirectory() as d:
            for file, content in files.items():
                with open(os.path.join(d, file), "w", encoding="utf-8") as f:
                    f.write(content)
            t = AutoTokenizer.from_pretrained(d)
        rows = []
        # Without long runs: transformers 5 reads the scores of XLM-R with Python's json, the library with
        # its own, and the last bit decides between cuts that are equally good.
        for text, pair in pairs_of(texts(5, 12) + [x for x in HARD[3:40] if "xxx" not in x], 12):
            e = t(text, pair, return_token_type_ids=True, return_offsets_mapping=True)
            rows.append([text, pair, e["input_ids"], e["token_type_ids"], [x for s in e["offset_mapping"] for x in s]])
        if name == "truncation_in_file":
            e = t("a film a plot the film is", truncation=True, max_length=6, return_token_type_ids=True,
                  return_offsets_mapping=True)
            rows.append(["a film a plot the film is", None, e["input_ids"], e["token_type_ids"],
                         [x for s in e["offset_mapping"] for x in s], [6, "longest_first"]])
        yield {"name": "class_" + name, "files": files, "rows": rows}


def pairs_of(singles, pairs):
    """Rows of one text, then some of two."""
    return [(x, None) for x in singles] + [(singles[i], singles[-1 - i]) for i in range(pairs)]


def cases():
    fast = json.dumps({"tokenizer_class": "PreTrainedTokenizerFast"})

    def case(name, j, rows):
        return {"name": name, "files": {"tokenizer.json": json.dumps(j, ensure_ascii=False),
                                        "tokenizer_config.json": fast}, "rows": rows}
    table = {"type": "Precompiled", "precompiled_charsmap": charsmap()}
    for name, normalizer in {**NORMALIZERS, "precompiled": table}.items():
        j = plain(byte_model(), normalizer)
        yield case("normalizer_" + name, j, library_rows(j, pairs_of(HARD + texts(2, 20), 0)))
    for name, pre_tokenizer in PRE_TOKENIZERS.items():
        # The model shows where words end: a word that is not a token of the vocabulary is one [UNK].
        j = plain({"type": "WordLevel", "unk_token": "[UNK]", "vocab": {"[UNK]": 0, "a": 1, "▁a": 2, "Ġa": 3}},
                  None, pre_tokenizer)
        yield case("pre_tokenizer_" + name, j, library_rows(j, pairs_of(HARD + texts(3, 20), 0)))
    made = models()
    for name, j in made.items():
        yield case("model_" + name, j, library_rows(j, pairs_of(HARD + texts(4, 25), 15)))
    for seed, name in enumerate(("wordlevel", "wordpiece_bert", "wordpiece_settings", "bpe_byte_fallback", "byte_bpe",
                                 "byte_bpe_prefix", "byte_bpe_lacks_bytes", "unigram", "unigram_first")):
        for more in (0, 100):
            j = with_added(made[name], seed + more)
            yield case(f"added_{name}_{more}", j, library_rows(j, pairs_of(ADDED_TEXTS + texts(6, 8), 3)))
    for side in ("left", "right"):
        j = made["wordpiece_bert"]
        c = case("truncation_" + side, j, truncation_rows(j, side))
        c["files"]["tokenizer_config.json"] = json.dumps(
            {"tokenizer_class": "PreTrainedTokenizerFast", "truncation_side": side})
        yield c
    yield from class_cases(made)


def main():
    os.environ["HF_HUB_OFFLINE"] = "1"
    lines = [json.dumps(c, ensure_ascii=False, separators=(",", ":")) + "\n" for c in cases()]
    with open(sys.argv[1], "wb") as f, gzip.GzipFile(fileobj=f, mode="wb", mtime=0, filename="") as z:
        z.write("".join(lines).encode())


main()
