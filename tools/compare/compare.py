#!/usr/bin/env python3
"""Times costeff and its peers on the same weights and texts, in turns, and prints tables of ratios.

    tools/compare/compare.py MODELS_DIRECTORY GLUE_DIRECTORY --costeff build/release/costeff --json out.json
    tools/compare/compare.py --table out.json more.json     # tables of earlier runs, nothing is timed

MODELS_DIRECTORY holds what make_models.py made. README.md beside this file says what is compared, and by
which rules. Run it in the environment that setup.sh makes, on a machine that does nothing else.
"""

import argparse
import importlib.metadata
import json
import math
import os
import pathlib
import platform
import signal
import subprocess
import sys
import time

import report
from engines import HERE, Costeff, EngineError, Peer
from export import PRECISIONS as PEER_PRECISIONS
from peers import LATENCY_VARIANTS, SCORE_VARIANTS
from workloads import DATASETS, LENGTHS, tokenize, write_texts

LOGIT_TOLERANCE = 1e-3  # float32, absolute; logits are of the order of 1
CHECKED_ROWS = 24
PRECISIONS = ("float32", "bf16", "int8")
MODELS = ("bert-base", "slender-2x", "six-384")
BATCHES = (1, 8, 16, 32)
WORKLOADS = (*DATASETS, "sentences")


def talk(text):
    print(time.strftime("%H:%M:%S ") + text, file=sys.stderr, flush=True)


def cpu_name():
    """Model name, and family and number where the name says little (virtual machines)."""
    keys = {}
    for line in pathlib.Path("/proc/cpuinfo").read_text().split("\n"):
        key, _, value = line.partition(":")
        keys.setdefault(key.strip(), value.strip())
    flags = [f for f in ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "avx_vnni", "amx_bf16", "amx_int8")
             if f in keys.get("flags", "").split()]
    name = keys.get("model name") or platform.processor() or platform.machine()
    return f"{name} (family {keys.get('cpu family', '?')}, model {keys.get('model', '?')}; {' '.join(flags)})"


def machine(args):
    names = [*args.peers, "torch", "transformers"] + (["nncf"] if "openvino" in args.peers else [])
    return {"cpu": cpu_name(), "cpus": len(os.sched_getaffinity(0)), "kernel": platform.release(),
            "python": platform.python_version(), "date": time.strftime("%Y-%m-%d"),
            "costeff": Costeff(args.costeff, "", "float32", 1).version().replace("\n", "; "),
            "versions": {name: importlib.metadata.version(name) for name in dict.fromkeys(names)}}


class Comparison:
    def __init__(self, args):
        self.args = args
        self.document = {"machine": machine(args), "options": {k: str(v) for k, v in vars(args).items()},
                         "agreement": [], "results": [], "notes": []}
        self.texts = {}  # dataset -> (file of texts, file of token ids)

    def note(self, text):
        talk(text)
        if text not in self.document["notes"]:
            self.document["notes"].append(text)

    def save(self):
        if self.args.json:
            unfinished = self.args.json.with_name(self.args.json.name + ".unfinished")
            unfinished.write_text(json.dumps(self.document, indent=1) + "\n", encoding="utf-8")
            unfinished.rename(self.args.json)

    # ---- before anything is timed

    def read_texts(self, model):
        """One vocabulary for all models: ids are made once."""
        directory = self.args.work / "texts"
        directory.mkdir(parents=True, exist_ok=True)
        for name in DATASETS:
            texts, ids = directory / f"{name}.tsv", directory / f"{name}.json"
            write_texts(name, self.args.glue, texts, self.args.rows)
            rows = tokenize(self.args.costeff, model, name, texts)
            ids.write_text(json.dumps(rows), encoding="utf-8")
            self.texts[name] = (texts, ids)

    def export(self, model, peer, precision):
        """In a process of its own: the converters are large."""
        command = [sys.executable, str(HERE / "export.py"), str(model), str(self.args.work / model.name),
                   peer, precision, "--calibration", str(self.texts["qnli"][1])]
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
        if done.returncode:
            last = (done.stderr.strip().split("\n") or ["?"])[-1]
            raise EngineError(f"{peer} {precision}: cannot export {model.name}: {last}")

    def start_peers(self, model, precision, threads):
        """Worker processes of the peers that have this precision and can read the model."""
        peers = []
        for name in self.args.peers:
            if precision not in PEER_PRECISIONS[name]:
                continue
            try:
                self.export(model, name, precision)
                peers.append(Peer(name, model, self.args.work / model.name, precision, threads))
            except EngineError as error:
                self.note(str(error))
        return peers

    def check_logits(self, model, precision, threads, costeff, peers):
        """Largest difference to costeff's float32 logits. In float32 it must be small, else the engines
        do not compute the same thing and times mean nothing. -> the peers that could run the model."""
        judge = Costeff(self.args.costeff, model, "float32", 1)
        for dataset, (_, ids) in self.texts.items():
            head = self.args.work / f"texts/{dataset}-head.tsv"
            write_texts(dataset, self.args.glue, head, min(CHECKED_ROWS, self.args.rows or CHECKED_ROWS))
            truth = judge.logits(dataset, head)
            for engine in [costeff, *peers]:
                try:
                    found = costeff.logits(dataset, head) if engine is costeff else engine.logits(ids, len(truth))
                except EngineError as error:
                    if engine is costeff:
                        raise
                    self.note(f"{model.name}, {precision}: {error}")
                    engine.close()
                    peers = [p for p in peers if p is not engine]
                    continue
                largest = max(abs(a - b) for x, y in zip(truth, found, strict=True)
                              for a, b in zip(x, y, strict=True))
                self.document["agreement"].append(
                    {"model": model.name, "precision": precision, "threads": threads, "dataset": dataset,
                     "engine": engine.name, "largest_difference": largest})
                talk(f"{model.name} {precision} {dataset}: {engine.name} differs by at most {largest:.2g}")
                if precision == "float32" and not largest <= LOGIT_TOLERANCE:
                    raise EngineError(f"{engine.name}: logits of {model.name} on {dataset} differ by "
                                      f"{largest:.3g} from costeff's, at most {LOGIT_TOLERANCE} expected")
        return peers

    # ---- the clock runs

    def settings(self, peer, precision, threads):
        """(streams, variant) to try."""
        streams = (1, threads) if threads > 1 else (1,)
        return [(s, v) for s in streams for v in SCORE_VARIANTS.get((peer.name, precision), (None,))]

    def tune_score(self, peer, precision, threads, ids):
        """The fastest settings on a sample of the rows, and its seconds. The first of two runs warms up."""
        tried = []
        window = max(self.args.batches)
        for streams, variant in self.settings(peer, precision, threads):
            peer.open(streams, variant)
            for batch in self.args.batches:
                peer.score(ids, batch, window)
                seconds = peer.score(ids, batch, window)["seconds"]
                tried.append((seconds, {"batch": batch, "streams": streams, "variant": variant}))
        return min(tried, key=lambda t: t[0])

    def drop_slow(self, peers, estimates, where):
        """Peers that are far from the best everywhere are not timed in full. estimates[name]: their times on
        samples, one or several."""
        best = [min(times) for times in zip(*estimates.values())]
        factors = {name: min(t / b for t, b in zip(times, best)) for name, times in estimates.items()}
        for name, factor in factors.items():
            if factor > self.args.keep:
                self.note(f"{where}: {name} left out, {factor:.1f} times the best peer's time on a sample")
        return [p for p in peers if factors.get(p.name, math.inf) <= self.args.keep]

    def record(self, model, precision, threads, workload, engine, unit, value, settings=None, **more):
        key = {"model": model.name, "precision": precision, "threads": threads, "workload": workload,
               "engine": engine}
        for result in self.document["results"]:
            if all(result[k] == v for k, v in key.items()):
                break
        else:
            result = {**key, "unit": unit, "settings": settings or {}, "values": [], **{k: [] for k in more}}
            self.document["results"].append(result)
        result["values"].append(value)
        for name, number in more.items():
            if name == "rows":
                result[name] = number
            else:
                result[name].append(number)

    def compare_scoring(self, model, precision, threads, dataset, costeff, peers):
        texts, ids = self.texts[dataset]
        where = f"{model.name}, {precision}, {threads} threads, {dataset}"
        chosen, estimates = {}, {}
        for peer in peers:
            try:
                seconds, chosen[peer.name] = self.tune_score(peer, precision, threads, ids)
                estimates[peer.name] = [seconds]
                talk(f"{where}: {peer.name} tuned: {chosen[peer.name]}")
            except EngineError as error:
                self.note(f"{where}: {error}")
        peers = self.drop_slow(peers, estimates, where)
        for peer in peers:  # all shapes seen once
            s = chosen[peer.name]
            peer.open(s["streams"], s["variant"])
            peer.score(ids, s["batch"])
        for _ in range(self.args.rounds):
            if costeff.can("bench"):
                done = costeff.score(dataset, texts)
                self.record(model, precision, threads, dataset, "costeff", "s", done["seconds"],
                            rows=done["rows"])
            for peer in peers:
                done = peer.score(ids, chosen[peer.name]["batch"])
                self.record(model, precision, threads, dataset, peer.name, "s", done["seconds"],
                            chosen[peer.name], rows=done["rows"])

    def compare_latency(self, model, precision, threads, costeff, peers):
        where = f"{model.name}, {precision}, {threads} threads, one sentence"
        chosen, estimates = {}, {}
        for peer in peers:
            tried = []
            try:
                for variant in LATENCY_VARIANTS.get((peer.name, precision), (None,)):
                    peer.open(1, variant)
                    times = peer.latency(LENGTHS, 0)
                    tried.append(([times[n]["median"] for n in LENGTHS], variant))
            except EngineError as error:
                self.note(f"{where}: {error}")
                continue
            estimates[peer.name], chosen[peer.name] = min(tried, key=lambda t: math.prod(t[0]))
        peers = self.drop_slow(peers, estimates, where)
        for peer in peers:
            peer.open(1, chosen[peer.name])
        for _ in range(self.args.rounds):
            if costeff.can("bench"):
                self.record_latency(model, precision, threads, "costeff", costeff.latency(LENGTHS), None)
            for peer in peers:
                self.record_latency(model, precision, threads, peer.name,
                                    peer.latency(LENGTHS, self.args.seconds), {"variant": chosen[peer.name]})

    def record_latency(self, model, precision, threads, name, times, settings):
        for n in LENGTHS:
            self.record(model, precision, threads, f"{n} tokens", name, "ms", times[n]["median"], settings,
                        p95=times[n]["p95"], p99=times[n]["p99"])

    def compare(self, model, precision, threads):
        costeff = Costeff(self.args.costeff, model, precision, threads)
        for verb in ("infer", "bench"):
            if not costeff.can(verb):
                self.note(f"this build of costeff has no {verb} in {precision}")
        peers = self.start_peers(model, precision, threads)
        try:
            if costeff.can("infer"):
                peers = self.check_logits(model, precision, threads, costeff, peers)
            for dataset in (d for d in DATASETS if d in self.args.workloads):
                self.compare_scoring(model, precision, threads, dataset, costeff, peers)
                self.save()
            if "sentences" in self.args.workloads:
                self.compare_latency(model, precision, threads, costeff, peers)
                self.save()
        finally:
            for peer in peers:
                peer.close()


def parse_arguments():
    def words(allowed):
        def parse(text):
            for word in text.split(","):
                if word not in allowed:
                    raise argparse.ArgumentTypeError(f"{word!r}; expected some of {', '.join(allowed)}")
            return tuple(text.split(","))
        return parse

    def numbers(text):
        values = tuple(map(int, text.split(",")))
        if min(values) < 1:
            raise ValueError
        return values

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models_directory", type=pathlib.Path, nargs="?")
    parser.add_argument("glue", type=pathlib.Path, nargs="?", help="has SST-2/dev.tsv and QNLI/dev.tsv")
    parser.add_argument("--costeff", type=pathlib.Path, default=HERE.parents[1] / "build/release/costeff",
                        help="the program (default: %(default)s)")
    parser.add_argument("--work", type=pathlib.Path, default=HERE.parents[1] / "build/compare/work",
                        help="exported models are kept here (default: %(default)s)")
    parser.add_argument("--models", default=",".join(MODELS),
                        help="directories in MODELS_DIRECTORY (default: %(default)s)")
    parser.add_argument("--peers", type=words(PEER_PRECISIONS), default=tuple(PEER_PRECISIONS))
    parser.add_argument("--precisions", type=words(PRECISIONS), default=PRECISIONS)
    parser.add_argument("--workloads", type=words(WORKLOADS), default=WORKLOADS,
                        help="default: " + ",".join(WORKLOADS))
    parser.add_argument("--threads", type=numbers, default=(1, 2), help="default: 1,2")
    parser.add_argument("--batches", type=numbers, default=BATCHES,
                        help="batch sizes that peers try (default: 1,8,16,32)")
    parser.add_argument("--rounds", type=int, default=5, help="turns of all engines (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=2,
                        help="per length of single sentences and turn (default: 2)")
    parser.add_argument("--keep", type=float, default=1.5, metavar="X",
                        help="leave out peers slower than X times the best one on a sample (default: %(default)s)")
    parser.add_argument("--rows", type=int, help="of each dataset (default: all)")
    parser.add_argument("--quick", action="store_true", help="one round of a few rows: does everything work?")
    parser.add_argument("--json", type=pathlib.Path, help="write all values here; updated as they come in")
    parser.add_argument("--table", type=pathlib.Path, nargs="+", metavar="JSON",
                        help="print the tables of earlier runs")
    args = parser.parse_args()
    if args.table:
        return args
    if not args.models_directory or not args.glue:
        parser.error("the directories of the models and of GLUE are needed")
    if args.quick:
        args.rounds, args.seconds, args.batches, args.keep = 1, 0.2, (8,), 1e9
        args.rows = args.rows or 48
    if max(args.threads) > len(os.sched_getaffinity(0)):
        parser.error(f"--threads {max(args.threads)}: {len(os.sched_getaffinity(0))} CPUs may be used")
    args.models = [args.models_directory / name for name in args.models.split(",")]
    for path in [args.costeff, *(model / "config.json" for model in args.models),
                 *(args.glue / file for file, _, _ in DATASETS.values())]:
        if not path.exists():
            parser.error(f"{path}: no such file")
    return args


def main():
    args = parse_arguments()
    if args.table:
        documents = [json.loads(path.read_text(encoding="utf-8")) for path in args.table]
        print(report.markdown(documents), end="")
        return
    comparison = Comparison(args)
    comparison.read_texts(args.models[0])
    if args.rows:
        comparison.note(f"only the first {args.rows} rows of each dataset were read")
    for model in args.models:
        for precision in args.precisions:
            for threads in args.threads:
                comparison.compare(model, precision, threads)
    print(report.markdown([comparison.document]), end="")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the workers are ended too
    try:
        main()
    except EngineError as error:
        sys.exit(f"compare: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
