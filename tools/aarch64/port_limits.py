#!/usr/bin/env python3
"""What llvm-mca's models of ARM's cores say of the inner loops of the NEON kernels.

Compiles src/kernels/arm, takes the loop of each tile that does the products, and has llvm-mca run it on
the models of Neoverse N1, V1 and V2. The port limit is what the same model needs for the loop's
multiplications alone, all independent. Prints Markdown; caches are outside the models: everything hits
the first level there. --min-float32 and --min-int8 make it fail below a share of the limit.

  tools/aarch64/port_limits.py [--compiler aarch64-linux-gnu-g++] [--mca llvm-mca-19]
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[2] / "src"
CPUS = ["neoverse-n1", "neoverse-v1", "neoverse-v2"]
TABLES = {  # file: its flags, and the CPUs whose models have its instructions in earnest
    "neon": ([], CPUS),
    "neon_dots": (["-march=armv8.2-a+dotprod"], CPUS),
    "neon_mmla": (["-march=armv8.2-a+i8mm+bf16"], CPUS[1:]),
}
# Multiply-accumulates of an instruction. sadalp adds up what smull and smlal2 multiplied: part of the limit.
MACS = [
    (re.compile(r"fmla\s+v\d+\.4s"), 4),
    (re.compile(r"sdot\s+v\d+\.4s"), 16),
    (re.compile(r"smmla\s"), 32),
    (re.compile(r"bfmmla\s"), 16),
    (re.compile(r"sm(ul|la)l2?\s+v\d+\.8h"), 8),
    (re.compile(r"sadalp\s"), 0),
]
# The tiles that do most of the work: many rows, and one row.
TILES = [
    ("neon", "float32", r"Tile<.*Float32, 5, 1, 4, true>"),
    ("neon", "float32", r"Tile<.*Float32, 1, 4, 4, false>"),
    ("neon", "bfloat16, few rows", r"Tile<.*Bf16Floats, 5, 1, 4, false>"),
    ("neon", "int8", r"Tile<.*Int8Dots, \d, 1, 4, true>"),
    ("neon_dots", "int8", r"Tile<.*Int8Dots, 5, 1, 4, true>"),
    ("neon_dots", "int8", r"Tile<.*Int8Dots, 1, 4, 4, false>"),
    ("neon_mmla", "bfloat16", r"PairTile<.*Bf16Mmla, 3>"),
    ("neon_mmla", "bfloat16", r"PairTile<.*Bf16Mmla, 1>"),
    ("neon_mmla", "int8", r"PairTile<.*Int8Mmla, 3>"),
    ("neon_mmla", "int8", r"PairTile<.*Int8Mmla, 1>"),
]


def macs_of(line):
    for pattern, macs in MACS:
        if pattern.match(line):
            return macs
    return None


def functions(assembly):
    """Demangled name -> lines of each function."""
    names = re.findall(r"^(_Z\w+):", assembly, re.M)
    plain = subprocess.run(["c++filt"], input="\n".join(names), capture_output=True, text=True,
                           check=True).stdout.split("\n")
    lines = assembly.split("\n")
    starts = [i for i, line in enumerate(lines) if re.match(r"_Z\w+:", line)]
    return {plain[n]: lines[start:end]
            for n, (start, end) in enumerate(zip(starts, starts[1:] + [len(lines)]))}


def products_loop(lines):
    """The loop that is dense with multiplications, not the one around it nor that of the last groups."""
    labels = {m[1]: i for i, line in enumerate(lines) if (m := re.match(r"(\.L\w+):", line))}
    best, best_worth = [], 0.0
    for end, line in enumerate(lines):
        branch = re.match(r"\s+(?:b\.?\w*|cbn?z|tbn?z)\s.*?(\.L\w+)\s*$", line)
        if not branch or labels.get(branch[1], end) >= end:
            continue
        body = [text for at in lines[labels[branch[1]]:end + 1]
                if (text := at.split("//")[0].strip()) and not re.match(r"[.#]|.*:$", text)]
        count = sum(macs_of(text) is not None for text in body)
        if count * count / len(body) > best_worth:
            best, best_worth = body, count * count / len(body)
    return best


def cycles(mca, cpu, body):
    """Cycles an iteration, once the pipeline is full."""
    def total(iterations):
        done = subprocess.run([mca, "-mtriple=aarch64", f"-mcpu={cpu}", "-mattr=+dotprod,+i8mm,+bf16", "-json",
                               f"-iterations={iterations}"],
                              input="\n".join(body) + "\n", capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{mca}: {done.stderr.strip()}")
        return json.loads(done.stdout)["CodeRegions"][0]["SummaryView"]["TotalCycles"]
    return (total(400) - total(100)) / 300


def alone(body):
    """The loop's multiplications, each on registers of its own."""
    some = [text for text in body if macs_of(text) is not None]
    # 24 chains hide every latency: that of its own sum too. smull, smlal2 and sadalp follow each other.
    out = []
    for i, text in enumerate(some * (24 // len(some) + 1)):
        register = i // 3 % 8 + 8 * (i % 3)
        out.append(re.sub(r"(\s)v\d+\.", rf"\g<1>v{register}.", text, count=1))
    return [re.sub(r"(,\s*)v\d+\.", r"\g<1>v31.", text) for text in out], len(out) / len(some)


def loaded_bytes(body):
    size = {"q": 16, "d": 8, "s": 4}
    total = 0
    for text in body:
        if m := re.match(r"ld[ru]+\s+([qds])\d+", text):
            total += size[m[1]]
        elif m := re.match(r"ldp\s+([qds])\d+", text):
            total += 2 * size[m[1]]
        elif m := re.match(r"ld1\s+\{(.*?)\}", text):
            total += 16 * len(re.findall(r"v\d+", m[1]))
    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compiler", default="aarch64-linux-gnu-g++")
    parser.add_argument("--flags", default="", help="more flags for the compiler")
    parser.add_argument("--mca", default="llvm-mca-19")
    parser.add_argument("--min-float32", type=float, default=0.85, help="least share of the limit (0.85)")
    parser.add_argument("--min-int8", type=float, default=0.80, help="least share of the limit (0.80)")
    args = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as room:
        for table, (flags, _) in TABLES.items():
            out = pathlib.Path(room) / f"{table}.s"
            subprocess.run([args.compiler, *args.flags.split(), "-std=c++20", "-O3", "-DNDEBUG", "-fPIC",
                            "-ffp-contract=off", "-DCOSTEFF_AARCH64", *flags, f"-I{SOURCE}", "-S", "-o", str(out),
                            str(SOURCE / "kernels" / "arm" / f"{table}.cpp")], check=True)
            found[table] = functions(out.read_text())
    print("| table | products | rows x columns | instructions a MAC | bytes loaded a MAC | "
          + " | ".join(f"{cpu}: MAC a cycle, of limit" for cpu in CPUS) + " |")
    print("|---" * (5 + len(CPUS)) + "|")
    failed = False
    for table, what, pattern in TILES:
        names = sorted((n for n in found[table] if re.search(pattern + r"::run", n)),
                       key=lambda n: int(re.search(r", (\d+)[,>]", n)[1]))
        if not names:
            sys.exit(f"{table}: no function like {pattern}")
        body = products_loop(found[table][names[-1]])
        macs = sum(macs_of(text) or 0 for text in body)
        if not macs:
            sys.exit(f"{names[-1]}: no loop with products")
        numbers = [int(n) for n in re.findall(r", (\d+)", names[-1])]
        rows, columns = (numbers[0], numbers[1] * 16) if len(numbers) > 1 else (2 * numbers[0], 16)
        cells = []
        for cpu in CPUS:
            if cpu not in TABLES[table][1]:
                cells.append("no such instructions")
                continue
            limit_body, times = alone(body)
            limit = macs * times / cycles(args.mca, cpu, limit_body)
            rate = macs / cycles(args.mca, cpu, body)
            cells.append(f"{rate:.1f}, {rate / limit:.0%}")
            least = args.min_float32 if what == "float32" else args.min_int8 if what == "int8" else 0
            if rows > 2 and rate < least * limit:
                failed = True
        print(f"| {table.replace('_', '-')} | {what} | {rows} x {columns} | {len(body) / macs:.3f} | "
              f"{loaded_bytes(body) / macs:.2f} | " + " | ".join(cells) + " |")
    if failed:
        sys.exit("below the share of the limit that is asked for")


if __name__ == "__main__":
    main()
