"""Graphviz's SVG made fit for a page, as text: it puts a comment before each of its groups."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from nodebynode.errors import MissingTool
from nodebynode.view.dot import OF, PART
from nodebynode.view.writer import DASHED, LINE_DOTTED, document

_COMMENT = re.compile(r"<!--.*?-->\n", re.DOTALL)
_PAGE = re.compile(
    r'<svg [^>]*viewBox="0\.00 0\.00 ([0-9.]+) ([0-9.]+)"[^>]*>\n'
    r'<g id="[^"]*" class="graph" (transform="[^"]*")>\n'
    r"(?:<title>[^<]*</title>\n)?(.*)",
    re.DOTALL,
)
_GROUP = re.compile(
    r'<g id="(?P<id>[^"]*)" class="(?P<kind>[^"]*)">\n<title>[^<]*</title>\n'
    r'(?:<g id="a_[^"]*"><a [^>]*xlink:title="(?P<tip>[^"]*)"[^>]*>\n)?'
    r"(?P<body>(?:<[a-z].*\n)*)(?:</a>\n</g>\n)?</g>\n"
)
_FONT = re.compile(r' font-family="[^"]*"')


@dataclass(slots=True)
class _Group:
    """A box or a link, with all that belongs to it."""

    name: str
    kind: str
    tip: str
    bodies: list[str] = field(default_factory=list)

    def text(self, prefix: str) -> str:
        title = f"<title>{self.tip}</title>" if self.tip else ""
        return f'<g id="{prefix}{self.name}" class="{self.kind}">{title}{"".join(self.bodies)}</g>'


def adopt(drawn: str, prefix: str, title: str, desc: str) -> str:
    """Name and describe Graphviz's SVG, scale it, and give it ids of its own.

    A group gets all the parts of its box, so that a script can move it as one. A tooltip is put
    where browsers look for it: in the group's title, not in a link around it.

    Raises:
        MissingTool: This Graphviz writes SVG in a way that is not known here.
    """
    clean = _FONT.sub("", drawn).replace("&#45;", "-")
    first, *rest = (one for one in _COMMENT.split(clean)[1:] if one.strip())
    page = _PAGE.fullmatch(first)
    if page is None or not rest:
        raise _unknown(first)
    rest[-1] = rest[-1].removesuffix("</g>\n</svg>\n")
    width, height, transform, ground = page.groups()
    groups = [
        f'<g id="{prefix}graph0" class="graph" {transform}>{ground}',
        *(group.text(prefix) for group in _gathered(rest)),
        "</g>",
    ]
    return document(float(width), float(height), prefix, (title, desc), groups)


def _gathered(chunks: list[str]) -> list[_Group]:
    """The groups in Graphviz's order, with the parts of a box in the box's own."""
    kept, owners = list[_Group](), dict[str, _Group]()
    for chunk in chunks:
        match = _GROUP.fullmatch(chunk)
        if match is None:
            raise _unknown(chunk)
        name, kind, tip, body = match.group("id", "kind", "tip", "body")
        body = _lengthen_dashes(body, kind)
        if PART in kind.split():
            owners.get(name.removesuffix(OF), kept[-1]).bodies.append(body)
            continue
        kept.append(_Group(name, kind, tip, [body]))
        owners[name] = kept[-1]
    return kept


def _lengthen_dashes(body: str, kind: str) -> str:
    """Graphviz's dashes are too close for a heavy line, and its dots for a line at all."""
    body = body.replace('dasharray="5,2"', f'dasharray="{DASHED}"')
    if "edge" in kind.split():
        body = body.replace('dasharray="1,5"', f'dasharray="{LINE_DOTTED}"')
    return body.replace("\n", "")


def _unknown(seen: str) -> MissingTool:
    return MissingTool(
        f"Graphviz writes SVG in a way that is not known here: {seen[:80]!r}",
        "Try another version of Graphviz; `dot -V` says which one this is.",
    )
