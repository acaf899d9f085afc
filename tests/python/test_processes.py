"""Threads, forks, pickles, signals: the life around a model."""

import concurrent.futures
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time

import costeff
import pytest
from conftest import BUNDLED, bits

TEXTS = [f"sentence number {i} is a fine film" for i in range(200)]


def probs_of(model):
    return bits(model.predict(TEXTS, threads=2).probs)


def test_eight_threads_on_one_model(model):
    expected = probs_of(model)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert all(found == expected for found in pool.map(lambda _: probs_of(model), range(24)))


def test_eight_threads_on_a_fresh_model(model):
    """All of them reach the layers that nobody has packed yet."""
    expected = probs_of(model)
    fresh = costeff.Model(BUNDLED)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert all(found == expected for found in pool.map(lambda _: probs_of(fresh), range(8)))


def test_the_gil_is_released(model):
    started, counted = threading.Event(), 0

    def score():
        started.set()
        model.predict(TEXTS * 100, policy="never", threads=1)

    thread = threading.Thread(target=score)
    thread.start()
    started.wait()
    while thread.is_alive():
        counted += 1
        time.sleep(0.001)
    assert counted > 20


def test_pickle(model, tmp_path, monkeypatch):
    monkeypatch.chdir(BUNDLED.parent)
    here = costeff.Model(
        BUNDLED.name, dtype="int8", isa="avx2" if "avx2" in costeff.available_isas() else None
    )
    data = pickle.dumps(here)
    assert len(data) < 1000
    monkeypatch.chdir(tmp_path)
    there = pickle.loads(data)
    assert there.dtype == "int8"
    assert probs_of(there) == probs_of(here)
    assert probs_of(pickle.loads(pickle.dumps(there))) == probs_of(here)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # forks of a process with threads, Python 3.12
def test_pools_of_processes(model, method):
    expected = probs_of(model)
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(probs_of, [model] * 4) == [expected] * 4


def in_child(check):
    """The exit code of a forked child that runs `check`, 0 if it returned True; 99: it hung."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = 0 if check() else 2
        finally:
            os._exit(code)
    for _ in range(600):
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return 99


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_fork_of_a_used_and_of_a_fresh_model(model):
    expected = probs_of(model)
    fresh = costeff.Model(BUNDLED)
    assert in_child(lambda: probs_of(model) == expected) == 0
    assert in_child(lambda: probs_of(fresh) == expected) == 0
    # The child of a child, and the parent afterwards.
    assert in_child(lambda: in_child(lambda: probs_of(model) == expected) == 0) == 0
    assert probs_of(model) == expected


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_fork_while_another_thread_predicts(model):
    expected = probs_of(model)
    busy = costeff.Model(BUNDLED)
    ended = threading.Event()

    def score():
        while not ended.is_set():
            busy.predict(TEXTS * 5, policy="never", threads=2)

    thread = threading.Thread(target=score)
    thread.start()
    try:
        for _ in range(10):
            time.sleep(0.02)
            assert in_child(lambda: probs_of(busy) == expected) == 0
    finally:
        ended.set()
        thread.join()


LONG = f"""
import signal, sys, threading, time, costeff
model = costeff.Model({str(BUNDLED)!r})
texts = ["word " * 400] * 100_000
print("ready", flush=True)
try:
    {{call}}
except KeyboardInterrupt:
    print("interrupted", flush=True)
    print(model.predict(["fine"]).labels[0], flush=True)
    sys.exit(7)
"""


@pytest.mark.parametrize(
    "call",
    [
        "model.predict(texts, policy='never', threads=1)",
        "model.predict(texts, policy='never', threads=2)",
        "list(model.stream(iter(texts), policy='never', threads=2))",
    ],
)
def test_ctrl_c(call):
    child = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", LONG.format(call=call)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout.readline() == "ready\n"
    time.sleep(1)
    sent = time.monotonic()
    child.send_signal(signal.SIGINT)
    assert child.stdout.readline() == "interrupted\n"
    took = time.monotonic() - sent
    assert child.stdout.readline() == "positive\n"
    assert child.wait() == 7
    assert took < 2  # 0.1 s where nobody else computes


def test_what_a_signal_handler_raises(model):
    class Alarm(Exception):
        pass

    def ring(number, frame):
        raise Alarm

    before = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(Alarm):
            model.predict(["word " * 400] * 20_000, policy="never")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert probs_of(model)


def test_nothing_leaks():
    """Memory does not grow with calls, and nanobind finds nothing alive at the end."""
    code = f"""
import resource, costeff
model = costeff.Model({str(BUNDLED)!r})
texts = ["some words of a text"] * 500
def peak():
    for _ in range(60):
        model.predict(texts, all_exits=True).labels
        try:
            model.predict(texts + [None])
        except costeff.InputError:
            pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
first = peak()
assert peak() - first < 2000, (first, peak())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
