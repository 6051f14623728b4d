"""reStructuredText, by docutils, read through HTML. What only Sphinx knows keeps its words; no other file is ever read."""

from __future__ import annotations

import re
from textwrap import dedent
from typing import Any

from docutils import nodes
from docutils.core import publish_doctree, publish_from_doctree
from docutils.readers import standalone
from docutils.transforms import Transform
from docutils.transforms.references import Substitutions

from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats.extracted import Extracted
from chatbot.knowledge.formats.html import from_markup
from chatbot.knowledge.formats.plain import decode

_MAX_SIZE = 2**20
_MAX_LINE = 20_000
_MAX_MISTAKES = 5_000
"""Each takes docutils about a millisecond."""
_MAX_DEPTH = 5
"""Directives that docutils does not know, inside one another."""
_SETTINGS: dict[str, Any] = {
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "_disable_config": True,  # a docutils.conf of the working directory could switch both on again
    "input_encoding": "unicode",
    "output_encoding": "unicode",
    "report_level": 1,  # messages are what tells of the directives that it could not read
    "halt_level": 5,
    "warning_stream": False,
    "traceback": True,
    "line_length_limit": _MAX_LINE,
    "doctitle_xform": False,
    "docinfo_xform": False,
    "initial_header_level": 1,
    "embed_stylesheet": False,
    "stylesheet_path": "",
    "math_output": "LaTeX",
    "syntax_highlight": "none",
    "strip_comments": True,
}
_ELSEWHERE = {
    "include", "literalinclude", "raw", "csv-table",
    "automodule", "autoclass", "autofunction", "automethod", "autodata", "autosummary",
}  # fmt: skip
"""What these show stands in another file."""
_SILENT = {"toctree", "index", "highlight", "default-domain", "currentmodule", "tabularcolumns"}
"""These show no text of their own."""
_CODE = {"code", "code-block", "sourcecode", "parsed-literal", "prompt", "doctest", "testcode"}
_DIRECTIVE = re.compile(
    r"\s*\.\.[ ]+(?:\|[^|]*\|[ ]+)?(?P<name>[\w:.+-]+?)[ ]?::[ ]*(?P<argument>[^\n]*)\n?(?P<rest>.*)", re.DOTALL
)
_MAX_SHOWN = 80
_MAX_NAMED = 20
_OPTIONS = re.compile(r"\A(?:[ \t]*:[\w-]+:[^\n]*\n?)+")
_ITEM = re.compile(r"<li>\s*<p\b[^>]*>((?:(?!</?(?:p|li|ul|ol)\b).)*)</p>\s*</li>", re.DOTALL)
"""An item of one paragraph, which is a line of a list for us."""
_ROLE = re.compile(r":[\w:.+-]+:`[~!]?(?P<text>[^`]*?)(?:\s*<[^`<>]*>)?`", re.DOTALL)
_BROKEN = (ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError)
"""What docutils raises where markup makes no sense."""


def extract(raw: bytes) -> Extracted:
    """Read a document.

    Raises:
        DocumentRefused: larger than 1 MiB, or markup that makes no sense.
    """
    source = decode(raw)
    if len(source) > _MAX_SIZE:
        raise DocumentRefused(f"has more than {_MAX_SIZE // 2**20} million characters of markup; split the document")
    unread: list[str] = []
    try:
        tree = _parse(source, unread, 0)
        markup = _ITEM.sub(r"<li>\1</li>", str(publish_from_doctree(tree, writer="html5", settings_overrides=_SETTINGS)))
    except _BROKEN as error:
        raise DocumentRefused(f"damaged reStructuredText: {error}") from error
    extracted = from_markup(markup)
    if not unread:
        return extracted
    return extracted.model_copy(update={"missing": f"what these directives would show: {_named(unread)}"})


class _Reader(standalone.Reader):  # pyright: ignore[reportMissingTypeArgument]  generic in the stubs alone
    """docutils' own, which gives up where a hostile document would cost minutes."""

    def get_transforms(self) -> list[type[Transform]]:
        return [*super().get_transforms(), _Bounded]

    def new_document(self) -> nodes.document:
        document = super().new_document()
        mistakes = 0

        def count(_message: nodes.system_message) -> None:
            nonlocal mistakes
            mistakes += 1
            if mistakes > _MAX_MISTAKES:
                raise DocumentRefused(f"its markup has more than {_MAX_MISTAKES:,} mistakes; split the document")

        document.reporter.attach_observer(count)
        return document


class _Bounded(Transform):
    """Refuses substitutions that multiply, before docutils fills the memory with them."""

    default_priority = Substitutions.default_priority - 1

    def apply(self) -> None:
        self._sizes: dict[str, int] = {}
        if self._size(self.document) > _MAX_SIZE:
            raise DocumentRefused(f"its substitutions make more than {_MAX_SIZE // 2**20} million characters")

    def _size(self, node: nodes.Element) -> int:
        """What the text of `node` comes to, in characters."""
        size = len(node.astext())
        for reference in node.findall(nodes.substitution_reference):
            name = str(reference["refname"])
            key = self.document.substitution_names.get(name.lower(), name)
            definition = self.document.substitution_defs.get(key)
            if definition is not None and key not in self._sizes:
                self._sizes[key] = 0  # one that leads back to itself is docutils' to refuse
                self._sizes[key] = self._size(definition)
            size += self._sizes.get(key, 0)
        return size


def _parse(source: str, unread: list[str], depth: int) -> nodes.document:
    tree = publish_doctree(source, reader=_Reader(), settings_overrides=_SETTINGS)
    for node in list(tree.findall(nodes.problematic)):
        node.parent.replace(node, nodes.Text(_ROLE.sub(r"\g<text>", node.astext())))
    for message in list(tree.findall(nodes.system_message)):
        replacement: list[nodes.Node] = []
        for block in message.findall(nodes.literal_block):
            replacement += _kept(block.astext(), unread, depth)
        message.parent.replace(message, replacement)
    tree.transform_messages.clear()  # the writer would put them below the text
    for fields in list(tree.findall(nodes.field_list)):
        fields.parent.replace(fields, _listed(fields))
    return tree


def _kept(directive: str, unread: list[str], depth: int) -> list[nodes.Node]:
    """What stands in a directive that was not understood, read as if it stood in the text."""
    match = _DIRECTIVE.match(directive)
    if match is None:  # a table whose lines do not fit keeps its words; a heading with too short a line stands in the text
        return [nodes.literal_block("", directive)] if directive.startswith(("+-", "=")) else []
    if depth >= _MAX_DEPTH:
        return [nodes.literal_block("", directive)]
    name, argument = match["name"], match["argument"].strip()
    if name in _ELSEWHERE:
        unread.append(f"{name} {argument[:_MAX_SHOWN]}".rstrip())
    if name in _ELSEWHERE | _SILENT:
        return []
    content = _OPTIONS.sub("", dedent(match["rest"]), count=1)
    if name in _CODE:
        return [nodes.literal_block("", content)]
    return [*([nodes.paragraph("", argument)] if argument else []), *_parse(content, unread, depth + 1).children]


def _listed(fields: nodes.field_list) -> nodes.bullet_list:
    """“:Name: value” as an item of a list, with its value on the line of its name."""
    items = nodes.bullet_list()
    for entry in fields.children:
        name, body = entry.children
        first, *rest = body.children or [nodes.paragraph()]
        if not isinstance(first, nodes.paragraph):
            first, rest = nodes.paragraph(), body.children
        items += nodes.list_item("", nodes.paragraph("", "", nodes.Text(f"{name.astext()}: "), *first.children), *rest)
    return items


def _named(unread: list[str]) -> str:
    names = list(dict.fromkeys(unread))
    return ", ".join(names[:_MAX_NAMED]) + (f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else "")
