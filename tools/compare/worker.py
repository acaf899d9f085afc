"""One peer in a process of its own, so that its threads and settings meet no other's. compare.py starts
it and sends a JSON object a line on standard input; an answer is a JSON object on a line.

  {"do": "open", "streams": S, "variant": V}           -> {}          loads the model
  {"do": "logits", "rows": FILE, "count": N}           -> {"logits"}  of the first N rows, in order
  {"do": "score", "rows": FILE, "batch": B, "sample": SIZE or null}  -> {"rows", "seconds"}
  {"do": "latency", "lengths": [...], "seconds": X}    -> {"ms": {length: [ms, ...]}}
An error is {"error": text}. Times hold the forward pass alone: batches are padded, arrays made before.
"""

import argparse
import concurrent.futures
import json
import os
import sys
import time

import workloads
from peers import open_session

MIN_CALLS, MAX_CALLS, WARM_CALLS = 10, 2000, 5


class Worker:
    def __init__(self, args):
        self.args = args
        self.session = None
        self.streams = 1

    def open(self, streams, variant):
        self.session = None  # give its memory back first
        self.streams = streams
        a = self.args
        self.session = open_session(a.peer, a.model, a.work, a.precision, a.threads, streams, variant)
        return {}

    def logits(self, rows, count):
        with open(rows, encoding="utf-8") as file:
            rows = json.load(file)[:count]
        # In batches of mixed lengths, so that padding is put to the test too.
        outputs = [self.session.run(self.session.prepare(batch)).tolist()
                   for batch in workloads.batches(rows, 8)]
        return {"logits": [row for output in outputs for row in output]}

    def score(self, rows, batch, sample):
        with open(rows, encoding="utf-8") as file:
            rows = workloads.by_length(json.load(file))
        if sample:
            rows = workloads.sample(rows, sample)
        prepared = [self.session.prepare(b) for b in workloads.batches(rows, batch)]
        if self.streams == 1:
            begin = time.perf_counter()
            for p in prepared:
                self.session.run(p)
            return {"rows": len(rows), "seconds": time.perf_counter() - begin}
        with concurrent.futures.ThreadPoolExecutor(self.streams) as pool:
            list(pool.map(lambda _: time.sleep(0.01), range(self.streams)))  # threads are up
            begin = time.perf_counter()
            for done in [pool.submit(self.session.run, p) for p in prepared]:
                done.result()
            return {"rows": len(rows), "seconds": time.perf_counter() - begin}

    def latency(self, lengths, seconds):
        """Each length for `seconds`, but at least MIN_CALLS times."""
        times = {}
        for length in lengths:
            prepared = self.session.prepare([workloads.sentence(length)])
            for _ in range(WARM_CALLS):
                self.session.run(prepared)
            ms = times[str(length)] = []
            end = time.perf_counter() + seconds
            while len(ms) < MIN_CALLS or (time.perf_counter() < end and len(ms) < MAX_CALLS):
                begin = time.perf_counter()
                self.session.run(prepared)
                ms.append(1e3 * (time.perf_counter() - begin))
        return {"ms": times}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("peer", "model", "work", "precision"):
        parser.add_argument(name)
    parser.add_argument("threads", type=int)
    worker = Worker(parser.parse_args())
    # Libraries print on standard output; answers go to a copy of it, all else to standard error.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    verbs = {"open": worker.open, "logits": worker.logits, "score": worker.score, "latency": worker.latency}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = verbs[request.pop("do")](**request)
        except Exception as error:  # whatever a peer throws is told, and that peer left out
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
