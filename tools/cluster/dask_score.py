"""dask_score.py MODEL INPUT OUTPUT: scores the column `text` of Parquet files with Dask, one thread a worker."""

import sys

import costeff
import dask.dataframe as dd
import numpy as np


def score(part, path):
    answers = costeff.open_once(path).predict(part["text"], threads=1)
    return part.assign(label=answers.labels, prob=answers.prob, exit_layer=answers.exit_layer)


if __name__ == "__main__":
    path, source, out = sys.argv[1:]
    table = dd.read_parquet(source)
    meta = table._meta.assign(label="", prob=np.float32(0), exit_layer=0)
    table.map_partitions(score, path, meta=meta).to_parquet(out)
