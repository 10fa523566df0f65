"""The wrong answers of lab 04, who-gets-traffic."""

from __future__ import annotations

from nodebynode.course.mutants import Mutant

_WAIT = "kubectl rollout status deployment/shop --timeout=30s"
_ONE = "pod=$(kubectl get pods -l app=shop -o name | head -1)"
_SLICE = "slice=$(kubectl get endpointslices -l kubernetes.io/service-name=shop -o name)"


def _template(label: str, value: str) -> str:
    labels = f'{{"metadata": {{"labels": {{"{label}": "{value}"}}}}}}'
    return f"""kubectl patch deployment shop -p '{{"spec": {{"template": {labels}}}}}'"""


_ASK = """kubectl patch service shop -p '{"spec": {"selector": {"rotation": "in"}}}'"""


MUTANTS = (
    Mutant(
        "guest-deleted",
        "to take a Pod out of the list is to delete it",
        "guest-out",
        "%%bash\nkubectl delete pod guest",
        "There is no Pod guest any more",
    ),
    Mutant(
        "guest-crossed-out",
        "the list can be edited",
        "guest-out",
        f"%%bash\n{_SLICE}\n"
        """kubectl patch "$slice" --type=json -p '[{"op": "remove", "path": "/endpoints/3"}]'""",
        "guest still has the label app=shop",
    ),
    Mutant(
        "all-labels-taken",
        "labels are notes: one line for all of them is quicker",
        "guest-out",
        "%%bash\nkubectl label pods -l app=shop app-",
        "always at least 2 endpoints of Service shop are ready",
    ),
    Mutant(
        "another-service",
        "a LoadBalancer is a thing beside the Service",
        "asked-for",
        "%%bash\nkubectl expose deployment shop --name=shop-public --port=80 --type=LoadBalancer",
        "The Service shop is of type NodePort",
    ),
    Mutant(
        "made-anew",
        "a Service is deleted and made anew to change its type",
        "asked-for",
        "%%bash\nkubectl delete service shop\nkubectl wait endpointslices --for=delete "
        "-l kubernetes.io/service-name=shop --timeout=10s\n"
        "kubectl expose deployment shop --port=80 --target-port=8080 --type=LoadBalancer",
        "always at least 2 endpoints of Service shop are ready",
    ),
    Mutant(
        "a-plain-load",
        "requests are what is shared out, so few of them go to one Pod",
        "one-for-all",
        "lab.load(seconds=3)",
        "They were answered",
    ),
    Mutant(
        "three-kept",
        "keep_alive is on, whatever its number",
        "one-for-all",
        "lab.load(seconds=3, keep_alive=30)",
        "They were answered",
    ),
    Mutant(
        "the-others-removed",
        "who wants one Pod to answer scales to one",
        "one-for-all",
        "print(lab.kubectl('scale', 'deployment', 'shop', '--replicas=1'))\n"
        "lab.wait_gone('shop')\nlab.load(seconds=3)",
        "had 1 ready endpoint at one time",
    ),
    Mutant(
        "replaced-instead",
        "a Pod that is deleted is out of the list, too",
        "still-three",
        f'%%bash\n{_ONE}\nkubectl delete "$pod"\n{_WAIT}',
        "No Pod of shop has been let go",
    ),
    Mutant(
        "all-let-go",
        "all three at once, they are replaced anyhow",
        "still-three",
        f"%%bash\nkubectl label pods -l app=shop app-\n{_WAIT}",
        "always at least 2 endpoints of Service shop are ready",
    ),
    Mutant(
        "gone-from-the-list",
        "a Pod that stops serves nobody any more",
        "read-the-line",
        'stopping = {"ready": False, "serving": False, "terminating": True}',
        "You say serving: False",
    ),
    Mutant(
        "selector-first",
        "the order does not matter, both are there in the end",
        "own-label",
        f"%%bash\n{_ASK}\n{_template('rotation', 'in')}\n{_WAIT}",
        "always at least 2 endpoints of Service shop are ready",
    ),
    Mutant(
        "labelled-by-hand",
        "Pods that have the label are all that is needed",
        "own-label",
        f"%%bash\nkubectl label pods -l app=shop rotation=in\n{_ASK}",
        "The template of shop gives app=shop",
    ),
    Mutant(
        "crossed-out",
        "the list can be edited",
        "out-unnoticed",
        f"%%bash\n{_SLICE}\n"
        """kubectl patch "$slice" --type=json -p '[{"op": "remove", "path": "/endpoints/0"}]'""",
        "Every Pod of shop has the labels that the Service asks for",
    ),
    Mutant(
        "the-old-label",
        "the label app takes a Pod out as well",
        "out-unnoticed",
        f'%%bash\n{_ONE}\nkubectl label "$pod" app-',
        "Every Pod of shop has the labels that the Service asks for",
    ),
    Mutant(
        "all-out",
        "the Deployment as a whole is taken out",
        "out-unnoticed",
        "%%bash\nkubectl label pods -l app=shop rotation=out --overwrite",
        "Out of the list:",
    ),
    Mutant(
        "out-by-the-template",
        "a label belongs into the template",
        "out-unnoticed",
        f"%%bash\n{_template('rotation', 'out')}\n{_WAIT}",
        "Out of the list:",
    ),
)
