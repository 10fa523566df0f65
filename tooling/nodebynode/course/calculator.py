"""A rollout to play with: sliders for the Deployment, and what the model makes of it.

Where somebody looks on, the sliders are Jupyter's own widgets, which a keyboard moves too. Where a
program runs the notebook, there is the picture and the table for the first values: a widget that
was stored would be all that an export shows, and it shows nothing.
"""

from __future__ import annotations

import html
import itertools
from collections.abc import Mapping
from typing import Any, Literal

import ipywidgets

from nodebynode.errors import BadInput
from nodebynode.model.rollout import ABSTRACTS, Plan, Rollout, roll_out
from nodebynode.view.live import is_watched
from nodebynode.view.metrics import clean
from nodebynode.view.picture import html_table
from nodebynode.view.staircase import staircase
from nodebynode.view.words import Table

_shown = itertools.count(1)
_AMOUNTS = (0, 1, 2, 3, 4, 5, "10%", "25%", "50%", "100%")
_MOST_REPLICAS, _MOST_SECONDS = 20, 60
_LOOK: Mapping[str, Any] = {
    "style": {"description_width": "13em"},
    "layout": {"width": "40em", "max_width": "100%"},
}
Strategy = Literal["RollingUpdate", "Recreate"]


def calculator(
    *,
    replicas: int = 3,
    surge: int | str = "25%",
    unavailable: int | str = "25%",
    startup: float | None = 3.0,
    min_ready: float = 0.0,
    grace: float = 2.0,
    strategy: Strategy = "RollingUpdate",
) -> Calculator:
    """Show what a rollout does, with sliders to change it.

    Args:
        replicas: How many Pods are wanted.
        surge: maxSurge, a number of Pods or a percentage.
        unavailable: maxUnavailable, likewise.
        startup: Seconds until a new Pod is Ready; None for never, as with a broken image.
        min_ready: minReadySeconds.
        grace: Seconds until a Pod that was told to stop is gone.
        strategy: The Deployment's.

    Raises:
        BadInput: No rollout can be foretold of these.
    """
    return Calculator(Plan(replicas, surge, unavailable, startup, min_ready, grace, strategy))


class Calculator:
    """A rollout with its controls, as a notebook shows it.

    Args:
        plan: What it begins with; one start-up time for all Pods.

    Raises:
        BadInput: No rollout can be foretold of it.
    """

    def __init__(self, plan: Plan) -> None:
        self.rollout: Rollout = roll_out(plan)
        """What is shown at present."""
        self._box: ipywidgets.VBox | None = None

    @property
    def widget(self) -> ipywidgets.VBox:
        """The controls above the picture and the table; there is one of it."""
        if self._box is None:
            controls = _controls(self.rollout.plan)
            output = ipywidgets.HTML(shown(self.rollout))

            def follow(_: object) -> None:
                output.value = self._recalculated(_plan(controls))

            for control in controls.values():
                control.observe(follow, "value")
            self._box = ipywidgets.VBox([*controls.values(), output])
        return self._box

    def __repr__(self) -> str:
        return str(self.rollout)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """Jupyter's hook: picture and table, and the controls where somebody looks on."""
        still = {"text/plain": repr(self), "text/html": shown(self.rollout)}
        if not is_watched():
            return still
        return {**self.widget._repr_mimebundle_(), **still}

    def _recalculated(self, plan: Plan) -> str:
        try:
            self.rollout = roll_out(plan)
        except BadInput as error:
            return f'<p role="status">{html.escape(str(error))}</p>'
        return shown(self.rollout)


def shown(rollout: Rollout) -> str:
    """A rollout as HTML: its sentence, the picture and the table of its steps."""
    heads, *rows = rollout.table
    sentence = html.escape(clean(rollout.summary))
    picture = staircase(rollout, f"rollout-{next(_shown)}-")
    return (
        f'<figure role="group" aria-label="{sentence}" style="margin:0">'
        f'<p role="status">{sentence}</p><div style="overflow-x:auto">{picture}</div>'
        f"{html_table(Table(heads, tuple(rows)))}"
        f"<figcaption>{html.escape(ABSTRACTS)}</figcaption></figure>"
    )


def _controls(plan: Plan) -> dict[str, ipywidgets.Widget]:
    """A control for each field, by its name; one that is out of range makes room for itself."""
    return {
        "replicas": _count("replicas", plan.replicas, _MOST_REPLICAS),
        "surge": _amount("maxSurge", plan.surge),
        "unavailable": _amount("maxUnavailable", plan.unavailable),
        "startup": _seconds("start-up (s)", 3.0 if plan.startup is None else plan.startup),
        "never": ipywidgets.Checkbox(
            value=plan.startup is None, description="new Pods are never Ready", **_LOOK
        ),
        "min_ready": _seconds("minReadySeconds", plan.min_ready),
        "grace": _seconds("until gone (s)", plan.grace),
        "strategy": ipywidgets.Dropdown(
            options=["RollingUpdate", "Recreate"],
            value=plan.strategy,
            description="strategy",
            **_LOOK,
        ),
    }


def _count(name: str, value: int, most: int) -> ipywidgets.Widget:
    return ipywidgets.IntSlider(value=value, min=0, max=max(most, value), description=name, **_LOOK)


def _seconds(name: str, value: Any) -> ipywidgets.Widget:
    return ipywidgets.FloatSlider(
        value=value,
        min=0,
        max=max(_MOST_SECONDS, value),
        step=0.5,
        readout_format=".1f",
        description=name,
        **_LOOK,
    )


def _amount(name: str, value: int | str) -> ipywidgets.Widget:
    known = [str(one) for one in _AMOUNTS]
    options = known if str(value) in known else [*known, str(value)]
    return ipywidgets.SelectionSlider(options=options, value=str(value), description=name, **_LOOK)


def _plan(controls: Mapping[str, ipywidgets.Widget]) -> Plan:
    values = {name: control.value for name, control in controls.items()}
    never = values.pop("never")
    return Plan(**{**values, "startup": None if never else values["startup"]})
