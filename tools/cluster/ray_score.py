"""ray_score.py MODEL INPUT OUTPUT [WORKERS]: scores the column `text` of Parquet files with Ray Data."""

import sys

import costeff
import ray


class Score:
    def __init__(self, path):
        self.model = costeff.Model(path)  # once a worker

    def __call__(self, batch):
        answers = self.model.predict(batch["text"], threads=1)
        return {**batch, "label": answers.labels, "prob": answers.prob, "exit_layer": answers.exit_layer}


if __name__ == "__main__":
    path, source, out, *workers = sys.argv[1:]
    table = ray.data.read_parquet(source)
    size = int(workers[0]) if workers else 1
    table.map_batches(Score, fn_constructor_args=(path,), concurrency=size, num_cpus=1).write_parquet(out)
