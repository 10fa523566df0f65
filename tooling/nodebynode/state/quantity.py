"""Kubernetes' own notations for amounts: quantities, percentages of replicas, times.

They stand here because each has a rounding rule that a lesson depends on.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import ROUND_CEILING, Decimal

from nodebynode.errors import BadInput

_QUANTITY = re.compile(
    r"([+-]?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?\d{1,3})|([numkMGTPE]|[KMGTPE]i)?)", re.ASCII
)
_UNITS = {
    **{unit: Decimal(10) ** power for unit, power in zip("num", (-9, -6, -3), strict=True)},
    **{unit: Decimal(1000) ** power for power, unit in enumerate("kMGTPE", start=1)},
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", start=1)},
}


def parse_quantity(text: str | int | float) -> Decimal:
    """Read a quantity such as `100m`, `0.5`, `4Gi` or `1e3`, in the resource's base unit.

    Source: apimachinery, `pkg/api/resource/quantity.go`.

    Raises:
        BadInput: The text is no quantity.
    """
    match = _QUANTITY.fullmatch(str(text))
    if match is None:
        raise BadInput(f"{text!r} is not a Kubernetes quantity.", "Write it like 250m, 2 or 512Mi.")
    number, exponent, unit = match.groups()
    return Decimal(number) * (Decimal(10) ** int(exponent or 0)) * _UNITS.get(unit or "", 1)


def millicores(text: str | int | float) -> int:
    """CPU in thousandths of a core, rounded up as the scheduler does (`Quantity.MilliValue`)."""
    return int((parse_quantity(text) * 1000).to_integral_value(ROUND_CEILING))


def whole(text: str | int | float) -> int:
    """An amount in whole base units, such as bytes of memory, rounded up (`Quantity.Value`)."""
    return int(parse_quantity(text).to_integral_value(ROUND_CEILING))


def resolve_fenceposts(surge: str | int, unavailable: str | int, wanted: int) -> tuple[int, int]:
    """How many Pods a rolling update may add, and how many it may miss.

    A percentage of surge rounds up, one of unavailable rounds down; when both come to nothing the
    update could never move, so one Pod may be missing.
    Source: kubernetes, `pkg/controller/deployment/util/deployment_util.go: ResolveFenceposts`.

    Args:
        surge: `maxSurge`, a number of Pods or a percentage such as `25%`.
        unavailable: `maxUnavailable`, likewise.
        wanted: The replicas that the percentages are of.

    Returns:
        Pods over `wanted` and Pods under it.
    """
    over = -(-_hundredths(surge, wanted) // 100)
    under = _hundredths(unavailable, wanted) // 100
    return (over, under) if over or under else (0, 1)


def _hundredths(value: str | int, wanted: int) -> int:
    """A number of Pods times 100, so that the rounding is left to the caller."""
    text = str(value)
    digits = text.removesuffix("%")
    if not (digits.isascii() and digits.isdigit()):
        raise BadInput(f"{text!r} is neither a number nor a percentage.", "Write it like 1 or 25%.")
    return int(digits) * (wanted if text.endswith("%") else 100)


def parse_time(text: str | None) -> datetime | None:
    """An API timestamp (RFC 3339, UTC), or None for none.

    Raises:
        BadInput: The text is no timestamp.
    """
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"{text!r} is not an RFC 3339 time.") from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)
