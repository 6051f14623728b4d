"""Measures how long reading takes: `python -m training.measure_latency --data DIR --out DIR [--adapter FILE] [--threads 2]`."""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from chatbot.encoders import cross_encoder
from training import dev_sets

SHAPES = ((20, 160), (8, 160), (5, 160), (40, 48))
"""Passages × tokens, the question's included; the last is forty sentences read one by one."""
_TIMES = 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--adapter", type=Path, default=cross_encoder.ADAPTER)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    reader = cross_encoder.load(asked.out / "models", asked.threads, asked.adapter)
    tokenizer = Tokenizer.from_file(str(next((asked.out / "models").glob("*/tokenizer.json"))))
    tokenizer.no_truncation()
    question = "Which name is also used to describe the Amazon rainforest?"
    taken = len(tokenizer.encode(question).ids) + 1
    text = " ".join(each.passage for each in dev_sets.squad(asked.data, "1.1")[::5])
    offsets = tokenizer.encode(text, add_special_tokens=False).offsets
    for passages, tokens in SHAPES:
        cuts = [offsets[i * tokens : i * tokens + tokens - taken] for i in range(passages)]
        texts = [text[cut[0][0] : cut[-1][1]] for cut in cuts]
        reader.read(question, texts)
        seconds: list[float] = []
        for _ in range(_TIMES):
            start = time.perf_counter()
            reader.read(question, texts)
            seconds.append(time.perf_counter() - start)
        p50, p95 = (round(1000 * float(each)) for each in np.percentile(seconds, [50, 95]))
        load = round(os.getloadavg()[0], 1)
        print(json.dumps({"passages": passages, "tokens": tokens, "p50 ms": p50, "p95 ms": p95, "load": load}), flush=True)


if __name__ == "__main__":
    main()
