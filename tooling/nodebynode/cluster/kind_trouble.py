"""What a failed `kind create` means, in words that tell what to do."""

from __future__ import annotations

import re
from pathlib import Path

from nodebynode.errors import ClusterError
from nodebynode.processes import Finished

# Not the first port in the text: kind repeats the whole `docker run` with every port.
_PORT = re.compile(r"(?:Bind for|listen tcp4?|host port(?: for)?|port TCP) [\d.]+:(\d+)")
_IMAGE = re.compile(r"failed to pull image \"?([^\s\"]+)")


def explain(finished: Finished, log: Path) -> ClusterError:
    """Return the error for a `kind create` that failed; the whole output stays in `log`."""
    text = finished.err
    if "port is already allocated" in text or "address already in use" in text:
        port = match[1] if (match := _PORT.search(text)) else "one of the ports"
        return ClusterError(
            f"Port {port} of 127.0.0.1 was taken while the cluster was made.",
            "Try again: another port is chosen for one that is taken.",
        )
    if "already exist for a cluster" in text or "is already in use by container" in text:
        return ClusterError(
            "While the cluster was made, containers of an earlier run came up late.",
            "They are removed. Try again.",
        )
    if match := _IMAGE.search(text):
        return ClusterError(
            f"The node image {match[1]} is not on this machine and cannot be pulled.",
            "Connect to a network that reaches the registry, or set NODEBYNODE_KIND_IMAGE to a "
            "kind node image that is here (`docker images`).",
        )
    if "no space left on device" in text:
        return ClusterError(
            "The disk filled up while the cluster was made.",
            "Make room, for example with `docker system prune`, and try again.",
        )
    if "too many open files" in text.lower() or "inotify" in text:
        return ClusterError(
            "This machine allows too few file watches for four nodes.",
            "Run `sudo sysctl fs.inotify.max_user_instances=1024 "
            "fs.inotify.max_user_watches=524288` and try again.",
        )
    return ClusterError(
        f"kind could not make the cluster: {finished.last_words}",
        f"All that it printed is in {log}.",
    )
