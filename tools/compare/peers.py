"""The peers' side of a run: a loaded model of one peer, one precision, one number of threads.

open_session(...) gives an object with
  prepare(batch)   -> the batch as the peer takes it; a batch is a list of rows {"ids", "types"}
  run(prepared)    -> logits [rows, labels]
Preparing (padding, arrays) is done before the clock starts. Sessions may be run from several Python
threads at once, `streams` of them: every library here lets go of Python's lock while it computes.
"""

import os
import pathlib
import threading

import numpy as np

from export import exported, load_torch, read_directory


def padded(batch):
    """-> ids, mask, types, each int64 [rows, longest]; padding on the right."""
    shape = (len(batch), max(len(row["ids"]) for row in batch))
    ids, mask, types = (np.zeros(shape, dtype=np.int64) for _ in range(3))
    for i, row in enumerate(batch):
        n = len(row["ids"])
        ids[i, :n], mask[i, :n], types[i, :n] = row["ids"], 1, row["types"]
    return ids, mask, types


class OnnxRuntime:
    def __init__(self, model_dir, work, precision, threads, streams, variant):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads // streams
        options.inter_op_num_threads = 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        file = exported(work, "onnxruntime", precision) / "model.onnx"
        self.session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        self.types = {i.name: np.int32 if "int32" in i.type else np.int64 for i in self.session.get_inputs()}

    def prepare(self, batch):
        names = ("input_ids", "attention_mask", "token_type_ids")
        return {name: array.astype(self.types[name]) for name, array in zip(names, padded(batch))}

    def run(self, prepared):
        return self.session.run(None, prepared)[0]


class OpenVino:
    """Variants: words out of f32, bf16 (what the int8 graph leaves in floats may run in bfloat16, OpenVINO's
    default where the CPU has it) and static (a graph compiled for each shape that is prepared)."""

    def __init__(self, model_dir, work, precision, threads, streams, variant):
        import openvino
        from openvino import properties

        words = (variant or "").split()
        floats = {"float32": "f32", "bf16": "bf16", "int8": "bf16" if "bf16" in words else "f32"}[precision]
        hint = properties.hint
        mode = hint.PerformanceMode.LATENCY if streams == 1 else hint.PerformanceMode.THROUGHPUT
        settings = {properties.inference_num_threads(): threads, properties.num_streams(): streams,
                    hint.performance_mode(): mode, hint.inference_precision(): floats}
        file = exported(work, "openvino", precision) / "model.xml"
        core = openvino.Core()

        def compiled(shape=None):
            model = core.read_model(file)
            if shape:
                model.reshape({tensor.any_name: list(shape) for tensor in model.inputs})
            return core.compile_model(model, "CPU", settings)

        self.compiled = compiled
        self.static = "static" in words
        self.models = {} if self.static else {None: compiled()}  # by shape
        self.requests = threading.local()  # one a thread and model

    def prepare(self, batch):
        inputs = dict(zip(("input_ids", "attention_mask", "token_type_ids"), padded(batch)))
        key = inputs["input_ids"].shape if self.static else None
        if key not in self.models:
            self.models[key] = self.compiled(key)
        return key, inputs

    def run(self, prepared):
        key, inputs = prepared
        own = self.requests.__dict__
        if key not in own:
            own[key] = self.models[key].create_infer_request()
        return own[key].infer(inputs, share_inputs=True)[0]


class CTranslate2:
    def __init__(self, model_dir, work, precision, threads, streams, variant):
        # Left alone it takes AVX2 on CPUs that are not Intel's.
        if "avx512bw" in pathlib.Path("/proc/cpuinfo").read_text().split():
            os.environ.setdefault("CT2_FORCE_CPU_ISA", "AVX512")
        import ctranslate2

        self.encoder = ctranslate2.Encoder(
            str(exported(work, "ctranslate2", precision)), device="cpu", compute_type=precision,
            inter_threads=streams, intra_threads=threads // streams)
        tensors = read_directory(model_dir)[1]  # the converter keeps encoder and pooler only
        self.weight, self.bias = (tensors["classifier." + part].numpy().copy() for part in ("weight", "bias"))

    def prepare(self, batch):
        longest = max(len(row["ids"]) for row in batch)
        types = [row["types"] + [0] * (longest - len(row["types"])) for row in batch]
        return [row["ids"] for row in batch], types

    def run(self, prepared):
        ids, types = prepared
        output = self.encoder.forward_batch(ids, token_type_ids=types)
        return np.array(output.pooler_output) @ self.weight.T + self.bias


class Torch:
    def __init__(self, model_dir, work, precision, threads, streams, variant):
        import torch

        self.torch = torch
        torch.set_num_threads(threads // streams)
        self.model = load_torch(model_dir)
        if precision == "bf16":
            self.model = self.model.bfloat16()

    def prepare(self, batch):
        names = ("input_ids", "attention_mask", "token_type_ids")
        return {name: self.torch.from_numpy(array) for name, array in zip(names, padded(batch))}

    def run(self, prepared):
        with self.torch.inference_mode():
            return self.model(**prepared).logits.float().numpy()


SESSIONS = {"onnxruntime": OnnxRuntime, "openvino": OpenVino, "ctranslate2": CTranslate2, "torch": Torch}
# What is tried besides batch size and streams; the fastest is kept.
SCORE_VARIANTS = {("openvino", "int8"): ("f32", "bf16")}
LATENCY_VARIANTS = {("openvino", "float32"): (None, "static"), ("openvino", "bf16"): (None, "static"),
                    ("openvino", "int8"): ("f32", "bf16", "f32 static", "bf16 static")}


def open_session(peer, model_dir, work, precision, threads, streams=1, variant=None):
    return SESSIONS[peer](pathlib.Path(model_dir), pathlib.Path(work), precision, threads, streams, variant)
