"""From a saved file to findings: PROGRAM [SAVES]. In the project of `lsp.py` a rule of the long file is broken and mended again, and
`dqc watch` says so on stdout. Prints milliseconds, those included for which it waits lest more is being saved."""

import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from lsp import FILES, LINES, project


def main():
    program, saves = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 40
    with tempfile.TemporaryDirectory() as folder:
        path, text = project(pathlib.Path(folder).resolve())
        broken = text.replace("when amount < 1007", "when amuont < 1007", 1)
        assert broken != text
        watch = subprocess.Popen([program, "watch", "--color", "never"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            def until(wanted):
                while wanted not in (line := watch.stdout.readline()):
                    assert line, "it has ended"

            until(f"in {FILES} files")
            times = []
            for i in range(saves):
                time.sleep(0.2)
                began = time.perf_counter()
                path.write_text(text if i % 2 else broken)
                until(f"in {FILES} files" if i % 2 else "amuont")
                times.append((time.perf_counter() - began) * 1000)
        finally:
            watch.terminate()
            watch.wait()
        times.sort()
        print(f"{len(times)} saves in {LINES} lines of {FILES} files: median {statistics.median(times):.0f} ms, worst {times[-1]:.0f} ms")


if __name__ == "__main__":
    main()
