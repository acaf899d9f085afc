"""costeff and its peers, each driven from outside: costeff by its program, a peer by a worker process.

Both sides of a comparison run on the same CPUs: those that `cpus` names, as many as there are threads."""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

from workloads import DATASETS, MAX_TOKENS

PAUSE_S = 0.5  # before a turn: threads of the engine before it may spin for 0.2 s before they sleep
HERE = pathlib.Path(__file__).resolve().parent


class EngineError(Exception):
    """One line: which engine, what it said."""


def own_cpus(threads):
    """The last CPUs of those allowed: the first one tends to serve interrupts."""
    return set(sorted(os.sched_getaffinity(0))[-threads:])


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Costeff:
    name = "costeff"

    def __init__(self, binary, model, precision, threads):
        self.binary, self.model, self.precision, self.threads = str(binary), str(model), precision, threads
        # float32 is what infer does without the flag, also before there was one.
        self.dtype = [] if precision == "float32" else ["--dtype", precision]
        self.found = {}  # verb -> whether this build has it

    def call(self, *arguments):
        """-> (stdout, stderr)"""
        cpus = own_cpus(self.threads)
        done = subprocess.run([self.binary, *map(str, arguments)], capture_output=True, text=True,
                              encoding="utf-8", preexec_fn=lambda: os.sched_setaffinity(0, cpus))
        if done.returncode:
            raise EngineError(f"costeff {arguments[0]}: {done.stderr.strip() or done.returncode}")
        return done.stdout, done.stderr

    def version(self):
        return self.call("--version")[0].strip()

    def infer(self, dataset, texts, *flags):
        return self.call("infer", self.model, texts, "--task", DATASETS[dataset][1], "--policy", "never",
                         "--max-length", MAX_TOKENS, "--threads", self.threads, "--format", "jsonl", "--quiet",
                         *self.dtype, *flags)

    def logits(self, dataset, texts):
        rows = [json.loads(line) for line in self.infer(dataset, texts, "--all-exits")[0].split("\n") if line]
        return [row["exits"][-1]["logits"] for row in rows]

    def score(self, dataset, texts):
        """Seconds for all rows, tokenising included. The pass before it packs the weights, as the peers'
        were packed when their models were opened."""
        time.sleep(PAUSE_S)
        out = self.call("bench", self.model, texts, "--task", DATASETS[dataset][1], "--policy", "never",
                        "--max-length", MAX_TOKENS, "--lengths", "none", "--rounds", 1, "--threads",
                        self.threads, "--dtype", self.precision, "--json", "-")[0]
        done = json.loads(out)["throughput"][0]
        return {"rows": done["rows"], "seconds": done["seconds"]}

    def latency(self, lengths):
        """-> {length: {"median", "p95", "p99"}} in ms, from `costeff bench`, whose JSON has
        "latency": [{"length": 8, "median_ms": x, "p95_ms": y, "p99_ms": z}, ...]."""
        time.sleep(PAUSE_S)
        out = self.call("bench", self.model, "--lengths", ",".join(map(str, lengths)), "--threads",
                        self.threads, "--dtype", self.precision, "--json", "-")[0]
        return {row["length"]: {key: row[key + "_ms"] for key in ("median", "p95", "p99")}
                for row in json.loads(out)["latency"]}

    def can(self, verb):
        """Whether this build has what the precision and the verb (infer or bench) need."""
        if verb not in self.found:
            try:
                text = self.call(verb, "--help")[0]
                # Help for a verb that is not there is the program's own help.
                self.found[verb] = f"costeff {verb} " in text.split("\n\n")[1] and (
                    not self.dtype or "--dtype" in text)
            except EngineError:
                self.found[verb] = False
        return self.found[verb]


class Peer:
    """A worker process. Every method sends one request and waits for its answer."""

    def __init__(self, name, model, work, precision, threads):
        self.name = name
        cpus = own_cpus(threads)
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "worker.py"), name, str(model), str(work), precision, str(threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, encoding="utf-8", preexec_fn=lambda: os.sched_setaffinity(0, cpus))
        self.opened = None

    def ask(self, **request):
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        answer = json.loads(line) if line else {"error": f"the process ended, code {self.process.wait()}"}
        if "error" in answer:
            raise EngineError(f"{self.name}: {answer['error']}")
        return answer

    def open(self, streams=1, variant=None):
        if self.opened != (streams, variant):
            self.opened = None
            self.ask(do="open", streams=streams, variant=variant)
            self.opened = (streams, variant)

    def logits(self, rows_file, count):
        self.open(*(self.opened or ()))
        return self.ask(do="logits", rows=str(rows_file), count=count)["logits"]

    def score(self, rows_file, batch, sample=None):
        time.sleep(PAUSE_S)
        return self.ask(do="score", rows=str(rows_file), batch=batch, sample=sample)

    def latency(self, lengths, seconds):
        time.sleep(PAUSE_S)
        times = self.ask(do="latency", lengths=lengths, seconds=seconds)["ms"]
        return {int(length): {"median": statistics.median(ms), "p95": percentile(ms, 0.95),
                              "p99": percentile(ms, 0.99)} for length, ms in times.items()}

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
