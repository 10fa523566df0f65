"""The wrong answers of lab 02, who-makes-pods."""

from __future__ import annotations

from nodebynode.course.mutants import Mutant

_ONE = "$(kubectl get pods -l app=shop -o name | head -1)"
_WAIT = "kubectl rollout status deployment/shop --timeout=30s"

MUTANTS = (
    Mutant(
        "deployment-owns-the-pod",
        "the Deployment owns the Pods itself",
        "chain",
        'pod = lab.kubectl("get", "pods", "-l", "app=shop", "-o", '
        '"jsonpath={.items[0].metadata.name}")\n'
        'replicaset = deployment = "shop"',
        "is owned by ReplicaSet shop-",
    ),
    Mutant(
        "deployment-scaled",
        "to scale is to scale, whatever the kind",
        "put-back",
        f"%%bash\nkubectl scale deployment shop --replicas=5\n{_WAIT}",
        "asks for 5 Pods itself now",
    ),
    Mutant(
        "deployment-there-and-back",
        "the same numbers, made by hand",
        "put-back",
        "%%bash\nkubectl scale deployment shop --replicas=5\n"
        f"{_WAIT}\nkubectl scale deployment shop --replicas=3\n{_WAIT}",
        "nobody has changed that by hand",
    ),
    Mutant(
        "deleted-instead",
        "a Pod that leaves is a Pod that is deleted",
        "let-go",
        f"%%bash\nkubectl delete {_ONE}\n{_WAIT}",
        "Every Pod of shop is still shop's",
    ),
    Mutant(
        "free-by-hand",
        "any Pod without the label will do",
        "let-go",
        "%%bash\nkubectl run shop-free --image=localhost/shop:v1\n"
        "kubectl wait pod shop-free --for=condition=Ready --timeout=30s",
        "Every Pod of shop is still shop's",
    ),
    Mutant(
        "all-let-go",
        "one Pod or all of them, it is the same",
        "let-go",
        f"%%bash\nkubectl label pods -l app=shop app-\n{_WAIT}",
        "not one but 3",
    ),
    Mutant(
        "not-acted",
        "what is three again needs no label",
        "taken-in",
        "%%bash\nkubectl get pods --show-labels",
        "still has no owner",
    ),
    Mutant(
        "freed-and-deleted",
        "the fourth Pod is one too many, so it goes",
        "taken-in",
        "%%bash\nkubectl delete pods -l '!app'",
        "No Pod that was let go has been taken in again",
    ),
    Mutant(
        "cascade",
        "who deletes a ReplicaSet keeps its Pods",
        "adopted",
        "%%bash\nkubectl delete replicaset -l app=shop\n"
        "kubectl wait deployment/shop --for=condition=Available --timeout=30s",
        "did not outlive the ReplicaSet",
    ),
    Mutant(
        "restarted",
        "a restart makes a new ReplicaSet, too",
        "adopted",
        f"%%bash\nkubectl rollout restart deployment shop\n{_WAIT}",
        "did not outlive the ReplicaSet",
    ),
    Mutant(
        "made-anew",
        "a bare Pod is kept by making it again",
        "one-of-two",
        "%%bash\nkubectl delete pod loner\nkubectl run loner --image=localhost/shop:v1\n"
        f"kubectl delete {_ONE}",
        "somebody made it anew",
    ),
    Mutant(
        "only-the-bare-one",
        "the bare Pod alone shows it",
        "one-of-two",
        "%%bash\nkubectl delete pod loner",
        "all of shop's Pods are still the same",
    ),
    Mutant(
        "no-way-back",
        "the new version is the end",
        "two-levels",
        f"%%bash\nkubectl set image deployment/shop shop=localhost/shop:v2\n{_WAIT}",
        "shop runs version 2",
    ),
    Mutant(
        "old-set-tidied-away",
        "a ReplicaSet without Pods is litter",
        "two-levels",
        f"%%bash\nkubectl set image deployment/shop shop=localhost/shop:v2\n{_WAIT}\n"
        "for one in $(kubectl get replicasets -l app=shop -o "
        "jsonpath='{.items[?(@.spec.replicas==0)].metadata.name}'); do\n"
        "  kubectl delete replicaset $one\ndone\n"
        "kubectl set image deployment/shop shop=localhost/shop:v1",
        "is of localhost/shop:v2, and",
    ),
)
