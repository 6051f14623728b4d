"""Puts the body of a response together, unpacked if it is gzip, and never longer than allowed."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from chatbot.errors import DocumentRefused, FetchFailed

_GZIP = 31
"""zlib's number for a gzip header and the largest window."""
_STEP = 2**20
_SLICE = 4096
"""Bytes unpacked at once: what follows the end of a member is copied, and a hostile file is all ends."""


def joined(pieces: Iterable[bytes], most: int) -> bytes:
    """All pieces in one.

    Raises:
        DocumentRefused: longer than `most` bytes; no more than that was kept.
    """
    whole = bytearray()  # a list of pieces as small as a sender likes would be many times their bytes
    for piece in _bounded(pieces, most):
        whole += piece
    return bytes(whole)


def unpacked(pieces: Iterable[bytes], most: int) -> bytes:
    """What gzip'd pieces hold; it is unpacked a step at a time, so that a bomb costs no more than `most` bytes.

    Raises:
        DocumentRefused: longer than `most` bytes, packed or unpacked.
        FetchFailed: damaged, or cut off.
    """
    return joined(_steps(_bounded(pieces, most)), most)


def _bounded(pieces: Iterable[bytes], most: int) -> Iterator[bytes]:
    total = 0
    for piece in pieces:
        total += len(piece)
        if total > most:
            raise DocumentRefused(f"larger than {most:,} bytes; give a smaller document, or raise fetch.max_bytes")
        yield piece


def _steps(pieces: Iterable[bytes]) -> Iterator[bytes]:
    member = zlib.decompressobj(_GZIP)
    begun = False
    for piece in _sliced(pieces):
        while piece:
            begun = True
            try:
                yield member.decompress(piece, _STEP)
            except zlib.error as error:
                raise FetchFailed("what was sent as gzip is damaged; try again later") from error
            piece = member.unconsumed_tail
            if member.eof:  # a gzip file may be several, one behind the other
                piece, member, begun = member.unused_data, zlib.decompressobj(_GZIP), bool(member.unused_data)
    if begun:
        raise FetchFailed("what was sent as gzip is cut off; try again later")


def _sliced(pieces: Iterable[bytes]) -> Iterator[bytes]:
    return (piece[start : start + _SLICE] for piece in pieces for start in range(0, len(piece), _SLICE))
