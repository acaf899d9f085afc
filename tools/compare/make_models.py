#!/usr/bin/env python3
"""Makes checkpoints with random weights in the shapes that the comparison runs:

  bert-base        12 layers, hidden 768, 12 heads, feed-forward 3072; a plain classifier (BERT)
  bert-base-exits  the same weights with a DeeBERT off-ramp after every layer
  slender-2x       COST-EFF: 6 of 12 heads, feed-forward 1536, word embedding of rank 384, off-ramps
  six-384          6 layers, hidden 384, 12 heads, feed-forward 1536; a plain classifier

    tools/compare/make_models.py DIRECTORY [--models bert-base,slender-2x]

Speed does not depend on what the weights say, except for early exit: there the classifiers of the
off-ramps are set so that entropies spread, and thresholds exist for any mean exit layer. Needs numpy
and safetensors only. The same seed makes the same files.
"""

import argparse
import dataclasses
import json
import pathlib
import shutil

import numpy as np
from safetensors.numpy import save_file

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
VOCABULARY = REPOSITORY / "models/sst2-slender/vocab.txt"
MAX_POSITIONS = 512
LABELS = 2
WEIGHT_STD = 0.04  # trained BERT-base has about 0.04; its initial value is 0.02
CLS, SEP, FIRST_WORD = 101, 102, 1996  # uncased English vocabulary; words by frequency from 1996 ("the")


@dataclasses.dataclass(frozen=True)
class Shape:
    """A is what the attention heads make together, F the feed-forward width."""
    dialect: str  # plain, deebert or cost-eff
    layers: int
    hidden: int
    heads: int
    head_size: int
    feed_forward: int
    full_heads: int  # before pruning
    full_feed_forward: int
    rank: int = 0  # of the word embedding; 0: not factorised

    @property
    def attention(self):
        return self.heads * self.head_size


BASE = Shape("plain", 12, 768, 12, 64, 3072, 12, 3072)
SHAPES = {
    "bert-base": BASE,
    "bert-base-exits": dataclasses.replace(BASE, dialect="deebert"),
    "slender-2x": Shape("cost-eff", 12, 768, 6, 64, 1536, 12, 3072, rank=384),
    "six-384": Shape("plain", 6, 384, 12, 32, 1536, 12, 1536),
}


class Maker:
    """Draws tensors in a fixed order, so that shapes with the same backbone get the same weights."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.tensors = {}

    def normal(self, *shape, std=WEIGHT_STD):
        return self.random.standard_normal(shape, dtype=np.float32) * np.float32(std)

    def linear(self, name, out, inner):
        self.tensors[name + ".weight"] = self.normal(out, inner)
        self.tensors[name + ".bias"] = self.normal(out, std=0.02)

    def norm(self, name, width):
        self.tensors[name + ".weight"] = 1 + self.normal(width, std=0.05)
        self.tensors[name + ".bias"] = self.normal(width, std=0.02)


def backbone(maker, shape, vocabulary_size):
    h, t = shape.hidden, maker.tensors
    if shape.rank:
        t["bert.embeddings.word_embeddings1.weight"] = maker.normal(vocabulary_size, shape.rank)
        # 1/sqrt(rank): the product then has the spread of an embedding that was not factorised.
        t["bert.embeddings.word_embeddings2.weight"] = maker.normal(h, shape.rank, std=shape.rank**-0.5)
    else:
        t["bert.embeddings.word_embeddings.weight"] = maker.normal(vocabulary_size, h)
    t["bert.embeddings.position_embeddings.weight"] = maker.normal(MAX_POSITIONS, h, std=0.01)
    t["bert.embeddings.token_type_embeddings.weight"] = maker.normal(2, h, std=0.01)
    maker.norm("bert.embeddings.LayerNorm", h)
    for i in range(shape.layers):
        p = f"bert.encoder.layer.{i}."
        for part in ("query", "key", "value"):
            maker.linear(p + "attention.self." + part, shape.attention, h)
        maker.linear(p + "attention.output.dense", h, shape.attention)
        maker.norm(p + "attention.output.LayerNorm", h)
        maker.linear(p + "intermediate.dense", shape.feed_forward, h)
        maker.linear(p + "output.dense", h, shape.feed_forward)
        maker.norm(p + "output.LayerNorm", h)
    maker.linear("bert.pooler.dense", h, h)
    maker.linear("classifier", LABELS, h)


def sample_texts(count, seed=7):
    """Token ids of made-up texts: words by Zipf's law, lengths about those of SST-2."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        length = int(np.clip(random.gamma(4.0, 6.0), 3, 60))
        words = FIRST_WORD + np.minimum(random.zipf(1.3, length) - 1, 25000)
        yield np.concatenate([[CLS], words, [SEP]])


def first_token_states(t, shape, ids):
    """The encoder in plain numpy for one text -> [layers, H], the first token after each layer."""
    def linear(x, name):
        return x @ t[name + ".weight"].T + t[name + ".bias"]

    def norm(x, name):
        x = x - x.mean(-1, keepdims=True)
        x /= np.sqrt((x * x).mean(-1, keepdims=True) + 1e-12)
        return x * t[name + ".weight"] + t[name + ".bias"]

    def split(x):  # [S, A] -> [heads, S, d]
        return x.reshape(len(ids), shape.heads, shape.head_size).transpose(1, 0, 2)

    e = "bert.embeddings."
    if shape.rank:
        x = t[e + "word_embeddings1.weight"][ids] @ t[e + "word_embeddings2.weight"].T
    else:
        x = t[e + "word_embeddings.weight"][ids]
    x = x + t[e + "position_embeddings.weight"][:len(ids)] + t[e + "token_type_embeddings.weight"][0]
    x = norm(x, e + "LayerNorm")
    states = []
    for i in range(shape.layers):
        p = f"bert.encoder.layer.{i}."
        q, k, v = (split(linear(x, p + "attention.self." + part)) for part in ("query", "key", "value"))
        s = q @ k.transpose(0, 2, 1) / np.float32(shape.head_size**0.5)
        s = np.exp(s - s.max(-1, keepdims=True))
        s /= s.sum(-1, keepdims=True)
        c = (s @ v).transpose(1, 0, 2).reshape(len(ids), -1)
        x = norm(x + linear(c, p + "attention.output.dense"), p + "attention.output.LayerNorm")
        f = linear(x, p + "intermediate.dense")
        f = 0.5 * f * (1 + np.tanh(0.7978845608 * (f + 0.044715 * f**3)))  # near enough here
        x = norm(x + linear(f, p + "output.dense"), p + "output.LayerNorm")
        states.append(x[0])
    return np.stack(states)


def off_ramps(maker, shape):
    """A pooler and a classifier after every layer. An untrained classifier answers all texts nearly
    alike; so its logits are centred over sample texts and stretched: the difference of the two logits
    gets a standard deviation of 1 at the first layer, growing to 3 at the last, as trained off-ramps
    become surer with depth. COST-EFF has none at the last layer; DeeBERT has one, which nobody reads."""
    t = maker.tensors
    count = shape.layers - (shape.dialect == "cost-eff")
    for i in range(count):
        maker.linear(f"bert.encoder.highway.{i}.pooler.dense", shape.hidden, shape.hidden)
        maker.linear(f"bert.encoder.highway.{i}.classifier", LABELS, shape.hidden)
    states = np.stack([first_token_states(t, shape, ids) for ids in sample_texts(100)])
    for i in range(count):
        p = f"bert.encoder.highway.{i}."
        pooled = np.tanh(states[:, i] @ t[p + "pooler.dense.weight"].T + t[p + "pooler.dense.bias"])
        logits = pooled @ t[p + "classifier.weight"].T
        wanted = 1 + 2 * i / (shape.layers - 1)
        stretch = np.float32(wanted / (logits[:, 0] - logits[:, 1]).std())
        t[p + "classifier.weight"] *= stretch
        t[p + "classifier.bias"] = (-stretch * logits.mean(0)).astype(np.float32)


def config(shape, vocabulary_size):
    answer = {
        "architectures": ["BertForSequenceClassification"],
        "model_type": "bert",
        "hidden_size": shape.hidden,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.full_heads,
        "intermediate_size": shape.full_feed_forward,
        "vocab_size": vocabulary_size,
        "max_position_embeddings": MAX_POSITIONS,
        "type_vocab_size": 2,
        "layer_norm_eps": 1e-12,
        "hidden_act": "gelu",
        "pad_token_id": 0,
        "id2label": {"0": "negative", "1": "positive"},
        "label2id": {"negative": 0, "positive": 1},
    }
    if shape.dialect == "cost-eff":
        answer.update({"num_attention_heads": shape.heads, "prun_hidden_size": shape.attention,
                       "prun_intermediate_size": shape.feed_forward, "emb_hidden_dim": shape.rank,
                       "pooler_dense": True})
    return answer


def make(name, directory, vocabulary, seed):
    shape = SHAPES[name]
    with open(vocabulary, encoding="utf-8") as file:
        vocabulary_size = sum(1 for _ in file)
    maker = Maker(seed)
    backbone(maker, shape, vocabulary_size)
    if shape.dialect != "plain":
        off_ramps(maker, shape)
    directory.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(vocabulary, directory / "vocab.txt")
    (directory / "config.json").write_text(json.dumps(config(shape, vocabulary_size), indent=1) + "\n")
    (directory / "tokenizer_config.json").write_text(json.dumps(
        {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": MAX_POSITIONS}) + "\n")
    save_file(maker.tensors, directory / "model.safetensors", metadata={"format": "pt"})
    return sum(tensor.size for tensor in maker.tensors.values())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=pathlib.Path, help="each model becomes a directory in it")
    parser.add_argument("--models", default=",".join(SHAPES), help="names, separated by commas (default: all)")
    parser.add_argument("--vocabulary", type=pathlib.Path, default=VOCABULARY, help="vocab.txt, uncased English")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    names = args.models.split(",")
    for name in names:
        if name not in SHAPES:
            parser.error(f"--models: no shape {name!r}; there are {', '.join(SHAPES)}")
    for name in names:
        count = make(name, args.directory / name, args.vocabulary, args.seed)
        print(f"{args.directory / name}: {count / 1e6:.1f} M parameters")


if __name__ == "__main__":
    main()
