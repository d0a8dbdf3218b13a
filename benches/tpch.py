"""`dqc audit` beside hand-written DuckDB, Polars and DataFusion on TPC-H's lineitem: the same rules, the same answers.

    cargo build --release
    python3 benches/tpch.py [--scale N] [--rounds N] [--dqc PATH] [--only all|rows|provable|planted]

The peers and the data come below target/ on the first run. Every figure is the median of whole processes that ran in
turn on the same files; time is the wall's, `cpu` user and system, memory the process's own peak (`ru_maxrss`).
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HERE = ROOT / "benches" / "tpch"
VENV = ROOT / "target" / "bench"
PYTHON = VENV / "bin" / "python"
PEERS = ("duckdb", "polars", "datafusion")
# Rows that are shown of each rule.
SAMPLES = 100


def peers():
    wanted = HERE / "requirements.txt"
    kept = VENV / "requirements.txt"
    if not kept.exists() or kept.read_text() != wanted.read_text():
        shutil.rmtree(VENV, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
        pip = [VENV / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "-r", wanted]
        subprocess.run(pip, check=True)
        shutil.copy(wanted, kept)


def project(scale):
    """The data of a scale as a project of dqc: lake/lineitem and lake/orders."""
    folder = ROOT / "target" / "tpch" / str(scale)
    if not (folder / "lake" / "orders" / "orders.parquet").exists():
        folder.mkdir(parents=True, exist_ok=True)
        generate = [VENV / "bin" / "tpchgen-cli", "parquet", "-s", str(scale), "--tables=lineitem,orders"]
        subprocess.run(generate + [f"--output-dir={folder}"], check=True)
        for table in ("lineitem", "orders"):
            (folder / "lake" / table).mkdir(parents=True, exist_ok=True)
            (folder / f"{table}.parquet").rename(folder / "lake" / table / f"{table}.parquet")
    for name in ("dqc.toml", "lineitem.dq"):
        shutil.copy(HERE / name, folder)
    return folder


def measure(command):
    """Wall seconds, CPU seconds, peak MB and what it printed."""
    with tempfile.TemporaryFile() as out:
        start = time.perf_counter()
        child = subprocess.Popen(command, stdout=out)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        text = out.read().decode()
    if child.returncode not in (0, 10):
        sys.exit(f"{' '.join(map(str, command))} ended with {child.returncode}\n{text}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, json.loads(text)


def audit(dqc, folder, contract, *options):
    lineitem = folder / "lake" / "lineitem" / "lineitem.parquet"
    return [dqc, "audit", contract, "--project", folder, "--data", lineitem, "--format", "json", *options]


def by_hand(folder, peer, what):
    lake = folder / "lake"
    files = [lake / table / f"{table}.parquet" for table in ("lineitem", "orders")]
    return [PYTHON, HERE / "peers.py", peer, what, *files]


def split(scale):
    """Lineitem of a scale with planted errors, and orders, as a project that promotes it."""
    of, folder = project(scale), ROOT / "target" / "tpch" / f"split-{scale}"
    lineitem, orders = (folder / "lake" / table / f"{table}.parquet" for table in ("lineitem", "orders"))
    if not orders.exists():
        for file in (lineitem, orders):
            file.parent.mkdir(parents=True, exist_ok=True)
        clean = of / "lake" / "lineitem" / "lineitem.parquet"
        subprocess.run([PYTHON, HERE / "split" / "hand.py", "plant", clean, lineitem], check=True)
        shutil.copy(of / "lake" / "orders" / "orders.parquet", orders)
    for name in ("dqc.toml", "split.dq"):
        shutil.copy(HERE / "split" / name, folder)
    return folder, lineitem, orders


def splits(dqc, scale, rounds, memory):
    """Accepted and held rows written, by each in turn; every side must send as many rows each way."""
    folder, *files = split(scale)
    out = folder / "out"
    commands = {"dqc": [dqc, "run", "--project", folder, "--format", "json", *memory]}
    commands |= {peer: [PYTHON, HERE / "split" / "hand.py", peer, *files, out] for peer in PEERS}
    subprocess.run(["sha256sum", *files], check=True, stdout=subprocess.DEVNULL)
    taken = {name: [] for name in commands}
    for _ in range(rounds):
        sent = {}
        for name, command in commands.items():
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir()
            taken[name].append(measure(command))
            answer = taken[name][-1][3]
            rows = answer.get("rows", {"accepted": answer.get("accepted"), "quarantined": answer.get("held")})
            sent[name] = (rows["accepted"], rows["quarantined"])
        if len(set(sent.values())) > 1:
            sys.exit(f"the sides do not agree: {sent}")
    shutil.rmtree(out, ignore_errors=True)
    print(f"  accepted and held: {sent['dqc']}")
    medians = {name: tuple(statistics.median(run[i] for run in runs) for i in range(3)) for name, runs in taken.items()}
    show(medians)
    ratio("written", medians, "dqc", PEERS, 0.8)


def counted(dqc, scale):
    """On the rows with planted errors every rule's count, and the first rows that break it, must be DuckDB's."""
    planted, orders = split(scale)[1:]
    command = audit(dqc, project(scale), "raw.lineitem", "--samples", str(SAMPLES))
    command[command.index("--data") + 1] = planted
    report = measure(command)[3]
    found = {
        rule["rule"]: (rule["violations"], [sample["row"] for sample in rule["samples"]])
        for rule in report["rules"]
        if rule["kind"] != "type"
    }
    wanted = measure([PYTHON, HERE / "peers.py", "rows_of", str(SAMPLES), planted, orders])[3]["found"]
    different = {rule: (found.get(rule), of) for rule, of in wanted.items() if found.get(rule) != tuple(of)}
    if different or found.keys() != wanted.keys():
        sys.exit(f"dqc and duckdb do not agree: {different or found.keys() ^ wanted.keys()}")
    shown = sum(len(rows) for _, rows in found.values())
    print(f"  {len(found)} rules: {sum(n for n, _ in found.values()):,} violations counted and {shown} rows shown as DuckDB has them")


def violations(report):
    return {rule["rule"]: rule["violations"] for rule in report["rules"] if rule["kind"] != "type"}


def check(runs, what):
    """Every side must have counted the same."""
    sys.path.insert(0, str(HERE))
    import peers as reckoning

    names = list(reckoning.BROKEN) + (["one_line", "ordered"] if what == "all" else [])
    expected = None
    for name, (*_, answer) in runs.items():
        found = answer.get("found")
        if name == "decode":
            continue
        if found is None:
            counted = violations(answer)
            found = [counted.get(rule) for rule in names]
        expected = expected or found
        if found != expected:
            sys.exit(f"{name} counts {dict(zip(names, found))}, not {dict(zip(names, expected))}")


def table(commands, rounds, what):
    taken = {name: [] for name in commands}
    for _ in range(rounds):
        runs = {name: measure(command) for name, command in commands.items()}
        check(runs, what)
        for name, run in runs.items():
            taken[name].append(run)
    medians = {
        name: tuple(statistics.median(run[i] for run in runs) for i in range(3)) for name, runs in taken.items()
    }
    show(medians)
    return medians, {name: runs[-1][3] for name, runs in taken.items()}


def show(medians):
    print(f"{'':22}{'wall s':>9}{'cpu s':>9}{'peak MB':>9}")
    for name, (wall, cpu, peak) in medians.items():
        print(f"{name:22}{wall:9.3f}{cpu:9.3f}{peak:9.0f}")


def ratio(label, medians, mine, theirs, bound):
    fastest = min(theirs, key=lambda name: medians[name][0])
    wall = medians[mine][0] / medians[fastest][0]
    cpu = medians[mine][1] / min(medians[name][1] for name in theirs)
    print(f"  {label}: {wall:.2f} of {fastest}'s time (cpu {cpu:.2f} of the least); wanted at most {bound}")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--scale", type=int, default=1)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--dqc", default=ROOT / "target" / "release" / "dqc", type=Path)
    arguments.add_argument("--only", choices=("all", "rows", "provable", "planted"))
    arguments.add_argument("--memory", help="as dqc's --memory")
    args = arguments.parse_args()
    peers()
    folder = project(args.scale)
    memory = ["--memory", args.memory] if args.memory else []
    # Into the page cache; by others, because a child's peak begins with that of its parent.
    subprocess.run(["sha256sum", *(folder / "lake").glob("*/*.parquet")], check=True, stdout=subprocess.DEVNULL)

    if args.only in (None, "all"):
        print(f"\n28 rules on lineitem at scale {args.scale}, median of {args.rounds}")
        commands = {
            "dqc, proofs off": audit(args.dqc, folder, "raw.lineitem", "--no-proofs", *memory),
            "dqc, proofs on": audit(args.dqc, folder, "raw.lineitem", *memory),
        } | {peer: by_hand(folder, peer, "all") for peer in PEERS}
        medians, last = table(commands, args.rounds, "all")
        ratio("proofs off", medians, "dqc, proofs off", PEERS, 0.8)
        ratio("proofs on", medians, "dqc, proofs on", PEERS, 0.5)
        peak = max(medians[name][2] for name in ("dqc, proofs off", "dqc, proofs on"))
        print(f"  peak memory: {peak / medians['duckdb'][2]:.2f} of duckdb's; wanted at most 1")
        for name in ("dqc, proofs off", "dqc, proofs on"):
            print(f"  {name}: {last[name]['passes']} pass, {last[name]['bytes_read']:,} bytes read")

    if args.only in (None, "rows"):
        print(f"\n26 row rules at scale {args.scale}, median of {args.rounds}")
        commands = {
            "dqc, proofs off": audit(args.dqc, folder, "raw.lineitem_rows", "--no-proofs"),
            "dqc, proofs on": audit(args.dqc, folder, "raw.lineitem_rows"),
            "decode": by_hand(folder, "decode", "rows"),
        } | {peer: by_hand(folder, peer, "rows") for peer in PEERS}
        medians, _ = table(commands, args.rounds, "rows")
        ratio("proofs off", medians, "dqc, proofs off", ["decode"], 1.25)
        ratio("proofs on", medians, "dqc, proofs on", ["decode"], 0.6)

    if args.only in (None, "provable"):
        print(f"\n24 provable rules, scale 1 and {max(args.scale, 10)}, median of {args.rounds}")
        medians, spent = {}, []
        for scale in (1, max(args.scale, 10)):
            at = project(scale)
            runs = [measure(audit(args.dqc, at, "raw.lineitem_provable")) for _ in range(args.rounds)]
            medians[scale] = statistics.median(run[0] for run in runs)
            spent.append(statistics.median(run[1] for run in runs))
            size = (at / "lake" / "lineitem" / "lineitem.parquet").stat().st_size
            report = runs[-1][3]
            evidence = {rule["evidence"] for rule in report["rules"]}
            share = report["bytes_read"] / size
            print(f"  scale {scale}: {medians[scale]:.3f} s, cpu {spent[-1]:.3f} s, {share:.4%} of the bytes, evidence {evidence}")
        small, large = medians.values()
        print(f"  {large / small:.2f} times as long, {spent[1] / spent[0]:.2f} times the cpu; wanted at most 1.5, and under 1% of the bytes")

    if args.only in (None, "planted"):
        print(f"\nrows with planted errors at scale {args.scale}")
        counted(args.dqc, args.scale)
        print(f"\nrows with planted errors split into two places at scale {args.scale}, median of {args.rounds}")
        splits(args.dqc, args.scale, args.rounds, memory)


if __name__ == "__main__":
    main()
