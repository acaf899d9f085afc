"""Scores a column of texts of a table with Spark, on all executors.

    spark-submit [--master ...] [--archives model.tar.gz#model] tools/spark/score.py MODEL INPUT OUTPUT [options]

MODEL is a directory that every executor has, or the name behind the # of an archive. INPUT and OUTPUT are any paths
that Spark reads and writes. All columns of the input are kept; those of the answer come after them: label, label_id,
prob, entropy and exit_layer, as `costeff infer` gives them, bit for bit (multi-label models: labels and label_ids;
regressions: value). README.md beside this file says what to set.
"""

import argparse
import os
import sys

# How Spark is told to read: quotes as in RFC 4180, and none in TSV.
READERS = {
    "parquet": ("parquet", {}),
    "orc": ("orc", {}),
    "json": ("json", {}),
    "csv": ("csv", {"header": True, "quote": '"', "escape": '"', "multiLine": True}),
    "tsv": ("csv", {"header": True, "sep": "\t", "quote": "", "escape": ""}),
    "text": ("text", {}),
}
WRITERS = {
    "parquet": ("parquet", {}),
    "orc": ("orc", {}),
    "json": ("json", {}),
    "csv": ("csv", {"header": True, "quote": '"', "escape": '"'}),
}


SETTINGS = "policy threshold patience exit_layer exit_start max_length doc_stride join".split()


class Refused(Exception):
    """What is asked for does not fit the table."""

    exit_code = 2


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(
        prog="score.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model")
    parser.add_argument("input")
    parser.add_argument("output")
    parser.add_argument(
        "--text-field", help='the column of texts (default: "text"; of --format text: "value")'
    )
    parser.add_argument("--pair-field", help="the column of the second texts of pairs")
    parser.add_argument("--format", choices=READERS, help="of the input (default: by its name, else parquet)")
    parser.add_argument("--output-format", choices=WRITERS, default="parquet")
    parser.add_argument(
        "--mode", choices=["error", "overwrite", "append"], default="error", help="if OUTPUT exists"
    )
    parser.add_argument("--prefix", default="", help="before the names of the answer's columns")
    parser.add_argument(
        "--probs", action="store_true", help="also the probabilities of all labels, as an array"
    )
    parser.add_argument(
        "--null-text",
        choices=["error", "keep"],
        default="error",
        help="a row without a text ends the job, or is kept with an empty answer",
    )
    parser.add_argument("--partitions", type=int, help="cut the input into so many parts, if it has fewer")
    parser.add_argument("--threads", type=int, help="of each task (default: spark.task.cpus)")
    parser.add_argument("--dtype", help="float32, bfloat16 or int8")
    parser.add_argument("--isa", help="kernels that all executors have: the same bits on different CPUs")
    parser.add_argument("--policy")
    parser.add_argument("--threshold", "-S")
    parser.add_argument("--patience", type=int)
    parser.add_argument("--exit-layer", type=int)
    parser.add_argument("--exit-start", type=int)
    parser.add_argument("--max-length", type=int)
    parser.add_argument("--doc-stride", type=int)
    parser.add_argument("--join")
    return parser.parse_args(arguments)


def input_format(arguments):
    if arguments.format:
        return arguments.format
    name = arguments.input.rstrip("/").lower()
    for suffix in (".gz", ".bz2", ".zst"):
        name = name[: -len(suffix)] if name.endswith(suffix) else name
    suffix = name.rpartition(".")[2]
    return {"jsonl": "json", "ndjson": "json", "txt": "text"}.get(
        suffix, suffix if suffix in READERS else "parquet"
    )


def model_place(name):
    """The model's directory on this machine: an archive's lies beside what Spark has shipped."""
    from pyspark import SparkFiles

    if os.path.isdir(name):
        return name
    shipped = os.path.join(SparkFiles.getRootDirectory(), name)
    return shipped if os.path.isdir(shipped) else name


def answer_types(model, probs):
    """The columns of an answer, by name, with their types."""
    from pyspark.sql.types import ArrayType, FloatType, LongType, StringType

    if model.problem == "regression":
        return {"value": FloatType(), "exit_layer": LongType()}
    if model.problem == "multi_label":
        types = {"labels": ArrayType(StringType()), "label_ids": ArrayType(LongType())}
    else:
        types = {"label": StringType(), "label_id": LongType()}
    types.update(prob=FloatType(), entropy=FloatType(), exit_layer=LongType())
    if probs:
        types["probs"] = ArrayType(FloatType())
    return types


def scorer(model_name, load, text_field, pair_field, settings, names, null_text):
    """What each task does with its batches. Everything in it is shipped to the executors."""

    def texts_of(batch, name):
        import pyarrow as pa

        column = batch.column(batch.schema.get_field_index(name))
        if not column.null_count:
            return column, None
        missing = column.is_null()
        if null_text == "error":
            at = missing.index(True).as_py()
            row = str(batch.slice(at, 1).to_pylist()[0])
            raise ValueError(f"column {name}: null, expected a text (--null-text keep): {row[:300]}")
        return column.fill_null(pa.scalar("", column.type)), missing

    def answers_of(model, batch):
        import pyarrow as pa
        import pyarrow.compute as pc

        texts, missing = texts_of(batch, text_field)
        pairs = None
        if pair_field:
            pairs, also_missing = texts_of(batch, pair_field)
            if missing is not None and also_missing is not None:
                missing = pc.or_(missing, also_missing)
            missing = also_missing if missing is None else missing
        table = model.predict(texts, pairs, **settings).to_arrow()
        arrays = []
        for name in names:
            array = table[name].combine_chunks()
            if name == "probs":
                array = array.cast(pa.list_(pa.float32()))
            if missing is not None:
                array = pc.if_else(missing, pa.scalar(None, array.type), array)
            arrays.append(array)
        return arrays

    def score(batches):
        import costeff
        import pyarrow as pa

        model = costeff.open_once(model_place(model_name), **load)
        for batch in batches:
            arrays = batch.columns + answers_of(model, batch)
            yield pa.RecordBatch.from_arrays(arrays, batch.schema.names + list(names.values()))

    return score


def check_columns(frame, arguments, text_field, added):
    """Returns the columns to read. Refuses in one line what Spark would refuse in a page."""
    has = {name.lower(): name for name in frame.columns}  # Spark's names have no case
    for field in (text_field, arguments.pair_field):
        if field and field.lower() not in has:
            raise Refused(f"the input has no column {field}, only {', '.join(frame.columns)}")
        if field and frame.schema[has[field.lower()]].dataType.typeName() != "string":
            kind = frame.schema[has[field.lower()]].dataType.simpleString()
            raise Refused(f"column {field} is {kind}, expected string")
    for name in added:
        if name.lower() in has:
            raise Refused(f"the input has a column {name} already; --prefix costeff_ gives the answer others")
    return has[text_field.lower()], arguments.pair_field and has[arguments.pair_field.lower()]


def run(spark, arguments):
    import costeff
    from pyspark.sql.types import StructField, StructType

    threads = arguments.threads or int(spark.sparkContext.getConf().get("spark.task.cpus", "1"))
    load = {"dtype": arguments.dtype, "isa": arguments.isa}
    settings = {name: getattr(arguments, name) for name in SETTINGS}
    settings["threads"] = threads
    # Here, so that what is wrong with the model or the settings is said once and at once.
    model = costeff.open_once(model_place(arguments.model), **load)
    model.predict([], **settings)

    kind, options = READERS[input_format(arguments)]
    frame = spark.read.format(kind).options(**options).load(arguments.input)
    text_field = arguments.text_field or ("value" if kind == "text" else "text")
    types = answer_types(model, arguments.probs)
    names = {name: arguments.prefix + name for name in types}
    text_field, pair_field = check_columns(frame, arguments, text_field, names.values())
    if arguments.partitions and frame.rdd.getNumPartitions() < arguments.partitions:
        frame = frame.repartition(arguments.partitions)
    score = scorer(arguments.model, load, text_field, pair_field, settings, names, arguments.null_text)
    added = [StructField(names[name], kind) for name, kind in types.items()]
    kind, options = WRITERS[arguments.output_format]
    scored = frame.mapInArrow(score, StructType(frame.schema.fields + added))
    scored.write.format(kind).options(**options).mode(arguments.mode).save(arguments.output)


def main():
    arguments = parse_arguments(sys.argv[1:])
    import costeff
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.appName("costeff").getOrCreate()
    try:
        run(spark, arguments)
    except (costeff.Error, Refused) as error:
        spark.stop()  # its log goes before the line that matters
        sys.stderr.write(f"score.py: {error}\n")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
