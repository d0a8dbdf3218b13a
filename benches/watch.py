"""From a saved file to findings: PROGRAM [SAVES]. In the project of `lsp.py` a rule of the long file is broken and mended again, and
`dqc watch` says so on stdout. Prints milliseconds, those included for which it waits lest more is being saved."""

import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from lsp import FILES, LINES, contract


def main():
    program, saves = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 40
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder).resolve()
        root.joinpath("dqc.toml").write_text('[project]\nname = "bench"\nlanguage = 1\n\n[layers]\nsilver = "lake/silver"\n')
        for i in range(FILES - 1):
            root.joinpath(f"f{i}.dq").write_text("".join(contract(f"t{i}_{j}", 12) for j in range(2)))
        text = ""
        while text.count("\n") < LINES - 30:
            text += contract(f"big{text.count(chr(10))}", 15)
        path = root / "big.dq"
        path.write_text(text)
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
