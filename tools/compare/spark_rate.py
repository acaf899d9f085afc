#!/usr/bin/env python3
"""Rows a second of tools/spark/score.py's work on 1 and 2 executors, beside the program on 1 and 2 threads.

    tools/compare/spark_rate.py [--rows 40000] [--rounds 3] [--executors 1 2]

Needs an environment with pyspark and the package, as tools/test_spark.sh makes one (build/spark/bin/python). Each
cluster is local-cluster[N,1,1024], N executors of one core. Jobs write nowhere (format "noop"); the first job, in which
workers start and open the model, is not counted. The program's time is that of its run, by --stats-json.
"""

import argparse
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "spark"))


def make_texts(count):
    words = (ROOT / "models" / "sample.txt").read_text().split()
    rng = random.Random(1)
    return [" ".join(rng.choices(words, k=rng.randint(4, 36))) for _ in range(count)]


def spark_rates(args, path, executors):
    import costeff
    import score
    from pyspark.sql import SparkSession
    from pyspark.sql.types import StructField, StructType

    builder = SparkSession.builder.master(f"local-cluster[{executors},1,1024]")
    builder = builder.config("spark.ui.enabled", "false").config("spark.log.level", "ERROR")
    # score.py is a script, not a module that executors have.
    builder = builder.config("spark.submit.pyFiles", str(ROOT / "tools" / "spark" / "score.py"))
    spark = builder.getOrCreate()
    spark.sparkContext.addPyFile(str(ROOT / "tools" / "spark" / "score.py"))
    types = score.answer_types(costeff.Model(args.model), False)
    names = {name: name for name in types}
    work = score.scorer(str(args.model), {}, "text", None, {"threads": 1}, names, "error")
    frame = spark.read.parquet(path).repartition(8 * executors).cache()
    frame.count()
    added = [StructField(name, kind) for name, kind in types.items()]
    rates = []
    for _ in range(args.rounds + 1):
        begin = time.perf_counter()
        scored = frame.mapInArrow(work, StructType(frame.schema.fields + added))
        scored.write.format("noop").mode("overwrite").save()
        rates.append(args.rows / (time.perf_counter() - begin))
    spark.stop()
    return rates[1:]


def program_rates(args, path, threads):
    rates = []
    for _ in range(args.rounds):
        command = [args.costeff, "infer", args.model, path, "-t", str(threads), "--stats-json", "-o", "/dev/null"]
        done = subprocess.run(
            [str(c) for c in command] + ["--format", "tsv"], capture_output=True, check=True, text=True
        )
        rates.append(args.rows / json.loads(done.stderr.splitlines()[-1])["seconds"])
    return rates


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, default=ROOT / "models" / "sst2-slender")
    parser.add_argument("--costeff", default=ROOT / "build" / "release" / "costeff")
    parser.add_argument("--rows", type=int, default=40_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--executors", type=int, nargs="+", default=[1, 2])
    args = parser.parse_args()
    import pyarrow as pa
    import pyarrow.parquet
    import pyspark

    os.environ.setdefault("SPARK_HOME", str(pathlib.Path(pyspark.__file__).parent))
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    texts = make_texts(args.rows)
    with tempfile.TemporaryDirectory() as place:
        pyarrow.parquet.write_table(pa.table({"id": range(args.rows), "text": texts}), f"{place}/in.parquet")
        pathlib.Path(place, "in.txt").write_text("\n".join(texts) + "\n")
        for count in args.executors:
            program = statistics.median(program_rates(args, f"{place}/in.txt", count))
            spark = statistics.median(spark_rates(args, f"{place}/in.parquet", count))
            print(
                f"{count} threads: program {program:,.0f} rows/s; {count} executors: Spark {spark:,.0f} rows/s, "
                f"{spark / program:.2f} of the program"
            )


if __name__ == "__main__":
    main()
