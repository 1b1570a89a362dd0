"""A scenario's days with each policy: the whole simulated world against the real core, played, counted and compared."""
