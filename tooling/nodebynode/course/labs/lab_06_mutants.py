"""The wrong answers of lab 06, rolling-update."""

from __future__ import annotations

from nodebynode.course.mutants import Mutant


def _strategy(fields: str) -> str:
    return f"""kubectl patch deployment shop -p '{{"spec": {{"strategy": {{{fields}}}}}}}'"""


def _rolling(surge: object, unavailable: object) -> str:
    bounds = f'"maxSurge": {surge}, "maxUnavailable": {unavailable}'
    return _strategy(f'"type": "RollingUpdate", "rollingUpdate": {{{bounds}}}')


_WAIT = "kubectl rollout status deployment/shop --timeout=30s"
_V3 = f"kubectl set image deployment/shop shop=localhost/shop:v3\n{_WAIT}"


def _hook(sleep: int, grace: int) -> str:
    return (
        f'kubectl patch deployment shop -p \'{{"spec": {{"template": {{"spec": {{'
        f'"terminationGracePeriodSeconds": {grace}, "containers": [{{"name": "shop", '
        f'"lifecycle": {{"preStop": {{"sleep": {{"seconds": {sleep}}}}}}}}}]}}}}}}}}\''
    )


MUTANTS = (
    Mutant(
        "promise-as-seen",
        "the bounds are what you asked for: three and three",
        "two-bounds",
        'bounds = {"most wanted": 3, "fewest available": 3}',
        "You say most wanted: 3",
    ),
    Mutant(
        "replicas-as-a-release",
        "a Deployment that is scaled is rolled out",
        "rolled-four",
        f"%%bash\nkubectl scale deployment shop --replicas=4\n{_WAIT}",
        "never came to the last time of the beginning of a rollout of shop with four replicas",
    ),
    Mutant(
        "scaled-to-zero",
        "stop all of them, change the image, start all of them",
        "rolled-four",
        "%%bash\n"
        "kubectl scale deployment shop --replicas=4\n"
        f"{_WAIT}\n"
        "kubectl set image deployment/shop shop=localhost/shop:v3\n"
        "kubectl scale deployment shop --replicas=0\n"
        "kubectl scale deployment shop --replicas=4\n"
        f"{_WAIT}",
        "Pods of Deployment shop were ready",
    ),
    Mutant(
        "paused",
        "to hold a rollout is to pause it",
        "held-at-the-gate",
        "%%bash\n"
        "kubectl rollout pause deployment/shop\n"
        """kubectl patch deployment shop -p '{"spec": {"minReadySeconds": 300}}'\n"""
        "kubectl set image deployment/shop shop=localhost/shop:v2",
        "shop is paused",
    ),
    Mutant(
        "seconds-alone",
        "every change of a Deployment rolls out",
        "held-at-the-gate",
        "%%bash\n"
        """kubectl patch deployment shop -p '{"spec": {"minReadySeconds": 300}}'""",
        "no rollout is under way",
    ),
    Mutant(
        "old-ones-deleted",
        "who removes the old Pods helps the rollout along",
        "gate-opened",
        "%%bash\n"
        "kubectl delete "
        "$(kubectl get pods --sort-by=.metadata.creationTimestamp -o name | head -3)\n"
        """kubectl patch deployment shop -p '{"spec": {"minReadySeconds": 1}}'\n"""
        f"{_WAIT}",
        "Pods of Deployment shop were ready",
    ),
    Mutant(
        "all-at-once",
        "as long as all are there in the end",
        "no-fourth",
        f"%%bash\n{_rolling(0, 3)}\n{_V3}",
        "0 Pods of Deployment shop were ready",
    ),
    Mutant(
        "surge-kept",
        "a Deployment of three never has a fourth Pod",
        "no-fourth",
        f"%%bash\n{_V3}",
        "4 Pods of Deployment shop were there",
    ),
    Mutant(
        "nothing-done",
        "a quiet load is a good release",
        "nobody-noticed",
        "lab.note('nothing to do')",
        "There has not been the beginning of a rollout of shop yet",
    ),
    Mutant(
        "recreated",
        "a hook is enough, whatever the strategy",
        "nobody-noticed",
        "%%bash\n"
        f"""{_strategy('"type": "Recreate", "rollingUpdate": null')}\n"""
        f"{_hook(2, 4)}\n{_WAIT}\n{_V3}",
        "no ready endpoint",
    ),
    Mutant(
        "no-hook",
        "a rolling update loses nothing",
        "nobody-noticed",
        f"%%bash\n{_rolling(1, 0)}\n{_V3}",
        "endpoint left after the process stopped listening",
    ),
    Mutant(
        "sleep-beyond-grace",
        "the longer the sleep, the better",
        "nobody-noticed",
        f"%%bash\n{_rolling(1, 0)}\n{_hook(30, 2)} || true\n{_V3}",
        "endpoint left after the process stopped listening",
    ),
    Mutant(
        "hook-in-the-last-step",
        "the new Pods have the hook, so the old ones stop well",
        "nobody-noticed",
        f"%%bash\n{_rolling(1, 0)}\n{_hook(2, 4)}\n{_WAIT}",
        "endpoint left after the process stopped listening",
    ),
)
