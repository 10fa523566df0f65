"""Finding the programs that the course needs: kubectl, kind, the control plane, and Go.

Each program is looked for in the same order: an explicit setting, PATH (with a version check), our
cache, a wheel, a pinned download with its checksum, a Go build. The first that fits is used. When
none does, the error tells what was tried and why each did not fit.
"""

from nodebynode.tools.known import CONTROL_PLANE, GO, KIND, KUBECTL
from nodebynode.tools.resolver import Tool, resolve

__all__ = ["CONTROL_PLANE", "GO", "KIND", "KUBECTL", "Tool", "resolve"]
