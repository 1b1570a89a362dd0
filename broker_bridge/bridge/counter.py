"""From a network's frame counter to `(boot_id, seq)`.

A boot begins with the first frame that is heard, with the first after a join, and where the counter goes back while
the time goes on. `boot_id` is that frame's time, `seq` is the frame counter itself, so a gap is a lost frame.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

SEEN_BITS = 62
SEEN_MASK = (1 << SEEN_BITS) - 1
RECENT_MAX = 8
COPIES_MS = 10_000
"""Copies of one frame, heard by several networks, differ by their clocks and no more."""


class Verdict(StrEnum):
    """What a frame is worth: `fresh` is the newest, `late` older than one that came, `duplicate` came before."""

    FRESH = "fresh"
    LATE = "late"
    DUPLICATE = "duplicate"


@dataclass(slots=True)
class Boot:
    """One run of a counter: bit n of `seen` is set when `seq - n` came."""

    boot_id: int
    seq: int
    seen: int = 1

    def place(self, seq: int) -> Verdict:
        """Note a number and return what it is among those seen."""
        ahead = seq - self.seq
        if ahead > 0:
            self.seen = ((self.seen << min(ahead, SEEN_BITS)) | 1) & SEEN_MASK
            self.seq = seq
            return Verdict.FRESH
        if ahead <= -SEEN_BITS or self.seen >> -ahead & 1:
            return Verdict.DUPLICATE
        self.seen |= 1 << -ahead
        return Verdict.LATE


@dataclass(frozen=True, slots=True)
class Frame:
    """What the counter needs to know of an uplink; `check` is a checksum of its bytes.

    `timed` is False where the network gave no usable time and `at_ms` is when it was received; `retained` is True
    where the broker kept it, so that it may be of any age.
    """

    f_cnt: int | None
    at_ms: int
    check: int
    session: str | None = None
    timed: bool = True
    retained: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where a frame stands: its number, what it is worth, whether a boot began, and how many were lost before it."""

    boot_id: int
    seq: int
    verdict: Verdict
    lost: int = 0


@dataclass(slots=True)
class Counter:
    """The numbers of one device. `recent` has (f_cnt, time, checksum) of the last frames of this boot."""

    boot: Boot | None = None
    previous: Boot | None = None
    session: str | None = None
    previous_session: str | None = None
    joined_at: int | None = None
    last_at: int = 0
    recent: list[tuple[int, int, int]] = field(default_factory=list)

    def place(self, frame: Frame) -> Place:
        """Note a frame and return its place."""
        boot = self.boot
        if boot is None:
            return self._begin(frame, lost=0)
        f_cnt = frame.f_cnt
        if f_cnt is None:
            return self._uncounted(boot, frame)
        if self._of_another_session(frame):
            return self._other_session(boot, frame, f_cnt)
        known = next((one for one in self.recent if one[0] == f_cnt), None)
        is_copy = known is not None and known[2] == frame.check and _is_copy(known, frame)
        if not is_copy and self._begins(boot, frame, f_cnt):
            return self._begin(frame, lost=f_cnt)
        if not is_copy and f_cnt > boot.seq and frame.at_ms < boot.boot_id:
            return self._of_previous(frame, f_cnt)
        return self._in_boot(boot, frame, f_cnt)

    def join(self, at_ms: int) -> None:
        """Note that the device joined: the first frame from then on begins a boot."""
        if self.boot is not None and at_ms > self.last_at:
            self.joined_at = at_ms

    def _of_another_session(self, frame: Frame) -> bool:
        return frame.session is not None and self.session is not None and frame.session != self.session

    def _other_session(self, boot: Boot, frame: Frame, f_cnt: int) -> Place:
        """A new address is a join, unless it is the address before, or older than this boot."""
        if frame.session == self.previous_session or (frame.timed and frame.at_ms < boot.boot_id):
            return self._of_previous(frame, f_cnt)
        return self._begin(frame, lost=f_cnt)

    def _begins(self, boot: Boot, frame: Frame, f_cnt: int) -> bool:
        if self.joined_at is not None and frame.at_ms >= self.joined_at:
            return True
        ahead = f_cnt - boot.seq
        if ahead > 0:
            return False
        if not frame.timed:
            return ahead <= -SEEN_BITS or (f_cnt == 0 and ahead < 0)
        if frame.at_ms <= self.last_at:
            return False
        is_repeated = any(one[0] == f_cnt for one in self.recent)
        return is_repeated or f_cnt == 0 or ahead <= -SEEN_BITS or frame.at_ms > self.last_at + COPIES_MS

    def _begin(self, frame: Frame, *, lost: int) -> Place:
        newest = self.boot.boot_id if self.boot is not None else -1
        seq = frame.f_cnt or 0
        self.previous, self.previous_session = self.boot, self.session
        self.boot = Boot(max(frame.at_ms, newest + 1), seq)
        self.session = frame.session or self.session
        self.joined_at = None
        self.recent = []
        self._remember(frame, seq)
        return Place(self.boot.boot_id, seq, Verdict.FRESH, lost)

    def _in_boot(self, boot: Boot, frame: Frame, f_cnt: int) -> Place:
        gap = f_cnt - boot.seq - 1
        verdict = boot.place(f_cnt)
        self.session = self.session or frame.session
        if verdict is not Verdict.DUPLICATE:
            self._remember(frame, f_cnt)
        lost = gap if verdict is Verdict.FRESH else -1 if verdict is Verdict.LATE else 0
        return Place(boot.boot_id, f_cnt, verdict, lost)

    def _of_previous(self, frame: Frame, f_cnt: int) -> Place:
        """Place a frame of the boot before, which is late at best."""
        if self.previous is None:
            return Place(min(frame.at_ms, self.boot.boot_id - 1) if self.boot else frame.at_ms, f_cnt, Verdict.LATE)
        seen = self.previous.place(f_cnt)
        return Place(self.previous.boot_id, f_cnt, Verdict.DUPLICATE if seen is Verdict.DUPLICATE else Verdict.LATE)

    def _uncounted(self, boot: Boot, frame: Frame) -> Place:
        """Number what nobody counts by its arrival; the same time and content is the same message."""
        is_again = frame.timed and any(one[1:] == (frame.at_ms, frame.check) for one in self.recent)
        if is_again or (frame.retained and self.recent and self.recent[-1][2] == frame.check):
            return Place(boot.boot_id, boot.seq, Verdict.DUPLICATE)
        if frame.timed and frame.at_ms < self.last_at:
            # Its number is long past: it is told as of an older boot, for the history alone.
            return Place(min(frame.at_ms, boot.boot_id - 1), boot.seq, Verdict.LATE)
        boot.place(boot.seq + 1)
        self._remember(frame, boot.seq)
        return Place(boot.boot_id, boot.seq, Verdict.FRESH)

    def _remember(self, frame: Frame, seq: int) -> None:
        self.last_at = max(self.last_at, frame.at_ms)
        self.recent.append((seq, frame.at_ms, frame.check))
        del self.recent[:-RECENT_MAX]


def _is_copy(known: tuple[int, int, int], frame: Frame) -> bool:
    """Tell whether the same counter and content are the same frame again, and no reset that repeats it by chance."""
    return not frame.timed or frame.at_ms - known[1] <= COPIES_MS
