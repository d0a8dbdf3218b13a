"""The ledger as others read it: deltalake opens its tables, DuckDB runs the views over them.

    ledger.py rows LEDGER           every row of every table, as JSON, sorted: the same before and after compaction
    ledger.py views LEDGER VIEWS    the rows of each view, as JSON
    ledger.py spark LEDGER VIEWS    whether Spark finds the same rows; for who has PySpark 4 and Java 17 (too large for tests/run)
"""

import json
import re
import sys
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import duckdb
from deltalake import DeltaTable

TABLES = ("runs", "batches", "results", "metrics", "sla")
# In Databricks' SQL there is one; DuckDB calls it otherwise.
MICROS = "create macro unix_micros(instant) as epoch_us(instant)"
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
    print(json.dumps(of_duckdb(ledger, path), default=str))


def named(path):
    """The views' names and statements."""
    for statement in Path(path).read_text().split(";"):
        if found := re.search(r"create or replace view (\w+) as", statement):
            yield found[1], statement.replace("create or replace view", "create or replace temporary view")


def of_duckdb(ledger, path):
    db = duckdb.connect()
    db.execute("set timezone = 'UTC'")
    db.execute(MICROS)
    for name, table in tables(ledger).items():
        db.register(name, table)
    found = {}
    for name, statement in named(path):
        db.execute(statement)
        result = db.execute(f"select * from {name}")
        columns = [(column[0], str(column[1])) for column in result.description]
        for column, kind in columns:
            number = kind in ("BIGINT", "DOUBLE", "HUGEINT", "INTEGER") or kind.startswith("DECIMAL")
            measure = bool(MEASURES.search(column)) or column in NUMBERS
            assert number == measure, f"{name}.{column} is a {kind}"
        names = [column for column, _ in columns]
        # As text, for which no package of time zones is wanted.
        texts = ", ".join(f"{n}" if not k.startswith("TIMESTAMP") else f"{n}::varchar as {n}" for n, k in columns)
        rows = db.execute(f"select {texts} from {name}").fetchall()
        found[name] = [dict(zip(names, row)) for row in rows]
    return found


def spark(ledger, path):
    """Spark reads the files that the logs name: its own reader of Delta is no package of Python's."""
    from pyspark.sql import SparkSession

    session = SparkSession.builder.master("local[1]").config("spark.sql.session.timeZone", "UTC")
    session = session.config("spark.sql.ansi.enabled", "true").config("spark.ui.enabled", "false").getOrCreate()
    for name in tables(ledger):
        table = DeltaTable(Path(ledger, name))
        assert not table.metadata().partition_columns, name
        session.read.option("mergeSchema", "true").parquet(*table.file_uris()).createOrReplaceTempView(name)
    wanted = of_duckdb(ledger, path)

    def alike(value):
        if isinstance(value, datetime):
            return value.replace(tzinfo=None)
        if isinstance(value, str) and (text := re.fullmatch(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?)\+00", value)):
            return datetime.fromisoformat(text[1])
        return round(float(value), 9) if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool) else value

    for name, statement in named(path):
        session.sql(statement)
        found = [row.asDict() for row in session.sql(f"select * from {name}").collect()]
        of = lambda rows: sorted(str({column: alike(value) for column, value in row.items()}) for row in rows)
        assert of(found) == of(wanted[name]), f"{name}:\n{of(found)}\n{of(wanted[name])}"
        print(f"{name}: {len(found)} rows, as DuckDB finds them")


{"spark": spark, "rows": rows, "views": views}[sys.argv[1]](*sys.argv[2:])
