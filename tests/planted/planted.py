"""Plants errors in generated rows and counts them with DuckDB.

    planted.py make FOLDER     writes bronze/orders/ and items/ (two files) below it
    planted.py judge FOLDER    prints what DuckDB finds: {rule: {violations, samples: [[file, row]] | value}}
"""

import json
import sys
from pathlib import Path

import duckdb

ROWS = 30_000


def make(folder):
    (folder / "bronze/orders").mkdir(parents=True)
    (folder / "items").mkdir()
    con = duckdb.connect()
    con.execute(f"copy (select i::bigint as id from range(1, {ROWS // 4}) t(i) where i % 997 <> 0) to '{folder}/bronze/orders/part-0.parquet'")
    con.execute(f"""create table items as select
        (i // 4 + 1)::bigint as order_id,
        case when i % 401 = 0 then null else (i % 4 + 1) end::int as line,
        case when i % 307 = 0 then 0 when i % 311 = 0 then 50.01 when i % 313 = 0 then null
             else 1 + (i * 7919) % 49 end::decimal(12, 2) as quantity,
        case when i % 503 = 0 then 'NaN'::double when i % 509 = 0 then -0.0 when i % 521 = 0 then 'Infinity'::double
             when i % 523 = 0 then null else 1 + (i * 104729) % 90000 / 7.0 end as price,
        case when i % 601 = 0 then 0.11 when i % 607 = 0 then null else (i * 31 % 11) / 100.0 end::decimal(12, 2) as discount,
        case when i % 701 = 0 then 'X' when i % 709 = 0 then null else substr('ANR', i % 3 + 1, 1) end as flag,
        case when i % 353 = 0 then 'NaN'::double when i % 359 = 0 then null when i % 367 = 0 then 31 else i % 30 end as "größe kg",
        case when i % 811 = 0 then null else date '2024-01-01' + (i % 200 + case when i % 200 > 150 then 3 else 0 end)::int end as shipped,
        case when i % 821 = 0 then null when i % 823 = 0 then date '2023-12-01' else date '2024-01-01' + (i % 200 + i % 33)::int end as received,
        case when i % 907 = 0 then '12-345-678' when i % 911 = 0 then null else format('{{:02d}}-{{:03d}}-{{:04d}}', i % 100, i % 1000, i % 5000) end as phone,
        case when i % 977 = 0 then 'ä test ü' when i % 983 = 0 then null when i % 991 = 0 then repeat('ö', 41) else 'row ' || (i % 7000) end as comment,
        'x' as untouched
        from range({ROWS}) t(i)""")
    # Some rows twice.
    con.execute("insert into items select * from items where order_id % 1009 = 0")
    half = ROWS // 2
    for number, where in enumerate((f"rowid < {half}", f"rowid >= {half}")):
        con.execute(f"copy (select * from items where {where} order by rowid) to '{folder}/items/part-{number}.parquet' (row_group_size 4096)")


ROW_RULES = {
    "order_id.required": "order_id is null",
    "quantity.where": "not (quantity between 1 and 50)",
    "flag.where": "flag not in ('A', 'N', 'R')",
    "line_there": "line is null",
    # A comparison with NaN is false here, and true in DuckDB, where NaN is the greatest.
    "price_range": "not (price > 0 and price < 100000 and not isnan(price))",
    "heavy": "coalesce(not (\"größe kg\" <= 30) or isnan(\"größe kg\"), true)",
    "discount_": "not (discount between 0.00 and 0.10) and flag <> 'R'",
    "in_order": "not (received >= shipped)",
    "week": "not (date_diff('day', shipped, received) <= 30)",
    "phone_": r"not regexp_full_match(phone, '\d{2}-\d{3}-\d{4}')",
    "short": "not (length(comment) <= 40)",
    "no_test": "comment like '%test%'",
    "beside": "not (price <= 4 * (select avg(price) from items where price < 100000)) or isnan(price)",
    "pair": "order_id is not null and line is not null and (order_id, line) in (select (order_id, line) from items where order_id is not null and line is not null group by all having count(*) > 1)",
    "newest": "last > 1",
    "known": "order_id not in (select id from orders)",
}

VALUES = {
    "rows_": "count(*)",
    "lines": "count(line)",
    "kinds": "count(distinct flag)",
    "pairs": "count(distinct (flag, line)) filter (where flag is not null and line is not null)",
    "total": "sum(quantity)",
    # Of decimals a decimal, with four digits more than they have.
    "mean": "round(avg(discount), 6)",
    "least": "min(shipped)::varchar",
    "most": "max(discount)",
    "spread": "stddev_samp(discount)",
    "width": "var_pop(discount)",
    "middle": "quantile_cont(discount::double, 0.5)",
    "tail": "quantile_cont(discount::double, 0.9)",
    "deviation": "mad(quantity::double)",
    "together": "corr(quantity, discount)",
    "mixed": "entropy(flag) * ln(2)",
    "usual": "mode(flag)",
    "filled": "count(phone) / count(*)",
    "chosen": "sum(quantity) filter (where flag = 'N')",
    "days": "date_diff('day', min(shipped), max(shipped)) + 1 - count(distinct shipped)",
    "numbers": "max(order_id) - min(order_id) + 1 - count(distinct order_id)",
    "there": "max(order_id)",
    # Of the population, as Spark has it; DuckDB's own are corrected for samples.
    "lean": "(avg(pow(q, 3)) - 3 * avg(q) * avg(q * q) + 2 * pow(avg(q), 3)) / pow(var_pop(q), 1.5)",
    "tails": "(avg(pow(q, 4)) - 4 * avg(q) * avg(pow(q, 3)) + 6 * pow(avg(q), 2) * avg(q * q) - 3 * pow(avg(q), 4)) / pow(var_pop(q), 2) - 3",
}


def judge(folder):
    con = duckdb.connect()
    con.execute(f"create view orders as select * from '{folder}/bronze/orders/*.parquet'")
    con.execute(f"""create table items as select *, quantity::double as q,
        row_number() over (partition by phone, comment order by shipped desc nulls last, file desc, number desc) as position,
        case when phone is null or comment is null then 0 else position end as last
        from (select * exclude (filename, file_row_number), parse_filename(filename) as file, file_row_number + 1 as number
              from read_parquet('{folder}/items/*.parquet', filename = true, file_row_number = true))""")
    found = {}
    for rule, broken in ROW_RULES.items():
        rows = con.execute(f"select file, number from items where {broken} order by file, number").fetchall()
        found[rule] = {"violations": len(rows), "samples": rows[:5]}
    for rule, value in VALUES.items():
        of = con.execute(f"select {value} from items").fetchone()[0]
        found[rule] = {"value": of if isinstance(of, str) else float(of)}
    overlaps = """select count(*) from (select shipped, max(coalesce(received, date '9999-01-01')) over (
        order by shipped, coalesce(received, date '9999-01-01') rows between unbounded preceding and 1 preceding) as until from items where shipped is not null)
        where shipped < until"""
    found["periods"] = {"value": float(con.execute(overlaps).fetchone()[0])}
    for rule, by, value in [("each_", "flag", "count(*) > 100"), ("each_two", "flag, line", "avg(quantity) > 25.5")]:
        groups = con.execute(f"select {by} from items group by {by} having {value}").fetchall()
        found[rule] = {"violations": len(groups)}
    found["query"] = {"violations": con.execute("select count(*) from items where quantity * price > 4000000").fetchone()[0]}
    print(json.dumps(found))


if __name__ == "__main__":
    {"make": make, "judge": judge}[sys.argv[1]](Path(sys.argv[2]))
