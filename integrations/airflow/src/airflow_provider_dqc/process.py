"""Runs the program: its lines as they come, its group stopped with the task. Knows nothing of Airflow."""

from __future__ import annotations

import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

#: A line at least this often, in seconds: a log that stands still looks like a task that hangs.
HEARTBEAT = 60.0
#: dqc ends within ten seconds of a SIGTERM.
GRACE = 15.0


@dataclass(frozen=True)
class Ended:
    """How the program ended."""

    code: int
    #: All of stdout.
    stdout: str
    #: The last lines of stderr.
    stderr: str


def find(program: str | None) -> str:
    """The program: as named, beside this Python (where pip puts it), or on the PATH.

    :raises FileNotFoundError: there is none.
    """
    beside = Path(sys.executable).with_name("dqc")
    found = shutil.which(program) if program else str(beside) if beside.is_file() else shutil.which("dqc")
    if found is None:
        raise FileNotFoundError(f"there is no program {program or 'dqc'!r}; `pip install dqc` puts it where Airflow runs")
    return found


class Process:
    """One run of the program, in a process group of its own."""

    def __init__(self) -> None:
        self._running: subprocess.Popen[bytes] | None = None
        #: Asked to end; the signal can come before the program that it is meant for is known here.
        self._stopped = False

    def run(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        tell: Callable[[str], None],
        *,
        quiet: bool = False,
        hide: Sequence[str] = (),
        heartbeat: float = HEARTBEAT,
    ) -> Ended:
        """Runs to the end, or stops the whole group if this call is left by an exception, a timeout's too.

        :param tell: hears each line of stdout and stderr; of stderr alone if `quiet`.
        :param hide: what `***` takes the place of in all that comes out.
        """
        with subprocess.Popen(
            list(command),
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as running:
            self._running = running
            try:
                if self._stopped:
                    self._end()
                stdout, stderr = _lines(running, tell, quiet, hide, heartbeat)
                return Ended(running.wait(), stdout, stderr)
            finally:
                self._end()
                self._running = None

    def stop(self) -> None:
        """Asks the group to end, and ends it if it does not listen. What is started afterwards is ended at once."""
        self._stopped = True
        self._end()

    def _end(self) -> None:
        running = self._running
        if running is None or running.poll() is not None:
            return
        _signal(running, signal.SIGTERM)
        try:
            running.wait(GRACE)
        except subprocess.TimeoutExpired:
            _signal(running, signal.SIGKILL)
            running.wait()


def _signal(running: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(running.pid, number)
    except ProcessLookupError:
        pass  # It ended in between.


def _lines(
    running: subprocess.Popen[bytes], tell: Callable[[str], None], quiet: bool, hide: Sequence[str], heartbeat: float
) -> tuple[str, str]:
    stdout: list[str] = []
    stderr: deque[str] = deque(maxlen=100)
    begun = told = time.monotonic()
    rest = {"out": b"", "err": b""}

    def hear(name: str, line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        for secret in hide:
            text = text.replace(secret, "***")
        (stdout if name == "out" else stderr).append(text)
        if name == "err" or not quiet:
            tell(text)

    with selectors.DefaultSelector() as selector:
        assert running.stdout is not None and running.stderr is not None
        for stream, name in ((running.stdout, "out"), (running.stderr, "err")):
            os.set_blocking(stream.fileno(), False)
            selector.register(stream, selectors.EVENT_READ, name)
        while selector.get_map():
            ready = selector.select(max(0.0, told + heartbeat - time.monotonic()))
            if not ready:
                told = time.monotonic()
                tell(f"dqc is at work since {told - begun:.0f} s")
            for key, _ in ready:
                told, name = time.monotonic(), key.data
                chunk = os.read(key.fd, 1 << 16)
                if not chunk:
                    selector.unregister(key.fileobj)
                    if rest[name]:
                        hear(name, rest[name])
                    continue
                *whole, rest[name] = (rest[name] + chunk).split(b"\n")
                for line in whole:
                    hear(name, line)
    return "\n".join(stdout), "\n".join(stderr)
