"""The command: `python -m benchmarks.engine tokens|first|saturation|aborts|splits --help`."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks import engine
from benchmarks.engine import aborts, flow, saturation, splits
from benchmarks.engine.processes import prepare
from benchmarks.engine.rows import ROWS


def main() -> None:
    given = _parser().parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        data = given.data or Path(scratch) / "data"
        if _needs_data(given) and not (data / "catalogue.sqlite").exists():
            print("reading the built-in knowledge into", data)
            prepare(data)
        match given.what:
            case "tokens":
                flow.tokens(given.rows, data, given.rounds, given.streams, given.tokens, given.rate, given.append)
            case "first":
                flow.first(given.rows, data, given.rounds, given.streams, given.questions, given.append)
            case "saturation":
                load = saturation.Load(tuple(given.users), given.seconds, given.rounds, given.rate)
                saturation.compare(given.systems, data, load, given.append)
            case "aborts":
                aborts.run(aborts.Plan(given.through, given.count, given.seed), data, given.append)
            case _:
                splits.run(given.row, data, given.count, given.seed, given.streams, given.append)


def _needs_data(given: argparse.Namespace) -> bool:
    asked = [
        *getattr(given, "rows", ()),
        *getattr(given, "systems", ()),
        getattr(given, "through", ""),
        getattr(given, "row", ""),
    ]
    return bool({"chatbot", "server", "LangChain"} & set(asked))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=engine.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="what", required=True)
    tokens = commands.add_parser("tokens", help="CPU per streamed token")
    tokens.add_argument("--tokens", type=int, default=1000, help="of each stream")
    tokens.add_argument("--rate", type=float, default=100, help="tokens per second of each stream")
    first = commands.add_parser("first", help="time to the first token over raw")
    first.add_argument("--questions", type=int, default=20, help="of each user and round")
    for command in (tokens, first):
        command.add_argument("--rows", nargs="+", choices=ROWS, default=ROWS)
        command.add_argument("--rounds", type=int, default=3)
        command.add_argument("--streams", "--users", type=int, default=32, help="open at once")
    busy = commands.add_parser("saturation", help="answers per second over HTTP, retrieval included")
    busy.add_argument("--systems", nargs="+", choices=saturation.SYSTEMS, default=saturation.SYSTEMS)
    busy.add_argument("--users", nargs="+", type=int, default=[1, 32, 128])
    busy.add_argument("--seconds", type=float, default=20, help="of each system, number of users and round")
    busy.add_argument("--rounds", type=int, default=3)
    busy.add_argument("--rate", type=float, default=1000, help="tokens per second of each stream")
    left = commands.add_parser("aborts", help="how soon the model server is let go when a client leaves")
    left.add_argument("--through", choices=aborts.WAYS, default="server")
    left.add_argument("--count", type=int, default=1000)
    cut = commands.add_parser("splits", help="streams cut at random bytes")
    cut.add_argument("--row", choices=ROWS, default="chatbot")
    cut.add_argument("--count", type=int, default=10_000)
    cut.add_argument("--streams", type=Path, help="a folder of recorded *.sse bodies, used beside those of the fake server")
    for command in (left, cut):
        command.add_argument("--seed", type=int, default=1)
    for command in (tokens, first, busy, left, cut):
        command.add_argument("--append", type=Path, metavar="FILE", help="keep the figures; aborts and splits go on from there")
        command.add_argument("--data", type=Path, help="a data directory to make once and use again")
    return parser


if __name__ == "__main__":
    main()
