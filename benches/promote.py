"""What a promotion costs beside what it cannot do without, on TPC-H's lineitem under 28 rules.

    cargo build --release
    python3 benches/promote.py [--scale N] [--rounds N] [--dqc PATH]

Split: rows with planted errors are judged, and both sets committed to Delta; beside DataFusion, which writes the same two sets
as bare Parquet, told by one comparison which is which. Clean: a batch that needs no change of its rows is promoted; beside `dqc audit`
of it and then `cp` and `sync` of its file. Each figure is the median of whole processes that ran in turn.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from tpch import PYTHON, ROOT, peers
from tpch import project as lineitem_and_orders

HERE = ROOT / "benches" / "promote"

# One row in a hundred has a quantity that no rule allows; nothing else is changed.
PLANT = """
import sys
from datafusion import SessionContext
source, target = sys.argv[1:]
ctx = SessionContext()
ctx.register_parquet("lineitem", source)
columns = [f.name for f in ctx.table("lineitem").schema()]
pick = ", ".join("cast(case when (l_orderkey * 7 + l_linenumber) % 100 = 0 then 60 else l_quantity end as decimal(15, 2)) as l_quantity"
                 if c == "l_quantity" else c for c in columns)
ctx.sql(f"select {pick} from lineitem").write_parquet(target)
"""

SPLIT = """
import sys
from datafusion import SessionContext
source, accepted, held = sys.argv[1:]
ctx = SessionContext()
ctx.register_parquet("lineitem", source)
ctx.sql("select * from lineitem where l_quantity <= 50").write_parquet(accepted)
ctx.sql("select * from lineitem where l_quantity > 50").write_parquet(held)
"""


def lake(scale):
    """The project with two parts of the source: `planted` and `clean`."""
    tpch = lineitem_and_orders(scale)
    folder = ROOT / "target" / "promote" / str(scale)
    raw = folder / "lake" / "raw"
    if not (folder / "made").exists():
        shutil.rmtree(folder, ignore_errors=True)
        for part in ("planted", "clean"):
            (folder / part).mkdir(parents=True)
        (raw / "orders").mkdir(parents=True)
        shutil.copy(tpch / "lake" / "orders" / "orders.parquet", raw / "orders")
        source = tpch / "lake" / "lineitem" / "lineitem.parquet"
        shutil.copy(source, folder / "clean" / "lineitem.parquet")
        subprocess.run([PYTHON, "-c", PLANT, source, folder / "planted"], check=True)
        (folder / "made").touch()
    for name in ("dqc.toml", "lineitem.dq"):
        shutil.copy(HERE / name, folder)
    return folder


def fresh(folder, part):
    """The lake as it is before anything was promoted, with one part as its only batch."""
    for name in ("silver", "quarantine", "_dqc"):
        shutil.rmtree(folder / "lake" / name, ignore_errors=True)
    batches = folder / "lake" / "raw" / "lineitem"
    shutil.rmtree(batches, ignore_errors=True)
    batches.mkdir(parents=True)
    shutil.copytree(folder / part, batches / f"part={part}", copy_function=os.link)


def measure(command, codes=(0,)):
    """Wall and CPU seconds."""
    with tempfile.TemporaryFile() as out:
        start = time.perf_counter()
        child = subprocess.Popen(list(map(str, command)), stdout=out, stderr=out)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode not in codes:
            out.seek(0)
            sys.exit(f"{' '.join(map(str, command))} ended with {child.returncode}\n{out.read().decode()}")
    return wall, usage.ru_utime + usage.ru_stime


def added(*runs):
    return tuple(map(sum, zip(*runs)))


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--scale", type=int, default=1)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--dqc", default=ROOT / "target" / "release" / "dqc", type=Path)
    args = arguments.parse_args()
    peers()
    folder = lake(args.scale)
    run = [args.dqc, "run", "silver.lineitem", "--project", folder, "--format", "json"]
    figures = {name: [] for name in ("split, dqc", "split, bare Parquet", "clean, dqc", "clean, audit and cp")}
    for _ in range(args.rounds):
        fresh(folder, "planted")
        figures["split, dqc"].append(measure(run))
        with tempfile.TemporaryDirectory(dir=folder) as written:
            sets = [Path(written) / name for name in ("accepted", "held")]
            bare = measure([PYTHON, "-c", SPLIT, folder / "planted", *sets])
            figures["split, bare Parquet"].append(bare)
        fresh(folder, "clean")
        figures["clean, dqc"].append(measure(run))
        source = folder / "clean" / "lineitem.parquet"
        with tempfile.TemporaryDirectory(dir=folder) as written:
            judged = measure([args.dqc, "audit", "silver.lineitem", "--project", folder, "--data", source, "--format", "json"])
            copied = measure(["cp", source, written])
            synced = measure(["sync", Path(written) / "lineitem.parquet"])
            figures["clean, audit and cp"].append(added(judged, copied, synced))
    medians = {name: tuple(statistics.median(r[i] for r in runs) for i in range(2)) for name, runs in figures.items()}
    print(f"28 rules on lineitem at scale {args.scale}, median of {args.rounds}")
    print(f"{'':22}{'wall s':>9}{'cpu s':>9}")
    for name, (wall, cpu) in medians.items():
        print(f"{name:22}{wall:9.3f}{cpu:9.3f}")
    for what, mine, other, bound in (
        ("split", "split, dqc", "split, bare Parquet", 1.15),
        ("clean", "clean, dqc", "clean, audit and cp", 1.3),
    ):
        wall, cpu = (medians[mine][i] / medians[other][i] for i in range(2))
        print(f"  {what}: {wall:.2f} of the time (cpu {cpu:.2f}); wanted at most {bound}")


if __name__ == "__main__":
    main()
