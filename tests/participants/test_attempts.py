"""An attempt read from its events, as far as histories in memory have what no running task has."""

import pytest
from support.histories import FEATURES, Story

from twopm_zk.errors import DeploymentError
from twopm_zk.participants.attempts import AttemptView, replay_attempt
from twopm_zk.statements import Collection


def read(story):
    return replay_attempt(story.events, AttemptView(Collection.GRADIENT, FEATURES + 1), story.place)


def closed():
    story = Story()
    story.open_round()
    story.collect()
    story.close()
    return story


def test_a_node_that_withdraws_before_it_is_ready_is_gone_and_the_set_stays_as_it_was():
    story = closed()
    gone, *others = story.people
    story.ready(others[0])
    digest = story.set.digest
    story.withdraw(gone)
    view = read(story)
    assert view.sharing_set.digest == digest
    assert set(view.points) == {person.address for person in others}


def test_a_set_whose_digest_does_not_follow_from_its_nodes_is_refused():
    story = closed()
    for person in story.people:
        story.ready(person)
    assert story.events[-1].name == "SharingStarted"
    story.events[-1].values["digest"] = "0x" + "11" * 32
    with pytest.raises(DeploymentError, match="another digest"):
        read(story)


@pytest.mark.parametrize("values", [{"seat": 1}, {"x": 0, "y": 1}])
def test_a_node_in_another_seat_or_with_another_point_is_refused(values):
    story = closed()
    story.ready(story.people[0])
    story.events[-1].values.update(values)
    with pytest.raises(DeploymentError, match="another seat, or with other updates"):
        read(story)


def test_a_node_that_left_for_no_known_reason_is_refused():
    story = closed()
    story.ready(story.people[0])
    story.withdraw(story.people[0])
    story.events[-1].values["reason"] = "0x" + b"disliked".ljust(32, b"\0").hex()
    with pytest.raises(DeploymentError, match="reason"):
        read(story)
