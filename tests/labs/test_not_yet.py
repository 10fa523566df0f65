"""Every lab unsolved, and answered wrongly: each check says "not yet", in its own words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from nbformat import NotebookNode
from nodebynode.cluster import Cluster
from nodebynode.course import mutants, notebooks
from nodebynode.course.labs import mutants_of
from nodebynode.course.running import run_notebook
from nodebynode.kube import Kind

from tests.labs.test_labs import LABS, ROOT, run_lab

PROVIDERS = ("embedded",)
"""What a check says of a wrong answer, or of none, hangs on the API server: the same in both."""
PROVIDERS_OF_ALL = ("embedded", "kind")
LEAST = 5


@pytest.mark.timeout(480)
@pytest.mark.parametrize("lab", LABS)
def test_unsolved_every_check_says_not_yet(lab: str, cluster: Cluster) -> None:
    code, [result] = run_lab(lab, "start", cluster)

    checks = [cell for cell in result["cells"] if cell["kind"] == "check"]
    assert {cell["outcome"] for cell in checks} == {"not-yet"}, result["problem"]
    assert all("Expected:" in cell["message"] for cell in checks)
    others = [cell for cell in result["cells"] if cell["kind"] != "check"]
    assert {cell["outcome"] for cell in others} == {"passed"}, others
    assert code == 0


@pytest.mark.timeout(930)
@pytest.mark.parametrize("lab", LABS)
def test_every_mutant_is_caught_for_its_own_reason(lab: str, cluster: Cluster) -> None:
    code, results = run_lab(lab, "mutants", cluster)

    assert [r["problem"] for r in results if not r["passed"]] == []
    assert code == 0
    assert len(results) == len(mutants_of(lab)) >= LEAST
    assert {one["name"] for one in results} == {
        f"{lab} as mutant:{mutant.name}" for mutant in mutants_of(lab)
    }


@pytest.mark.parametrize("lab", LABS)
def test_a_right_answer_is_no_mutant(lab: str, cluster: Cluster) -> None:
    """The way that mutants are run lets the right answer through, and then says so."""
    mutant = mutants_of(lab)[0]
    solved = notebooks.derive_solved(ROOT / "solutions" / f"{lab}.py")
    right = replace(mutant, answer=_right_answer(solved, mutant.check))
    notebook = mutants.mutate(solved, right)
    result = run_notebook(notebook, lab, mode="start", env={"NODEBYNODE_CLUSTER": cluster.name})
    judged = mutants.judge(lab, mutant, result)
    assert not judged.passed
    assert f"Not caught: the check {mutant.check} passed" in judged.problem
    assert cluster.api.find(Kind.NAMESPACE, f"lab-{lab[:2]}") is None, "no cell closed the lab"


def _right_answer(solved: NotebookNode, check: str) -> str:
    """The source of the last exercise before a check."""
    answer = ""
    for cell in solved.cells:
        if "exercise" in cell.metadata.get("tags", ()):
            answer = cell.source
        if f'lab.check("{check}"' in cell.source:
            return answer
    raise AssertionError(check)
