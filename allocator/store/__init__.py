"""Where committed state lives. One Protocol, two drivers, the same SQL."""
