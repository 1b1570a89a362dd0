"""Bays, offers, reservations, the commands and the events. Pure: times and numbers are arguments."""
