"""How a task of this provider fails. The exit code stands in each text, so that callbacks can tell them apart."""

from __future__ import annotations

from typing import Any

from airflow.sdk.exceptions import AirflowException, AirflowFailException


class _Told:
    """What a callback can read off the exception: see `results.Summary.as_dict`."""

    def __init__(self, text: str, code: int, summary: dict[str, Any] | None = None):
        super().__init__(text)
        self.exit_code = code
        self.summary = summary or {}


class DqcFailed(_Told, AirflowFailException):
    """Will not heal by itself: fails at once, whatever `retries` says."""


class DqcBlocked(DqcFailed):
    """A batch violates its contract. Nothing of it was published."""


class DqcSlaMissed(DqcFailed):
    """A service level is missed. The data may have been published, late and good."""


class DqcTryAgain(_Told, AirflowException):
    """Storage, a lost race, an unknown commit, a signal: running again is safe and may succeed."""
