"""Brokers for the acceptance tests."""

from brokers import mosquitto, private_mosquitto, private_nats

__all__ = ["mosquitto", "private_mosquitto", "private_nats"]
