"""WHAT PROGRAM FOLDER: runs the program on a pseudo-terminal, in a copy of the folder, and looks at what it writes."""

import fcntl
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def run(program, folder, args, columns=80, send=None, **environment):
    """Exit code and everything written. `send`: a signal, once the program has written what matches."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    inherited = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM")}
    process = subprocess.Popen(
        [program, *args], cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True, start_new_session=True,
        env={**inherited, "TERM": "xterm-256color", **environment})
    os.close(theirs)
    text, sent, end = "", False, time.monotonic() + 120
    while time.monotonic() < end:
        if select.select([ours], [], [], 0.05)[0]:
            try:
                some = os.read(ours, 65536)
            except OSError:
                break
            if not some:
                break
            text += some.decode("utf-8", "replace")
        if send and not sent and send[1](text):
            process.send_signal(send[0])
            sent = True
    os.close(ours)
    return process.wait(timeout=60), text


def check(program, folder):
    code, text = run(program, folder, ["check"])
    assert code == 1 and COLOUR.search(text), (code, text)
    for args, environment in [(["check"], {"NO_COLOR": "1"}), (["check"], {"TERM": "dumb"}), (["check", "--color", "never"], {})]:
        code, text = run(program, folder, args, **environment)
        assert code == 1 and not COLOUR.search(text), (args, environment, text)
    for columns in (60, 100):
        code, text = run(program, folder, ["check", "--color", "never"], columns=columns)
        frames = [line for line in text.splitlines() if line.lstrip().startswith("│ help:")]
        assert frames, text
        assert all(len(line) <= columns for line in frames), (columns, [line for line in frames if len(line) > columns])


def flights(program, folder):
    # Stopped in the middle: nothing is half done, and the code says which signal it was.
    code, text = run(program, folder, ["run"], send=(signal.SIGTERM, lambda text: re.search("[1-9][0-9,]* rows", text)))
    # It may have been quicker than the signal.
    assert code in (143, 0), (code, text)
    if code == 143:
        assert "stopped" in text, text
    code, text = run(program, folder, ["run"])
    assert code == 0, (code, text)
    # Who looks at a pipe sees no bar.
    silent = subprocess.run([program, "run"], cwd=folder, capture_output=True, text=True)
    assert silent.returncode == 0 and "\x1b" not in silent.stdout + silent.stderr and "\r" not in silent.stderr, silent
    code, text = run(program, folder, ["run", "--nothing-pending-exit", "99"])
    assert code == 99, (code, text)


def main():
    what, program, folder = sys.argv[1:]
    with tempfile.TemporaryDirectory() as here:
        copy = pathlib.Path(here).resolve() / "project"
        # One month of the flights is enough to see it run.
        left = shutil.ignore_patterns("_dqc", "quarantine", "lake-damaged", "month=2013-0[2-9]", "month=2013-1*")
        shutil.copytree(folder, copy, ignore=left)
        for layer in ("silver", "gold"):
            shutil.rmtree(copy / "lake" / layer, ignore_errors=True)
        {"check": check, "run": flights}[what](program, copy)


main()
