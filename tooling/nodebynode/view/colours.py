"""The colours of the picture, each with the one thing that it means.

Blue and vermilion are Okabe and Ito's (https://jfly.uni-koeln.de/color/), which stay apart in every
kind of colour vision. Vermilion is darker here than theirs, so that it can be read as text.
The picture never depends on colour: a state is a glyph and a word first, a version is a pattern.
"""

from __future__ import annotations

INK, GREY, FAINT = "#1b1f24", "#57606a", "#c4cad1"
PAPER, TINT, SHADE = "#ffffff", "#f6f8fa", "#e4e7eb"
"""Grounds: of the page and what stands on it, of a node, and of a node that is NotReady."""
BLUE, VERMILION, DIM = "#0072b2", "#b84d00", "#707068"
TRACK, RAIL = "#e1e4e8", "#aab2bb"

STATES = {"ready": BLUE, "leaving": VERMILION, "unready": DIM, "failed": INK}
"""How the states of a Pod are told apart; what waits or is done is as dim as what is not ready."""
