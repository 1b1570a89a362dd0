"""Keeps a running system in order: copies of its database, people to forget, the broker's users."""
