"""How wide a text will be, and how to make it fit.

The browser chooses the font, so a text is measured by DejaVu Sans, the widest of the fonts that a
notebook is likely to show; what fits by this table fits in Segoe UI, San Francisco and Roboto.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache

# Advance widths in em, rounded up; bold ones are a seventh wider, but never below 0.48.
_CLASSES = {
    0.3: "'IJijl",
    0.35: " ,./:;\\|·",
    0.4: "()-[]ft",
    0.45: "!r",
    0.5: '"*_`',
    0.55: "?csz",
    0.6: "FLkvxy“”",
    0.65: "$0123456789EPSTYabdeghnopqu{}",
    0.7: "ABCKRVXZ",
    0.75: "NU",
    0.8: "&DGHOQ▲",
    0.85: "#+<=>^w~✕✓",
    0.9: "M●◔○↻",
}
_WIDTHS = {letter: width for width, letters in _CLASSES.items() for letter in letters}
_BOLD_LEAST = 0.48
_WIDEST = 1.05
_BOLD = 1.14


@lru_cache(maxsize=8192)
def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """The width of one line in points, never less than a browser will need.

    Args:
        text: One line.
        size: The font size in points.
        bold: Whether it is set in bold.
    """
    if not bold:
        return size * sum(_WIDTHS.get(letter, _WIDEST) for letter in text)
    return size * sum(max(_BOLD_LEAST, _WIDTHS.get(letter, _WIDEST) * _BOLD) for letter in text)


def shorten(text: str, size: float, room: float, *, bold: bool = False) -> str:
    """The text, cut at the end with `…` where it needs more than `room` points."""
    if text_width(text, size, bold=bold) <= room:
        return text
    while text and text_width(text + "…", size, bold=bold) > room:
        text = text[:-1]
    return text.rstrip() + "…" if text else ""


def shorten_front(text: str, size: float, room: float, *, bold: bool = False) -> str:
    """The text, cut at the front: names of machines differ at their end."""
    return shorten(text[::-1], size, room, bold=bold)[::-1]


def wrap(
    words: Iterable[str], size: float, room: float, *, lines: int, glue: str = " "
) -> list[str]:
    """Set words, joined by `glue`, in at most `lines` lines of `room` points; the last is cut."""
    rest, done = list(words), list[str]()
    while rest and len(done) < lines - 1:
        line = rest.pop(0)
        while rest and text_width(f"{line}{glue}{rest[0]}", size) <= room:
            line = f"{line}{glue}{rest.pop(0)}"
        done.append(shorten(line, size, room))
    return [*done, shorten(glue.join(rest), size, room)] if rest else done


def clean(text: str) -> str:
    """One line without the characters that XML forbids; messages come from outside."""
    line = " ".join(text.split())
    if line.isprintable():
        return line
    return "".join("\ufffd" if _forbidden(letter) else letter for letter in line)


def _forbidden(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cc", "Cs") or letter in "\ufffe\uffff"
