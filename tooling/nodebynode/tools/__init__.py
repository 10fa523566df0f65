"""Finding the programs that the course needs: kubectl, kind, and Go where something must be built.

Each program is looked for in the same order: an explicit setting, PATH (with a version check), our
cache, a wheel, a pinned download with its checksum, a Go build. The first that fits is used. When
none does, the error tells what was tried and why each did not fit.
"""

from nodebynode.tools.known import GO, KIND, KUBECTL
from nodebynode.tools.resolver import Tool, resolve

__all__ = ["GO", "KIND", "KUBECTL", "Tool", "resolve"]
