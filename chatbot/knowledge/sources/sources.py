"""What is kept in step with the catalogue: folders, files and the built-in collections, each registered once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from chatbot.errors import SettingsError
from chatbot.knowledge.sources import collections
from chatbot.knowledge.sources.collections import Collection
from chatbot.knowledge.sources.listing import BUILT_IN, BuiltIn, Folders, Kind, Listing
from chatbot.knowledge.store.catalogue import Catalogue
from chatbot.knowledge.store.tables import Source


class Sources:
    """Finds, registers and lists sources."""

    def __init__(
        self,
        catalogue: Catalogue,
        built_in: Mapping[str, Collection],
        kinds: Sequence[Kind] = (),
        but_not: Path | None = None,
    ) -> None:
        """`kinds` are asked before paths are; `but_not` is no part of any folder."""
        self._catalogue = catalogue
        self._built_in = built_in
        self._kinds: list[Kind] = [BuiltIn(built_in), *kinds, Folders(but_not)]

    def list(self, source: Source) -> Listing:
        """What lies there now."""
        return self._kind(source.location).list(source)

    def find(self, given: str, collection: str) -> Source:
        """The source that `register` would make, without making it; its id is 0 if there is none yet.

        Raises:
            SettingsError: there is nothing at `given`, and never was; or no collection can have that name.
        """
        if "/" in collection or collections.printable(collection) != collection:
            raise SettingsError(f"collection {collection!r}: a name may hold neither a slash nor control characters")
        kind = self._kind(given)
        location = kind.locate(given)
        known = [source for source in self._catalogue.sources() if source.location == location]
        if known:
            found = next((source for source in known if source.collection == collection), known[0])
            return found.model_copy(update={"collection": collection or found.collection})
        kind.check(location)
        return Source(id=0, collection=collection or collections.LOOSE, location=location)

    def register(self, given: str, collection: str) -> Source:
        """Make a place a source of `collection`, moving it there if it is another one's; "" leaves it where it is.

        Raises:
            SettingsError: there is nothing at `given`, and never was.
        """
        wanted = self.find(given, collection)
        if not wanted.id:
            return self._catalogue.add_source(wanted.collection, wanted.location)
        return self._catalogue.move_source(wanted, wanted.collection)

    def registered(self, given: Sequence[str]) -> list[Source]:
        """The sources at some places, whether or not anything is there any more.

        Raises:
            SettingsError: one of them is no source; the message lists those there are.
        """
        sources = [source for source in self._catalogue.sources() if not source.location.startswith(BUILT_IN)]
        locations = [self._kind(each).locate(each) for each in given]
        for location in locations:
            if location not in {source.location for source in sources}:
                there_are = ", ".join(source.location for source in sources) or "none"
                raise SettingsError(f"{location!r} is not registered; there are: {there_are}")
        return [source for source in sources if source.location in locations]

    def find_all(self) -> list[Source]:
        """Every source, and those that `register_built_in` would make, without making them."""
        known = self._catalogue.sources()
        locations = {source.location for source in known}
        built_in = [Source(id=0, collection=name, location=f"{BUILT_IN}{name}") for name in self._built_in]
        return [*known, *(source for source in built_in if source.location not in locations)]

    def register_built_in(self) -> None:
        """Make every collection of the knowledge folders a source."""
        for name in self._built_in:
            self._catalogue.add_source(name, f"{BUILT_IN}{name}")

    def paths(self) -> Sequence[str]:
        """Locations of the sources that are files or folders here."""
        folders = self._kinds[-1]
        return [source.location for source in self._catalogue.sources() if self._kind(source.location) is folders]

    def forget_empty(self) -> None:
        """Forget the collections that are in the knowledge folders no more; a sync has removed their documents."""
        for source in self._catalogue.sources():
            if source.location.startswith(BUILT_IN) and source.collection not in self._built_in:
                self._catalogue.remove_source(source)

    def _kind(self, location: str) -> Kind:
        return next(kind for kind in self._kinds if kind.holds(location))
