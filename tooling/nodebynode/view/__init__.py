"""The picture of a State: geometry, DOT, words, and the object that a notebook shows."""

from nodebynode.view.differences import differences
from nodebynode.view.dot import to_dot
from nodebynode.view.drawing import draw
from nodebynode.view.picture import Map
from nodebynode.view.scene import compose
from nodebynode.view.shapes import Box, Scene
from nodebynode.view.words import MODELLED, modelled_words, plain_text, sentence, tables
from nodebynode.view.writer import fragments, to_svg

__all__ = [
    "MODELLED",
    "Box",
    "Map",
    "Scene",
    "compose",
    "differences",
    "draw",
    "fragments",
    "modelled_words",
    "plain_text",
    "sentence",
    "tables",
    "to_dot",
    "to_svg",
]
