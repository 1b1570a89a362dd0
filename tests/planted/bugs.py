"""The mistakes that the state machine has to find, each one that somebody could make."""

from __future__ import annotations

from planted.plant import Bug

_REQUESTS, _STATE, _TIMERS = "allocator.core.requests", "allocator.core.state", "allocator.core.timers"
_SEARCH, _EVOLVE, _DESK = "allocator.matching.search", "allocator.core.evolve", "allocator.service.desk"
_SENSING, _RELOCATE, _CALENDARS = "allocator.core.sensing", "allocator.core.relocate", "allocator.matching.calendars"
_PROMISE, _EXTENSION, _MONEY = "allocator.core.promise", "allocator.core.extension", "allocator.domain.money"
_WAITING, _RECALL = "allocator.core.waiting", "allocator.core.recall"

BUGS = (
    Bug(
        "buffer_left_out",
        f"{_PROMISE}:wanted",
        "held.until + buffer_ms(state)",
        "held.until",
    ),
    Bug(
        "vehicle_not_looked_at",
        f"{_REQUESTS}:_breaks_a_rule",
        "if state.vehicle_taken(asked.vehicle_id, stay) else",
        "if False else",
    ),
    Bug(
        "price_not_compared",
        f"{_PROMISE}:affordable",
        "tariff.price_won(stay_ms) <= max_price_won",
        "True",
    ),
    Bug(
        "last_slot_not_held",
        f"{_CALENDARS}:Calendars.mask",
        "-(-(interval.until - self.base_at) // SLOT_MS)",
        "(interval.until - self.base_at) // SLOT_MS - 1",
    ),
    Bug(
        "withdrawn_offer_still_open",
        f"{_EVOLVE}_offers:_withdrawn",
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
        "self._move(step.evicted, free, walk_m)",
        "self._move(step.evicted, step.bay, walk_m)",
    ),
    Bug(
        "last_move_of_a_chain_lost",
        f"{_SEARCH}:_Search._chain",
        "tuple(moves))",
        "tuple(moves[1:]))",
    ),
    Bug(
        "bound_ones_are_evicted",
        f"{_SEARCH}:_Search._evict",
        "(~options.held(self.board, fixed=True)).nonzero()[0]",
        "np.arange(len(options.near.bays))",
    ),
    Bug(
        "needs_not_looked_at",
        "allocator.matching.filters:_matters",
        "CLOSED | traits.lacking(want.needs)",
        "CLOSED",
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
        "allocator.service.ledger:_balanced",
        "{**amounts, OPERATOR: -sum(amounts.values())}",
        "amounts",
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
    Bug(
        "extension_looks_at_no_booking",
        f"{_EXTENSION}:room",
        "board.blockers(board.number[bay], more)",
        "()",
    ),
    Bug(
        "guest_seen_again_is_a_stranger",
        f"{_SENSING}:_taken",
        "if any(held.status is ReservationStatus.ACTIVE for held in holders):",
        "if False:",
    ),
    Bug(
        "told_another_bay_than_held",
        f"{_PROMISE}:promise",
        "e.ReservationBound(reservation_id=ask.reservation_id, bay=bay",
        "e.ReservationBound(reservation_id=ask.reservation_id, bay=state.board.bays[0].spec.bay",
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
        "allocator.core.advance:_silence",
        "    watch(state, number)\n",
        "",
    ),
    Bug(
        "counts_lost_in_the_image",
        f"{_STATE}:State.of_image",
        "state.position, state.accepted, state.offered = image.position, image.accepted, image.offered",
        "state.position, state.accepted, state.offered = image.position, len(image.reservations), image.offered",
    ),
    Bug(
        "offers_end_not_looked_at",
        f"{_CALENDARS}:Calendars.which_offered",
        "& mine == mine",
        "& mine != 0",
    ),
    Bug(
        "extension_has_no_buffer",
        f"{_EXTENSION}:held_until",
        " + buffer_ms(state)",
        "",
    ),
    Bug(
        "overstay_charged_as_quoted",
        f"{_MONEY}:bill",
        "price_won=late_won if free else kept_won + late_won",
        "price_won=late_won if free else kept_won",
    ),
    Bug(
        "early_leaver_charged_in_full",
        f"{_MONEY}:bill",
        "kept_won = min(tariff.price_won(used_ms), quote_won)",
        "kept_won = quote_won",
    ),
    Bug(
        "vehicle_not_looked_at_when_promoted",
        f"{_WAITING}:try_again",
        "if not state.vehicle_taken(ask.vehicle_id, ask.stay):",
        "if True:",
    ),
    Bug(
        "promoted_with_the_old_start",
        f"{_PROMISE}:Ask.of_waiting",
        "max(held.from_at, now)",
        "held.from_at",
    ),
    Bug(
        "waits_for_ever",
        f"{_WAITING}:try_again",
        "if now >= (held.wait_until or 0) else []",
        "if False else []",
    ),
    Bug(
        "recalled_span_still_open",
        f"{_STATE}:State.reopen",
        'if offer.kind == "recall" and not offer.withdrawn]',
        'if offer.kind == "recall" and offer.withdrawn]',
    ),
    Bug(
        "withdrawn_recall_still_shut",
        f"{_STATE}:State.reopen",
        'if offer.kind == "recall" and not offer.withdrawn]',
        'if offer.kind == "recall"]',
    ),
    Bug(
        "recalled_guest_pays_in_full",
        f"{_RECALL}:_sent_away",
        "leaves_at - guest.from_at)",
        "guest.until - guest.from_at)",
    ),
    Bug(
        "recalled_guest_without_notice",
        f"{_RECALL}:_leaves_at",
        "now + state.settings.recall_notice_ms",
        "now",
    ),
    Bug(
        "auto_window_left_open_after_the_return",
        "allocator.core.auto:returned",
        "offer.until != offer.from_at",
        "offer.until < now",
    ),
    Bug(
        "auto_window_opened_while_a_guest_leaves",
        "allocator.core.auto:left",
        " or _guest(state, bay)",
        "",
    ),
    Bug(
        "extended_past_a_bound_booking",
        f"{_EXTENSION}:room",
        "if not chain or visited & touched:",
        "if visited & touched:",
    ),
    Bug(
        "extended_into_the_past",
        f"{_EXTENSION}:room",
        "if until <= now:",
        "if False:",
    ),
    Bug(
        "buffer_learnt_of_who_came_back_early",
        "allocator.core.buffers:learn",
        "max(ended.at - stay.until, 0)",
        "max(ended.at - stay.from_at, 0)",
    ),
    Bug(
        "points_without_a_counter_entry",
        "allocator.service.ledger:entries",
        'return _balanced(position, "millipoints", {f"resident:{event.resident}": event.millipoints})',
        'return [LedgerEntry(position, f"resident:{event.resident}", event.millipoints, "millipoints")]',
    ),
    Bug(
        "points_for_recalled_time",
        "allocator.domain.offered:offered_intervals",
        "minus(united(opened), united(recalled))",
        "united(opened)",
    ),
    Bug(
        "surcharge_from_the_end_of_the_stay",
        f"{_MONEY}:bill",
        "tariff.surcharge_won(late_ms - notice_ms)",
        "tariff.surcharge_won(late_ms)",
    ),
    Bug(
        "closed_bay_given_away",
        "allocator.matching.traits:Traits.put",
        "if bay.retired or bay.closed:",
        "if bay.retired:",
    ),
    Bug(
        "lost_bay_given_away",
        "allocator.matching.traits:Traits.put",
        "bay.lost is not None or ",
        "",
    ),
)
