"""The tally of a load test against a naive count over whole lists."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sensors_sim.load.histogram import Histogram
from sensors_sim.load.tally import LoadTally

TOPICS = ("bay-1/occupancy", "bay-2/device")
BOOT = 1_700_000_000_000
FATES = st.tuples(st.sampled_from(TOPICS), st.integers(0, 2), st.integers(0, 6))
"""The topic of a message, how often it is delivered, and how many sendings later."""


def play(fates, tally):
    """Send one message for each fate and deliver it as told; return the deliveries' numbers by topic."""
    due = sorted(
        (sent_at + delay + 0.5, copy, sent_at)
        for sent_at, (_, copies, delay) in enumerate(fates)
        for copy in range(copies)
    )
    seqs, seen = dict.fromkeys(TOPICS, 0), {topic: [] for topic in TOPICS}
    ids = []
    for sent_at, (topic, _, _) in enumerate([*fates, *[(None, 0, 0)] * 8]):
        if topic is not None:
            ids.append((BOOT, seqs[topic]))
            seqs[topic] += 1
            tally.on_sent(topic, ids[-1], float(sent_at))
        while due and due[0][0] < sent_at + 1:
            at, _, number = due.pop(0)
            tally.on_delivered(fates[number][0], ids[number], at)
            seen[fates[number][0]].append(number)
    return seen


def overtaken(numbers):
    """How many first deliveries came behind one that was sent later."""
    firsts = list(dict.fromkeys(numbers))
    return sum(any(later > number for later in firsts[:at]) for at, number in enumerate(firsts))


@given(st.lists(FATES, max_size=60))
def test_loss_duplicates_and_reordering_are_counted_as_they_were_made(fates):
    tally = LoadTally()
    seen = play(fates, tally)
    assert tally.sent == len(fates)
    assert tally.lost == sum(copies == 0 for _, copies, _ in fates)
    assert tally.duplicates == sum(copies == 2 for _, copies, _ in fates)
    assert tally.reordered == sum(overtaken(numbers) for numbers in seen.values())
    assert tally.to_deliver.count == tally.delivered
    assert (tally.sent_twice, tally.sent_late, tally.others) == (0, 0, 0)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=40))
def test_what_is_sent_twice_or_late_on_purpose_is_not_held_against_the_broker(faults):
    """`faults`: whether a message is sent twice or, else, late by so many."""
    order = sorted(
        [(seq + (0 if twice else by), seq) for seq, (twice, by) in enumerate(faults)]
        + [(seq + by + 0.5, seq) for seq, (twice, by) in enumerate(faults) if twice]
    )
    tally = LoadTally()
    newest, twice, late, sent = -1, 0, 0, set()
    for at, seq in order:
        tally.on_sent(TOPICS[0], (BOOT, seq), at)
        twice += seq in sent
        late += seq < newest and seq not in sent
        newest = max(newest, seq)
        sent.add(seq)
    for at, seq in order:
        tally.on_delivered(TOPICS[0], (BOOT, seq), at + 100)
    assert (tally.sent, tally.sent_twice, tally.sent_late) == (len(order), twice, late)
    assert (tally.lost, tally.duplicates, tally.reordered) == (0, 0, 0)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_what_is_sent_again_after_a_reconnect_may_come_once_or_twice(arrivals):
    """`arrivals`: whether the first and the second sending of each message arrived; at least one did."""
    tally = LoadTally()
    for again in (False, True):
        for seq in range(len(arrivals)):
            tally.on_sent(TOPICS[0], (BOOT, seq), float(again), again=again)
        for seq, (first, second) in enumerate(arrivals):
            if second or not first if again else first:
                tally.on_delivered(TOPICS[0], (BOOT, seq), 2.0)
    assert (tally.sent, tally.resent) == (len(arrivals), len(arrivals))
    assert (tally.lost, tally.duplicates) == (0, 0)


def test_memory_is_bounded_and_late_arrivals_are_believed():
    tally = LoadTally(flights_max=10)
    for seq in range(1_000):
        tally.on_sent(TOPICS[0], (BOOT, seq), 0.0)
    assert tally.lost == 1_000
    for seq in range(500, 1_000):
        tally.on_delivered(TOPICS[0], (BOOT, seq), 1.0)
    assert (tally.lost, tally.duplicates, tally.delivered) == (500, 0, 500)
    tally.on_delivered(TOPICS[0], (BOOT, 999), 1.0)
    assert (tally.lost, tally.delivered, tally.duplicates) == (500, 500, 1)


def test_others_are_told_apart_from_ours():
    tally = LoadTally()
    tally.on_sent(TOPICS[0], (BOOT, 0), 0.0)
    tally.on_delivered(TOPICS[1], (BOOT, 0), 0.0)
    tally.on_delivered(TOPICS[0], (BOOT + 1, 0), 0.0)
    tally.on_delivered(TOPICS[0], (BOOT, 0), 0.0)
    assert (tally.others, tally.delivered, tally.duplicates) == (2, 1, 0)


def test_the_busiest_second_counts_from_the_first_message():
    tally = LoadTally()
    for seq, at_s in enumerate((10.7, 11.6, 11.8, 12.0, 12.1, 13.0)):
        tally.on_sent(TOPICS[0], (BOOT, seq), at_s)
    assert tally.busiest_second == 3


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=200), st.sampled_from((1, 50, 90, 99, 100)))
def test_a_percentile_is_at_most_a_thirtysecond_too_high(durations, percent):
    histogram = Histogram()
    for duration in durations:
        histogram.add(duration)
    exact = sorted(durations)[max(-(-len(durations) * percent // 100) - 1, 0)]
    assert exact <= histogram.percentile_us(percent) <= exact + exact // 32 + 1
    assert histogram.percentile_us(100) == histogram.max_us == max(durations)


def test_nothing_counted_and_durations_without_end_have_percentiles():
    histogram = Histogram()
    assert histogram.percentile_us(50) == 0
    histogram.add(-5)
    histogram.add(2**60)
    assert (histogram.percentile_us(50), histogram.percentile_us(100), histogram.max_us) == (0, 2**60, 2**60)
