"""The command: `python -m benchmarks.knowledge encode|ingest|memory|resplit|resync|search --help`."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks import knowledge
from benchmarks.knowledge import texts

DOCUMENTS = 2000
"""About twenty thousand chunks."""


def main() -> None:
    given = _parser().parse_args()
    folder = texts.documents(given.work, given.texts, given.documents)
    match given.what:
        case "encode":
            from benchmarks.knowledge import encode  # torch

            encode.compare(folder, given.work, given.chunks, given.rounds, given.append)
        case "ingest" | "memory":
            from benchmarks.knowledge import ingest

            (ingest.cost if given.what == "ingest" else ingest.memory)(folder, given.work, given.rounds, given.append)
        case "resplit":
            from benchmarks.knowledge import resplit

            resplit.cost(folder, given.work, given.rounds, given.append)
        case "resync":
            from benchmarks.knowledge import resync

            resync.cost(folder, given.work, given.rounds, given.append)
        case _:
            from benchmarks.knowledge import search

            search.compare(folder, given.work, given.questions, given.rounds, given.append)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=knowledge.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="what", required=True)
    encode = commands.add_parser("encode", help="the encoder against sentence-transformers")
    encode.add_argument("--chunks", type=int, default=512)
    ingest = commands.add_parser("ingest", help="CPU-ms a chunk of all but the encoder")
    memory = commands.add_parser("memory", help="how far memory grows")
    resplit = commands.add_parser("resplit", help="another size of chunks, while somebody searches")
    resync = commands.add_parser("resync", help="a sync of documents that have hardly changed")
    search = commands.add_parser("search", help="hybrid search against Chroma and tantivy alone")
    search.add_argument("--questions", type=int, default=300)
    for command, rounds in ((encode, 5), (ingest, 3), (memory, 1), (resplit, 3), (resync, 3), (search, 5)):
        command.add_argument("--rounds", type=int, default=rounds)
        command.add_argument("--work", type=Path, required=True, help="what is made once is kept here")
        command.add_argument("--texts", type=Path, nargs="+", default=[], metavar="DIR", help="real documents")
        command.add_argument("--documents", type=int, default=DOCUMENTS, help="of about ten chunks each")
        command.add_argument("--append", type=Path, metavar="FILE", help="keep the figures")
    return parser


if __name__ == "__main__":
    main()
