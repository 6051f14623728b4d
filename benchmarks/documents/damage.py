"""Damaged copies of documents, each decided by a seed and a number."""

from __future__ import annotations

import io
import random
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import NamedTuple

_MOST_FLIPS = 200


class Copy(NamedTuple):
    file: str
    """What it is a copy of."""
    how: str
    name: str
    """What it is read under."""
    raw: bytes


def damaged(contents: Mapping[str, bytes], seed: int, number: int) -> Copy:
    """A copy of one of `contents`, which are by name."""
    chance = random.Random(f"{seed}/{number}")
    file = chance.choice(sorted(contents))
    if chance.random() < 0.15:
        suffix = PurePath(chance.choice(sorted(contents))).suffix
        return Copy(file, f"named {suffix}", PurePath(file).with_suffix(suffix).name, contents[file])
    how = chance.choice(sorted(_DAMAGES))
    other = contents[chance.choice(sorted(contents))]
    return Copy(file, how, file, _DAMAGES[how](contents[file], other, chance))


def _flipped(raw: bytes, _other: bytes, chance: random.Random) -> bytes:
    """A few bits turned, anywhere or close together."""
    changed = bytearray(raw)
    begin = chance.randrange(len(raw)) if raw and chance.random() < 0.5 else 0
    end = min(len(raw), begin + 200) if begin else len(raw)
    for _ in range(chance.randint(1, _MOST_FLIPS) if raw else 0):
        changed[chance.randrange(begin, end)] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _truncated(raw: bytes, _other: bytes, chance: random.Random) -> bytes:
    return raw[: chance.randint(0, len(raw))]


def _spliced(raw: bytes, other: bytes, chance: random.Random) -> bytes:
    """A piece of another document put in, or put over what was there."""
    start = chance.randint(0, len(other))
    piece = other[start : start + chance.randint(1, 64 * 2**10)]
    place = chance.randint(0, len(raw))
    return raw[:place] + piece + raw[place + chance.choice([0, len(piece)]) :]


def _repeated(raw: bytes, _other: bytes, chance: random.Random) -> bytes:
    """A piece written many times over."""
    start = chance.randint(0, len(raw))
    end = start + chance.randint(1, 1000)
    return raw[:end] + raw[start:end] * chance.randint(1, 100) + raw[end:]


def _damaged_inside(raw: bytes, other: bytes, chance: random.Random) -> bytes:
    """An archive packed anew with one of its members damaged, which its checksum then fits; anything else as if by chance."""
    damage = chance.choice([_flipped, _truncated, _spliced, _repeated])
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            members = {entry.filename: archive.read(entry) for entry in archive.infolist() if entry.file_size < 2**22}
    except (zipfile.BadZipFile, RuntimeError, OSError, EOFError, zlib.error):
        members = {}
    if not members:
        return damage(raw, other, chance)
    name = chance.choice(sorted(members))
    members[name] = damage(members[name], other, chance)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for each, content in members.items():
            archive.writestr(each, content)
    return packed.getvalue()


_DAMAGES: Mapping[str, Callable[[bytes, bytes, random.Random], bytes]] = {
    "bits flipped": _flipped,
    "cut off": _truncated,
    "spliced": _spliced,
    "repeated": _repeated,
    "damaged inside": _damaged_inside,
}
