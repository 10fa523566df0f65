"""One app during a drain: who may leave now, who comes instead, and whether that will ever change.

Source: kubernetes `pkg/registry/core/pod/storage/eviction.go`.
"""

from __future__ import annotations

from nodebynode.model.guests import App, DisruptionBudget, Owner


class Side:
    """An app's Pods, on the node and elsewhere.

    Attributes:
        app: The app.
        left: Its Pods that have not been evicted, and whether each is ready.
        ready: How many of its Pods are ready, on all nodes; one that is evicted no longer is.
        fewest: The fewest that ever were.
    """

    def __init__(self, app: App) -> None:
        able = app.here - app.unready
        self.app = app
        self.left = {pod: place < able for place, pod in enumerate(app.pods)}
        self.ready = self.fewest = able + app.elsewhere
        self._room = app.here if app.room is None else app.room
        self._starting = 0

    @property
    def rejects(self) -> bool:
        """Whether the API server cannot evict at all, because two budgets speak for each Pod."""
        return len(self.app.budgets) > 1

    def may_go(self, pod: str) -> bool:
        """Whether the API server grants an eviction now."""
        if not self.app.budgets:
            return True
        budget = self.app.budgets[0]
        if not self.left[pod]:
            needed = self._desired(budget)
            if budget.always_allow or self.ready >= needed > 0:
                return True
        return self._allowed(budget) > 0

    def evict(self, pod: str) -> float | None:
        """Take a Pod away; the seconds until its replacement is ready, None where none will be."""
        self.ready -= self.left.pop(pod)
        self.fewest = min(self.fewest, self.ready)
        if self.app.owner is not Owner.REPLICASET or self._room == 0:
            return None
        self._room -= 1
        if self.app.startup is not None:
            self._starting += 1
        return self.app.startup

    def replaced(self) -> None:
        """Count a replacement that has become ready."""
        self._starting -= 1
        self.ready += 1

    @property
    def hopeless(self) -> bool:
        """Whether no Pod that is left will ever be allowed to go."""
        return bool(self.left) and not (self._starting or any(map(self.may_go, self.left)))

    @property
    def reason(self) -> str:
        """Why an eviction is refused, and what would have to change, in a sentence."""
        app, budget = self.app, self.app.budgets[0]
        if not self._counts(budget):
            return f"{budget.rule} allows none of {app.name}: it has no controller to count by."
        needed = self._desired(budget)
        if needed >= app.replicas:
            return f"{budget.rule} keeps all Pods of {app.name}: none may ever leave."
        now = f"{budget.rule} keeps {needed} Pods of {app.name} ready, and {self.ready} are"
        return f"{now}: {self._remedy()}."

    def _remedy(self) -> str:
        if self._starting:
            return "the next may go when a replacement is ready"
        if any(map(self.may_go, self.left)):
            return "one that is not ready may go before"
        if len(self.left) == self.app.here:
            return "those that are not ready have used the budget up"
        if self.app.owner is Owner.NOBODY:
            return "nobody makes a Pod anew"
        if self.app.startup is None:
            return "no replacement gets ready"
        return "there is no node for a replacement"

    def _desired(self, budget: DisruptionBudget) -> int:
        return budget.desired(self.app.replicas)

    def _allowed(self, budget: DisruptionBudget) -> int:
        """`disruptionsAllowed`."""
        return max(0, self.ready - self._desired(budget)) if self._counts(budget) else 0

    def _counts(self, budget: DisruptionBudget) -> bool:
        """Whether a budget can be counted: bare Pods have nothing that says how many are due."""
        if self.app.owner is not Owner.NOBODY:
            return True
        return budget.min_available is not None and not str(budget.min_available).endswith("%")
