"""What a source holds, by the kind of its location: a folder or file here; what else there is has a module of its own."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from chatbot.errors import SettingsError
from chatbot.knowledge.sources import collections
from chatbot.knowledge.sources.collections import Collection
from chatbot.knowledge.sources.origins import FileOrigin, Origin
from chatbot.knowledge.store.tables import Source

BUILT_IN = "knowledge:"
"""How the location of a collection found in the knowledge folders begins."""


class Listing(NamedTuple):
    """The documents of a source by their path in it."""

    origins: Mapping[str, Origin]
    unreadable: Mapping[str, str] = {}
    """Parts of the source whose documents are not known now, with the reason; "" is all of it. What is known of them stays."""
    refused: Mapping[str, str] = {}
    """What may not be read, with the reason."""


class Kind(Protocol):
    """Locations of one form, and how what lies there is listed."""

    def holds(self, location: str) -> bool:
        """True if this is the form of `location`, as a person gave it or as it is registered."""
        ...

    def locate(self, given: str) -> str:
        """The one form under which what a person gave is registered.

        Raises:
            SettingsError: it is malformed.
        """
        ...

    def check(self, location: str) -> None:
        """
        Raises:
            SettingsError: there is nothing that could be registered.
        """
        ...

    def list(self, source: Source) -> Listing: ...


class Folders:
    """Folders and single files by their path: whatever no other kind holds."""

    def __init__(self, but_not: Path | None = None) -> None:
        """`but_not` is a folder that is passed over where it lies in a source: our own files are nobody's documents."""
        self._but_not = but_not

    def holds(self, location: str) -> bool:
        return not location.startswith(BUILT_IN)

    def locate(self, given: str) -> str:
        if not given:
            raise SettingsError("a path is empty; name a folder or file, or leave it out to refresh all sources")
        try:
            location = str(Path(given).expanduser().resolve())
            location.encode()
        except RuntimeError as error:  # a home that nobody has, or links in a circle
            raise SettingsError(f"{given!r} leads nowhere ({error}); check the spelling, and the links on the way") from error
        except UnicodeEncodeError as error:
            raise SettingsError(
                f"the path '{collections.printable(given)}' is no UTF-8 and cannot be kept; rename it, or give the folder above"
            ) from error
        return location

    def check(self, location: str) -> None:
        if not os.path.exists(location):
            raise SettingsError(f"there is no file or folder {location!r}; check the spelling")

    def list(self, source: Source) -> Listing:
        root = Path(source.location)
        try:
            is_folder = stat.S_ISDIR(root.stat().st_mode)
        except OSError as error:
            return Listing({}, {"": _absent(source, error.strerror or str(error))})
        if not is_folder:
            return Listing(_origins({collections.printable(root.name): root}))
        tree = collections.walk(root, self._but_not)
        return Listing(
            _origins({_inside(root, path): path for path in tree.files if path.name != collections.QUESTIONS}),
            {_inside(root, folder): reason for folder, reason in tree.unreadable.items()},
            {_inside(root, path): reason for path, reason in tree.refused.items()},
        )


class BuiltIn:
    """Collections of the knowledge folders."""

    def __init__(self, found: Mapping[str, Collection]) -> None:
        self._found = found

    def holds(self, location: str) -> bool:
        return location.startswith(BUILT_IN)

    def locate(self, given: str) -> str:
        return given

    def check(self, location: str) -> None:
        if location.removeprefix(BUILT_IN) not in self._found:
            raise SettingsError(f"there is no collection {location!r} in the knowledge folders; check the spelling")

    def list(self, source: Source) -> Listing:
        found = self._found.get(source.collection)
        return Listing(_origins(found.files), found.unreadable, found.refused) if found else Listing({})


def _origins(files: Mapping[str, Path]) -> dict[str, Origin]:
    return {path: FileOrigin(path, file) for path, file in files.items()}


def _inside(root: Path, path: Path) -> str:
    return collections.printable(path.relative_to(root).as_posix()) if path != root else ""


def _absent(source: Source, reason: str) -> str:
    remove = shlex.join(["chatbot", "sync", "--remove", source.location])
    return f"it cannot be reached ({reason}), and its documents stay; mount or restore it, or remove it with `{remove}`"
