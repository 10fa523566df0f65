"""A load from inside the cluster: the witness in a Pod, followed by its log.

It needs no NodePort, and no proxy of this machine stands between it and the Service. It is on the
control plane's node, so that no drain and no failing worker takes it away. Its Pod goes when it is
stopped; where this process is killed, it ends by itself, and opening a lab removes it.
"""

from __future__ import annotations

import secrets
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

from nodebynode.cluster import Cluster
from nodebynode.course.inside_pod import NAMESPACE, config_map, pod, why_not_begun
from nodebynode.errors import BadInput, ClusterError
from nodebynode.kube import Json, Kind
from nodebynode.processes import die_with_parent
from nodebynode.waiting import wait_for
from nodebynode.witness import Plan, Traffic
from nodebynode.witness.plan import TIMEOUT
from nodebynode.witness.witness import make_log

MOST_SKEW = 0.05
"""Seconds. Losses are explained by what was recorded here, and told by a clock of there."""
_START_SECONDS = 60.0
_END_SECONDS = 2 * TIMEOUT + 14
_CLOCK = "import sys, time\nfor line in sys.stdin: print(time.time(), flush=True)"
_REST_SECONDS = 5.0
_ASKED = 5
_CLOCK_SECONDS = 20.0


class PodWitness:
    """A bounded load on a Service, from a Pod of its own on the control plane's node.

    Args:
        cluster: Where it is sent, and from where.
        namespace: The Service's namespace.
        service: Its name; it needs an address in the cluster, but no NodePort.
        log_path: Where each request is logged, on this machine.
        rate: Requests a second, at most 200.
        seconds: When it ends by itself.
        keep_alive: Connections that are kept and used in turn; 0 makes a new one for each request.

    Raises:
        ApiError: there is no such Service.
        BadInput: one of the numbers is out of bounds, the Service has no address, or the cluster's
            Pods run no containers.
    """

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        service: str,
        log_path: Path,
        rate: float = 50,
        seconds: float = 600,
        keep_alive: int = 0,
    ) -> None:
        if not cluster.capabilities.containers:
            raise BadInput(
                "No Pod runs a container here: on this cluster a load cannot be sent from inside.",
                "Send it from outside, with `lab.load()`, or use a kind cluster.",
            )
        url = address(cluster, namespace, service)
        self.plan = Plan(url, rate, seconds, keep_alive, inside=True)
        self.path = log_path
        self.name = f"nodebynode-load-{secrets.token_hex(3)}"
        self._cluster = cluster
        self._follower: subprocess.Popen[bytes] | None = None
        self._traffic: Traffic | None = None

    def __repr__(self) -> str:
        state = "running" if self.running else "ended" if self._follower else "not started"
        return f"<Load from Pod {self.name} on {self.plan.url}, {state}>"

    @property
    def running(self) -> bool:
        """Whether it still goes on."""
        return self._follower is not None and self._follower.poll() is None

    def start(self) -> None:
        """Begin; returns when the first request is about to be sent, or has been.

        Raises:
            BadInput: the log cannot be made, or there is one of that name.
            ClusterError: the load did not begin, has been started before, or its clock is not ours.
        """
        if self._follower is not None:
            raise ClusterError("This load has been started before.", "Make a new one.")
        make_log(self.path)
        api = self._cluster.api
        try:
            api.create(Kind.CONFIG_MAP, config_map(self.name), NAMESPACE)
            api.create(Kind.POD, pod(self.name, self.plan), NAMESPACE)
            self._wait_begun()
            self._follower = self._follow()
            self._wait_logged(self._follower)
            self._require_same_clock()
        except BaseException:
            self._remove()
            raise

    def stop(self) -> Traffic:
        """End the load where it goes on, and return what became of its requests.

        Requests under way are waited for. Its Pod is gone afterwards. Twice is as good as once.

        Raises:
            ClusterError: it was never started.
        """
        if self._follower is None:
            raise ClusterError("This load has not been started.", "Call `start()` first.")
        if self._traffic is None:
            try:
                self._end(self._follower)
            finally:
                self._remove()
            self._traffic = Traffic.read(self.path)
        return self._traffic

    def wait(self) -> Traffic:
        """Wait until the load ends by itself, then as `stop`."""
        if self._follower is not None and self._traffic is None:
            wait_for(
                lambda: self._has_ended(),
                timeout=self.plan.seconds + _END_SECONDS,
                what="the load to end by itself",
            )
        return self.stop()

    def __enter__(self) -> PodWitness:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # ── the Pod ──────────────────────────────────────────────────────────────────────────────

    def _found(self) -> Json | None:
        return self._cluster.api.find(Kind.POD, self.name, NAMESPACE)

    def _phase(self) -> str:
        """Its phase; `Gone` where it is no longer there."""
        found = self._found()
        return str(found["status"].get("phase", "Pending")) if found else "Gone"

    def _has_ended(self) -> bool:
        return self._phase() not in ("Pending", "Running")

    def _wait_begun(self) -> None:
        wait_for(
            lambda: self._phase() != "Pending",
            timeout=_START_SECONDS,
            what=f"the load's Pod {NAMESPACE}/{self.name} to run",
            seen=lambda: why_not_begun(self._found()),
            do="Look at the cluster with `nodebynode status`.",
            every=0.1,
        )

    def _end(self, follower: subprocess.Popen[bytes]) -> None:
        """Ask the Pod to end, and have all of its log."""
        if not self._has_ended():
            # By its own signal: a Pod that is deleted may take the rest of its log with it.
            self._kubectl("exec", self.name, "--", "sh", "-c", "kill -TERM 1")
        wait_for(
            lambda: self._is_whole() or self._has_ended(),
            timeout=_END_SECONDS,
            what=f"the load's Pod {NAMESPACE}/{self.name} to end",
            seen=self._phase,
            every=0.05,
        )
        if not self._is_whole():  # its last lines are on their way, or the API server was away
            with suppress(subprocess.TimeoutExpired):
                follower.wait(_REST_SECONDS)
        if not self._is_whole():
            whole = self._kubectl("logs", self.name)
            if len(whole) > self.path.stat().st_size:
                self.path.write_text(whole, encoding="utf-8")

    def _is_whole(self) -> bool:
        """Whether the last line of the log is here."""
        with self.path.open("rb") as file:
            file.seek(max(0, self.path.stat().st_size - 200))
            *_, last, rest = (b"", *file.read().split(b"\n"))
        return last.startswith(b'{"end"') and not rest

    def _remove(self) -> None:
        """Remove Pod and ConfigMap, as far as they are there."""
        if self._follower is not None and self._follower.poll() is None:
            self._follower.kill()
            self._follower.wait()
        for kind in (Kind.POD, Kind.CONFIG_MAP):
            self._cluster.api.delete(kind, self.name, NAMESPACE, grace=0)

    # ── its log and its clock ────────────────────────────────────────────────────────────────

    def _kubectl(self, *words: str) -> str:
        """What kubectl prints of the Pod; empty where it cannot do it."""
        done = self._cluster.kubectl("--namespace", NAMESPACE, *words, check=False)
        return done.out if done.code == 0 else ""

    def _argv(self, *words: str) -> list[str]:
        return [str(self._cluster.kubectl.program), "--namespace", NAMESPACE, *words]

    def _follow(self) -> subprocess.Popen[bytes]:
        """Have the Pod's log written on this machine, as it comes."""
        with self.path.open("ab") as file:
            return subprocess.Popen(
                self._argv("logs", "--follow", self.name),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.DEVNULL,
                env=self._cluster.kubectl.environment(),
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    def _wait_logged(self, follower: subprocess.Popen[bytes]) -> None:
        wait_for(
            lambda: self.path.stat().st_size or follower.poll() is not None,
            timeout=_START_SECONDS,
            what="the load's first line",
            every=0.02,
        )
        if self.path.read_bytes()[:1] != b"{":  # what it wrote to its standard error is here, too
            said = self._kubectl("logs", self.name)
            raise ClusterError(f"The load did not begin. {said}".strip())

    def _require_same_clock(self) -> None:
        """Hold the Pod's clock against ours.

        Raises:
            ClusterError: they differ by more than can be lived with.
        """
        ahead, unsure = self._skew()
        if abs(ahead) - unsure > MOST_SKEW:
            way = "ahead of" if ahead > 0 else "behind"
            raise ClusterError(
                f"The clock of the load's Pod is {abs(ahead) * 1000:.0f} ms {way} this machine's, "
                "so that its losses could not be explained.",
                "Restart Docker, which sets its clock, or send the load from outside: "
                "`lab.load()`.",
            )

    def _skew(self) -> tuple[float, float]:
        """By how many seconds the Pod's clock is ahead of ours, and by how many that may be off.

        As NTP does it: the answer was given between question and arrival; the fastest is taken.
        """
        asking = subprocess.Popen(
            self._argv("exec", "--stdin", self.name, "--", "python3", "-S", "-c", _CLOCK),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            bufsize=1,
            env=self._cluster.kubectl.environment(),
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
        watchdog = threading.Timer(_CLOCK_SECONDS, asking.kill)
        watchdog.start()
        try:
            return min((_ask(asking) for _ in range(_ASKED)), key=lambda found: found[1])
        except (OSError, ValueError) as error:
            said = asking.stderr.read().strip() if asking.stderr else ""
            raise ClusterError(f"The clock of the load's Pod cannot be read. {said}") from error
        finally:
            watchdog.cancel()
            asking.kill()
            asking.communicate()


def _ask(asking: subprocess.Popen[str]) -> tuple[float, float]:
    """Ask a process for its time once; returns its lead over ours, and how sure that is."""
    if asking.stdin is None or asking.stdout is None:
        raise ValueError(asking)
    sent = time.time()
    asking.stdin.write("\n")
    told = float(asking.stdout.readline())
    came = time.time()
    return told - (sent + came) / 2, (came - sent) / 2


def address(cluster: Cluster, namespace: str, service: str) -> str:
    """A Service's own address in the cluster.

    Raises:
        ApiError: there is no such Service.
        BadInput: it has no address of its own.
    """
    spec: Json = cluster.api.get(Kind.SERVICE, service, namespace)["spec"]
    ip, ports = spec.get("clusterIP", ""), spec.get("ports") or ()
    if not ports or ip in ("", "None"):
        raise BadInput(
            f"Service {service} has no address in the cluster.",
            "Leave `clusterIP` out of its spec: then Kubernetes gives it one.",
        )
    return f"http://{ip}:{ports[0]['port']}"
