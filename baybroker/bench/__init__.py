"""Ratios against named peers, measured side by side in one run: absolute figures drift, ratios hold."""
