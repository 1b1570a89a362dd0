"""The face: command line, composition root, demo."""
