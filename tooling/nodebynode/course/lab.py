"""`Lab`: what a notebook talks to, from its first cell to its last."""

from __future__ import annotations

import difflib
import os
from collections import Counter
from datetime import UTC, datetime

from nodebynode import settings
from nodebynode.cluster import Cluster, open_cluster
from nodebynode.course import kernel, progress
from nodebynode.course.acts import acts_of
from nodebynode.course.checks import NotYet, by_name, judge
from nodebynode.course.comparing import Compared
from nodebynode.course.flight import Flight, new_path
from nodebynode.course.labs import checks_of, questions_of
from nodebynode.course.loading import Load
from nodebynode.course.look import Look, Memory, listed
from nodebynode.course.notebooks import find_lab
from nodebynode.course.predictions import Predictions
from nodebynode.course.strip import Strip
from nodebynode.errors import BadInput, ClusterError, NodebynodeError
from nodebynode.kube import Kind
from nodebynode.kube.feed import KINDS
from nodebynode.recording import MarkKind, Recording, Steps
from nodebynode.recording.rules import Story
from nodebynode.state import parse_state
from nodebynode.view import MODELLED, Map, modelled_words
from nodebynode.view.live import Live
from nodebynode.view.replay import Replay
from nodebynode.waiting import wait_for
from nodebynode.witness import Report

# Not `pipefail`: `kubectl get … | head -1` would then fail now and then, when head leaves first.
_STRICT_BASH = "set -e\n"


class Lab:
    """One lab on the training cluster, in a namespace of its own.

    Opening a lab puts the whole training cluster back first, so that what an earlier lab left
    cannot spoil this one, and says what it had to undo. One lab is open on a cluster at a time.

    Args:
        name: The lab's number or name: "01".
        cluster: The cluster's name; the default one when None.

    Raises:
        BadInput: there is no such lab.
        ClusterError: the cluster is not up.
    """

    def __init__(self, name: str, *, cluster: str | None = None) -> None:
        self.name = find_lab(settings.course_root(), name).stem
        self._checks = by_name(checks_of(self.name))
        self._predictions = Predictions(questions_of(self.name))
        self._cluster = open_cluster(cluster)
        _require_running(self._cluster)
        print(f"Opening lab {self.name} on cluster '{self._cluster.name}' …", flush=True)
        undone = self._cluster.reset()
        self.namespace = f"lab-{self.name.split('-')[0]}"
        self._memories: dict[str, Memory] = {}
        self._attempts: Counter[str] = Counter()
        self._map: Map | None = None
        self._closed = False
        self._make_namespace()
        self._flight = Flight(self._cluster.api, new_path(self.name))
        self._live: Live | None = None
        self._load: Load | None = None
        self._prepare_kernel()
        kernel.at_end(self._close_quietly)
        progress.record(self.name, "opened", cluster=self._cluster.name)
        self._greet(undone)

    def __repr__(self) -> str:
        return f"<Lab {self.name} on cluster {self._cluster.name}>"

    def check(self, name: str, answer: object = None) -> None:
        """Look whether a step is done; waits while something is on its way.

        Args:
            name: The check's name.
            answer: What you found out, for checks that ask for it.

        Raises:
            NotYet: not yet; says what was seen, what is expected, and where to look.
            BadInput: the lab has no such check.
        """
        check = self._checks.get(name)
        if check is None:
            raise BadInput(f"This lab has no check '{name}'.", self._did_you_mean(name))
        self._remind(check=name)
        self._attempts[name] += 1
        attempt = self._attempts[name]
        try:
            self._require_own_namespace()
            seen = judge(check, self._look(answer), attempt)
        except NotYet as refusal:
            progress.record(
                self.name, "check", check=name, outcome="not yet", attempt=attempt, saw=refusal.saw
            )
            raise
        progress.record(self.name, "check", check=name, outcome="passed", attempt=attempt)
        badge = f" {MODELLED}" if self._cluster.capabilities.modelled else ""
        print(f"✓ {check.title}: {seen}{badge}")

    def predict(self, question: str, value: object = ...) -> None:
        """Say what you expect, before you do it; it is kept in the recording.

        Args:
            question: The question's name.
            value: What you expect. With ... the question is shown, and what can be answered.

        Raises:
            BadInput: the lab has no such question, or the value is no answer to it.
        """
        asked = self._predictions.question(question)
        if value is ...:
            print(asked.invitation)
            return
        reply = self._predictions.make(asked, value, self._story())
        if reply.mark:
            self._mark("prediction", reply.mark)
            progress.record(self.name, "prediction", question=question, said=reply.mark)
        print(reply.words)

    def compare(self, question: str | None = None) -> Compared:
        """Lay what you said beside what came; of all questions, or of one.

        Raises:
            BadInput: the lab has no such question.
        """
        return Compared(self._predictions.compare(self._story(), question))

    def map(self) -> Map:
        """Draw every node, the lab's Pods and its Services, with the same in words.

        Each Pod has the place that it had on the map before.
        """
        objects = {kind.plural: self._cluster.api.list(kind) for kind in KINDS}
        self._map = Map(
            parse_state(objects, at=datetime.now(UTC)),
            namespace=self.namespace,
            before=self._map,
            modelled=self._cluster.capabilities.modelled,
        )
        return self._map

    def live(self) -> Live:
        """Show the map as it changes, with a scrubber to go back; once open, the same one again."""
        if self._live is None:
            self._live = Live(
                self._flight.feed,
                namespace=self.namespace,
                modelled=self._cluster.capabilities.modelled,
            )
        return self._live

    def replay(self, question: str | None = None) -> Replay:
        """Show all that has happened in this lab until now, to be played and stepped through.

        Args:
            question: Whose prediction to look at: it opens where what happened left it, or where
                the answer was decided.

        Raises:
            BadInput: the lab has no such question.
        """
        recording, at = self._flight.so_far(), None
        if question is not None:
            [found] = self._predictions.compare(self._story(recording), question)
            at = found.left or (found.reality and found.reality.at)
        return Replay(
            recording,
            namespace=self.namespace,
            modelled=self._cluster.capabilities.modelled,
            at=at or None,
        )

    def load(
        self,
        service: str = "shop",
        *,
        rate: float = 50,
        seconds: float = 120,
        keep_alive: int = 0,
    ) -> Strip:
        """Send requests to a Service of this lab from now on, and show how they fare.

        Args:
            service: Its name. It must be one that can be reached from outside: a NodePort.
            rate: Requests a second, at most 200.
            seconds: When the load ends by itself.
            keep_alive: Connections that are kept and used in turn; 0 makes one for each request.

        Raises:
            BadInput: one of the numbers is out of bounds.
            ApiError: there is no such Service.
            ClusterError: nothing outside the cluster reaches it.
        """
        url = self._cluster.service_url(self.namespace, service)
        self._end_load()
        self._load = Load(
            url, self.namespace, service, rate=rate, seconds=seconds, keep_alive=keep_alive
        )
        self._mark("note", f"a load of {rate:g} requests a second on {service}")
        return self._load.strip

    def losses(self) -> Report:
        """End the load, and say which requests were lost, and why.

        Raises:
            ClusterError: there has been no load.
        """
        if self._load is None:
            raise ClusterError("There has been no load in this lab.", "Begin one: `lab.load()`.")
        self._load.finish()
        return self._load.report(self._flight.so_far())

    def steps(self, deployment: str = "shop") -> Steps:
        """Return the sizes that a Deployment's ReplicaSets went through, as recorded.

        Raises:
            BadInput: this lab has not seen such a Deployment.
        """
        return self._flight.so_far().steps(deployment, self.namespace)

    def note(self, text: str) -> None:
        """Mark this instant in the recording and the live map."""
        self._mark("note", text)

    def remember(self, deployment: str) -> None:
        """Remember a Deployment and its Pods as they are now, to be compared later."""
        memory = self._look().memory_of(deployment)
        if memory.deployment is None:
            raise ClusterError(
                f"There is no Deployment {deployment} in {self.namespace} to remember.",
                "Run the cells above first, from the top.",
            )
        self._memories[deployment] = memory
        pods = [f"{pod} on {node or 'no node yet'}" for pod, node in memory.homes.items()]
        print(f"Remembered: Deployment {deployment}, with {listed(pods)}.")

    def kubectl(self, *args: str) -> str:
        """Run kubectl in the lab's namespace and return what it printed."""
        return self._cluster.kubectl(*args).out

    def close(self) -> None:
        """Put the cluster back: nodes as they were, the lab's namespace gone."""
        if self._closed:
            return
        self._closed = True
        self._end_flight()
        print("Putting the cluster back …", flush=True)
        self._cluster.kubectl("config", "set-context", "--current", "--namespace", "default")
        for sentence in self._cluster.reset():
            print(f"Put back: {sentence}.")
        progress.record(self.name, "closed")
        print("The cluster is as it was. It keeps running for the next lab.")

    # ── inside ───────────────────────────────────────────────────────────────────────────────

    def _mark(self, kind: MarkKind, text: str) -> None:
        self._flight.mark(kind, text)
        if self._live is not None:
            self._live.mark(kind, text)

    def _cell_runs(self, cell: str) -> None:
        for act in acts_of(cell):
            self._remind(command=act)
            self._mark("action", act)

    def _remind(self, *, check: str = "", command: str = "") -> None:
        """Ask once for a guess that has not been made yet."""
        for line in self._predictions.remind(self._story, check=check, command=command):
            print(line)

    def _story(self, recording: Recording | None = None) -> Story:
        return Story(recording or self._flight.so_far(), self.namespace)

    def _end_load(self) -> None:
        if self._load is not None:
            self._load.close()
            self._load = None

    def _end_flight(self) -> None:
        """End load, view and recording. That one had trouble is told, and stops nothing."""
        self._forget_cells()
        try:
            self._end_load()
            if self._live is not None:
                self._live.stop()
            self._flight.close()
        except Exception as error:
            print(error)
        else:
            print(f"Recorded: {self._flight.path}")

    def _look(self, answer: object = None) -> Look:
        return Look(
            self._cluster.api, self.namespace, self._cluster.workers, answer, self._memories
        )

    def _make_namespace(self) -> None:
        api = self._cluster.api
        api.create(Kind.NAMESPACE, {"metadata": {"name": self.namespace}})
        # Pods are refused until the namespace has its default ServiceAccount.
        wait_for(
            lambda: api.find(Kind.SERVICE_ACCOUNT, "default", self.namespace),
            timeout=20,
            what=f"namespace {self.namespace} to be usable",
            every=0.05,
        )
        self._cluster.kubectl("config", "set-context", "--current", "--namespace", self.namespace)

    def _prepare_kernel(self) -> None:
        """Let `kubectl` in this kernel's cells mean this cluster, and let a failing line fail."""
        kubectl = self._cluster.kubectl
        strict = kubectl.kubeconfig.parent / "strict.bash"
        strict.write_text(_STRICT_BASH)
        os.environ.update(kubectl.settings())
        os.environ["BASH_ENV"] = str(strict)
        kernel.install()
        self._forget_cells = kernel.listen(self._cell_runs)

    def _greet(self, undone: list[str]) -> None:
        status = self._cluster.status()
        print(
            f"It is open: {status.provider}, Kubernetes {status.server_version}, "
            f"{len(status.nodes)} nodes.\n"
            f"Your namespace is {self.namespace}. `kubectl` uses it, here and in a terminal."
        )
        if modelled := modelled_words(self._cluster.capabilities.modelled):
            print(modelled)
        for sentence in undone:
            print(f"Undone first: {sentence}.")

    def _require_own_namespace(self) -> None:
        if self._closed:
            raise ClusterError("This lab is closed.", "Open it again: run the first cell.")
        if self._cluster.api.find(Kind.NAMESPACE, self.namespace) is None:
            raise ClusterError(
                f"The namespace {self.namespace} is gone: the cluster was reset, or another lab "
                "was opened.",
                "Run this lab again from its first cell.",
            )

    def _did_you_mean(self, name: str) -> str:
        near = difflib.get_close_matches(name, self._checks, n=1)
        known = f"Its checks are {', '.join(self._checks)}."
        return f"Did you mean '{near[0]}'? {known}" if near else known

    def _close_quietly(self) -> None:
        """Put the cluster back when the kernel ends, whatever state things are in."""
        try:
            self.close()
        except NodebynodeError as error:
            print(error)


def _require_running(cluster: Cluster) -> None:
    status = cluster.status()
    if status.state not in ("running", "degraded"):
        raise ClusterError(
            f"Cluster '{cluster.name}' is {status.state}. {status.explanation}",
            f"Start it in a terminal with `{settings.command('up', cluster.name)}`, then run this "
            "cell again.",
        )
