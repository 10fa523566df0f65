"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

ClusterName = Annotated[
    str | None, typer.Option("--cluster", "-c", help="The cluster's name.", metavar="NAME")
]
ProviderName = Annotated[
    str | None,
    typer.Option("--provider", "-p", help="kind, embedded, or auto.", metavar="PROVIDER"),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
