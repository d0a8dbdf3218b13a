"""How long a promotion of the flights takes, beside DuckDB counting the same violations.

    target/venv/bin/python benches/flights.py [--times N] [--dqc PATH] [--threads N]

`--times N` makes each month N times as large; the copies get flight numbers of their own, so that keys stay unique.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "it"))
import flights as reckoning  # noqa: E402


def enlarge(lake, times):
    """Each month's file `times` times over; the flight number keeps the copies apart."""
    if times == 1:
        return
    con = duckdb.connect()
    for file in (lake / "flights").glob("*/*.parquet"):
        larger = file.with_suffix(".larger")
        con.execute(
            f"""copy (select * exclude (copy) replace (flight + 10000 * copy as flight)
                from {reckoning.parquet(file)}, (select unnest(range({times})) as copy))
                to '{larger}' (format parquet, compression zstd)"""
        )
        larger.rename(file)


def project(folder, times):
    target = Path(folder) / "flights"
    left = shutil.ignore_patterns("silver", "gold", "quarantine", "_dqc", "lake-damaged")
    for name in ("bronze", "shared", "gold", "silver"):
        shutil.copytree(ROOT / "rules" / "flights" / name, target / name)
    shutil.copytree(ROOT / "rules" / "flights" / "lake", target / "lake", ignore=left)
    shutil.copy(ROOT / "rules" / "flights" / "dqc.toml", target)
    enlarge(target / "lake" / "bronze", times)
    # Larger months need a larger bound, and the copies larger numbers.
    contract = target / "silver" / "flights.dq"
    text = contract.read_text()
    text = text.replace("between 20_000 and 35_000", f"between 20_000 and {35_000 * times}")
    text = text.replace("between 1 and 9_999", f"between 1 and {10_000 * times}")
    contract.write_text(text)
    return target


def dqc(binary, target):
    for written in ("silver", "gold", "quarantine", "_dqc"):
        shutil.rmtree(target / "lake" / written, ignore_errors=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    start = time.perf_counter()
    done = subprocess.run([binary, "run", "--project", target, "--format", "json"], capture_output=True, text=True)
    wall = time.perf_counter() - start
    if done.returncode != 0:
        sys.exit(f"dqc ended with {done.returncode}\n{done.stderr}")
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, usage.ru_utime - before, usage.ru_maxrss / 1024


def count(target, threads, copy):
    """Every row rule of silver.flights in one statement a month, then references and the key."""
    lake = target / "lake" / "bronze"
    con = duckdb.connect(config={"threads": threads})
    con.execute("set timezone = 'UTC'")
    start = time.perf_counter()
    for name in ("airlines", "airports", "planes", "weather"):
        con.execute(f"create table {name} as select * from {reckoning.parquet(lake / name / '*.parquet')}")
    rules = reckoning.ROWS["silver.flights"].values()
    for month in sorted((lake / "flights").iterdir()):
        con.execute(f"create or replace view source as select * from {reckoning.parquet(month / '*.parquet')}")
        con.execute(f"select {', '.join(f'count(*) filter (where not ({rule}))' for rule in rules)} from source").fetchall()
        con.execute(f"create or replace view rows as select * from source where not ({reckoning.held('silver.flights')})")
        for sql in reckoning.PUBLISHED["silver.flights"].values():
            con.execute(sql).fetchall()
        key = f"{reckoning.LOCAL}::date, carrier, flight, origin"
        con.execute(f"select count(*) from (select 1 from rows group by {key} having count(*) > 1)").fetchall()
        if copy:
            con.execute(f"copy rows to '{target / 'copy.parquet'}' (format parquet, compression zstd)")
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    target_dir = os.environ.get("CARGO_TARGET_DIR", str(ROOT / "target"))
    parser.add_argument("--dqc", default=str(Path(target_dir) / "release" / "dqc"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        target = project(folder, arguments.times)
        print(f"{336_776 * arguments.times:,} flights, {arguments.threads} threads, best of three")
        wall, cpu, peak = min(dqc(arguments.dqc, target) for _ in range(3))
        print(f"dqc run        {wall:8.2f} s   {cpu:8.2f} s of CPU   {peak:8.0f} MiB at the peak, silver and gold written")
        print(f"DuckDB counts  {min(count(target, arguments.threads, False) for _ in range(3)):8.2f} s   nothing written")
        print(f"DuckDB copy    {min(count(target, arguments.threads, True) for _ in range(3)):8.2f} s   silver written as Parquet")


if __name__ == "__main__":
    main()
