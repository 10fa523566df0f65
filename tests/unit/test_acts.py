"""Which lines of a cell count as the learner's acts."""

from __future__ import annotations

import pytest
from nodebynode.course.acts import acts_of


@pytest.mark.parametrize(
    ("cell", "acts"),
    [
        ("%%bash\nkubectl cordon worker2\n", ["kubectl cordon worker2"]),
        ("%%bash\n  kubectl   scale deployment shop --replicas=5  # more", [
            "kubectl scale deployment shop --replicas=5"
        ]),
        ("%%bash\nkubectl drain worker2 \\\n  --ignore-daemonsets\n", [
            "kubectl drain worker2 --ignore-daemonsets"
        ]),
        ("%%bash\nkubectl get pods\nkubectl rollout status deployment/shop\n", []),
        ("%%bash\nkubectl rollout undo deployment/shop\nkubectl logs x\n", [
            "kubectl rollout undo deployment/shop"
        ]),
        ("%%bash\n# kubectl delete pod x\n", []),
        ("kubectl = 1\n", []),
        ("print('%%bash')\nkubectl cordon worker2\n", []),
        ("%%bash\nkubectl apply -f - <<'YAML'\nkind: Pod\nYAML\n", ["kubectl apply -f - <<'YAML'"]),
        ("", []),
    ],
)  # fmt: skip
def test_acts_are_what_changes_the_cluster(cell: str, acts: list[str]) -> None:
    assert list(acts_of(cell)) == acts


def test_a_long_command_is_cut() -> None:
    [act] = acts_of(f"%%bash\nkubectl label pod {'x' * 200} a=b")
    assert len(act) == 70
    assert act.endswith("…")
