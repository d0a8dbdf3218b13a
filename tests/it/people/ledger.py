"""The ledger as others read it: deltalake opens its tables, DuckDB runs the views over them.

    ledger.py rows LEDGER           every row of every table, as JSON, sorted: the same before and after compaction
    ledger.py views LEDGER VIEWS    the rows of each view, as JSON
"""

import json
import re
import sys
from pathlib import Path

import duckdb
from deltalake import DeltaTable

TABLES = ("runs", "batches", "results", "metrics", "sla")
# In Databricks' SQL there is one; DuckDB calls it otherwise.
SECONDS = "create macro unix_timestamp(instant) as epoch(instant)"
MEASURES = re.compile(r"(_rows|_batches|_count|_seconds|_share|^value|^limit_value)$")
NUMBERS = {"line", "exit_code"}


def tables(ledger):
    there = [name for name in TABLES if Path(ledger, name).exists()]
    return {name: DeltaTable(Path(ledger, name)).to_pyarrow_table() for name in there}


def rows(ledger):
    for name, table in tables(ledger).items():
        for row in sorted(json.dumps(row, default=str, sort_keys=True) for row in table.to_pylist()):
            print(name, row)


def views(ledger, path):
    db = duckdb.connect()
    db.execute("set timezone = 'UTC'")
    db.execute(SECONDS)
    for name, table in tables(ledger).items():
        db.register(name, table)
    text = Path(path).read_text()
    found = {}
    for statement in text.split(";"):
        if not (named := re.search(r"create or replace view (\w+) as", statement)):
            continue
        db.execute(statement.replace("create or replace view", "create or replace temporary view"))
        result = db.execute(f"select * from {named[1]}")
        columns = [(column[0], str(column[1])) for column in result.description]
        for column, kind in columns:
            number = kind in ("BIGINT", "DOUBLE", "HUGEINT", "INTEGER") or kind.startswith("DECIMAL")
            measure = bool(MEASURES.search(column)) or column in NUMBERS
            assert number == measure, f"{named[1]}.{column} is a {kind}"
        names = [column for column, _ in columns]
        # As text, for which no package of time zones is wanted.
        texts = ", ".join(f"{n}" if not k.startswith("TIMESTAMP") else f"{n}::varchar as {n}" for n, k in columns)
        rows = db.execute(f"select {texts} from {named[1]}").fetchall()
        found[named[1]] = [dict(zip(names, row)) for row in rows]
    print(json.dumps(found, default=str))


{"rows": rows, "views": views}[sys.argv[1]](*sys.argv[2:])
