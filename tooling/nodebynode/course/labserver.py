"""JupyterLab, started a second sooner: `python -m nodebynode.course.labserver` in place of its own.

jsonschema, which Jupyter brings along, compiles a grammar of international addresses when it is
imported. That takes 1.7 s, and Jupyter's events hold no such address. Without the module jsonschema
leaves that one format unchecked, as it does wherever its optional extras are not installed.
"""

from __future__ import annotations

import sys


def skip_slow_grammar() -> None:
    """Let no later import in this process load the grammar."""
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


if __name__ == "__main__":
    skip_slow_grammar()
    from jupyterlab.labapp import main

    sys.exit(main())
