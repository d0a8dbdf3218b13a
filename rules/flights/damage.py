"""Writes lake-damaged/bronze: three months of the lake, of which March was exported with a fixed offset.

The exporter took New York for -05:00 all year, so that from 10 March 2013 on, when summer time begins, each
`time_hour` is an hour late. The other files are copies.

    python damage.py            # needs duckdb, see tests/requirements.txt
"""

import shutil
from pathlib import Path

import duckdb

HERE = Path(__file__).parent
SOUND = HERE / "lake" / "bronze"
DAMAGED = HERE / "lake-damaged" / "bronze"

shutil.rmtree(DAMAGED, ignore_errors=True)
for dataset in ("airlines", "airports", "planes", "weather"):
    shutil.copytree(SOUND / dataset, DAMAGED / dataset)
for month in ("month=2013-02", "month=2013-03", "month=2013-04"):
    shutil.copytree(SOUND / "flights" / month, DAMAGED / "flights" / month)

march = DAMAGED / "flights" / "month=2013-03" / "flights.parquet"
con = duckdb.connect()
con.execute("set timezone = 'UTC'")
con.execute("set preserve_insertion_order = true")
con.execute(
    f"""
    copy (
        select * replace (
            case when time_hour >= timestamptz '2013-03-10 07:00:00+00' then time_hour + interval 1 hour else time_hour end
            as time_hour)
        from read_parquet('{SOUND / "flights" / "month=2013-03" / "flights.parquet"}', hive_partitioning = false)
    ) to '{march}' (format parquet, compression zstd, row_group_size 122880)
    """
)
