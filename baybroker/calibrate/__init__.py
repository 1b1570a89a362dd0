"""Calibration: from recorded stays to a profile, and how well simulated residents and visitors are like real ones."""
