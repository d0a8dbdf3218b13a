"""The split of lineitem by hand, in one peer: accepted rows and held ones with their reasons, each as one Parquet file.

    python hand.py plant LINEITEM PLANTED
    python hand.py duckdb|polars|datafusion LINEITEM ORDERS OUT

Rows that break a rule, those whose order does not exist, and then every row of a key that is left more than once are
held. Prints how many rows went where.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from peers import BROKEN, PATTERN  # noqa: E402

KEY = "l_orderkey, l_linenumber"

# About one row in 900 breaks something: what to put into which column, on which rows.
PLANTED = {
    "l_quantity": ("-1", 11),
    "l_discount": ("0.5", 22),
    "l_tax": ("null", 33),
    "l_returnflag": ("'X'", 44),
    "l_shipmode": ("'ship'", 55),
    "l_shipinstruct": ("'by 9 hand'", 66),
    "l_comment": ("repeat('long ', 12)", 77),
    "l_receiptdate": ("l_shipdate - 1", 88),
    "l_orderkey": ("-l_orderkey", 99),
}
PERIOD = 10_007


def plant(lineitem, planted):
    import duckdb

    con = duckdb.connect()
    number = f"file_row_number % {PERIOD}"
    changed = [f"case when {number} = {at} then {value} else {column} end as {column}" for column, (value, at) in PLANTED.items()]
    again = f"select * from read_parquet('{lineitem}', file_row_number = true)"
    rows = f"select * exclude (file_row_number) replace ({', '.join(changed)}) from ({again})"
    # And some rows twice, at the end.
    twice = f"select * exclude (file_row_number) from ({again}) where {number} in (500, 501)"
    con.execute(f"copy (({rows}) union all ({twice})) to '{planted}' (format parquet, compression snappy)")


def conditions(matches):
    """What breaks each rule; null where the value is, which the rule of its column has told."""
    return {rule: f"coalesce({sql.replace('MATCHES', matches)}, false)" for rule, sql in BROKEN.items()}


def in_sql(run, lineitem, orders, matches, joined):
    """The same statements in DuckDB and in DataFusion: `joined` lists texts that are not null."""
    broken = conditions(matches)
    any_broken = " or ".join(broken.values())
    known = f"l_orderkey in (select o_orderkey from {orders})"
    run(f"create table again as select l_orderkey as again_order, l_linenumber as again_line from {lineitem} where not ({any_broken}) and {known} group by {KEY} having count(*) > 1")
    twice = "exists (select 1 from again a where a.again_order = l_orderkey and a.again_line = l_linenumber)"
    accepted = f"select l.* from {lineitem} l where not ({any_broken}) and {known} and not {twice}"
    reasons = [f"case when {sql} then '{rule}' end" for rule, sql in broken.items()]
    held = f"""select l.*, {joined(reasons)} as reasons, o.o_orderkey is null as orphan, a.again_order is not null as twice
        from {lineitem} l left join {orders} o on l_orderkey = o.o_orderkey
        left join again a on a.again_order = l_orderkey and a.again_line = l_linenumber
        where {any_broken} or o.o_orderkey is null or a.again_order is not null"""
    return accepted, held


def duckdb(lineitem, orders, out):
    import duckdb

    con = duckdb.connect()
    places = [f"read_parquet('{file}')" for file in (lineitem, orders)]
    matches = f"regexp_full_match(l_shipinstruct, '{PATTERN}')"
    accepted, held = in_sql(con.execute, *places, matches, lambda reasons: f"concat_ws(', ', {', '.join(reasons)})")
    for name, sql in (("accepted", accepted), ("held", held)):
        con.execute(f"copy ({sql}) to '{out}/{name}.parquet' (format parquet, compression snappy)")


def datafusion(lineitem, orders, out):
    from datafusion import SessionContext

    con = SessionContext()
    con.register_parquet("lineitem", lineitem)
    con.register_parquet("orders", orders)
    matches = f"regexp_like(l_shipinstruct, '^({PATTERN})$')"
    run = lambda sql: con.sql(sql).collect()  # noqa: E731
    accepted, held = in_sql(run, "lineitem", "orders", matches, lambda reasons: f"concat_ws(', ', {', '.join(reasons)})")
    for name, sql in (("accepted", accepted), ("held", held)):
        run(f"copy ({sql}) to '{out}/{name}.parquet' stored as parquet options ('format.compression' 'snappy')")


def polars(lineitem, orders, out):
    import polars as pl

    c = pl.col
    rows = pl.scan_parquet(lineitem)
    cents = lambda text: pl.lit(text).str.to_decimal(scale=2)  # noqa: E731
    broken = {rule: c(rule.removesuffix(".required")).is_null() for rule in BROKEN if rule.endswith(".required")} | {
        "quantity": ~c("l_quantity").is_between(1, 50),
        "price": ~c("l_extendedprice").is_between(cents("0.01"), 200000),
        "discount": ~c("l_discount").is_between(0, cents("0.10")),
        "tax": ~c("l_tax").is_between(0, cents("0.08")),
        "returnflag": ~c("l_returnflag").is_in(["A", "N", "R"]),
        "linestatus": ~c("l_linestatus").is_in(["F", "O"]),
        "shipmode": ~c("l_shipmode").is_in(["AIR", "FOB", "MAIL", "RAIL", "REG AIR", "SHIP", "TRUCK"]),
        "instruct": ~c("l_shipinstruct").str.contains(f"^({PATTERN})$"),
        "comment": ~c("l_comment").str.len_chars().is_between(1, 44),
        "in_order": c("l_shipdate") > c("l_receiptdate"),
    }
    broken = {rule: expression.fill_null(False) for rule, expression in broken.items()}
    key = KEY.split(", ")
    keys = pl.scan_parquet(orders).select(c("o_orderkey"), known=pl.lit(True))
    judged = rows.with_columns(broken=pl.any_horizontal(list(broken.values()))).join(
        keys, left_on="l_orderkey", right_on="o_orderkey", how="left"
    )
    judged = judged.with_columns(c("known").fill_null(False))
    left = judged.filter(~c("broken") & c("known"))
    again = left.group_by(key).agg(pl.len().alias("n")).filter(c("n") > 1).select(*key, twice=pl.lit(True))
    again = again.collect(engine="streaming").lazy()
    accepted = left.join(again, on=key, how="anti").drop("broken", "known")
    reasons = [pl.when(expression).then(pl.lit(rule)) for rule, expression in broken.items()]
    held = judged.join(again, on=key, how="left").filter(c("broken") | ~c("known") | c("twice").fill_null(False))
    held = held.with_columns(reasons=pl.concat_str(reasons, separator=", ", ignore_nulls=True))
    sinks = [
        frame.sink_parquet(f"{out}/{name}.parquet", compression="snappy", lazy=True)
        for name, frame in (("accepted", accepted), ("held", held))
    ]
    pl.collect_all(sinks, engine="streaming")


if __name__ == "__main__":
    if sys.argv[1] == "plant":
        plant(*sys.argv[2:4])
    else:
        import pyarrow.parquet as parquet

        peer, lineitem, orders, out = sys.argv[1:5]
        globals()[peer](lineitem, orders, out)
        print(json.dumps({name: parquet.read_metadata(f"{out}/{name}.parquet").num_rows for name in ("accepted", "held")}))
