"""The wrong answers of lab 05, node-maintenance."""

from __future__ import annotations

from nodebynode.course.mutants import Mutant


def _on(app: str) -> str:
    return (
        f"%%bash\nnode=$(kubectl get pods -l app={app} -o jsonpath='{{.items[0].spec.nodeName}}')\n"
    )


def _wait(app: str) -> str:
    return f"kubectl rollout status deployment/{app} --timeout=30s\n"


_NOTE = "%%bash\nnode=$(kubectl get pod note -o jsonpath='{.spec.nodeName}')\n"
_DRAIN = 'kubectl drain "$node" --ignore-daemonsets --timeout=20s\n'
_BYPASS = 'kubectl drain "$node" --ignore-daemonsets --disable-eviction --timeout=20s\n'
_FLAGS = "--ignore-daemonsets --delete-emptydir-data"
_ONE_MISSING = "kubectl create pdb {0} --selector=app={0} --max-unavailable=1\n"
_CLOSED = "'{.items[?(@.spec.unschedulable==true)].metadata.name}'"


def _tolerations(*lines: str) -> str:
    listed = "".join(f"        - {{{line}}}\n" for line in lines)
    return (
        "%%bash\nkubectl patch deployment quick -p '\nspec:\n  template:\n    spec:\n"
        f"      tolerations:\n{listed}'\n{_wait('quick')}"
    )


def _key(name: str) -> str:
    return f"key: node.kubernetes.io/{name}, operator: Exists, effect: NoExecute"


MUTANTS = (
    Mutant(
        "taint-removed",
        "what keeps Pods away from a cordoned node is its taint",
        "open-again",
        f"%%bash\nnode=$(kubectl get nodes -o jsonpath={_CLOSED})\n"
        'kubectl taint node "$node" node.kubernetes.io/unschedulable-',
        "Still cordoned: ",
    ),
    Mutant(
        "scaled-up",
        "a Deployment that needs more room uses the node again",
        "open-again",
        "%%bash\nkubectl scale deployment pair --replicas=4",
        "Still cordoned: ",
    ),
    Mutant(
        "two-flags",
        "the flag of the first messages is enough",
        "all-but-the-agent",
        f'{_NOTE}kubectl drain "$node" {_FLAGS} || echo "it says the same"',
        "still has cache-",
    ),
    Mutant(
        "agent-deleted",
        "what cannot be drained is deleted first",
        "all-but-the-agent",
        f"{_NOTE}kubectl delete daemonset agent --cascade=foreground\n"
        f'kubectl drain "$node" {_FLAGS} --force',
        "has no Pod of agent any more",
    ),
    Mutant(
        "swept-by-hand",
        "a node is empty when its Pods are deleted",
        "all-but-the-agent",
        f"{_NOTE}kubectl delete pod/note\nkubectl delete pod -l app=cache",
        "deleted, not evicted",
    ),
    Mutant(
        "no-budget",
        "a drain takes one Pod after the other anyway",
        "one-at-a-time",
        f"{_on('guarded')}{_DRAIN}{_wait('guarded')}",
        "no budget spoke for it",
    ),
    Mutant(
        "budget-for-others",
        "a budget is for the Deployment that has its name",
        "one-at-a-time",
        f"{_on('guarded')}kubectl create pdb guarded --selector=name=guarded --max-unavailable=1\n"
        f"{_DRAIN}{_wait('guarded')}",
        "guarded selects name=guarded",
    ),
    Mutant(
        "budget-and-no-drain",
        "with the budget made, all is done",
        "one-at-a-time",
        "%%bash\n" + _ONE_MISSING.format("guarded"),
        "There was not yet the cordon of a worker with 2 Pods of guarded",
    ),
    Mutant(
        "cordoned-only",
        "a cordon makes Pods leave, in their own time",
        "one-at-a-time",
        _on("guarded") + _ONE_MISSING.format("guarded") + 'kubectl cordon "$node"',
        "A cordon alone makes no Pod leave",
    ),
    Mutant(
        "none-may-be-missing",
        "the stricter the budget, the better the drain",
        "one-at-a-time",
        f"{_on('guarded')}kubectl create pdb guarded --selector=app=guarded --max-unavailable=0\n"
        f"{_DRAIN.replace('20s', '1s')}".rstrip()
        + " || echo refused",
        "still has guarded-",
    ),
    Mutant(
        "one-by-one-by-hand",
        "to delete a Pod is to evict it",
        "one-at-a-time",
        _on("guarded")
        + _ONE_MISSING.format("guarded")
        + 'kubectl cordon "$node"\n'
        + "for pod in $(kubectl get pods -l app=guarded -o name); do\n"
        f'kubectl delete "$pod"\n{_wait("guarded")}done',
        "deleted, not evicted: no budget was asked",
    ),
    Mutant(
        "as-promised",
        "one healthy Pod, so one may go",
        "why-it-holds",
        'status = {"currentHealthy": 1, "desiredHealthy": 1, "disruptionsAllowed": 1}',
        "You say disruptionsAllowed: 1",
    ),
    Mutant(
        "budget-deleted",
        "a budget that is in the way is deleted for as long as the drain takes",
        "single-drained",
        f"{_on('single')}kubectl delete pdb single\n{_DRAIN}"
        "kubectl create pdb single --selector=app=single --min-available=1\n"
        f"{_wait('single')}",
        "there was no budget for single",
    ),
    Mutant(
        "budget-loosened",
        "the budget asks for one Pod too many",
        "single-drained",
        f"""{_on("single")}kubectl patch pdb single -p '{{"spec": {{"minAvailable": 0}}}}'\n"""
        f"{_DRAIN}{_wait('single')}",
        "the budget said minAvailable 0",
    ),
    Mutant(
        "eviction-disabled",
        "there is a flag for it",
        "single-drained",
        f"{_on('single')}{_BYPASS}{_wait('single')}",
        "deleted, not evicted: no budget was asked",
    ),
    Mutant(
        "forced",
        "--force overrides a budget",
        "single-drained",
        f'{_on("single")}kubectl drain "$node" --ignore-daemonsets --force --timeout=1s || true',
        "still has single-",
    ),
    Mutant(
        "uncordoned-early",
        "the drain is over, so the node may be used",
        "single-drained",
        f"{_on('single')}kubectl scale deployment single --replicas=2\n{_wait('single')}{_DRAIN}"
        'kubectl uncordon "$node"',
        "is not cordoned any more",
    ),
    Mutant(
        "down-and-up",
        "no Pod, no eviction, no budget",
        "single-drained",
        f'{_on("single")}kubectl cordon "$node"\nkubectl scale deployment single --replicas=0\n'
        "kubectl wait pod -l app=single --for=delete --timeout=20s\n"
        f"kubectl scale deployment single --replicas=1\n{_wait('single')}",
        "0 Pods of Deployment single were ready",
    ),
    Mutant(
        "users-without-a-budget",
        "a preStop hook is enough",
        "users-noticed-nothing",
        f"{_on('shop')}{_DRAIN}{_wait('shop')}",
        "no ready endpoint",
    ),
    Mutant(
        "nobody-drained",
        "no request lost: a good maintenance",
        "users-noticed-nothing",
        "%%bash\n" + _ONE_MISSING.format("shop"),
        "There was not yet the cordon of a worker with 2 Pods of shop",
    ),
    Mutant(
        "one-key",
        "a node that is dead is not ready, and nothing else",
        "two-seconds",
        _tolerations(f"{_key('not-ready')}, tolerationSeconds: 2"),
        "tolerates node.kubernetes.io/unreachable for 300 s",
    ),
    Mutant(
        "no-seconds",
        "a toleration without a number is a short one",
        "two-seconds",
        _tolerations(_key("not-ready"), _key("unreachable")),
        "for ever",
    ),
)
