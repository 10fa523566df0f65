"""The colours stay apart in every kind of colour vision, and what is written can be read."""

from __future__ import annotations

import itertools

import pytest
from nodebynode.view import Box, Scene, compose
from nodebynode.view.colours import PAPER, SHADE, STATES, TINT
from nodebynode.view.pods import BANDS, band_of, look_of

from tests.unit.colour_science import VISIONS, ciede2000, contrast, distance
from tests.unit.instants import crowd, instants, scenes

SCENES = {**dict(scenes()), "compact": compose(crowd(70, 10))}


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [  # from Sharma, Wu and Dalal's table: the places where the formula is often got wrong
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, -1.3802, -84.2814), (50, 0, -82.7485), 1.0000),
        ((50, 2.4900, -0.0010), (50, -2.4900, 0.0009), 7.1792),
        ((50, 2.4900, -0.0010), (50, -2.4900, 0.0011), 7.2195),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_the_distance_is_ciede2000(
    one: tuple[float, float, float], other: tuple[float, float, float], expected: float
) -> None:
    assert ciede2000(one, other) == pytest.approx(expected, abs=0.0001)


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("vision", VISIONS)
def test_the_colours_of_states_stay_apart(vision: str) -> None:
    apart = {
        (one, other): distance(STATES[one], STATES[other], vision)
        for one, other in itertools.combinations(STATES, 2)
    }
    assert {pair: far for pair, far in apart.items() if far < 20} == {}


def test_each_state_has_a_glyph_of_its_own_and_one_of_these_colours() -> None:
    looks = {look.kind: look for _, state in instants() for look in map(look_of, state.pods)}
    assert set(looks) == {"ready", "unready", "leaving", "failed", "waiting"}
    assert len({look.glyph for look in looks.values()}) == len(looks)
    assert {look.ink for look in looks.values()} == set(STATES.values())


def test_each_band_has_a_pattern_of_its_own() -> None:
    drawn = [band_of(Box("", "", "", 0, 0, 80, 72, band=band)) for band in BANDS]
    assert len({len(stroke.lines) for (stroke,) in drawn}) == len(BANDS)


def ground_of(box: Box, scene: Scene) -> str:
    """The colour on which a box's words stand: its own, else of the last box around it."""
    around = [
        one.frame.fill
        for one in scene.boxes[: scene.boxes.index(box) + 1]
        if one.frame.fill != "none"
        and one.x <= box.x
        and one.y <= box.y
        and one.right >= box.right
        and one.bottom >= box.bottom
    ]
    return around[-1] if around else PAPER


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES)
def test_all_words_can_be_read(scene: Scene) -> None:
    for box in scene.boxes:
        ground = ground_of(box, scene)
        for placed in box.texts():
            ink = placed.text.ink
            assert contrast(ink, ground) >= 4.5, (placed.text, ground)


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES)
def test_edges_that_mean_something_can_be_seen(scene: Scene) -> None:
    for box in scene.boxes:
        kind = box.kind.split()[0]
        if kind in ("pod", "node", "service", "tray", "budget", "deployment", "replicaset"):
            for ground in (PAPER, TINT, SHADE):
                assert contrast(box.frame.stroke, ground) >= 3, box.key
        if kind in ("pod", "replicaset", "set"):  # not rails: who stands on one has a line to it
            inks = {stroke.ink for stroke in box.strokes}
            assert all(contrast(ink, ground) >= 3 for ink in inks for ground in (PAPER, TINT))
    assert all(contrast(link.ink, PAPER) >= 3 for link in scene.links)
