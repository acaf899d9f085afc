#!/usr/bin/env python3
"""Turns a Hugging Face directory into what one peer reads, once; later calls find it done.

    tools/compare/export.py MODEL WORK PEER PRECISION [--calibration TOKENS.json]

What is kept in WORK:
  torch        nothing: the directory itself is read
  onnxruntime  onnx/ (as exported), onnx-fused/ (by its transformer optimizer), onnx-int8/ (dynamic)
  openvino     openvino/, openvino-int8/ (nncf, static, calibrated on texts of TOKENS.json)
  ctranslate2  ctranslate2/ (float32; int8 is made from it while loading)

The weights of all peers are those of the directory. Off-ramps are left out, a factorised word embedding
is multiplied out: both are to the peers' advantage.
"""

import argparse
import contextlib
import json
import pathlib
import shutil

# The exported graphs hold float32; so a peer's bfloat16 needs nothing of its own.
PRECISIONS = {"onnxruntime": ("float32", "int8"), "openvino": ("float32", "bf16", "int8"),
              "ctranslate2": ("float32", "int8"), "torch": ("float32", "bf16")}
CALIBRATION_ROWS = 100


def read_directory(model_dir):
    """config.json and float32 tensors of a plain classifier; off-ramps gone, embedding whole."""
    import torch
    from safetensors.torch import load_file

    config = json.loads((model_dir / "config.json").read_text())
    tensors = {name: t.float() for name, t in load_file(model_dir / "model.safetensors").items()
               if ".highway." not in name}
    low = tensors.pop("bert.embeddings.word_embeddings1.weight", None)
    if low is not None:
        up = tensors.pop("bert.embeddings.word_embeddings2.weight")
        tensors["bert.embeddings.word_embeddings.weight"] = torch.matmul(low, up.T)
    return config, tensors


def load_torch(model_dir, attention="sdpa"):
    """transformers' own BERT class with the weights of the directory, slender or not."""
    from transformers import BertConfig, BertForSequenceClassification

    keys, tensors = read_directory(model_dir)
    hidden = keys["hidden_size"]
    kept = tensors["bert.encoder.layer.0.attention.self.query.weight"].shape[0]
    # COST-EFF's config counts the heads that are left, Hugging Face's all heads.
    head_size = keys.get("prun_hidden_size", hidden) // keys["num_attention_heads"]
    config = BertConfig(
        vocab_size=keys["vocab_size"], hidden_size=hidden, num_hidden_layers=keys["num_hidden_layers"],
        num_attention_heads=hidden // head_size, hidden_act=keys["hidden_act"],
        intermediate_size=tensors["bert.encoder.layer.0.intermediate.dense.weight"].shape[0],
        max_position_embeddings=keys["max_position_embeddings"], type_vocab_size=keys["type_vocab_size"],
        layer_norm_eps=keys.get("layer_norm_eps", 1e-12),
        num_labels=tensors["classifier.weight"].shape[0], attn_implementation=attention)
    model = BertForSequenceClassification(config)
    if kept != hidden:
        gone = list(range(kept // head_size, hidden // head_size))
        model.prune_heads({i: gone for i in range(config.num_hidden_layers)})
    model.load_state_dict(tensors)
    return model.eval()


@contextlib.contextmanager
def step(work, name):
    """Gives a fresh directory to write in, which becomes WORK/name once all is written."""
    unfinished = work / (name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    yield unfinished
    unfinished.rename(work / name)


def export_onnx(model_dir, work):
    import torch

    # Eager attention: onnxruntime's optimizer knows its pattern and makes one Attention operator of it.
    model = load_torch(model_dir, attention="eager")
    model.config.return_dict = False
    ids = torch.ones(2, 9, dtype=torch.int64)
    names = ["input_ids", "attention_mask", "token_type_ids"]
    axes = {name: {0: "rows", 1: "tokens"} for name in names} | {"logits": {0: "rows"}}
    with step(work, "onnx") as path, torch.inference_mode():
        torch.onnx.export(model, (ids, ids, ids * 0), str(path / "model.onnx"), input_names=names,
                          output_names=["logits"], dynamic_axes=axes, opset_version=17, dynamo=False)


def fuse_onnx(model_dir, work):
    from onnxruntime.transformers.optimizer import optimize_model

    if not (work / "onnx").exists():
        export_onnx(model_dir, work)
    # Zeros: the numbers of heads and units are found in the graph, where slender layers have their own.
    optimized = optimize_model(str(work / "onnx/model.onnx"), model_type="bert", num_heads=0, hidden_size=0,
                               opt_level=0)
    counts = optimized.get_fused_operator_statistics()
    print("onnxruntime's optimizer fused", {name: count for name, count in counts.items() if count})
    with step(work, "onnx-fused") as path:
        optimized.save_model_to_file(str(path / "model.onnx"))


def quantize_onnx(model_dir, work):
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    if not (work / "onnx-fused").exists():
        fuse_onnx(model_dir, work)
    with step(work, "onnx-int8") as path:
        # DefaultTensorType: onnx cannot see through the fused operators.
        quantize_dynamic(str(work / "onnx-fused/model.onnx"), str(path / "model.onnx"),
                         weight_type=QuantType.QInt8, per_channel=True,
                         extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT})


def export_openvino(model_dir, work):
    import openvino
    import torch

    model = load_torch(model_dir)
    ids = torch.ones(2, 9, dtype=torch.int64)
    example = {"input_ids": ids, "attention_mask": ids, "token_type_ids": ids * 0}
    with step(work, "openvino") as path, torch.inference_mode():
        converted = openvino.convert_model(model, example_input=example)
        openvino.save_model(converted, path / "model.xml", compress_to_fp16=False)


def quantize_openvino(model_dir, work, calibration):
    import nncf
    import numpy as np
    import openvino

    if not (work / "openvino").exists():
        export_openvino(model_dir, work)

    def inputs(row):
        ids = np.array([row["ids"]], dtype=np.int64)
        return {"input_ids": ids, "attention_mask": np.ones_like(ids),
                "token_type_ids": np.array([row["types"]], dtype=np.int64)}

    rows = json.loads(calibration.read_text())
    rows = rows[:: max(1, len(rows) // CALIBRATION_ROWS)][:CALIBRATION_ROWS]
    model = openvino.Core().read_model(work / "openvino/model.xml")
    quantized = nncf.quantize(model, nncf.Dataset(rows, inputs), model_type=nncf.ModelType.TRANSFORMER,
                              subset_size=len(rows))
    with step(work, "openvino-int8") as path:
        openvino.save_model(quantized, path / "model.xml", compress_to_fp16=False)


def export_ctranslate2(model_dir, work):
    """CTranslate2's own BERT loader; it takes A = H for granted, so slender layers get a head size."""
    import numpy as np
    import torch
    from ctranslate2.converters.transformers import BertLoader

    with torch.no_grad(), step(work, "ctranslate2") as path:
        bert = load_torch(model_dir).bert
        attention = bert.encoder.layer[0].attention.self
        spec = BertLoader().get_model_spec(bert)
        if attention.all_head_size != bert.config.hidden_size:
            spec.encoder.num_heads = np.dtype("int16").type(attention.num_attention_heads)
            for layer in spec.encoder.layer:
                # A specification takes no new fields once made, and the loader leaves this one out.
                object.__setattr__(layer.self_attention, "head_dim",
                                   np.dtype("int32").type(attention.attention_head_size))
        spec.config.unk_token = "[UNK]"
        spec.config.layer_norm_epsilon = bert.config.layer_norm_eps
        spec.register_vocabulary((model_dir / "vocab.txt").read_text(encoding="utf-8").split("\n")[:-1])
        spec.validate()
        spec.optimize()
        spec.save(str(path))


def exported(work, peer, precision):
    """The directory in WORK that holds what the peer reads; None: it reads the checkpoint itself."""
    if peer == "torch":
        return None
    if peer == "onnxruntime":
        return work / ("onnx-int8" if precision == "int8" else "onnx-fused")
    if peer == "openvino":
        return work / ("openvino-int8" if precision == "int8" else "openvino")
    return work / "ctranslate2"


def drop_stale(model_dir, work):
    """What was made from weights that have been replaced since."""
    for made in work.iterdir() if work.exists() else ():
        if made.stat().st_mtime < (model_dir / "model.safetensors").stat().st_mtime:
            shutil.rmtree(made)


def export(model_dir, work, peer, precision, calibration=None):
    drop_stale(model_dir, work)
    target = exported(work, peer, precision)
    if target is None or target.exists():
        return
    if target.name == "onnx-fused":
        fuse_onnx(model_dir, work)
    elif target.name == "onnx-int8":
        quantize_onnx(model_dir, work)
    elif target.name == "openvino":
        export_openvino(model_dir, work)
    elif target.name == "openvino-int8":
        quantize_openvino(model_dir, work, calibration)
    else:
        export_ctranslate2(model_dir, work)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("peer", choices=PRECISIONS)
    parser.add_argument("precision", choices=("float32", "bf16", "int8"))
    parser.add_argument("--calibration", type=pathlib.Path, help='JSON: [{"ids": [...], "types": [...]}, ...]')
    args = parser.parse_args()
    if args.precision not in PRECISIONS[args.peer]:
        parser.error(f"{args.peer} has no {args.precision} on CPUs")
    if (args.peer, args.precision) == ("openvino", "int8") and not args.calibration:
        parser.error("openvino int8 needs --calibration")
    export(args.model, args.work, args.peer, args.precision, args.calibration)


if __name__ == "__main__":
    main()
