"""Numbers that a rule speaks of, and how they are compared."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt

from nodebynode.errors import BadInput
from nodebynode.recording.rules.finding import placed_all, standing_all
from nodebynode.recording.rules.story import Look, Story
from nodebynode.state import Pod

_HOW: Mapping[str, tuple[Callable[[int, int], bool], str, str]] = {
    ">=": (ge, "at least", "at least as many"),
    "<=": (le, "at most", "at most as many"),
    "==": (eq, "exactly", "as many"),
    ">": (gt, "more than", "more"),
    "<": (lt, "fewer than", "fewer"),
}


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted at an instant: how many, the Pods among them, and the Pods beside them."""

    number: int
    pods: tuple[Pod, ...]
    others: tuple[Pod, ...] = ()

    def __str__(self) -> str:
        among = f" ({placed_all(self.pods)})" if self.pods else ""
        beside = standing_all(self.others)
        return f"{among}; beside them {beside}" if beside else among


@dataclass(frozen=True, slots=True, eq=False)
class Count(ABC):
    """A number at each instant. Compared by >=, <=, ==, < or >, it becomes a condition.

    Args:
        name: The Deployment's or Service's name.
    """

    name: str

    noun = "Pod"
    of = "Deployment"
    state = ""
    """What those that are counted are, such as `ready`."""
    kind = "pods"
    """The kind of object whose watch tells the number."""
    is_loose = False
    """Whether several controllers change it, each in its own time."""

    @abstractmethod
    def at(self, story: Story, look: Look) -> Counted:
        """What is counted at an instant."""

    def appears(self, look: Look) -> bool:
        """Whether what is spoken of is there."""
        return any(one.name == self.name for one in look.state.deployments)

    def words(self, number: int, be: str) -> str:
        """`2 Pods of Deployment shop are ready`, without the number."""
        is_one = number == 1
        verb = {"are": "is", "were": "was"}[be] if is_one else be
        return f"{self.noun}{'' if is_one else 's'} of {self.of} {self.name} {verb} {self.state}"

    def __ge__(self, other: Count | int) -> Condition:
        return Condition(self, ">=", _term(other))

    def __le__(self, other: Count | int) -> Condition:
        return Condition(self, "<=", _term(other))

    def __gt__(self, other: Count | int) -> Condition:
        return Condition(self, ">", _term(other))

    def __lt__(self, other: Count | int) -> Condition:
        return Condition(self, "<", _term(other))

    def __eq__(self, other: object) -> Condition:  # type: ignore[override]
        return Condition(self, "==", _term(other))

    __hash__ = None  # type: ignore[assignment]


class _Pods(Count):
    """Pods of a Deployment that have something in common."""

    __slots__ = ()

    def at(self, story: Story, look: Look) -> Counted:
        pods = story.pods(look, self.name)
        counted = tuple(pod for pod in pods if self._counts(pod))
        others = tuple(pod for pod in pods if not self._counts(pod))
        return Counted(len(counted), counted, others)

    @abstractmethod
    def _counts(self, pod: Pod) -> bool: ...


class _Ready(_Pods):
    __slots__ = ()
    state = "ready"

    def _counts(self, pod: Pod) -> bool:
        return pod.ready and pod.active


class _There(_Pods):
    __slots__ = ()
    state = "there"
    is_loose = True  # one ReplicaSet may have its next Pod before another has let go of one

    def _counts(self, pod: Pod) -> bool:
        return pod.active


class _Terminating(_Pods):
    __slots__ = ()
    state = "terminating"

    def _counts(self, pod: Pod) -> bool:
        return pod.terminating


class _Available(Count):
    __slots__ = ()
    state = "available"
    kind = "replicasets"

    def at(self, story: Story, look: Look) -> Counted:
        ready = _Ready(self.name).at(story, look)
        number = sum(rs.available for rs in story.sets(look, self.name))
        return Counted(number, ready.pods, ready.others)


class _Endpoints(Count):
    __slots__ = ()
    noun = "endpoint"
    of = "Service"
    state = "ready"
    kind = "endpointslices"

    def at(self, story: Story, look: Look) -> Counted:
        slices = [one for one in look.state.slices if one.service == self.name]
        found = {endpoint.address: endpoint for one in slices for endpoint in one.endpoints}
        ready = {one.pod_uid for one in found.values() if one.ready}
        led_to = {one.pod_uid for one in found.values()}
        pods = tuple(pod for pod in look.state.pods if pod.uid in led_to)
        return Counted(
            sum(one.ready for one in found.values()),
            tuple(pod for pod in pods if pod.uid in ready),
            tuple(pod for pod in pods if pod.uid not in ready),
        )

    def appears(self, look: Look) -> bool:
        return any(one.service == self.name for one in look.state.slices)


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """What is so or not at an instant; as text, in words."""

    left: Count
    sign: str
    right: Count | int

    def __bool__(self) -> bool:
        raise BadInput(
            f"Whether {self}, depends on the instant.",
            "Hand one comparison to always(), never() or eventually(); two bounds are two rules.",
        )

    def __str__(self) -> str:
        _, beside_number, beside_count = _HOW[self.sign]
        if isinstance(self.right, int):
            return f"{beside_number} {self.right} {self.left.words(self.right, 'are')}"
        than = "than" if self.sign in "<>" else "as"
        return f"{beside_count} {self.left.words(2, 'are')} {than} {self.right.words(2, 'are')}"

    @property
    def counts(self) -> Sequence[Count]:
        """The numbers that it is about."""
        return (self.left,) if isinstance(self.right, int) else (self.left, self.right)

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of objects whose watches tell it."""
        return frozenset(one.kind for one in self.counts)

    @property
    def is_loose(self) -> bool:
        """Whether a short while of it may come from the order in which controllers are done."""
        return len(self.kinds) > 1 or any(one.is_loose for one in self.counts)

    def holds(self, story: Story, look: Look) -> bool:
        """Whether it is so."""
        numbers = [one.at(story, look).number for one in self.counts]
        right = self.right if isinstance(self.right, int) else numbers[1]
        return _HOW[self.sign][0](numbers[0], right)

    def saw(self, story: Story, look: Look) -> tuple[str, tuple[Pod, ...]]:
        """What was counted, in words without a full stop, and the Pods that it is about."""
        counted = [(one, one.at(story, look)) for one in self.counts]
        said = [f"{it.number} {one.words(it.number, 'were')}{it}" for one, it in counted]
        pods = {pod.uid: pod for _, it in counted for pod in (*it.pods, *it.others)}
        return ", and ".join(said), tuple(pods.values())


def ready(deployment: str) -> Count:
    """A Deployment's Pods that are ready and not terminating: those that get new connections."""
    return _Ready(_named(deployment))


def available(deployment: str) -> Count:
    """A Deployment's available Pods, as its ReplicaSets count them in their status.

    Available is ready for `minReadySeconds`; the rollout goes by this number
    (`deployment_util.go: GetAvailableReplicaCountForReplicaSets`).
    """
    return _Available(_named(deployment))


def pods(deployment: str) -> Count:
    """A Deployment's Pods, without those that are terminating or have finished.

    `maxSurge` bounds what the ReplicaSets want together. Each makes and ends its Pods in its own
    time, so for some milliseconds there may be one more; terminating Pods come on top.
    """
    return _There(_named(deployment))


def terminating(deployment: str) -> Count:
    """A Deployment's Pods that are terminating and not gone."""
    return _Terminating(_named(deployment))


def endpoints(service: str) -> Count:
    """A Service's endpoints that are ready, of all its EndpointSlices, each address once."""
    return _Endpoints(_named(service))


def more_than(count: Count, number: int) -> Condition:
    """Whether a count is above a number: `count > number`, to be read aloud behind never."""
    return count > number


def _named(name: object) -> str:
    if not isinstance(name, str) or not name:
        raise BadInput(f"{name!r} is no name of an object.", 'Give its name, as in ready("shop").')
    return name


def _term(other: object) -> Count | int:
    is_number = isinstance(other, int) and not isinstance(other, bool) and other >= 0
    if isinstance(other, Count) or (is_number and isinstance(other, int)):
        return other
    raise BadInput(
        f"A number of Pods cannot be compared with {other!r}.",
        'Compare it with 0, 1, 2 …, or with another count: ready("shop") >= 3.',
    )
