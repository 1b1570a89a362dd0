"""The naive model's ear: what may be said of which event, and to whom (S4, S5, S7)."""

from __future__ import annotations

import json

from allocator.domain.events import event_name

SAID = {
    "reservation_accepted": "accepted", "request_rejected": "rejected", "driver_command_refused": "rejected",
    "reservation_bound": "bound", "reservation_activated": "active", "reservation_relocated": "relocated",
    "reservation_extended": "extended", "overstay_warned": "warned", "reservation_completed": "completed",
    "reservation_cancelled": "cancelled", "reservation_expired": "expired", "reservation_failed": "failed",
    "request_waitlisted": "waitlisted", "guest_recalled": "warned",
}  # fmt: skip
"""What the driver is told of each event that concerns one."""
TOLD_A_BAY = {"reservation_bound": "bay", "reservation_activated": "bay", "reservation_relocated": "to_bay",
              "guest_recalled": "meanwhile"}  # fmt: skip
UNPUBLISHED = {
    "replanned", "operator_command_refused", "resident_left", "resident_returned", "auto_window_set", "points_awarded",
}  # fmt: skip


class Told:
    """The numbers given so far and the answers kept."""

    def __init__(self) -> None:
        self.position = 0
        self.event_nos: dict[str, int] = {}
        self.answers: dict[tuple[str, str], tuple[str, bytes]] = {}

    def number(self, recorded) -> None:
        """Check that the event continues the numbers (S7 rests on them)."""
        assert recorded.position == self.position + 1, f"position {recorded.position} follows {self.position}"
        self.position = recorded.position
        if event_name(type(recorded.event)) in UNPUBLISHED:
            assert recorded.event_no is None
        elif recorded.zone is not None:
            self.event_nos[recorded.zone] = self.event_nos.get(recorded.zone, 0) + 1
            assert recorded.event_no == self.event_nos[recorded.zone], f"event_no of {recorded}"

    def check(self, commit, key, driver_of, *, repeated: bool, query: bool) -> None:
        """Check what one commit says against its events, and that its request is answered once."""
        rows = [(row.topic, row.payload) for row in commit.outbox if row.payload]
        said = [(topic, json.loads(payload)) for topic, payload in rows]
        for topic, message in said:
            position = message.get("data", message)["position"]
            assert position <= self.position, f"S7: {topic} tells of position {position}, there are {self.position}"
        if repeated:
            assert rows == [self.answers[key]], f"S5: the answer to {key} was {self.answers[key]}, now it is {rows}"
            assert not commit.answers
            return
        answers = {(answer.party, answer.request_id): (answer.topic, answer.payload) for answer in commit.answers}
        assert len(answers) == len(commit.answers), "S5: two answers to one request"
        state = query and not commit.events
        assert set(answers) == ({key} if key and not state else set()), f"S4: {key} asked, {set(answers)} are answered"
        assert all(answer in rows for answer in answers.values()), f"S4: the answer {answers} was not said"
        self.answers |= answers
        self._each_event_is_told_once(commit, said, driver_of, state=state)

    def _each_event_is_told_once(self, commit, said, driver_of, *, state: bool) -> None:
        replies = [(topic.split("/")[-2], message) for topic, message in said if topic.endswith("/reply")]
        replies = [(who, message) for who, message in replies if who.startswith("drv-")]
        zones = [message["data"]["position"] for topic, message in said if topic.endswith("/events")]
        told = []
        for recorded in commit.events:
            name = event_name(type(recorded.event))
            if name in SAID:
                kind = "extend_refused" if getattr(recorded.event, "type", "") == "extend" else SAID[name]
                told.append((driver_of(recorded.event), kind, recorded.position))
        assert [(who, message["type"], message["position"]) for who, message in replies] == (
            [(who, "state", self.position) for who, _ in replies[:1]] if state else told
        ), f"S7: {told} happened, {replies} was said"
        assert zones == [recorded.position for recorded in commit.events if recorded.zone is not None]
        by_position = {recorded.position: recorded.event for recorded in commit.events}
        for _, message in [] if state else replies:
            event = by_position[message["position"]]
            field = TOLD_A_BAY.get(event_name(type(event)))
            assert message.get("bay") == (getattr(event, field) if field else None), f"{message} of {event}"
