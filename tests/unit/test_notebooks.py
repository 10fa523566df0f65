"""Labs are derived from their solutions: what comes out, and what is refused."""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path

import jupytext
import nbformat
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from nodebynode.course.notebooks import (
    LabChange,
    derive_all,
    derive_lab,
    derive_solved,
    find_lab,
    notebook_text,
)
from nodebynode.errors import BadInput

LAB = """\
# ---
# jupyter:
#   jupytext:
#     formats: py:percent
# ---

# %% [markdown]
# # What runs where
# A Deployment is an object.

# %%
start = 1

# %% [markdown]
# ## Round 1 · Where?

# %% language="bash" tags=["exercise"]
# kubectl get nodes
# if true; then
#   ### BEGIN SOLUTION
#   kubectl get pods -o wide
#   ### END SOLUTION
# fi

# %% [markdown] tags=["solution"]
# The secret reason.

# %% tags=["check"]
check("one")

# %% [markdown]
# ## Round 2

# %% tags=["exercise"]
def nodes(pods):
    ### BEGIN SOLUTION return ...  # a set of names
    return {pod.node for pod in pods}
    ### END SOLUTION


### BEGIN SOLUTION
found = nodes([])
### END SOLUTION

# %% tags=["check"]
check("two")
"""


@pytest.fixture
def write(tmp_path):
    """Writes a solution and returns its path."""

    def write(text: str, name: str = "01-what-runs-where") -> Path:
        path = tmp_path / "solutions" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


def exercise(body: str, options: str = 'tags=["exercise"]') -> str:
    return f'# %% {options}\n{body}\n\n# %% tags=["check"]\ncheck()\n'


REGION = "### BEGIN SOLUTION\nx = 1\n### END SOLUTION"


def sources(notebook):
    return [cell.source for cell in notebook.cells]


def test_the_lab_has_stubs_where_the_solution_was(write):
    lab = derive_lab(write(LAB))

    bash, python = (c.source for c in lab.cells if c.metadata.get("tags") == ["exercise"])
    assert bash == "%%bash\nkubectl get nodes\nif true; then\n  # your command here\nfi"
    assert python == (
        "def nodes(pods):\n    return ...  # a set of names\n\n\n...  # your code here"
    )
    assert "secret" not in notebook_text(lab)
    assert lab.metadata["kernelspec"]["name"] == "python3"
    nbformat.validate(lab)


def test_the_solved_notebook_keeps_all_but_the_markers(write):
    solved = derive_solved(write(LAB))

    assert "SOLUTION" not in notebook_text(solved)
    assert "if true; then\n  kubectl get pods -o wide\nfi" in sources(solved)[3]
    assert sources(solved)[4] == "The secret reason."


def test_a_lab_starts_unrun(write):
    cells = [c for c in derive_lab(write(LAB)).cells if c.cell_type == "code"]

    assert all(cell.outputs == [] and cell.execution_count is None for cell in cells)


def test_ids_are_named_by_section_and_role(write):
    assert [cell.id for cell in derive_lab(write(LAB)).cells] == [
        "what-runs-where_text-1",
        "what-runs-where_code-1",
        "round-1-where_text-1",
        "round-1-where_exercise-1",
        "round-1-where_check-1",
        "round-2_text-1",
        "round-2_exercise-1",
        "round-2_check-1",
    ]


def test_ids_outlive_edits_and_insertions(write):
    before = [cell.id for cell in derive_lab(write(LAB)).cells]
    edited = LAB.replace("start = 1", "start = 2\n\n# %%\nmore = 1\n\n# %% [markdown]\n# And text.")
    after = [cell.id for cell in derive_lab(write(edited)).cells]

    assert set(before) < set(after)
    assert [name for name in after if name in before] == before


def test_a_cell_has_the_same_id_in_the_lab_and_solved(write):
    path = write(LAB)
    solved = {cell.id: cell.metadata for cell in derive_solved(path).cells}
    lab = {cell.id: cell.metadata for cell in derive_lab(path).cells}

    assert lab.items() <= solved.items()


@pytest.mark.parametrize("heading", ["Ünï cödé", "日本", "x" * 200, "a_b", "Twice"])
def test_ids_are_valid_and_unique_whatever_the_headings_say(write, heading):
    text = f"# %% [markdown]\n# ## {heading}\n\n" * 3 + "# %% [markdown]\n# ## Twice 2\n"
    ids = [cell.id for cell in derive_lab(write(text)).cells]

    assert len(set(ids)) == 4
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in ids)


def test_a_heading_within_a_fence_is_none(write):
    text = "# %% [markdown]\n# ```bash\n# # a comment\n# ```\n"
    assert [cell.id for cell in derive_lab(write(text)).cells] == ["start_text-1"]


BROKEN = {
    "misspelt: two hashes": (exercise("## BEGIN SOLUTION\nx\n## END SOLUTION"), "looks like one"),
    "misspelt: plural": (exercise("### BEGIN SOLUTIONS\nx\n### END SOLUTION"), "looks like one"),
    "misspelt: no space": (exercise("### BEGIN SOLUTION\nx\n###END SOLUTION"), "looks like one"),
    "misspelt: lower case": (exercise("### begin solution\nx\n### END SOLUTION"), "looks like"),
    "misspelt: letters": (exercise(REGION + "\n# BEGIN SOLUTOIN\ny\n# END SLUTION"), "looks like"),
    "misspelt: colon": (exercise("### BEGIN SOLUTION: x\nx\n### END SOLUTION"), "looks like"),
    "misspelt: other word": (exercise(REGION + "\n### HERE IT IS"), "looks like one"),
    "not alone": (exercise("x = 1  ### BEGIN SOLUTION\ny\n### END SOLUTION"), "looks like one"),
    "in bash": (
        exercise(
            "# ## BEGIN SOLUTION\n# x\n# ## END SOLUTION", 'language="bash" tags=["exercise"]'
        ),
        "looks like one",
    ),
    "nested": (
        exercise("### BEGIN SOLUTION\n### BEGIN SOLUTION\nx\n### END SOLUTION"),
        "opens within the region",
    ),
    "unclosed": (exercise("### BEGIN SOLUTION\nx"), "never closed"),
    "unopened": (exercise("x\n### END SOLUTION"), "was not opened"),
    "holds nothing": (exercise("### BEGIN SOLUTION\n\n### END SOLUTION"), "holds nothing"),
    "no region": (exercise("x = 1"), "an exercise needs a solution region"),
    "no exercise": (f"# %%\n{REGION}", "only stand in a cell tagged 'exercise'"),
    "in prose": ("# %% [markdown]\n# ### BEGIN SOLUTION\n# x\n# ### END SOLUTION", "only stand"),
    "no check at the end": (f'# %% tags=["exercise"]\n{REGION}', "needs a 'check' cell after it"),
    "no check before the next": (
        f'# %% tags=["exercise"]\n{REGION}\n\n' + exercise(REGION),
        "needs a 'check' cell before the next one",
    ),
    "command": ("# %%\n# !kubectl get pods", "runs a !command"),
    "command kept": ("# %%\npods = !kubectl get pods", "runs a !command"),
    "command in a magic": ("# %%\n# %%time\n# !kubectl get pods", "runs a !command"),
    "tag that hides": ('# %% tags=["raises-exception"]\n1 / 0', "would hide a failure"),
    "tag misspelt": ('# %% [markdown] tags=["solutions"]\n# x', "looks like 'solution'"),
    "tags not a list": ('# %% tags="solution"\nx', "bad options"),
    "tags not quoted": ("# %% tags=[solution]\nx", "mean nothing here"),
    "option misspelt": ('# %% tag=["solution"]\nx', "mean nothing here: 'tag'"),
    "two roles": ('# %% tags=["check", "solution"]\nx', "only one of: check, solution"),
}


@pytest.mark.parametrize("derive", [derive_lab, derive_solved])
@pytest.mark.parametrize("text", BROKEN)
def test_broken_rules_are_refused(write, derive, text):
    source, rule = BROKEN[text]
    with pytest.raises(BadInput, match=re.escape(rule)) as refused:
        derive(write(source))
    assert "01-what-runs-where.py" in str(refused.value)


def test_every_problem_is_told_at_once_with_its_line(write):
    text = "# %% [markdown]\n# text\n\n" + exercise("x = 1\n## BEGIN SOLUTION") + "\n# %%\n# !ls\n"
    with pytest.raises(BadInput) as refused:
        derive_lab(write(text))

    told = refused.value.seen.splitlines()
    assert told[0].startswith("solutions/01-what-runs-where.py:6, cell 2: ")
    assert told[1].startswith("solutions/01-what-runs-where.py:11, cell 4: ")


@pytest.mark.parametrize(
    "source",
    [
        "# %%\ntext = '''\n!ls\n'''",
        '# %% language="bash"\n# ! grep -q x y',
        "# %%\n# a solution begins with a question\nx = 1",
        "# %% [markdown]\n# ### In the end\n# The solution is near.",
    ],
)
def test_what_only_resembles_a_broken_rule_passes(write, source):
    derive_lab(write(source))


def test_a_prediction_has_a_stub_and_needs_no_check(write):
    text = (
        '# %% tags=["predict"]\n### BEGIN SOLUTION lab.predict("x", ...)\nSECRET\n### END SOLUTION'
    )
    assert sources(derive_lab(write(text))) == ['lab.predict("x", ...)']
    assert sources(derive_solved(write(text))) == ["SECRET"]


lines = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(solution=st.lists(lines, min_size=1, max_size=6), indent=st.sampled_from(["", "    "]))
@example(solution=['s = """', "# %% [markdown]"], indent="")
@example(solution=["# %%"], indent="")
@example(solution=["## END SOLUTION", "### END SOLUTION"], indent="")
@example(solution=["# !ls", "%%bash"], indent="")
def test_a_solution_is_never_in_the_lab(write, solution, indent):
    secret = [f"{indent}SECRET {line}" for line in solution]
    bare = [f"{indent}{line}  # SECRET" for line in solution]
    for body in (secret, bare):
        region = [f"{indent}### BEGIN SOLUTION", *body, f"{indent}### END SOLUTION"]
        try:
            lab = derive_lab(write(exercise("\n".join(["before = 1", *region, "after = 1"]))))
        except BadInput:
            continue  # refused is as good: nothing leaks
        assert "SECRET" not in notebook_text(lab)


words = st.from_regex(r"[a-z]+ = [0-9]{1,5}", fullmatch=True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(before=st.lists(words), solution=st.lists(words, min_size=1), bash=st.booleans())
def test_what_is_derived_survives_jupytext(write, before, solution, bash):
    body = "\n".join([*before, "### BEGIN SOLUTION do it", *solution, "### END SOLUTION"])
    options = 'tags=["exercise"]'
    if bash:
        body, options = textwrap.indent(body, "# "), f'language="bash" {options}'
    path = write(exercise(body, options))

    for derived, kept in ((derive_lab(path), ["do it"]), (derive_solved(path), solution)):
        assert sources(derived)[0].split("\n")[bash:] == [*before, *kept]
        again = jupytext.reads(jupytext.writes(derived, fmt="py:percent"), fmt="py:percent")
        assert sources(again) == sources(derived)
        assert [c.metadata["tags"] for c in again.cells] == [["exercise"], ["check"]]


def test_labs_are_written_once_and_only_when_they_change(write, tmp_path):
    write(LAB)
    write(LAB, "02-who-makes-pods")
    first, second = (
        tmp_path / "labs" / f"{name}.ipynb" for name in ("01-what-runs-where", "02-who-makes-pods")
    )

    assert derive_all(tmp_path, check=True) == [
        LabChange(first, "missing"),
        LabChange(second, "missing"),
    ]
    assert not first.exists()
    assert len(derive_all(tmp_path)) == 2
    assert derive_all(tmp_path) == []
    assert first.read_text().endswith("}\n")
    assert json.loads(first.read_text())["nbformat_minor"] == 5


def test_check_tells_what_is_stale_or_orphaned_and_writes_nothing(write, tmp_path):
    write(LAB)
    derive_all(tmp_path)
    lab, orphan = tmp_path / "labs" / "01-what-runs-where.ipynb", tmp_path / "labs" / "mine.ipynb"
    orphan.write_text("{}")
    lab.write_text("old")

    expected = [LabChange(lab, "stale"), LabChange(orphan, "orphaned")]
    assert derive_all(tmp_path, check=True) == expected
    assert lab.read_text() == "old"
    assert derive_all(tmp_path) == expected
    assert derive_all(tmp_path) == expected[1:]
    assert orphan.exists()


def test_nothing_is_written_when_one_solution_is_broken(write, tmp_path):
    write(LAB)
    write("# %%\n# !ls", "02-broken")
    with pytest.raises(BadInput, match="02-broken"):
        derive_all(tmp_path)
    assert not (tmp_path / "labs").exists()


def test_a_solution_with_a_wrong_name_is_refused(write, tmp_path):
    write(LAB, "3-pods")
    with pytest.raises(BadInput, match="NN-topic"):
        derive_all(tmp_path)


@pytest.mark.parametrize(
    "name", ["1", "01", "01-what-runs-where", "what-runs-where", "01-What-Runs-Where.ipynb"]
)
def test_a_lab_is_found_by_what_people_type(write, tmp_path, name):
    path = write(LAB)
    write(LAB, "11-from-kind-to-aks")
    assert find_lab(tmp_path, name) == path


def test_an_unknown_lab_is_answered_with_the_nearest(write, tmp_path):
    write(LAB)
    write(LAB, "06-rolling-update")
    with pytest.raises(BadInput, match="Did you mean 06-rolling-update") as unknown:
        find_lab(tmp_path, "06-roling-updates")
    assert "01-what-runs-where, 06-rolling-update" in unknown.value.do
    with pytest.raises(BadInput, match="no lab ''"):
        find_lab(tmp_path, "")


def test_no_labs_at_all(tmp_path):
    with pytest.raises(BadInput, match="no labs"):
        find_lab(tmp_path, "1")
