"""Parcels in parquet files of many kinds, and what must be in the table after they were promoted.

    parcels.py make FOLDER     writes raw/parcels/part=KIND/ below it
    parcels.py check FOLDER    compares silver/parcels, read by three readers, its footers and its log
"""

import datetime
import decimal
import glob
import json
import math
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 7_000
TYPES = pa.schema([
    ("id", pa.int64()), ("bad", pa.bool_()), ("few", pa.int32()), ("many", pa.int64()), ("price", pa.decimal128(12, 2)),
    ("weight", pa.float64()), ("short", pa.float32()), ("day", pa.date32()), ("at", pa.timestamp("us", "UTC")),
    ("code", pa.string()), ("text", pa.string()), ("long", pa.string()), ("raw", pa.binary()), ("nothing", pa.string()),
    ("words", pa.list_(pa.string())), ("größe kg", pa.int32()),
])

# How each batch is written.
KINDS = {
    "plain": dict(use_dictionary=False, compression="gzip"),
    "snappy": dict(compression="snappy", data_page_size=2_000, row_group_size=1_500),
    "second": dict(data_page_version="2.0", compression="zstd", data_page_size=3_000),
    "none": dict(compression="none", write_statistics=False, row_group_size=100),
    "fallback": dict(dictionary_pagesize_limit=4_000, data_page_size=1_000, store_decimal_as_integer=True),
    "delta": dict(use_dictionary=False, column_encoding={"id": "DELTA_BINARY_PACKED", "text": "DELTA_BYTE_ARRAY", "long": "DELTA_LENGTH_BYTE_ARRAY"}),
    "split": dict(use_dictionary=False, use_byte_stream_split=["weight", "short"], compression="lz4"),
    "nanoseconds": dict(coerce_timestamps=None, version="2.6", compression="snappy"),
    "int96": dict(use_deprecated_int96_timestamps=True),
    "integers": dict(store_decimal_as_integer=True, write_page_index=True),
    "required": dict(compression="snappy", store_decimal_as_integer=True),
    "large": dict(compression="snappy", row_group_size=100_000),
}
OTHERS = ("duckdb", "duckdb2")


def rows(kind):
    """Of one batch; a few columns differ by it."""
    number = sorted([*KINDS, *OTHERS]).index(kind)
    required = kind == "required"

    def row(i):
        null = lambda every, value: None if i % every == 3 and not required else value  # noqa: E731
        bad = i % 13 == 5 or 2_000 <= i < 3_700 or i in (0, ROWS - 1)
        return {
            "id": number * 1_000_000 + i,
            "bad": bad,
            "few": null(5, -10_000 if bad else (i * 7) % 3 - 1 if i < 5_000 else 4),
            "many": null(11, i * 7919 * (-1) ** i),
            "price": null(7, decimal.Decimal(i * 31 % 100_000 - 50_000).scaleb(-2)),
            "weight": null(9, math.nan if i % 17 == 0 else -0.0 if i % 19 == 0 else i % 500 / 7),
            "short": null(8, math.nan if i < 1_500 else float(i % 3)),
            "day": null(6, datetime.date(2024, 1, 1) + datetime.timedelta(days=i % 400)),
            "at": null(4, datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(microseconds=i * 1_000_003)),
            "code": null(10, f"secret-{i}" if bad else ["A", "", "ä", "𝄞𝄞"][i // 3 % 4]),
            "text": null(12, f"held-{i}" if bad else f"row {i} of {kind}"),
            "long": null(13, "ü" * (i % 90) + "x" * (i % 7)),
            "raw": null(14, bytes([255] * (i % 80))),
            "nothing": None if not required else "",
            "words": null(15, ["a", None, f"w{i % 5}"][: i % 4]),
            "größe kg": null(16, i % 3),
        }

    return [row(i) for i in range(ROWS)]


def make(folder):
    for kind, how in KINDS.items():
        part = folder / "raw/parcels" / f"part={kind}"
        part.mkdir(parents=True)
        types = TYPES
        if kind == "required":
            types = pa.schema([f.with_nullable(False) if f.name != "words" else f for f in TYPES])
        if kind == "nanoseconds":
            types = types.set(types.get_field_index("at"), pa.field("at", pa.timestamp("ns", "UTC")))
        table = pa.Table.from_pylist(rows(kind), schema=types)
        how = {"row_group_size": 3_000} | how
        pq.write_table(table.slice(0, 4_000), part / "a.parquet", **how)
        pq.write_table(table.slice(4_000), part / "b.parquet", **how)
    for kind in OTHERS:
        part = folder / "raw/parcels" / f"part={kind}"
        part.mkdir(parents=True)
        parcels = pa.Table.from_pylist(rows(kind), schema=TYPES)  # noqa: F841
        version = ", parquet_version v2" if kind == "duckdb2" else ""
        duckdb.connect().execute(f"copy parcels to '{part}/a.parquet' (format parquet, row_group_size 2048{version})")


def plain(value):
    """Equal where the values are; NaN is equal to itself and zeros are told apart."""
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
    if isinstance(value, bytearray):
        return bytes(value)
    return value


def listed(table):
    found = sorted(table.to_pylist(), key=lambda row: row["id"])
    return [tuple(plain(v) if not isinstance(v, list) else tuple(v) for v in row.values()) for row in found]


def wanted():
    kept = [row for kind in [*KINDS, *OTHERS] for row in rows(kind) if not row["bad"]]
    for row in kept:
        row["double"] = None if row["many"] is None else row["many"] * 2
    table = pa.Table.from_pylist(kept, schema=TYPES.append(pa.field("double", pa.int64())))
    return listed(table)


def same(name, found, expected):
    if found != expected:
        odd = next(((a, b) for a, b in zip(found, expected) if a != b), "the number of rows")
        sys.exit(f"{name}: {len(found)} rows, not {len(expected)}: {odd}")


def extremes(values):
    """The least and greatest as parquet orders them; None where there are none."""
    known = [v for v in values if v is not None and not (isinstance(v, float) and math.isnan(v))]
    return (min(known), max(known)) if known else None


def as_bytes(value):
    return value.encode() if isinstance(value, str) else value


def footers(folder):
    """Every row group's statistics are right and as narrow as they can be, and no dictionary has more than its rows."""
    seen = set()
    for file in glob.glob(f"{folder}/silver/parcels/**/*.parquet", recursive=True):
        if "_delta_log" in file:
            continue
        opened = pq.ParquetFile(file)
        for group in range(opened.num_row_groups):
            table = opened.read_row_group(group)
            about = opened.metadata.row_group(group)
            for leaf in range(about.num_columns):
                chunk = about.column(leaf)
                name = chunk.path_in_schema
                if name.startswith("words"):
                    continue
                values = table[name].to_pylist()
                seen.add((name, chunk.has_dictionary_page))
                at = f"{file} group {group} {name}"
                if chunk.num_values != len(values):
                    sys.exit(f"{at}: {chunk.num_values} values, not {len(values)}")
                told = chunk.statistics
                if told is None or told.null_count != values.count(None):
                    sys.exit(f"{at}: nulls {told}, not {values.count(None)}")
                bounds = extremes([as_bytes(v) for v in values])
                if bounds is None:
                    continue
                if not told.has_min_max:
                    sys.exit(f"{at}: no bounds")
                least, greatest = as_bytes(told.min), as_bytes(told.max)
                right = (least, greatest) == bounds
                if isinstance(bounds[0], bytes):
                    short = all(len(bound) <= 64 for bound in bounds)
                    all_ones = bounds[1] == b"\xff" * len(bounds[1])
                    right = right if short else least <= bounds[0] and (greatest >= bounds[1] or all_ones)
                if not right:
                    sys.exit(f"{at}: {least, greatest}, not {bounds}")
        dictionaries = pq.ParquetFile(file, read_dictionary=["code", "text"])
        for group in range(dictionaries.num_row_groups):
            table = dictionaries.read_row_group(group, columns=["code", "text"])
            for name in ("code", "text"):
                for chunk in table[name].chunks:
                    if any("secret" in v or "held" in v for v in chunk.dictionary.to_pylist()):
                        sys.exit(f"{file} group {group} {name}: a held row's value is in the dictionary")
    return seen


def log(folder):
    """What the log says of each file holds for its rows."""
    for entry in sorted(glob.glob(f"{folder}/silver/parcels/_delta_log/*.json")):
        for line in open(entry):
            add = json.loads(line).get("add")
            if add is None:
                continue
            stats = json.loads(add["stats"])
            table = pq.read_table(f"{folder}/silver/parcels/{add['path']}")
            if stats["numRecords"] != table.num_rows:
                sys.exit(f"{add['path']}: {stats['numRecords']} rows, not {table.num_rows}")
            for name, least in stats["minValues"].items():
                values = table[name].to_pylist()
                found = extremes(values)
                greatest = stats["maxValues"][name]
                if stats["nullCount"][name] != values.count(None):
                    sys.exit(f"{add['path']} {name}: {stats['nullCount'][name]} nulls")
                if isinstance(found[0], (int, float, str)):
                    # A zero can have either sign.
                    if not (least <= found[0] and found[1] <= greatest):
                        sys.exit(f"{add['path']} {name}: {least, greatest}, not {found}")


def check(folder):
    import deltalake

    expected = wanted()
    table = deltalake.DeltaTable(f"{folder}/silver/parcels")
    same("deltalake", listed(pa.table(table.to_pyarrow_table())), expected)
    names = ", ".join(f'"{name}"' for name in [*TYPES.names, "double"])
    con = duckdb.connect()
    con.execute("set timezone = 'UTC'")
    files = [f"{folder}/silver/parcels/{Path(f).relative_to(f'{folder}/silver/parcels')}" for f in table.file_uris()]
    same("DuckDB", listed(con.sql(f"select {names} from read_parquet({files})").to_arrow_table()), expected)
    same("pyarrow", listed(pa.concat_tables([pq.read_table(f) for f in files])), expected)
    # With statistics, row groups and pages are left out: the same rows must be found.
    for number in range(len(KINDS) + len(OTHERS)):
        least = number * 1_000_000 + 3_000
        found = con.execute(f"select count(*) from read_parquet({files}) where id between {least} and {least + 2_000}").fetchone()[0]
        kept = sum(least <= row[0] <= least + 2_000 for row in expected)
        if found != kept:
            sys.exit(f"DuckDB finds {found} rows from {least} on, not {kept}")
    for code in ("A", "", "ä", "𝄞𝄞"):
        found = con.execute(f"select count(*) from read_parquet({files}) where code = ?", [code]).fetchone()[0]
        if found != sum(row[9] == code for row in expected):
            sys.exit(f"DuckDB finds {found} rows of {code!r}")
    seen = footers(folder)
    log(folder)
    # Were the rows encoded anew, all of them would stand in dictionaries.
    if ("code", False) not in seen or ("code", True) not in seen:
        sys.exit(f"no column was taken over as it stood: {sorted(seen)}")


if __name__ == "__main__":
    globals()[sys.argv[1]](Path(sys.argv[2]))
