"""A live view in JupyterLab outlives what goes wrong around it, and says so."""

from __future__ import annotations

import re

import pytest
from nodebynode.cluster import Cluster
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import PICTURES
from tests.browser.labpage import LabPage

pytestmark = pytest.mark.timeout(300)
PROVIDERS = ("embedded",)
"""What happens here happens between the page, the kernel and the API server of any cluster."""

SECONDS = 20_000


@pytest.fixture(scope="module")
def lab(page: Page, address: str, cluster: Cluster) -> LabPage:
    """Lab 01 with three Pods, and its live view."""
    lab = LabPage(page, address, PICTURES / "live")
    lab.run(lab.find('lab = Lab("01")'))
    lab.run(lab.find("replicas: 3"))
    lab.run(lab.find("lab.live()"))
    expect(pods(lab)).to_have_count(3, timeout=SECONDS)
    return lab


def view(lab: LabPage) -> Locator:
    return lab.page.locator(".nbn")


def pods(lab: LabPage) -> Locator:
    return view(lab).locator('figure:not(.nbn-pinned) [role=img][aria-label^="Pod shop-"]')


def scale(cluster: Cluster, replicas: int) -> None:
    cluster.kubectl("scale", "deployment/shop", f"--replicas={replicas}", "-n", "lab-01")


def test_a_page_that_is_loaded_again_shows_the_view_as_it_goes_on(
    lab: LabPage, cluster: Cluster
) -> None:
    lab.save()
    scale(cluster, 4)
    lab.reload()

    lab.show(lab.find("lab.live()"))
    expect(pods(lab)).to_have_count(4, timeout=SECONDS)
    scale(cluster, 3)
    expect(pods(lab)).to_have_count(3, timeout=SECONDS)
    lab.picture("1-loaded-again")


def test_a_notebook_that_was_closed_shows_the_view_when_it_is_opened(
    lab: LabPage, cluster: Cluster
) -> None:
    lab.save()
    lab.close_notebook()
    expect(view(lab)).to_have_count(0)
    scale(cluster, 5)
    lab.open_notebook()

    lab.show(lab.find("lab.live()"))
    expect(pods(lab)).to_have_count(5, timeout=SECONDS)
    scale(cluster, 3)
    expect(pods(lab)).to_have_count(3, timeout=SECONDS)


def test_a_cluster_that_is_lost_is_said_and_one_that_is_back_is_followed(
    lab: LabPage, cluster: Cluster
) -> None:
    cluster.stop()
    expect(view(lab).get_by_text(re.compile("Stale since"))).to_be_visible(timeout=SECONDS)
    expect(pods(lab)).to_have_count(3)
    lab.picture("2-cluster-lost")

    cluster.start()
    expect(view(lab).get_by_text(re.compile("Stale since"))).to_have_count(0, timeout=60_000)
    scale(cluster, 4)
    expect(pods(lab)).to_have_count(4, timeout=60_000)
    scale(cluster, 3)
    expect(pods(lab)).to_have_count(3, timeout=SECONDS)


def test_a_kernel_that_is_gone_is_said_and_the_film_stays(lab: LabPage) -> None:
    lab.restart_kernel()
    lost = view(lab).get_by_text(re.compile("The kernel is gone|has been stopped"))
    expect(lost.first).to_be_visible(timeout=SECONDS)
    expect(pods(lab)).to_have_count(3)
    lab.picture("3-kernel-gone")

    back = view(lab).get_by_role("button", name="Step back")
    for _ in range(20):
        if pods(lab).count() == 4:
            break
        back.press("Enter")
    expect(pods(lab)).to_have_count(4)


def test_the_lab_is_opened_again_and_followed(lab: LabPage, cluster: Cluster) -> None:
    lab.run(lab.find('lab = Lab("01")'))
    lab.run(lab.find("replicas: 3"))
    lab.run(lab.find("lab.live()"))
    expect(pods(lab)).to_have_count(3, timeout=SECONDS)
    scale(cluster, 4)
    expect(pods(lab)).to_have_count(4, timeout=SECONDS)
