"""What the exit codes of dqc mean to a scheduler; `dqc explain exit N` says more about each."""

from __future__ import annotations

from typing import Final

#: Asked for with `--nothing-pending-exit`: the number by which Airflow's own operators skip.
NOTHING_PENDING: Final = 99

#: Somebody has to change something first: data, contract, configuration or rights.
FAIL: Final[dict[int, str]] = {
    1: "findings or failed tests",
    2: "the command line or dqc.toml is wrong",
    3: "the contract does not compile",
    10: "the batch violates its contract and is blocked",
    12: "a service level is missed",
    30: "credentials or permission",
    70: "a fault of dqc itself",
}

#: The same command can succeed later, and running it again is safe.
RETRY: Final[dict[int, str]] = {
    20: "storage or network failed for now",
    21: "somebody else committed first",
    22: "the outcome of a commit is unknown; running again finds out",
    130: "stopped by Ctrl-C",
    143: "stopped by SIGTERM",
}


def may_retry(code: int) -> bool:
    """Whether trying again can help. A signal's number is negative here (-9: killed, often for want of memory)."""
    return code < 0 or code in RETRY


def meaning(code: int) -> str:
    """In words, as a part of a sentence."""
    if code < 0:
        return f"killed by signal {-code}"
    return FAIL.get(code) or RETRY.get(code) or "an exit code that this provider does not know"
