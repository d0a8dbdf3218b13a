"""The rules of lineitem.dq by hand, in one peer: prints the violations of each rule as JSON, and the seconds inside.

    python peers.py duckdb|polars|datafusion|decode rows|all LINEITEM ORDERS
    python peers.py rows_of N LINEITEM ORDERS

`rows` are the 26 rules that rows decide, in one pass; `all` also the key and the reference. `decode` lets DataFusion read
the columns and do nothing with them.
"""

import json
import sys
import time

COLUMNS = """l_orderkey l_partkey l_suppkey l_linenumber l_quantity l_extendedprice l_discount l_tax l_returnflag
l_linestatus l_shipdate l_commitdate l_receiptdate l_shipinstruct l_shipmode l_comment""".split()

# What breaks each rule, in SQL.
BROKEN = {f"{column}.required": f"{column} is null" for column in COLUMNS} | {
    "quantity": "l_quantity not between 1 and 50",
    "price": "l_extendedprice not between 0.01 and 200000",
    "discount": "l_discount not between 0 and 0.10",
    "tax": "l_tax not between 0 and 0.08",
    "returnflag": "l_returnflag not in ('A', 'N', 'R')",
    "linestatus": "l_linestatus not in ('F', 'O')",
    "shipmode": "l_shipmode not in ('AIR', 'FOB', 'MAIL', 'RAIL', 'REG AIR', 'SHIP', 'TRUCK')",
    "instruct": "not MATCHES",
    "comment": "length(l_comment) not between 1 and 44",
    "in_order": "l_shipdate > l_receiptdate",
}
PATTERN = "[A-Z]+( [A-Z]+)*"
DUPLICATES = """select coalesce(sum(n), 0) from
    (select count(*) as n from {lineitem} where l_orderkey is not null and l_linenumber is not null
     group by l_orderkey, l_linenumber having count(*) > 1)"""
ORPHANS = "select count(*) from {lineitem} l anti join {orders} o on l.l_orderkey = o.o_orderkey where l_orderkey is not null"


def duckdb(what, lineitem, orders):
    import duckdb

    con = duckdb.connect()
    start = time.perf_counter()
    places = {"lineitem": f"read_parquet('{lineitem}')", "orders": f"read_parquet('{orders}')"}
    matches = f"regexp_full_match(l_shipinstruct, '{PATTERN}')"
    counts = ", ".join(f"count_if({broken.replace('MATCHES', matches)})" for broken in BROKEN.values())
    found = list(con.execute(f"select {counts} from {places['lineitem']}").fetchone())
    if what == "all":
        found += [con.execute(sql.format(**places)).fetchone()[0] for sql in (DUPLICATES, ORPHANS)]
    return found, start


def rows_of(limit, lineitem, orders):
    """Of each rule how many rows break it, and the numbers of the first of them, from 1."""
    import duckdb

    con = duckdb.connect()
    start = time.perf_counter()
    con.execute(f"create view lineitem as select * from read_parquet('{lineitem}', file_row_number = true)")
    con.execute(f"create view orders as select * from read_parquet('{orders}')")
    key = "l_orderkey, l_linenumber"
    broken = BROKEN | {
        "one_line": f"({key}) in (select ({key}) from lineitem group by {key} having count(*) > 1)",
        "ordered": "l_orderkey not in (select o_orderkey from orders)",
    }
    matches, found = f"regexp_full_match(l_shipinstruct, '{PATTERN}')", {}
    for rule, condition in broken.items():
        where = f"from lineitem where {condition.replace('MATCHES', matches)}"
        rows = con.execute(f"select file_row_number + 1 {where} order by 1 limit {limit}").fetchall()
        found[rule] = (con.execute(f"select count(*) {where}").fetchone()[0], [row for row, in rows])
    return found, start


def datafusion(what, lineitem, orders):
    from datafusion import SessionContext

    con = SessionContext()
    start = time.perf_counter()
    con.register_parquet("lineitem", lineitem)
    matches = f"regexp_like(l_shipinstruct, '^({PATTERN})$')"
    counts = ", ".join(
        f"count(*) filter (where {broken.replace('MATCHES', matches)}) as c{i}"
        for i, broken in enumerate(BROKEN.values())
    )
    found = [column[0].as_py() for column in con.sql(f"select {counts} from lineitem").collect()[0].columns]
    if what == "all":
        con.register_parquet("orders", orders)
        anti = ORPHANS.replace("anti join", "left anti join")
        for sql in (DUPLICATES, anti):
            found.append(con.sql(sql.format(lineitem="lineitem", orders="orders")).collect()[0].columns[0][0].as_py())
    return found, start


def decode(what, lineitem, orders):
    from datafusion import SessionContext

    con = SessionContext()
    start = time.perf_counter()
    con.register_parquet("lineitem", lineitem)
    # Batches stay on DataFusion's side; a count of columns would be answered from the footer.
    batches = sum(1 for _ in con.sql(f"select {', '.join(COLUMNS)} from lineitem").execute_stream())
    return [batches], start


def polars(what, lineitem, orders):
    import polars as pl

    start = time.perf_counter()
    rows = pl.scan_parquet(lineitem)
    c = pl.col
    broken = [c(column).is_null() for column in COLUMNS] + [
        ~c("l_quantity").is_between(1, 50),
        ~c("l_extendedprice").is_between(pl.lit("0.01").str.to_decimal(scale=2), 200000),
        ~c("l_discount").is_between(0, pl.lit("0.10").str.to_decimal(scale=2)),
        ~c("l_tax").is_between(0, pl.lit("0.08").str.to_decimal(scale=2)),
        ~c("l_returnflag").is_in(["A", "N", "R"]),
        ~c("l_linestatus").is_in(["F", "O"]),
        ~c("l_shipmode").is_in(["AIR", "FOB", "MAIL", "RAIL", "REG AIR", "SHIP", "TRUCK"]),
        ~c("l_shipinstruct").str.contains(f"^({PATTERN})$"),
        ~c("l_comment").str.len_chars().is_between(1, 44),
        c("l_shipdate") > c("l_receiptdate"),
    ]
    plans = [rows.select(expression.sum().alias(f"c{i}") for i, expression in enumerate(broken))]
    if what == "all":
        key = ["l_orderkey", "l_linenumber"]
        groups = rows.drop_nulls(key).group_by(key).agg(pl.len().alias("n")).filter(c("n") > 1)
        plans.append(groups.select(c("n").sum()))
        orphans = rows.drop_nulls("l_orderkey").join(
            pl.scan_parquet(orders), left_on="l_orderkey", right_on="o_orderkey", how="anti"
        )
        plans.append(orphans.select(pl.len()))
    found = [int(n) for frame in pl.collect_all(plans, engine="streaming") for n in frame.row(0)]
    return found, start


if __name__ == "__main__":
    peer, what, lineitem, orders = sys.argv[1:5]
    found, start = globals()[peer](what, lineitem, orders)
    print(json.dumps({"found": found, "inside": time.perf_counter() - start}))
