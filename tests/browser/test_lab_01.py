"""Lab 01 in JupyterLab as a learner does it: forgotten cells, wrong answers, then right ones."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from nodebynode.cluster import Cluster
from nodebynode.kube import Kind
from nodebynode.waiting import wait_for
from playwright.sync_api import Page, expect

from tests.browser.conftest import PICTURES
from tests.browser.labpage import LabPage

pytestmark = pytest.mark.timeout(600)

HAS_A_NODE = 'has_a_node = {"Deployment": %s, "ReplicaSet": False, "Pod": True}'
LABEL = "# kubectl label"


@pytest.fixture(scope="module")
def lab(page: Page, address: str, cluster: Cluster) -> LabPage:
    return LabPage(page, address, PICTURES / cluster.name)


def test_the_kernel_that_learn_started_is_the_pages_own(lab: LabPage) -> None:
    sessions = lab.page.evaluate(
        "async () => (await window.jupyterapp.serviceManager.sessions.refreshRunning(),"
        " [...window.jupyterapp.serviceManager.sessions.running()].map(one => one.path))"
    )
    assert sessions == ["my-labs/01-what-runs-where.ipynb"]


def test_a_cell_before_its_time_is_told_in_a_sentence(lab: LabPage) -> None:
    said = lab.run(lab.find('lab.check("who-has-a-node"'))

    assert "`lab` has no value yet" in said
    assert "Traceback" not in said
    lab.picture("01-out-of-order")


def test_the_lab_opens_and_draws_its_map(lab: LabPage, cluster: Cluster) -> None:
    assert cluster.name in lab.run(lab.find('lab = Lab("01")'))
    assert "successfully rolled out" in lab.run(lab.find("replicas: 3"))
    drawn = lab.run(lab.find("lab.map()"))

    assert "shop: 3 of 3 Pods available" in drawn
    assert all(worker in drawn for worker in cluster.workers)
    assert lab.page.locator("figure svg[role=img] title").first.text_content()
    lab.picture("02-map")


def test_a_wrong_answer_gets_what_was_seen_and_a_hint(lab: LabPage) -> None:
    said = lab.answer("has_a_node =", HAS_A_NODE % "True", "who-has-a-node")

    assert "Not yet" in said
    assert "You say Deployment: True" in said
    assert "hint" in said
    assert "Traceback" not in said
    lab.picture("03-wrong-answer")


def test_the_right_answer_names_a_pod_and_its_node(lab: LabPage) -> None:
    said = lab.answer("has_a_node =", HAS_A_NODE % "False", "who-has-a-node")

    assert said.startswith("✓")
    lab.picture("04-right-answer")


def test_a_command_that_fails_leaves_its_own_words(lab: LabPage, cluster: Cluster) -> None:
    lab.run(lab.find("floor: attic"))
    index = lab.find(LABEL)
    lab.type_into(index, "%%bash\nkubectl label node nobody floor=attic  " + LABEL)
    said = lab.run(index)

    assert 'nodes "nobody" not found' in said
    assert "ended with an error (exit code 1)" in said
    assert "Traceback" not in said
    lab.picture("05-failed-command")


def test_going_round_the_question_is_noticed(lab: LabPage, cluster: Cluster) -> None:
    change = """'{"spec":{"template":{"spec":{"nodeSelector":null}}}}'"""
    around = f"%%bash\nkubectl patch deployment attic -p {change}  {LABEL}"
    said = lab.answer(LABEL, around, "attic-has-a-home")

    assert "asks for no particular node now" in said
    lab.run(lab.find("floor: attic"))  # the manifest puts it back
    label = f"%%bash\nkubectl label node {cluster.workers[1]} floor=attic  {LABEL}"
    said = lab.answer(LABEL, label, "attic-has-a-home")
    assert said.startswith("✓")
    assert f"to {cluster.workers[1]}" in said
    lab.picture("06-attic")


def test_paths_that_lead_elsewhere_are_told_where_they_lead(lab: LabPage, cluster: Cluster) -> None:
    deployment = 'path_of_a_pod = "/apis/apps/v1/namespaces/lab-01/deployments/shop"'
    assert "there is a Deployment" in lab.answer("path_of_a_pod =", deployment, "path-of-a-pod")
    missing = 'path_of_a_pod = "/api/v1/namespaces/lab-01/pods/nobody"'
    assert "has nothing at" in lab.answer("path_of_a_pod =", missing, "path-of-a-pod")
    pod = cluster.api.list(Kind.POD, "lab-01", labels="app=shop")[0]["metadata"]["name"]
    right = f'path_of_a_pod = "/api/v1/namespaces/lab-01/pods/{pod}"'
    assert pod in lab.answer("path_of_a_pod =", right, "path-of-a-pod")


def test_the_live_map_follows_the_cluster_and_goes_back(lab: LabPage, cluster: Cluster) -> None:
    lab.run(lab.find("lab.live()"))
    view = lab.page.locator(".nbn")
    pods = view.locator('figure:not(.nbn-pinned) [role=img][aria-label^="Pod shop-"]')
    expect(pods).to_have_count(3)

    cluster.kubectl("scale", "deployment/shop", "--replicas=4", "-n", "lab-01")
    expect(pods).to_have_count(4, timeout=20_000)
    lab.picture("07-live")
    back = view.get_by_role("button", name="Step back")
    for _ in range(20):
        if pods.count() == 3:
            break
        back.press("Enter")
    expect(pods).to_have_count(3)
    expect(view.get_by_text("Paused")).to_be_visible()

    cluster.kubectl("scale", "deployment/shop", "--replicas=3", "-n", "lab-01")
    view.get_by_role("button", name="Live").press("Enter")
    expect(view.locator("figure:not(.nbn-pinned) svg")).to_have_attribute(
        "aria-label", re.compile(r"^2 Deployments: 4 of 4 Pods available\.(?! \d)"), timeout=20_000
    )


def test_one_pod_too_many_is_no_harm(lab: LabPage, cluster: Cluster) -> None:
    lab.run(lab.find("lab.remember"))
    label = lab.find("# your command here")
    lab.type_into(label, "%%bash\nkubectl label deployment shop team=web")
    lab.run(label)
    assert "team=web is written" in lab.run(lab.find('lab.check("written-not-rolled"'))

    delete = lab.find("# your command here")
    lab.type_into(delete, "%%bash\nkubectl delete pod -l app=shop")
    lab.run(delete)
    said = lab.run(lab.find('lab.check("one-replaced"'))
    assert "not one but 3" in said
    lab.picture("08-all-deleted")

    cluster.kubectl("rollout", "status", "deployment/shop", "-n", "lab-01")
    lab.run(lab.find("lab.remember"))
    lab.type_into(
        delete, "%%bash\nkubectl delete $(kubectl get pods -l app=shop -o name | head -1)"
    )
    lab.run(delete)
    assert "is gone for good" in lab.run(lab.find('lab.check("one-replaced"'))
    lab.picture("08-one-replaced")


def test_a_cordon_alone_frees_no_worker(lab: LabPage, cluster: Cluster) -> None:
    index = lab.find("# your command here")
    lab.type_into(index, f"%%bash\nkubectl cordon {cluster.name}-control-plane")
    lab.run(index)
    said = lab.run(lab.find('lab.check("worker-is-empty"'))
    assert "which is no worker" in said

    lab.run([i for i, cell in enumerate(lab.cells()) if "lab.remember" in cell["source"]][-1])
    pods = cluster.api.list(Kind.POD, "lab-01", labels="app=shop")
    node = pods[0]["spec"]["nodeName"]
    lab.type_into(index, f"%%bash\nkubectl cordon {node}")
    lab.run(index)
    said = lab.run(lab.find('lab.check("worker-is-empty"'))
    assert "Still there: shop-" in said

    leave = f"kubectl delete pod -l app=shop --field-selector spec.nodeName={node}"
    lab.type_into(index, f"%%bash\n{leave}")
    lab.run(index)
    assert f"{node} holds no Pod of shop" in lab.run(lab.find('lab.check("worker-is-empty"'))
    maps = [i for i, cell in enumerate(lab.cells()) if cell["source"] == "lab.map()"]
    assert "cordoned" in lab.run(maps[-1])
    lab.picture("09-cordoned")


def test_the_replay_needs_no_kernel_and_knows_what_was_done(lab: LabPage) -> None:
    lab.run(lab.find("lab.replay()"))
    replay = lab.page.frame_locator("iframe[srcdoc]")
    acts = replay.get_by_role("list", name="Marks")
    expect(acts).to_contain_text("You did: kubectl label deployment shop team=web")
    expect(acts).to_contain_text("You did: kubectl delete pod -l app=shop")
    where = replay.locator("[data-ui=where]")
    before = where.inner_text()
    replay.get_by_role("button", name="Step on").press("Enter")
    expect(where).not_to_have_text(before)
    lab.picture("09-replay")


def test_a_terminal_has_kubectl_on_the_lab(lab: LabPage, course: Path) -> None:
    seen = course / "seen.txt"
    lab.in_terminal(f"(kubectl get pods; nodebynode status) > {seen} 2>&1; echo done >> {seen}")

    wait_for(lambda: seen.exists() and "done" in seen.read_text(), timeout=60, what="the terminal")
    assert "shop-" in seen.read_text()
    assert "is running" in seen.read_text()
    lab.picture("10-terminal")
    lab.close_terminal()


def test_closing_puts_the_cluster_back(lab: LabPage, cluster: Cluster) -> None:
    said = lab.run(lab.find("lab.close()"))

    assert "was cordoned" in said
    assert cluster.api.find(Kind.NAMESPACE, "lab-01") is None
    nodes = cluster.api.list(Kind.NODE)
    assert not any(node["spec"].get("unschedulable") for node in nodes)
    assert not any("floor" in node["metadata"]["labels"] for node in nodes)
    lab.picture("11-closed")


def test_the_learners_own_copy_was_opened(course: object, lab: LabPage) -> None:
    assert "my-labs" in lab.page.url
