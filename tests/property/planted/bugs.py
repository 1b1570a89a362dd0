"""The mistakes that the state machine has to find, each one that somebody could make."""

from __future__ import annotations

from planted.plant import Bug

_REQUESTS, _STATE, _TIMERS = "allocator.core.requests", "allocator.core.state", "allocator.core.timers"
_SEARCH, _EVOLVE, _DESK = "allocator.matching.search", "allocator.core.evolve", "allocator.service.desk"
_SENSING, _RELOCATE, _CALENDARS = "allocator.core.sensing", "allocator.core.relocate", "allocator.matching.calendars"

BUGS = (
    Bug("buffer_left_out", f"{_REQUESTS}:request", "held.until + settings.buffer_ms", "held.until"),
    Bug(
        "touching_stays_overlap",
        "allocator.domain.interval:Interval.overlaps",
        "self.from_at < other.until",
        "self.from_at <= other.until",
    ),
    Bug(
        "vehicle_not_looked_at", f"{_REQUESTS}:_breaks_a_rule", "if any(stay.overlaps", "if False and any(stay.overlaps"
    ),
    Bug("price_not_compared", f"{_REQUESTS}:_breaks_a_rule", "quote_won > asked.max_price_won", "quote_won < 0"),
    Bug(
        "offers_end_not_looked_at",
        f"{_CALENDARS}:Calendars.offered",
        "self._open[bay] & mask == mask",
        "self._open[bay] & mask & -mask != 0",
    ),
    Bug(
        "last_slot_not_held",
        f"{_CALENDARS}:Calendars.mask",
        "-(-(interval.until - self.base_at) // SLOT_MS)",
        "(interval.until - self.base_at) // SLOT_MS - 1",
    ),
    Bug(
        "withdrawn_offer_still_open",
        f"{_EVOLVE}:_withdrawn",
        "state.enter_offer(offer)",
        "state.dirty.offers[offer_id] = offer",
    ),
    Bug(
        "excepted_days_offered",
        "allocator.domain.windows:weekly_windows",
        "if day.isoformat() not in except_dates",
        "if True",
    ),
    Bug(
        "window_one_hour_off_on_the_day_of_the_change",
        "allocator.domain.windows:_instant",
        "int(midnight.replace(hour=hour % 24, minute=minute).timestamp())",
        "(int(midnight.timestamp()) + hour % 24 * 3600 + minute * 60)",
    ),
    Bug(
        "windows_in_utc",
        "allocator.domain.windows:weekly_windows",
        "zone = ZoneInfo(timezone)",
        'zone = ZoneInfo("Asia/Seoul")',
    ),
    Bug(
        "overnight_window_ends_the_same_day",
        "allocator.domain.windows:weekly_windows",
        "_instant(day + overnight, end, zone)",
        "_instant(day, '24:00' if overnight else end, zone)",
    ),
    Bug("former_residents_offer_counts", f"{_STATE}:State.reopen", "if offer.resident == spec.resident", "if True"),
    Bug(
        "evicted_stays_on_its_bay",
        f"{_SEARCH}:_Search._chain",
        "to_bay=self.board.bays[free].spec.bay",
        "to_bay=self.board.bays[step.bay].spec.bay",
    ),
    Bug(
        "last_move_of_a_chain_lost",
        f"{_SEARCH}:_Search._chain",
        "return Found(name, walk_m, tuple(moves),",
        "return Found(name, walk_m, tuple(moves[1:]),",
    ),
    Bug(
        "bound_ones_are_evicted",
        f"{_SEARCH}:_movable",
        "blockers[0].status is ReservationStatus.ACCEPTED",
        "blockers[0].status is not ReservationStatus.ACTIVE",
    ),
    Bug("needs_not_looked_at", f"{_SEARCH}:unfit", "if not set(wanted.needs) <= set(bay.spec.needs):", "if False:"),
    Bug("closed_bay_given_away", f"{_SEARCH}:unfit", "if bay.retired or bay.closed:", "if bay.retired:"),
    Bug("lost_bay_given_away", f"{_SEARCH}:unfit", "bay.lost is not None or ", ""),
    Bug(
        "walk_not_looked_at",
        f"{_SEARCH}:_Search._look",
        "self.board.near(want.lat, want.lon, want.max_walk_m)",
        "self.board.near(want.lat, want.lon, want.max_walk_m * 2)",
    ),
    Bug(
        "request_decided_anew",
        f"{_DESK}:Desk.take",
        "key in self._answers",
        "key in self._answers and isinstance(command, c.OfferWeekly)",
    ),
    Bug(
        "answer_to_the_wrong_driver_kept",
        f"{_DESK}:Desk.say",
        "answer = Answer(*outgoing.answers,",
        "answer = Answer('drivers/drv-0', outgoing.answers[1],",
    ),
    Bug(
        "operator_gets_nothing",
        f"{_DESK}:Desk._charge",
        'shared.append(("operator", -sum(won for _, won in shared)))',
        "pass",
    ),
    Bug(
        "unpublished_events_not_kept",
        f"{_DESK}:Desk._record_all",
        "self._commit.events.append(recorded)",
        "self._commit.events += [recorded] if recorded.zone else []",
    ),
    Bug("old_bay_kept_after_relocation", f"{_EVOLVE}:_relocated", "    state.board.lift(reservation)\n", ""),
    Bug(
        "calendar_kept_after_the_end",
        f"{_EVOLVE}:_end",
        "    state.board.lift(reservation)\n",
        "    state.board.on_bay[state.board.number[reservation.bay]].pop(reservation_id, None)\n",
    ),
    Bug("late_word_believed", f"{_EVOLVE}:_occupancy", "if event.late:", "if event.late and event.status == 'free':"),
    Bug("duplicate_taken", "allocator.core.hear:Window.place", "self.seen >> -ahead & 1", "self.seen >> -ahead & 0"),
    Bug("extension_looks_at_no_booking", f"{_REQUESTS}:_extend", " or calendars.held(number, more)", ""),
    Bug("extension_has_no_buffer", f"{_REQUESTS}:_extend", " + state.settings.buffer_ms", ""),
    Bug("overstay_charged_as_quoted", f"{_REQUESTS}:completed", "if at <= reservation.until:", "if True:"),
    Bug(
        "early_leaver_charged_in_full",
        f"{_REQUESTS}:completed",
        "price_won = tariff.price_won(max(at - began, 0))",
        "price_won = reservation.quote_won",
    ),
    Bug(
        "guest_seen_again_is_a_stranger",
        f"{_SENSING}:_taken",
        "if any(held.status is ReservationStatus.ACTIVE for held in holders):",
        "if False:",
    ),
    Bug(
        "told_another_bay_than_held",
        f"{_TIMERS}:_bind",
        "e.ReservationBound(reservation_id=key, bay=found.bay",
        "e.ReservationBound(reservation_id=key, bay=reservation.bay",
    ),
    Bug("farther_without_a_violation", f"{_RELOCATE}:relocate", "violation=factor > 1", "violation=False"),
    Bug(
        "no_show_too_early",
        "allocator.domain.model:Reservation.expected_by",
        "max(self.from_at, self.bound_at or 0)",
        "self.from_at",
    ),
    Bug(
        "nobody_warned",
        f"{_TIMERS}:_end",
        "return left or [e.OverstayWarned(reservation_id=reservation.reservation_id)]",
        "return left",
    ),
    Bug(
        "silence_not_noticed_again",
        "allocator.core.advance:_is_silent",
        "        state.arm(due_at, Timer.SILENCE, bay)\n",
        "",
    ),
    Bug(
        "counts_lost_in_the_image",
        f"{_STATE}:State.of_image",
        "state.position, state.accepted, state.offered = image.position, image.accepted, image.offered",
        "state.position, state.accepted, state.offered = image.position, len(image.reservations), image.offered",
    ),
)
