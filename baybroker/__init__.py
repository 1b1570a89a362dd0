"""The face: command line, composition root, demo."""

from importlib.metadata import version

__version__ = version("baybroker")
