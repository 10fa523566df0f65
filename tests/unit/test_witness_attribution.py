"""Each lost request gets the cause that the recording speaks for, with its Pod; or none."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nodebynode.errors import BadInput
from nodebynode.witness import Cause, Loss, Request, explain

from .api_objects import Json
from .services import Story, request, traffic


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path)


def loss_of(story: Story, *requests: Request, began: float = 0) -> Loss:
    """The only loss of a load, explained."""
    report = explain(traffic(*requests, began=began), story.recording(), "default", "shop")
    [loss] = report.losses
    return loss


def everybody(story: Story, *times: float) -> list[Request]:
    """A good answer from each of the first Pods at some times."""
    pods = story.pods[:3]
    return [request(at + n / 100, pod=pod) for at in times for n, pod in enumerate(pods)]


def leaves(story: Story, pod: Json, *, at: float, heard_out: float = 0.084) -> None:
    """A Pod's deletion, and its endpoint's end some seconds later."""
    story.at(at).delete(pod)
    story.at(at + heard_out).route(pod, ready=False, serving=True)


# ── no ready endpoint ────────────────────────────────────────────────────────────────────────


def test_without_a_ready_endpoint_there_is_nobody(story: Story) -> None:
    before = everybody(story, 1)
    for pod in story.pods:
        story.at(4).delete(pod)
    for pod in story.pods:
        story.at(4.2).route(pod, ready=False)
    loss = loss_of(story, *before, request(5.2, "refused"))
    assert (loss.cause, loss.pods) == (Cause.NOBODY, ())
    assert "no ready endpoint for 1.0 s" in loss.said


def test_the_nodes_need_a_moment_for_the_first_endpoint(story: Story) -> None:
    for pod in story.pods:
        story.at(1).delete(pod)
        story.gone(pod)
    pod = story.at(3).new()
    story.at(5).ready(pod)
    lost, answered = request(5.4, "reset"), request(5.9, pod=pod)
    loss = loss_of(story, lost, answered)
    assert loss.cause is Cause.NOBODY
    assert "had come 400 ms before" in loss.said


def test_pods_that_leave_and_serve_stand_in_where_none_is_ready(story: Story) -> None:
    """Proxies fall back to them, so there is somebody, and his end is a late endpoint."""
    for pod in story.pods:
        leaves(story, pod, at=4)
    loss = loss_of(story, *everybody(story, 3), request(5, "reset"))
    assert loss.cause is Cause.LATE


# ── the endpoint left late ───────────────────────────────────────────────────────────────────


def test_a_pod_that_leaves_is_told_with_its_milliseconds(story: Story) -> None:
    leaves(story, story.pods[1], at=4)
    loss = loss_of(story, *everybody(story, 3.9), request(4.031, "refused"))
    assert (loss.cause, loss.pods) == (Cause.LATE, (story.names()[1],))
    assert "until 84 ms after it began to terminate" in loss.said
    assert "the request came 31 ms after" in loss.said


@pytest.mark.parametrize("outcome", ["refused", "reset", "timed out", "empty answer"])
def test_nodes_may_follow_the_slice_within_two_seconds(story: Story, outcome: str) -> None:
    leaves(story, story.pods[1], at=4)
    loss = loss_of(story, *everybody(story, 3.9), request(5.9, outcome))
    assert loss.cause is Cause.LATE


def test_where_several_leave_it_is_one_of_them(story: Story) -> None:
    leaves(story, story.pods[1], at=4)
    leaves(story, story.pods[2], at=4.1)
    loss = loss_of(story, *everybody(story, 3.9), request(4.3, "reset"))
    assert loss.cause is Cause.LATE
    assert set(loss.pods) == set(story.names()[1:])
    assert loss.said.startswith("One of ")


def test_a_pod_that_leaves_and_still_answers_is_no_suspect(story: Story) -> None:
    """It listens while its preStop hook sleeps."""
    leaves(story, story.pods[1], at=4)
    still = request(4.6, pod=story.pods[1])
    loss = loss_of(story, *everybody(story, 3.9), request(4.3, "refused"), still)
    assert loss.cause is Cause.UNKNOWN


def test_a_container_that_crashed_is_still_routed_to(story: Story) -> None:
    story.at(4.5).end(story.pods[1], code=1)
    loss = loss_of(story, *everybody(story, 3.9), request(4.2, "refused"))
    assert (loss.cause, loss.pods) == (Cause.LATE, (story.names()[1],))
    assert "container ended" in loss.said


def test_a_crash_explains_nothing_once_its_pod_answers_again(story: Story) -> None:
    story.at(4.5).end(story.pods[1], code=1)
    loss = loss_of(story, *everybody(story, 3.9, 6), request(9, "refused"))
    assert loss.cause is Cause.UNKNOWN


# ── routed to before it was ready ────────────────────────────────────────────────────────────


def test_a_pod_without_a_probe_is_routed_to_before_it_answers(story: Story) -> None:
    pod = story.at(4).new(probe=False)
    answer = request(7, pod=pod)
    loss = loss_of(story, *everybody(story, 1, 8), request(4.5, "refused"), answer)
    assert (loss.cause, loss.pods) == (Cause.UNREADY, (story.names()[3],))
    assert "ready for 500 ms" in loss.said
    assert "first answer came 2.5 s after the request" in loss.said


def test_a_pod_that_is_not_ready_and_published_all_the_same(story: Story) -> None:
    story.at(4).unready(story.pods[2])
    loss = loss_of(story, *everybody(story, 1), request(6, "refused"))
    assert (loss.cause, loss.pods) == (Cause.UNREADY, (story.names()[2],))
    assert "although the Pod was not Ready" in loss.said


def test_a_new_pod_with_a_probe_is_no_suspect_while_nodes_do_not_know_it(story: Story) -> None:
    """In each rolling update one comes while another leaves."""
    pod = story.at(3).new()
    story.at(4).ready(pod)
    leaves(story, story.pods[0], at=4.05)
    loss = loss_of(story, *everybody(story, 1), request(4.3, "reset"), request(4.9, pod=pod))
    assert (loss.cause, loss.pods) == (Cause.LATE, (story.names()[0],))


def test_two_causes_at_one_time_are_both_told(story: Story) -> None:
    new = story.at(4).new(probe=False)
    leaves(story, story.pods[0], at=4.05)
    loss = loss_of(story, *everybody(story, 1), request(4.5, "reset"), request(9, pod=new))
    assert loss.cause is Cause.LATE
    assert f"Or it was: {Cause.UNREADY} ({story.names()[3]})." in loss.said


# ── connections that are cut ─────────────────────────────────────────────────────────────────


def kept(at: float, outcome: str, number: int = 7) -> Request:
    return request(at, outcome, kept=True, connection=number)


def test_a_kept_connection_is_cut_when_its_pod_is_killed(story: Story) -> None:
    pod = story.pods[1]
    leaves(story, pod, at=4)
    story.at(9.2).end(pod, code=137)
    story.at(9.3).gone(pod)
    before = request(8.9, pod=pod, connection=7)
    loss = loss_of(story, before, kept(9.12, "empty answer"))
    assert (loss.cause, loss.pods) == (Cause.CUT, (story.names()[1],))
    assert "grace period of 5 s ended" in loss.said
    assert "came 120 ms after" in loss.said


def test_a_kept_connection_is_cut_when_its_process_ends_by_itself(story: Story) -> None:
    pod = story.pods[1]
    leaves(story, pod, at=4)
    story.at(5).end(pod)
    loss = loss_of(story, request(3.9, pod=pod, connection=7), kept(4.3, "reset"))
    assert (loss.cause, loss.pods) == (Cause.ENDED, (story.names()[1],))


def test_another_pods_end_does_not_cut_a_kept_connection(story: Story) -> None:
    leaves(story, story.pods[0], at=4)
    story.at(9.2).end(story.pods[0], code=137)
    before = request(8.9, pod=story.pods[1], connection=7)
    loss = loss_of(story, before, kept(9.1, "empty answer"))
    assert loss.cause is Cause.UNKNOWN
    assert story.names()[1] in loss.said


def test_a_request_under_way_is_cut_when_its_pod_is_killed(story: Story) -> None:
    pod = story.pods[1]
    leaves(story, pod, at=4)
    story.at(9.2).end(pod, code=137)
    loss = loss_of(story, *everybody(story, 1), request(3.5, "empty answer", ms=5510))
    assert (loss.cause, loss.pods) == (Cause.CUT, (story.names()[1],))


def test_a_request_under_way_is_cut_when_its_process_ends(story: Story) -> None:
    pod = story.pods[1]
    leaves(story, pod, at=4)
    story.at(4.5).end(pod)
    loss = loss_of(story, *everybody(story, 1), request(3.8, "reset", ms=215))
    assert (loss.cause, loss.pods) == (Cause.ENDED, (story.names()[1],))


# ── a node that is frozen ────────────────────────────────────────────────────────────────────


def test_a_silent_node_explains_what_its_pods_did_not_answer(story: Story) -> None:
    story.at(20).silent(story.nodes[1])
    loss = loss_of(story, *everybody(story, 3), request(6, "timed out"))
    assert (loss.cause, loss.pods) == (Cause.FROZEN, (story.names()[1],))
    assert "NotReady 14.0 s after the request" in loss.said
    assert "last answer came 3.0 s before" in loss.said


def test_a_node_that_still_answered_is_not_frozen_yet(story: Story) -> None:
    story.at(20).silent(story.nodes[1])
    loss = loss_of(story, *everybody(story, 3, 9), request(6, "timed out"))
    assert loss.cause is Cause.UNKNOWN


def test_a_kept_connection_to_a_frozen_node_times_out(story: Story) -> None:
    story.at(20).silent(story.nodes[1])
    before = request(3, pod=story.pods[1], connection=7)
    assert loss_of(story, before, kept(6, "timed out")).cause is Cause.FROZEN


# ── what is known without a recording, and what is not known ─────────────────────────────────


def test_an_error_is_told_by_the_pod_itself(story: Story) -> None:
    loss = loss_of(story, request(5, "500", pod=story.pods[2]))
    assert (loss.cause, loss.pods) == (Cause.ANSWERED, (story.names()[2],))


def test_what_nothing_explains_stays_unknown(story: Story) -> None:
    loss = loss_of(story, *everybody(story, 1), request(5, "refused"))
    assert (loss.cause, loss.pods) == (Cause.UNKNOWN, ())
    assert all(name in loss.said for name in story.names())


@settings(max_examples=25)
@given(after=st.floats(min_value=2.2, max_value=12))
def test_long_after_an_endpoint_has_left_it_is_no_cause(
    tmp_path_factory: pytest.TempPathFactory, after: float
) -> None:
    story = Story(tmp_path_factory.mktemp("story"))
    leaves(story, story.pods[1], at=4)
    loss = loss_of(story, *everybody(story, 1), request(4 + after, "refused"))
    assert loss.cause is Cause.UNKNOWN


def test_a_recording_without_the_service_is_refused(story: Story) -> None:
    with pytest.raises(BadInput, match="holds no Service other in default"):
        explain(traffic(), story.recording(), "default", "other")
