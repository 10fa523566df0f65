"""The wrong answers of lab 01, what-runs-where."""

from __future__ import annotations

from nodebynode.course.mutants import Mutant

MUTANTS = (
    Mutant(
        "deployment-has-a-node",
        "a Deployment is on a node",
        "who-has-a-node",
        'has_a_node = {"Deployment": True, "ReplicaSet": False, "Pod": True}',
        "You say Deployment: True",
    ),
    Mutant(
        "all-have-nodes",
        "everything that belongs to a Pod is where the Pod is",
        "who-has-a-node",
        'has_a_node = {"Deployment": True, "ReplicaSet": True, "Pod": True}',
        "You say Deployment: True and ReplicaSet: True",
    ),
    Mutant(
        "selector-removed",
        "the Deployment is changed until it fits",
        "attic-has-a-home",
        "%%bash\n"
        "kubectl patch deployment attic "
        """-p '{"spec":{"template":{"spec":{"nodeSelector":null}}}}'""",
        "asks for no particular node now",
    ),
    Mutant(
        "control-plane-labelled",
        "any node will do",
        "attic-has-a-home",
        "%%bash\nkubectl label $(kubectl get nodes -o name | grep control-plane) floor=attic",
        "No worker has the label floor=attic",
    ),
    Mutant(
        "path-of-the-deployment",
        "a Pod is kept below its Deployment",
        "path-of-a-pod",
        'path_of_a_pod = "/apis/apps/v1/namespaces/lab-01/deployments/shop"',
        "there is a Deployment",
    ),
    Mutant(
        "pods-labelled",
        "a label on the Pods is one on the Deployment",
        "written-not-rolled",
        "%%bash\nkubectl label pods -l app=shop team=web",
        "The Deployment has no label `team`",
    ),
    Mutant(
        "rolled-out",
        "a change of the template is only a write, too",
        "written-not-rolled",
        "%%bash\nkubectl label deployment shop team=web\nkubectl rollout restart deployment shop",
        "The Deployment itself has changed",
    ),
    Mutant(
        "all-deleted",
        "one Pod or all of them, it is the same",
        "one-replaced",
        "%%bash\nkubectl delete pod -l app=shop",
        "not one but 3",
    ),
    Mutant(
        "scaled",
        "scaling down takes a Pod away, too",
        "one-replaced",
        "%%bash\nkubectl scale deployment shop --replicas=2",
        "The Deployment itself has changed",
    ),
    Mutant(
        "cordon-alone",
        "a cordon moves Pods away",
        "worker-is-empty",
        "%%bash\n"
        "kubectl cordon $(kubectl get pods -l app=shop -o jsonpath='{.items[0].spec.nodeName}')",
        "Still there: shop-",
    ),
    Mutant(
        "deleted-without-cordon",
        "a Pod that was deleted leaves its node for good",
        "worker-is-empty",
        "%%bash\nkubectl delete $(kubectl get pods -l app=shop -o name | head -1)",
        "No node is cordoned",
    ),
    Mutant(
        "all-moved",
        "delete all of them: the cordon sees to it that none comes back there",
        "worker-is-empty",
        "%%bash\n"
        "kubectl cordon $(kubectl get pods -l app=shop -o jsonpath='{.items[0].spec.nodeName}')\n"
        "kubectl delete pod -l app=shop",
        "0 endpoints of Service shop were ready",
    ),
)
