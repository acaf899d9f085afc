#!/usr/bin/env python3
"""Writes tests/data/families.tar.xz: small random models of the families that are BERT but for details, and what
transformers answers with them. The archive unpacks into the directory of the other goldens, in their form.

usage: tools/make_family_goldens.py

Weights have few digits, so that they pack well. Logits are computed in float64, batch 1, no padding.
PABEE on ALBERT is not in transformers: its forward pass (JetRunner/PABEE, pabee/modeling_albert.py) is written
out here over AlbertModel's parts.
Needs: pip install torch transformers==4.57.6 sentencepiece safetensors
"""

import io
import json
import lzma
import math
import os
import tarfile
import tempfile

import sentencepiece
import torch
import transformers
from transformers import AlbertConfig, Data2VecTextConfig, ElectraConfig, ErnieConfig

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "data", "families.tar.xz")
MAX_LENGTH = 128

TEXTS = [
    ("a film that knows when to stop", None),
    ("unbearably slow , and yet it works .", None),
    ("The actors are Better than the Script", None),
    ("", None),
    ("what is it about?", "it is about a man who waits"),
    ("they stop", "They wait; the others do not."),
    ("caf\u00e9 na\u00efve \u00dcber-film", None),
    ("x", ""),
    # Only one is long: two long ones are cut otherwise by the Rust tokenizers.
    ("no plot , no script , no end . " * 14, "and yet it works ."),
    ("slow slow slow works works", "a script"),
]
WORDS = """a film that knows when to stop slow and yet it works the actors are better than script what is about man
who waits they others do not no plot end""".split()


def wordpiece(path):
    letters = "abcdefghijklmnopqrstuvwxyz"
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *",.;?!-", *letters,
             *("##" + letter for letter in letters), *(w for w in WORDS if len(w) > 1)]
    with open(f"{path}/vocab.txt", "w", encoding="utf-8") as file:
        file.write("".join(word + "\n" for word in vocab))
    tokenizer = transformers.BertTokenizer(f"{path}/vocab.txt")
    write_json(f"{path}/tokenizer_config.json", {"do_lower_case": True, "tokenizer_class": "BertTokenizer"})
    return tokenizer


def byte_bpe(path):
    from transformers.models.roberta.tokenization_roberta import bytes_to_unicode
    bytes_ = list(bytes_to_unicode().values())
    merges = [("t", "h"), ("th", "e"), ("\u0120", "a"), ("\u0120", "the"), ("o", "w"), ("s", "t"), ("l", "ow"), ("\u0120", "s")]
    vocab = ["<s>", "<pad>", "</s>", "<unk>", *bytes_, *(a + b for a, b in merges), "<mask>"]
    write_json(f"{path}/vocab.json", {token: i for i, token in enumerate(vocab)})
    with open(f"{path}/merges.txt", "w", encoding="utf-8") as file:
        file.write("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    write_json(f"{path}/tokenizer_config.json", {"tokenizer_class": "RobertaTokenizer"})
    return transformers.RobertaTokenizer(f"{path}/vocab.json", f"{path}/merges.txt")


def unigram(path):
    with tempfile.TemporaryDirectory() as tmp:
        with open(f"{tmp}/text", "w", encoding="utf-8") as file:
            for a, b in TEXTS:
                file.write(f"{a.lower()}\n{(b or '').lower()}\n")
        sentencepiece.SentencePieceTrainer.train(
            input=f"{tmp}/text", model_prefix=f"{tmp}/spiece", vocab_size=90, model_type="unigram", num_threads=1,
            pad_id=0, unk_id=1, bos_id=-1, eos_id=-1, pad_piece="<pad>", unk_piece="<unk>",
            control_symbols=["[CLS]", "[SEP]", "[MASK]"], minloglevel=2, hard_vocab_limit=False)
        with open(f"{tmp}/spiece.model", "rb") as file, open(f"{path}/spiece.model", "wb") as out:
            out.write(file.read())
    write_json(f"{path}/tokenizer_config.json",
               {"do_lower_case": True, "keep_accents": False, "remove_space": True, "tokenizer_class": "AlbertTokenizer"})
    return transformers.AlbertTokenizer(f"{path}/spiece.model")


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1)


def enliven(model, seed):
    """Weights as lively as a trained model's, of four binary digits."""
    generator = torch.Generator().manual_seed(seed)
    for name, p in model.named_parameters():
        noise = torch.randn(p.shape, generator=generator)
        if "LayerNorm.weight" in name or "layer_norm.weight" in name:
            value = 1 + 0.2 * noise
        elif name.endswith("bias"):
            value = 0.2 * noise
        elif "embeddings." in name:
            value = noise
        else:
            value = 1.5 / math.sqrt(p.shape[1]) * noise
        mantissa, exponent = torch.frexp(value)
        p.data = torch.ldexp(torch.round(mantissa * 16) / 16, exponent.clamp(min=-3))


class PabeeAlbert(torch.nn.Module):
    """AlbertForSequenceClassificationWithPabee: one pooler, a classifier after each of num_hidden_layers."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.albert = transformers.AlbertModel(config)
        self.classifiers = torch.nn.ModuleList(
            [torch.nn.Linear(config.hidden_size, config.num_labels) for _ in range(config.num_hidden_layers)])

    def all_logits(self, **inputs):
        encoder, c, logits = self.albert.encoder, self.config, []
        states = encoder.embedding_hidden_mapping_in(self.albert.embeddings(**inputs))
        for i in range(c.num_hidden_layers):
            group = int(i / (c.num_hidden_layers / c.num_hidden_groups))
            states = encoder.albert_layer_groups[group](states, None, [None] * c.inner_group_num)[0]
            pooled = self.albert.pooler_activation(self.albert.pooler(states[:, 0]))
            logits.append(self.classifiers[i](pooled)[0].tolist())
        return logits

    def save_pretrained(self, path):
        from safetensors.torch import save_file
        save_file(self.state_dict(), f"{path}/model.safetensors", metadata={"format": "pt"})
        self.config.architectures = ["AlbertForSequenceClassificationWithPabee"]
        self.config.save_pretrained(path)


def patience_layer(labels, patience, step):
    count = 0
    for i in range(1, len(labels)):
        count = count + 1 if labels[i] == labels[i - 1] else 0
        if patience and count == patience:
            return step * (i + 1)
    return step * len(labels)


def entropy(logits):
    p = torch.softmax(torch.tensor(logits, dtype=torch.float64), -1)
    return float(-(p * p.log()).sum())


def rounded(values):
    return [[float(f"{v:.9g}") for v in row] for row in values]


SIZES = dict(hidden_size=24, num_attention_heads=3, intermediate_size=40, max_position_embeddings=MAX_LENGTH)
# name: class, config, tokenizer, dialect, layers
MODELS = {
    "electra": (transformers.ElectraForSequenceClassification,
                lambda v: ElectraConfig(vocab_size=v, embedding_size=16, num_hidden_layers=3, num_labels=3, **SIZES),
                wordpiece, "plain-electra", 3),
    "electra_square": (transformers.ElectraForSequenceClassification,
                       lambda v: ElectraConfig(vocab_size=v, embedding_size=24, num_hidden_layers=2, num_labels=1,
                                               hidden_act="relu", **SIZES), wordpiece, "plain-electra", 2),
    "albert": (transformers.AlbertForSequenceClassification,
               lambda v: AlbertConfig(vocab_size=v, embedding_size=16, num_hidden_layers=5, num_labels=3, **SIZES),
               unigram, "plain-albert", 5),
    "albert_groups": (transformers.AlbertForSequenceClassification,
                      lambda v: AlbertConfig(vocab_size=v, embedding_size=32, num_hidden_layers=4, num_labels=2,
                                             num_hidden_groups=2, inner_group_num=2, hidden_act="gelu", **SIZES),
                      wordpiece, "plain-albert", 8),
    "albert_pabee": (PabeeAlbert,
                     lambda v: AlbertConfig(vocab_size=v, embedding_size=16, num_hidden_layers=6, num_labels=2, **SIZES),
                     wordpiece, "pabee", 6),
    "albert_pabee_groups": (PabeeAlbert,
                            lambda v: AlbertConfig(vocab_size=v, embedding_size=24, num_hidden_layers=3, num_labels=3,
                                                   num_hidden_groups=1, inner_group_num=2, **SIZES),
                            wordpiece, "pabee", 6),
    "ernie": (transformers.ErnieForSequenceClassification,
              lambda v: ErnieConfig(vocab_size=v, num_hidden_layers=2, num_labels=3, use_task_id=True, hidden_act="relu",
                                    **SIZES), wordpiece, "plain-ernie", 2),
    "ernie_without_task": (transformers.ErnieForSequenceClassification,
                           lambda v: ErnieConfig(vocab_size=v, num_hidden_layers=2, num_labels=2, **SIZES),
                           wordpiece, "plain-ernie", 2),
    "data2vec": (transformers.Data2VecTextForSequenceClassification,
                 lambda v: Data2VecTextConfig(vocab_size=v, num_hidden_layers=2, num_labels=3, type_vocab_size=1,
                                              layer_norm_eps=1e-5, **{**SIZES, "max_position_embeddings": MAX_LENGTH + 2}),
                 byte_bpe, "plain-roberta", 2),
}


def answer(model, ids, types, pabee):
    inputs = {"input_ids": torch.tensor([ids])}
    if types is not None:
        inputs["token_type_ids"] = torch.tensor([types])
    with torch.no_grad():
        return model.all_logits(**inputs) if pabee else [model(**inputs).logits[0].tolist()]


def make(name, path, seed):
    model_class, config, make_tokenizer, dialect, layers = MODELS[name]
    tokenizer = make_tokenizer(path)
    model = model_class(config(len(tokenizer))).eval()
    enliven(model, seed)
    pabee = model_class is PabeeAlbert
    model.save_pretrained(path)
    rows, worst = [], 0.0
    exact = model_class(model.config).double().eval()
    exact.load_state_dict(model.state_dict())
    step = model.config.inner_group_num if pabee else 1
    for i, (a, b) in enumerate(TEXTS):
        tokens = tokenizer(a, b, truncation="longest_first", max_length=MAX_LENGTH)
        ids, types = tokens["input_ids"], tokens.get("token_type_ids")
        logits = answer(exact, ids, types, pabee)
        rough = answer(model, ids, types, pabee)
        worst = max(worst, *(abs(x - y) for p, q in zip(logits, rough) for x, y in zip(p, q)))
        row = {"id": i, "text_a": a, "text_b": b, "input_ids": ids, "token_type_ids": types or [0] * len(ids),
               "logits": rounded(logits)}
        if len(logits[0]) > 1:
            for values in logits:
                first, second = sorted(values)[-1:-3:-1]
                assert first - second > 2e-3, (name, i, values)
            row["labels"] = [max(range(len(v)), key=v.__getitem__) for v in logits]
            row["entropy"] = [float(f"{entropy(v):.9g}") for v in logits]
        if pabee:
            row["patience_exit_layers"] = {str(t): patience_layer(row["labels"], t, step) for t in range(5)}
        rows.append(row)
    with open(f"{path}/golden.jsonl", "w", encoding="utf-8") as file:
        file.write("".join(json.dumps(row) + "\n" for row in rows))
    exits = [step * (i + 1) for i in range(layers // step)] if pabee else [layers]
    write_json(f"{path}/golden_meta.json", {
        "dialect": dialect, "exits": exits, "num_labels": model.config.num_labels, "max_seq_length": MAX_LENGTH,
        "rows": len(rows), "stored_dtype": "float32", "fp32_reference_max_abs_diff": float(f"{worst:.3g}"),
        "atol": max(1e-4, float(f"{20 * worst:.2g}")), "reference": f"transformers {transformers.__version__}",
        "computed_in": "float64 from the stored weights, batch 1, no padding"})


def pack(root):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for directory, names, files in os.walk(root):
            names.sort()
            for file in sorted(files):
                path = os.path.join(directory, file)
                info = tarfile.TarInfo("golden/" + os.path.relpath(path, root))
                with open(path, "rb") as f:
                    data = f.read()
                info.size, info.mode = len(data), 0o644
                tar.addfile(info, io.BytesIO(data))
    floats = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 0, "lp": 2, "pb": 2}]
    return lzma.compress(raw.getvalue(), check=lzma.CHECK_CRC64, filters=floats)


def main():
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as root:
        for seed, name in enumerate(MODELS):
            os.mkdir(f"{root}/{name}")
            make(name, f"{root}/{name}", 100 + seed)
        with open(OUT, "wb") as file:
            file.write(pack(root))
    print(f"{OUT}: {os.path.getsize(OUT)} bytes, {len(MODELS)} models")


if __name__ == "__main__":
    main()
