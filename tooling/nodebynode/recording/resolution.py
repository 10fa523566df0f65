"""How finely a recording tells what came first.

Each kind of object has a watch of its own. Within a kind, changes are heard in the order in which
the API server made them; between kinds, one may be heard before another that caused it. Who
compares kinds must leave out what is closer than `APART`.
"""

from __future__ import annotations

from datetime import timedelta

APART = timedelta(milliseconds=50)
"""How far apart changes of different kinds may be heard although they belong together."""
