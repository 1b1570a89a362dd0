"""The one tree of errors. A docstring is the message where none is given."""

from __future__ import annotations


class BaybrokerError(Exception):
    """Something went wrong in baybroker."""

    exit_code = 2

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)


class BadMessageError(BaybrokerError):
    """A message breaks the wire contract; `reason` is a short name to count it under."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class SettingsError(BaybrokerError):
    """A setting, an option or a file given by the user is not usable."""


class InvariantError(BaybrokerError):
    """A rule of our own is broken: a bug in baybroker. The service stops."""

    exit_code = 1
