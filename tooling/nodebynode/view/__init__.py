"""The picture of a State: geometry, DOT, words, and the object that a notebook shows."""

from nodebynode.view.dot import to_dot
from nodebynode.view.picture import Map
from nodebynode.view.scene import compose
from nodebynode.view.shapes import Box, Scene
from nodebynode.view.words import MODELLED, modelled_words, plain_text, sentence

__all__ = [
    "MODELLED",
    "Box",
    "Map",
    "Scene",
    "compose",
    "modelled_words",
    "plain_text",
    "sentence",
    "to_dot",
]
