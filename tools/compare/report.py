"""From measured values to the tables of the README.

A result is a dict: model, precision, threads, workload, engine, unit ("s" or "ms"), rows (scoring),
settings (a peer's), values (one a round, in the order of the rounds)."""

import statistics

from workloads import TITLES

PRECISIONS = ("float32", "bf16", "int8")


def plural(threads):
    return f"{threads} thread{'s' if threads > 1 else ''}"


def cells(results):
    """-> {(model, threads): {workload: {precision: {engine: result}}}}, in the order measured."""
    table = {}
    for r in results:
        place = table.setdefault((r["model"], r["threads"]), {}).setdefault(r["workload"], {})
        place.setdefault(r["precision"], {})[r["engine"]] = r
    return table


def best_peer(engines):
    """The peer with the smallest median, or None."""
    peers = [r for name, r in engines.items() if name != "costeff"]
    return min(peers, key=lambda r: statistics.median(r["values"]), default=None)


def ratio(engines):
    """Best peer's time over costeff's: the median over the rounds of the ratio within a round, in which
    both met the same machine. -> (ratio, peer's result), or None where one side is missing."""
    own, peer = engines.get("costeff"), best_peer(engines)
    if not own or not peer:
        return None
    return statistics.median(p / c for p, c in zip(peer["values"], own["values"])), peer


def settings_text(result):
    s = result["settings"]
    parts = []
    if "batch" in s:
        parts.append(f"batch {s['batch']}")
    if s.get("streams", 1) > 1:
        parts.append(f"{s['streams']} streams")
    if s.get("variant"):
        parts.append(s["variant"])
    return ", ".join(parts)


def ratio_tables(results):
    lines = []
    for (model, threads), workloads in cells(results).items():
        lines += [f"| {model}, {plural(threads)} | " + " | ".join(PRECISIONS) + " |",
                  "|---" * (len(PRECISIONS) + 1) + "|"]
        for workload, precisions in workloads.items():
            row = [TITLES[workload]]
            for precision in PRECISIONS:
                found = ratio(precisions.get(precision, {}))
                row.append(f"{found[0]:.2f}x ({found[1]['engine']})" if found else "-")
            lines.append("| " + " | ".join(row) + " |")
        lines.append("")
    return lines


def value_text(result):
    median = statistics.median(result["values"])
    if result["unit"] == "ms":
        return f"{median:.2f} ms"
    return f"{result['rows'] / median:.1f} rows/s"


def value_tables(results):
    """Medians of everything timed; engines as columns."""
    lines = []
    for (model, threads), workloads in cells(results).items():
        engines = list(dict.fromkeys(r["engine"] for r in results
                                     if (r["model"], r["threads"]) == (model, threads)))
        lines += [f"| {model}, {plural(threads)} | precision | " + " | ".join(engines) + " |",
                  "|---" * (len(engines) + 2) + "|"]
        for workload, precisions in workloads.items():
            for precision in PRECISIONS:
                if precision not in precisions:
                    continue
                row = [TITLES[workload], precision]
                for engine in engines:
                    result = precisions[precision].get(engine)
                    text = value_text(result) if result else "-"
                    settings = settings_text(result) if result else ""
                    row.append(f"{text} ({settings})" if settings else text)
                lines.append("| " + " | ".join(row) + " |")
        lines.append("")
    return lines


def machine_text(machine):
    peers = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return f"{machine['cpu']}, {machine['cpus']} CPUs; {machine['costeff']}; {peers}."


def markdown(documents):
    """One text for one or several JSON documents of compare.py."""
    results = [r for d in documents for r in d["results"]]
    machines = dict.fromkeys(machine_text(d["machine"]) for d in documents)
    notes = dict.fromkeys(note for d in documents for note in d["notes"])
    lines = [*machines, "", "Time of the best peer of the same precision over that of costeff:", "",
             *ratio_tables(results), "What was timed (medians; settings that served the peer best):", "",
             *value_tables(results), *(f"- {note}" for note in notes)]
    return "\n".join(lines).rstrip() + "\n"
