"""`Lab`: what a notebook talks to, from its first cell to its last."""

from __future__ import annotations

from datetime import UTC, datetime

from nodebynode import settings
from nodebynode.cluster import open_cluster
from nodebynode.course import kernel, leaving, lessons, misconceptions, opening, summary
from nodebynode.course.acts import acts_of
from nodebynode.course.catching_up import catch_up
from nodebynode.course.checks import by_name, judge, no_such
from nodebynode.course.clocks import Clocks, clock_rows
from nodebynode.course.comparing import Compared
from nodebynode.course.duel import Duel
from nodebynode.course.failing import Freezer
from nodebynode.course.flight import Flight, new_path
from nodebynode.course.labs import checks_of, questions_of
from nodebynode.course.loading import Load
from nodebynode.course.look import Look, Memory, listed
from nodebynode.course.notebooks import find_lab
from nodebynode.course.outline import outline_of
from nodebynode.course.panel import Panel
from nodebynode.course.predictions import Predictions
from nodebynode.course.progress import Record
from nodebynode.course.strip import Strip
from nodebynode.errors import ClusterError, NodebynodeError
from nodebynode.kube.feed import KINDS
from nodebynode.recording import MarkKind, Recording, Steps
from nodebynode.recording.rules import Finding, Rule, Story
from nodebynode.state import parse_state
from nodebynode.view import MODELLED, Map
from nodebynode.view.live import Live
from nodebynode.view.replay import Replay
from nodebynode.witness import Report


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
        solution = find_lab(settings.course_root(), name)
        self.name = solution.stem
        self._outline, self._record = outline_of(solution), Record(self.name)
        self._checks = by_name(checks_of(self.name))
        self._predictions = Predictions(questions_of(self.name))
        self._cluster = open_cluster(cluster)
        opening.require_running(self._cluster)
        print(f"Opening lab {self.name} on cluster '{self._cluster.name}' …", flush=True)
        undone = self._cluster.reset()
        self.namespace = f"lab-{self.name.split('-')[0]}"
        self._memories: dict[str, Memory] = {}
        self._map: Map | None = None
        self._closed = False
        opening.make_namespace(self._cluster, self.namespace)
        self._flight = Flight(self._cluster.api, new_path(self.name))
        self._live: Live | None = None
        self._panel: Panel | None = None
        self._load: Load | None = None
        self._freezer = Freezer(self._cluster, lambda text: self._mark("action", text))
        self.duel = Duel(self._cluster, self.namespace, self._flight, self._mark)
        opening.prepare_kernel(self._cluster)
        self._forget_cells = kernel.listen(self._cell_runs)
        kernel.at_end(self._close_quietly)
        opening.greet(self._cluster, self.namespace, undone)
        opening.resume(self._outline, self._record, self._cluster)

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
            raise no_such(name, self._checks)
        self._remind(check=name)
        self._require_own_namespace()
        look = self._look(answer)
        seen = self._record.judged(
            name, lambda attempt: judge(check, look, attempt, catch_up=self._catch_up)
        )
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
            self._record.add("prediction", question, said=reply.mark.removeprefix(asked.text + " "))
        print(reply.words)

    def compare(self, question: str | None = None) -> Compared:
        """Lay what you said beside what came; of all questions, or of one.

        Raises:
            BadInput: the lab has no such question.
        """
        story = self._story()
        rows = self._predictions.compare(story, question)
        compared = Compared(rows, misconceptions.detect(rows, story))
        self._record.compared(compared)
        return compared

    def experiment(self, misconception: str) -> None:
        """Show two minutes of commands that put a common belief to the test, as a new cell below.

        Args:
            misconception: Its key, as `lab.compare()` names it.

        Raises:
            BadInput: There is none of that name.
        """
        found = misconceptions.find(misconception)
        self._record.add("experiment", misconception)
        print(found.invitation)
        kernel.offer_cell(found.cell)

    def judge(self, rule: Rule) -> Finding:
        """Hold all that this lab has recorded against a rule over time."""
        return rule.judge(self._flight.so_far(), namespace=self.namespace)

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
                loads=self._flight.loads,
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
        inside: bool = False,
    ) -> Strip:
        """Send requests to a Service of this lab from now on, and show how they fare.

        Args:
            service: Its name. It must be one that can be reached from outside: a NodePort.
            rate: Requests a second, at most 200.
            seconds: When the load ends by itself.
            keep_alive: Connections that are kept and used in turn; 0 makes one for each request.
            inside: Send them from a Pod of the cluster, to the Service's own address: no NodePort.

        Raises:
            BadInput: a number is out of bounds, or no Pod can send; an earlier load goes on.
            ApiError: there is no such Service.
            ClusterError: nothing outside the cluster reaches it.
        """
        load = Load(
            self._cluster, self.namespace, service,
            rate=rate, seconds=seconds, keep_alive=keep_alive, inside=inside,
        )  # fmt: skip
        self._end_load()
        strip, self._load = load.start(self._flight), load
        self._mark("note", load.words)
        return strip

    def losses(self) -> Report:
        """End the load, and say which requests were lost, and why.

        Raises:
            ClusterError: there has been no load.
        """
        if self._load is None:
            raise ClusterError("There has been no load in this lab.", "Begin one: `lab.load()`.")
        self._load.finish()
        return self._load.report(self._flight.so_far())

    def wait_gone(self, deployment: str, *, seconds: float = 60) -> None:
        """Wait until no Pod of a Deployment is leaving any more.

        Raises:
            ClusterError: some still are when the time is up.
        """
        leaving.wait_gone(self._cluster.api, self.namespace, deployment, seconds)

    def freeze(self, node: str) -> None:
        """Freeze a worker until `heal`: nothing on it runs. Closing the lab undoes it, too."""
        self._require_own_namespace()
        self._freezer.freeze(node)

    def heal(self, node: str) -> None:
        """Let a frozen worker go on, and wait until it is Ready."""
        self._require_own_namespace()
        self._freezer.heal(node)

    def clocks(self) -> Clocks:
        """Lay this lab's drains and failures of nodes beside each other, each on its own clock."""
        return Clocks(clock_rows(self._story()))

    def steps(self, deployment: str = "shop") -> Steps:
        """Return the sizes that a Deployment's ReplicaSets went through, as recorded.

        Raises:
            BadInput: this lab has not seen such a Deployment.
        """
        return self._flight.so_far().steps(deployment, self.namespace)

    def progress(self) -> Panel:
        """Show how this lab stands: its checks and guesses; it goes on showing that."""
        self._panel = self._panel or Panel(self._outline, self._record)
        return self._panel

    def summary(self) -> summary.Summary:
        """Show what this lab came to: guesses, checks, what to remember, and what is next.

        Raises:
            BadInput: a lesson is not as it has to be.
        """
        root = settings.course_root()
        return summary.Summary(
            self._outline,
            self._record.progress,
            self.compare(),
            summary.felt(self._load, self._flight.so_far()),
            lessons.read_lesson(root, self.name),
            summary.next_lesson(root, self.name),
        )

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
        self._close(by="learner")

    # ── inside ───────────────────────────────────────────────────────────────────────────────

    def _close(self, by: str) -> None:
        if self._closed:
            return
        self._closed = True
        self._end_flight()
        opening.put_back(self._cluster)
        self._record.add("closed", by=by)
        print("The cluster is as it was. It keeps running for the next lab.")

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
            self.duel.close()
            if self._live is not None:
                self._live.stop()
            self._flight.close()
        except Exception as error:
            print(error)
        else:
            print(f"Recorded: {self._flight.path}")

    def _look(self, answer: object = None) -> Look:
        return Look(
            self._cluster.api,
            self.namespace,
            self._cluster.workers,
            self._flight.so_far,
            answer,
            self._memories,
            self._load,
            self.duel,
        )

    def _catch_up(self) -> None:
        catch_up(self._cluster.api, self._flight.feed, self.namespace)

    def _require_own_namespace(self) -> None:
        if self._closed:
            raise ClusterError("This lab is closed.", "Open it again: run the first cell.")
        opening.require_namespace(self._cluster, self.namespace)

    def _close_quietly(self) -> None:
        """Put the cluster back when the kernel ends, whatever state things are in."""
        try:
            self._close(by="kernel")
        except NodebynodeError as error:
            print(error)
