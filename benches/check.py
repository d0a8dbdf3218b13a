"""How long `dqc check` takes beside `ruff check --no-cache` on as many lines of Python.

    target/venv/bin/python benches/check.py [--contracts N] [--rounds N] [--dqc PATH] [--most RATIO]

Writes N contracts of 100 lines, each with its promotion and its test, and as many lines of Python that do the same by
hand; then both programs read their half in turn, several rounds, and the best of each is kept. `--most 2` makes a ratio
above 2 an error.
"""

import argparse
import os
import random
import resource
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINES = 100
WORDS = (
    "order customer invoice payment parcel ticket visit claim policy loan account transfer meter reading sensor "
    "flight hotel booking session click basket refund product supplier stock price store campaign lead contact"
).split()


class Table:
    """One dataset, told twice: as a contract and as Python."""

    def __init__(self, number, dice):
        self.dice = dice
        self.thing = dice.choice(WORDS)
        self.name = f"{self.thing}s_{number}"
        self.amounts = [f"{word}_{number}" for word in dice.sample(["net", "gross", "tax", "fee"], 3)]
        self.counts = [f"{word}_{number}" for word in dice.sample(["items", "visits", "days", "calls"], 3)]
        self.codes = [f"{word}_{number}" for word in dice.sample(["sku", "branch", "route"], 2)]
        self.states = dice.sample(["open", "paid", "shipped", "returned", "closed", "lost", "held", "void"], 4)
        self.zone = dice.choice(["America/Sao_Paulo", "Europe/Berlin", "America/New_York", "UTC"])
        self.limits = [dice.randint(10, 5_000) for _ in range(10)]

    def contract(self):
        a, n, c, s, k = self.amounts, self.counts, self.codes, self.states, self.limits
        values = ", ".join(f'"{state}"' for state in s)
        return f"""\
/// One row a {self.thing}, as finance reports it.
contract silver.{self.name} @ 1.{k[0]}.0 {{
    owner "{self.thing}-data@acme.example"
    tags  finance, daily
    zone  "{self.zone}"
    nulls pass
    quarantine at most 5%, keep 90 days

    columns {{
        /// Given by the shop; never reused.
        {self.thing}_id: bigint key
        buyer_id: bigint
        status:     string in ({values})
        /// Before tax.
        {a[0]}:     decimal(12, 2) where it >= 0  else quarantine
        {a[1]}:     decimal(12, 2) where it between 0 and {k[1]}_000
        {a[2]}:     decimal(12, 2)?
        {n[0]}:     int where it between 0 and {k[2]}
        {n[1]}:     int?
        {n[2]}:     bigint where it >= 1
        {c[0]}:     string where it matches r"[A-Z]{{2,4}}-[0-9]{{{k[3] % 6 + 2}}}"
        {c[1]}:     string?
        email:      Email?  unique personal else warn
        region:     string in ("N", "NE", "CO", "SE", "S")
        created_at: timestamp
        shipped_at: timestamp?
        due_on:     date
        weight:     double?
        is_gift:    boolean
        other columns forbidden
    }}

    rules {{
        ships_after_created: shipped_at >= created_at
            else    quarantine, block above 1%
            because "The {self.thing} {{{self.thing}_id}} ships before it exists."
            fix     "Replay the warehouse export for that day: its clock drifts after a restart."

        paid_has_amount: {a[0]} > 0
            when    status = "{s[1]}"
            else    quarantine, block above 2%

        adds_up: {a[0]} + {a[1]} <= {k[4]}_000.00
            else    warn
        third_is_small: {a[2]} < {a[1]} + {k[5]}
            when    {a[2]} is not null and {n[0]} > {k[2] // 3}
            else    warn above 10 rows
        counts_agree: {n[1]} <= {n[0]} + {n[2]}
        in_a_week: date(shipped_at) between date(created_at) and due_on
            else    warn above 1%, block above 20%
        branch_known: {c[1]} is not null or is_gift
            else    quarantine
        code_of_branch: length(trim({c[1]})) between 2 and {k[6] % 20 + 3}
            when    {c[1]} is not null
        light_gifts: weight < {k[7]} * 1.5 when is_gift and status in ("{s[0]}", "{s[2]}") else warn
        by_state: case status when "{s[3]}" then {n[2]} > 1 else {n[2]} >= 1 end
        one_per_day: unique (buyer_id, date(created_at))  else warn
        emails_present: share(email is not null) >= {k[8] % 40 + 50}%  else warn
        plausible_volume: count(*) between {k[9]} and 5_000_000
        usual_volume: count(*) within 3 stddev of last 28 batches  else warn
        every_region: count(*) >= {k[0] % 90 + 10} for each region
        amounts_stable: drift({a[0]}, last 28 batches) < 0.2  else warn
        mean_amount: avg({a[0]}) between 1 and {k[1]}_000 when status <> "{s[0]}"
    }}

    sla {{
        fresh: age(max(created_at)) <= {k[3] % 40 + 2} hours
        on_time: arrives by 06:{k[4] % 60:02} in "{self.zone}" on weekdays for the day before
        budget: on_time missed at most 1 of last 30 deadlines
    }}
}}

test "a {self.thing} cannot ship before it exists" for silver.{self.name} {{
    rows {{
        | {self.thing}_id | status | created_at | shipped_at | {a[0]} |
        | 1 | "{s[1]}" | "2026-01-02T00:00:00Z" | "2026-01-01T00:00:00Z" | 10.00 |
        | 2 | "{s[1]}" | "2026-01-02T00:00:00Z" | null | 10.00 |
        | 3 | "{s[1]}" | "2026-01-02T00:00:00Z" | null | 0.00 |
    }}
    expect ships_after_created breaks row 1
    expect paid_has_amount breaks row 3
}}

promote bronze.feed to silver.{self.name} {{
    batches by folder "ingest_date" settled after 10 minutes
    with {{
        {self.thing}_id: cast(id as bigint)
        {a[0]}: cast(first as decimal(12, 2))
        {a[1]}: cast(second as decimal(12, 2))
        {n[0]}: cast(third as int)
        {n[2]}: length(text) + 1
        {c[0]}: upper(trim(code))
        created_at: to_timestamp(created)
        due_on: date(to_timestamp(created)) + interval "{k[5] % 30 + 1} days"
    }}
    write append
}}
"""

    def python(self):
        a, n, c, s, k = self.amounts, self.counts, self.codes, self.states, self.limits
        return f'''\
"""One row a {self.thing}, as finance reports it."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

STATES = frozenset({tuple(s)!r})
REGIONS = frozenset(("N", "NE", "CO", "SE", "S"))
CODE = re.compile(r"[A-Z]{{2,4}}-[0-9]{{{k[3] % 6 + 2}}}")


@dataclass(frozen=True)
class {self.thing.title()}:
    """What a batch holds of each."""

    {self.thing}_id: int
    buyer_id: int
    status: str
    {a[0]}: Decimal
    {a[1]}: Decimal
    {a[2]}: Decimal | None
    {n[0]}: int
    {n[1]}: int | None
    {n[2]}: int
    {c[0]}: str
    {c[1]}: str | None
    email: str | None
    region: str
    created_at: datetime
    shipped_at: datetime | None
    due_on: date
    weight: float | None
    is_gift: bool


def broken(row: {self.thing.title()}) -> list[str]:
    """The names of the rules that a row breaks."""
    found = []
    if row.status not in STATES:
        found.append("status")
    if row.region not in REGIONS:
        found.append("region")
    if row.{a[0]} < 0:
        found.append("{a[0]}")
    if not 0 <= row.{a[1]} <= {k[1]}_000:
        found.append("{a[1]}")
    if not 0 <= row.{n[0]} <= {k[2]}:
        found.append("{n[0]}")
    if row.{n[2]} < 1:
        found.append("{n[2]}")
    if CODE.fullmatch(row.{c[0]}) is None:
        found.append("{c[0]}")
    if row.shipped_at is not None and row.shipped_at < row.created_at:
        found.append("ships_after_created")
    if row.status == "{s[1]}" and row.{a[0]} <= 0:
        found.append("paid_has_amount")
    if row.{a[0]} + row.{a[1]} > Decimal("{k[4]}_000.00"):
        found.append("adds_up")
    if row.{a[2]} is not None and row.{n[0]} > {k[2] // 3} and row.{a[2]} >= row.{a[1]} + {k[5]}:
        found.append("third_is_small")
    if row.{n[1]} is not None and row.{n[1]} > row.{n[0]} + row.{n[2]}:
        found.append("counts_agree")
    if row.shipped_at is not None and not row.created_at.date() <= row.shipped_at.date() <= row.due_on:
        found.append("in_a_week")
    if row.{c[1]} is None and not row.is_gift:
        found.append("branch_known")
    if row.{c[1]} is not None and not 2 <= len(row.{c[1]}.strip()) <= {k[6] % 20 + 3}:
        found.append("code_of_branch")
    if row.is_gift and row.status in ("{s[0]}", "{s[2]}") and row.weight is not None and row.weight >= {k[7]} * 1.5:
        found.append("light_gifts")
    return found


def judged(rows: list[{self.thing.title()}]) -> dict[str, int]:
    """How many rows break each rule; the batch's own rules count once."""
    counts: dict[str, int] = {{}}
    regions: dict[str, int] = {{}}
    seen = set()
    for row in rows:
        for name in broken(row):
            counts[name] = counts.get(name, 0) + 1
        regions[row.region] = regions.get(row.region, 0) + 1
        seen.add((row.buyer_id, row.created_at.date()))
    if not {k[9]} <= len(rows) <= 5_000_000:
        counts["plausible_volume"] = 1
    if any(count < {k[0] % 90 + 10} for count in regions.values()):
        counts["every_region"] = 1
    if len(seen) < len(rows):
        counts["one_per_day"] = len(rows) - len(seen)
    return counts


def is_fresh(rows: list[{self.thing.title()}], now: datetime) -> bool:
    """Whether the newest row is young enough."""
    newest = max(row.created_at for row in rows)
    return now - newest <= timedelta(hours={k[3] % 40 + 2})
'''


FEED = """\
/// What all shops deliver, as it comes.
contract bronze.feed @ 1.0.0 {
    owner "shops@acme.example"
    columns {
        id:          string
        buyer_id: bigint
        status:      string
        first:       string
        second:      string
        third:       string
        text:        string
        code:        string
        email:       string?
        region:      string
        created:     string
        shipped_at:  timestamp?
        is_gift:     boolean
        other columns kept
    }
}
"""


def of_length(text, comment):
    """A text of just so many lines: what is missing is comment."""
    lines = text.splitlines()
    lines += [f"{comment} {i}" for i in range(LINES - len(lines))]
    assert len(lines) == LINES, len(lines)
    return "\n".join(lines) + "\n"


def write(folder, contracts):
    dice = random.Random(7)
    contract_files, python_files = folder / "contracts", folder / "python"
    (contract_files / "silver").mkdir(parents=True)
    python_files.mkdir()
    layers = "".join(f'{layer} = "lake/{layer}"\n' for layer in ("bronze", "silver", "gold"))
    (contract_files / "dqc.toml").write_text(f'[project]\nname = "bench"\nlanguage = 1\n\n[layers]\n{layers}')
    (contract_files / "feed.dq").write_text(FEED)
    for number in range(contracts):
        table = Table(number, dice)
        (contract_files / "silver" / f"{table.name}.dq").write_text(of_length(table.contract(), "//"))
        (python_files / f"{table.name}.py").write_text(of_length(table.python(), "#"))
    return contract_files, python_files


def timed(command):
    start = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    taken = time.perf_counter() - start
    if done.returncode != 0:
        sys.exit(f"{command[0]} found what should not be there:\n{done.stdout.decode()[-4000:]}")
    return taken


def compare(what, ours, theirs, rounds, most):
    best = {"dqc": float("inf"), "ruff": float("inf")}
    timed(ours), timed(theirs)
    for _ in range(rounds):
        best["dqc"] = min(best["dqc"], timed(ours))
        best["ruff"] = min(best["ruff"], timed(theirs))
    ratio = best["dqc"] / best["ruff"]
    print(f"{what}: dqc {best['dqc'] * 1000:.1f} ms, ruff {best['ruff'] * 1000:.1f} ms, ratio {ratio:.2f}")
    return ratio <= most


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contracts", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--dqc", default=ROOT / "target" / "release" / "dqc", type=Path)
    parser.add_argument("--ruff", default=Path(sysconfig.get_path("scripts")) / "ruff", type=Path)
    parser.add_argument("--most", type=float, default=float("inf"))
    parser.add_argument("--keep", type=Path, help="write the files here and leave them")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.keep or Path(temporary)
        contracts, python = write(folder, args.contracts)
        lines = args.contracts * LINES
        dqc, ruff = str(args.dqc.resolve()), str(args.ruff)
        all_of_it = compare(
            f"{args.contracts} contracts, {lines} lines",
            [dqc, "check", "--project", str(contracts)],
            [ruff, "check", "--no-cache", "--isolated", str(python)],
            args.rounds,
            args.most,
        )
        single = folder / "single"
        one, other = write(single, 1)
        start = compare(
            "one file",
            [dqc, "check", "--project", str(one)],
            [ruff, "check", "--no-cache", "--isolated", str(other)],
            args.rounds * 5,
            args.most,
        )
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(f"{os.cpu_count()} processors; the most memory that one of them held: {usage.ru_maxrss // 1024} MB")
        sys.exit(0 if all_of_it and start else 1)


if __name__ == "__main__":
    main()
