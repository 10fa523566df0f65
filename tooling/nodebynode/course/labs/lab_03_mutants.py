"""The wrong answers of lab 03, where-pods-land."""

from __future__ import annotations

from nodebynode.course.mutants import Mutant


def _wait(name: str, seconds: int = 30) -> str:
    return f"kubectl rollout status deployment/{name} --timeout={seconds}s"


def _even(fields: str) -> str:
    return (
        'kubectl patch deployment even -p \'{"spec": {"template": {"spec": '
        '{"topologySpreadConstraints": ' + fields + "}}}}'"
    )


_DATA_NODE = "$(kubectl get nodes -o name | grep worker | tail -1 | cut -d/ -f2)"
_EVEN_NODE = "node=$(kubectl get pods -l app=even -o jsonpath='{.items[0].spec.nodeName}')"

MUTANTS = (
    Mutant(
        "all-for-cpu",
        "no node is large enough, so cpu ruled out all four",
        "read-the-refusal",
        'sentence = {"nodes": 4, "taint": 1, "cpu": 4}',
        "You say cpu: 4",
    ),
    Mutant(
        "request-dropped",
        "without a request everything fits",
        "four-fit",
        "%%bash\nkubectl set resources deployment heavy --requests=cpu=0\n" + _wait("heavy"),
        "requests no cpu at all",
    ),
    Mutant(
        "one-fewer",
        "three fit, so three it is",
        "four-fit",
        "%%bash\nkubectl scale deployment heavy --replicas=3",
        "asks for 3 replicas now",
    ),
    Mutant(
        "cordon-will-move-them",
        "a cordon empties a node, one only has to wait",
        "three-on-one",
        "%%bash\nkubectl get pods -l app=shop",
        "On cordoned workers still",
    ),
    Mutant(
        "deleted-at-once",
        "deleted Pods are replaced, too",
        "three-on-one",
        "%%bash\nkubectl delete pod -l app=shop\n" + _wait("shop"),
        "never came to the last time of the beginning of a rollout of shop",
    ),
    Mutant(
        "waited-for-balance",
        "after an uncordon the Pods spread by themselves",
        "filled-again",
        "%%bash\nkubectl get pods -l app=shop -o wide",
        "No Pod of shop is on",
    ),
    Mutant(
        "toleration-is-enough",
        "a toleration draws the Pods",
        "own-worker",
        "%%bash\nkubectl rollout restart deployment data\n" + _wait("data"),
        "Outside of",
    ),
    Mutant(
        "label-by-hand",
        "a label on the Pods says where they belong",
        "own-worker",
        "%%bash\nkubectl label pods -l app=data team=data",
        "a note that nobody reads",
    ),
    Mutant(
        "named-node",
        "nodeName is the direct way",
        "own-worker",
        "%%bash\nkubectl patch deployment data "
        f'-p \'{{"spec": {{"template": {{"spec": {{"nodeName": "\'{_DATA_NODE}\'"}}}}}}}}\'\n'
        + _wait("data"),
        "The scheduler never placed",
    ),
    Mutant(
        "rule-dropped",
        "the rule is in the way, so it goes",
        "apart-released",
        "%%bash\nkubectl patch deployment apart "
        """-p '{"spec": {"template": {"spec": {"affinity": null}}}}'""",
        "requires no anti-affinity any more",
    ),
    Mutant(
        "old-ones-deleted",
        "the old Pods are in the way, so they are deleted",
        "apart-released",
        "%%bash\nkubectl scale deployment apart --replicas=0\n"
        + _wait("apart")
        + "\nkubectl scale deployment apart --replicas=3",
        "always at least 2 Pods of Deployment apart are ready",
    ),
    Mutant(
        "made-soft",
        "a preference is good enough",
        "even-when-drained",
        "%%bash\n"
        + _even(
            '[{"topologyKey": "kubernetes.io/hostname", "maxSkew": 1, '
            '"whenUnsatisfiable": "DoNotSchedule", "$patch": "delete"}]'
        )
        + f"\n{_wait('even')}",
        "no constraint with maxSkew 1 and DoNotSchedule any more",
    ),
    Mutant(
        "taints-still-count",
        "counting the revisions apart frees the third Pod of a drain, too",
        "even-when-drained",
        "%%bash\n"
        + _even(
            '[{"topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule", '
            '"matchLabelKeys": ["pod-template-hash"]}]'
        )
        + f"\n{_wait('even')}\n{_EVEN_NODE}\n"
        'kubectl drain "$node" --ignore-daemonsets --pod-selector=app=even --timeout=30s\n'
        "kubectl wait pod -l app=even --field-selector=status.phase=Pending "
        "--for=condition=PodScheduled=False --timeout=20s",
        "no node: 0/4 nodes",
    ),
)
