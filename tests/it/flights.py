"""An independent reckoning of the example: DuckDB counts the violations, deltalake reads the tables back.

    flights.py counts PROJECT REPORTS   every rule's violations in the JSON reports equal DuckDB's
    flights.py rows PROJECT LAKE        accepted plus quarantined equals the input, batch by batch, as multisets of rows

Prints what differs and exits with 1.
"""

import json
import sys
from pathlib import Path

import duckdb
from deltalake import DeltaTable

LOCAL = "(time_hour at time zone 'America/New_York')"
REGISTRATION = "N[1-9]([0-9]{0,4}|[0-9]{0,3}[A-HJ-NP-Z]|[0-9]{0,2}[A-HJ-NP-Z]{2})"
CLOCK = "{0} // 100 * 60 + {0} % 100"


def later_by(scheduled, actual, delay):
    return f"({CLOCK.format(actual)} - ({CLOCK.format(scheduled)}) - {delay}) % 1440 = 0"


def agrees():
    parts = " and ".join(f"extract({p} from {LOCAL}) = {p}" for p in ("year", "month", "day", "hour"))
    return f"({parts})"


def between(column, low, high):
    return f"{column} between {low} and {high}"


def clock(column):
    return f"({column} between 0 and 2400 and {column} % 100 < 60)"


def text(column, pattern):
    return f"regexp_full_match({column}, '{pattern}')"


# What must hold for a row. A null condition holds.
ROWS = {
    "silver.airlines": {"carrier.CarrierCode": text("carrier", "[A-Z0-9]{2}"), "name.NotBlank": "trim(name) <> ''"},
    "silver.airports": {
        "name.NotBlank": "trim(name) <> ''",
        "faa.AirportCode": text("faa", "[A-Z0-9]{3}"),
        "lat.Latitude": between("lat", -90, 90),
        "lon.Longitude": between("lon", -180, 180),
        "alt.where": between("alt", -300, 12000),
        "tz.where": between("tz", -12, 14),
        "dst.where": "dst in ('A', 'N', 'U')",
        "lies_in_the_states": "lon between -180 and -60 or lon > 170 and tz in (-10, -9)",
        "american_zone": "tzone like 'America/%' or tzone like 'Pacific/%'",
    },
    "silver.planes": {
        "tailnum.TailNumber": text("tailnum", "N[A-Z0-9]{1,5}"),
        "year.where": between("year", 1940, 2013),
        "engines.where": between("engines", 1, 4),
        "seats.where": between("seats", 1, 600),
        "speed.where": between("speed", 50, 700),
        "single_has_one": "type <> 'Fixed wing single engine' or engines = 1",
        "multi_has_more": "type <> 'Fixed wing multi engine' or engines > 1",
        "carries_passengers": "seats >= 20",
    },
    "silver.weather": {
        "origin.NewYorkAirport": "origin in ('EWR', 'JFK', 'LGA')",
        "temp.where": between("temp", -40, 120),
        "dewp.where": between("dewp", -60, 100),
        "humid.where": between("humid", 0, 100),
        "wind_dir.where": "wind_dir between 0 and 360 and wind_dir % 10 = 0",
        "wind_speed.where": between("wind_speed", 0, 253),
        "wind_gust.where": between("wind_gust", 0, 253),
        "precip.where": between("precip", 0, 10),
        "pressure.where": between("pressure", 900, 1100),
        "visib.where": between("visib", 0, 10),
        "local.agrees": agrees(),
        "gust_above_wind": "wind_gust >= wind_speed",
        "dew_below_air": "dewp <= temp",
    },
    "silver.flights": {
        "carrier.CarrierCode": text("carrier", "[A-Z0-9]{2}"),
        "flight.where": between("flight", 1, 9999),
        "origin.NewYorkAirport": "origin in ('EWR', 'JFK', 'LGA')",
        "dest.AirportCode": text("dest", "[A-Z0-9]{3}"),
        "tailnum.TailNumber": text("tailnum", "N[A-Z0-9]{1,5}"),
        "sched_dep_time.ClockTime": clock("sched_dep_time"),
        "dep_time.ClockTime": clock("dep_time"),
        "dep_delay.where": between("dep_delay", -60, 1440),
        "sched_arr_time.ClockTime": clock("sched_arr_time"),
        "arr_time.ClockTime": clock("arr_time"),
        "arr_delay.where": between("arr_delay", -120, 1440),
        "air_time.where": between("air_time", 10, 1200),
        "distance.where": between("distance", 1, 6000),
        "local.agrees": agrees(),
        "departure_adds_up": later_by("sched_dep_time", "dep_time", "dep_delay"),
        "arrival_adds_up": later_by("sched_arr_time", "arr_time", "arr_delay"),
        "cancelled_never_lands": "dep_time is not null or "
        "(dep_delay is null and arr_time is null and arr_delay is null and air_time is null)",
        "flown_has_tail": "dep_time is null or tailnum is not null",
        "landed_has_both": "(arr_delay is null) = (air_time is null)",
        "schedule_adds_up": "hour = sched_dep_time // 100 and minute = sched_dep_time % 100",
        "airliner_speed": "distance * 60.0 / air_time between 80 and 650",
        "goes_elsewhere": "dest not in ('EWR', 'JFK', 'LGA')",
        "not_hours_early": "dep_delay >= -30",
    },
    "gold.departures": {
        "late_is_late": "not coalesce(dep_delay > 15, false) or dep_delay > 15",
        "left_or_not": "(dep_time is null) = (dep_delay is null)",
    },
}

# Row rules that hold rows back.
QUARANTINES = {
    "silver.airports": ["lies_in_the_states", "american_zone"],
    "silver.weather": ["wind_speed.where", "gust_above_wind", "dew_below_air"],
    "silver.flights": [
        "tailnum.TailNumber", "dep_delay.where", "arr_delay.where", "departure_adds_up",
        "arrival_adds_up", "cancelled_never_lands", "flown_has_tail", "landed_has_both", "airliner_speed", "goes_elsewhere",
    ],
}  # fmt: skip

# Judged over the rows that would be published: how many rows break the rule.
PUBLISHED = {
    "silver.airlines": {"name.unique": "select coalesce(sum(n), 0) from (select count(*) n from rows group by name) where n > 1"},
    "silver.flights": {
        "carrier.references": "select count(*) from rows where carrier not in (select carrier from airlines)",
        "known_airport": "select count(*) from rows where dest not in (select faa from airports)",
        "known_plane": "select count(*) from rows where tailnum not in (select tailnum from planes)",
        "weather_known": "select count(*) from rows anti join weather using (origin, time_hour)",
    },
}

# What a comparison of aggregates has on its left side.
VALUES = {
    "silver.airlines": {"plausible_volume": "count(*)"},
    "silver.airports": {"plausible_volume": "count(*)", "zone_known": "count(tzone) / count(*)"},
    "silver.planes": {"plausible_volume": "count(*)", "year_known": "count(year) / count(*)"},
    "silver.weather": {"temp_known": "count(temp) / count(*)", "pressure_known": "count(pressure) / count(*)"},
    "silver.flights": {
        "plausible_volume": "count(*)",
        "every_day": f"count(distinct {LOCAL}::date)",
        "one_month": "count(distinct month)",
        "usual_delay": "avg(dep_delay)",
        "airports_open": "count(*) filter (where dep_time is null) / count(*)",
        "few_cancelled": "count(*) filter (where dep_time is null) / count(*)",
        "real_tails": f"count(*) filter (where {text('tailnum', REGISTRATION)}) / count(*)",
    },
}

# Group rules: how many groups break them.
GROUPS = {
    "silver.weather": {"every_airport": "origin having not count(*) >= 8600"},
    "silver.flights": {"every_airport": "origin having not count(*) >= 5000"},
    "gold.departures": {
        "every_airport": "origin having not count(*) >= 5000",
        "punctual": "origin having not count(*) filter (where dep_delay > 15) / count(*) <= 0.3",
        "not_cancelled": "origin having not count(*) filter (where dep_time is null) / count(*) <= 0.05",
    },
}


def parquet(path):
    return f"read_parquet('{path}', hive_partitioning = false)"


def held(dataset):
    """The condition that a row of the source is held back."""
    rules = [ROWS[dataset][rule] for rule in QUARANTINES.get(dataset, [])]
    return " or ".join(f"coalesce(not ({rule}), false)" for rule in rules) or "false"


def counts(project, reports):
    lake = Path(project) / "lake" / "bronze"
    con = duckdb.connect()
    con.execute("set timezone = 'UTC'")
    for dataset in ("airlines", "airports", "planes", "weather"):
        source = parquet(lake / dataset / f"{dataset}.parquet")
        con.execute(f"create view {dataset} as select * from {source} where not ({held('silver.' + dataset)})")

    def one(sql):
        return con.execute(sql).fetchone()[0]

    faults = []
    for line in Path(reports).read_text().splitlines():
        report = json.loads(line)
        dataset, batch = report["contract"], report["batch"]
        name = "flights" if dataset == "gold.departures" else dataset.split(".")[1]
        folder = lake / name / batch if batch and "=" in batch else lake / name
        # A batch of gold is what silver published.
        before = held("silver.flights") if dataset == "gold.departures" else "false"
        con.execute(f"create or replace view source as select * from {parquet(folder / '*.parquet')} where not ({before})")
        con.execute(f"create or replace view rows as select * from source where not ({held(dataset)})")

        expected = {rule: one(f"select count(*) from source where not ({condition})") for rule, condition in ROWS[dataset].items()}
        expected |= {rule: one(sql) for rule, sql in PUBLISHED.get(dataset, {}).items()}
        expected |= {
            rule: one(f"select count(*) from (select 1 from rows group by {group})")
            for rule, group in GROUPS.get(dataset, {}).items()
        }
        values = {rule: one(f"select {value} from rows") for rule, value in VALUES.get(dataset, {}).items()}
        reported = {rule["rule"]: rule for rule in report["rules"]}

        def differs(what, ours, theirs):
            if ours != theirs and not (isinstance(ours, float) and isinstance(theirs, (int, float)) and abs(ours - theirs) < 1e-9):
                faults.append(f"{dataset} {batch}: {what}: DuckDB {ours}, dqc {theirs}")

        for rule, violations in expected.items():
            differs(rule, violations, reported.get(rule, {}).get("violations", "has no such rule"))
        for rule, value in values.items():
            differs(f"{rule}: value", value, reported.get(rule, {}).get("value", "has no such rule"))
        for rule in reported.keys() - expected.keys() - values.keys():
            action = reported[rule]["action"]
            differs(f"{rule}: action", "none", action)
        differs("input", one("select count(*) from source"), report["rows"]["input"])
        differs("accepted", one("select count(*) from rows"), report["rows"]["accepted"])
    return faults


def rows(project, lake):
    project = Path(project)
    bronze = project / lake / "bronze"
    con = duckdb.connect()
    con.execute("set timezone = 'UTC'")
    faults = []
    batches = [(name, None) for name in ("airlines", "airports", "planes", "weather")]
    batches += [("flights", folder.name) for folder in sorted((bronze / "flights").iterdir())]
    tables = {}
    for name in {name for name, _ in batches}:
        tables[f"silver_{name}"] = DeltaTable(project / lake / "silver" / name).to_pyarrow_table()
        quarantine = project / lake / "quarantine" / "silver" / name
        if quarantine.exists():
            tables[f"held_{name}"] = DeltaTable(quarantine).to_pyarrow_table()
    for name, table in tables.items():
        con.register(name, table)
    for name, batch in batches:
        source = parquet(bronze / name / (batch or "") / "*.parquet")
        con.execute(f"create or replace view source as select * from {source}")
        columns = ", ".join(f'"{c[0]}"' for c in con.execute("describe source").fetchall())
        of_batch = f"where year = {batch[6:10]} and month = {batch[11:13]}" if batch else ""
        parts = [f"select {columns} from silver_{name} {of_batch}"]
        if f"held_{name}" in tables:
            parts.append(f"select {columns} from held_{name} {of_batch}")
        con.execute(f"create or replace temp table found as {' union all '.join(parts)}")
        lost = con.execute(f"select count(*) from (select {columns} from source except all select * from found)").fetchone()[0]
        extra = con.execute(f"select count(*) from (select * from found except all select {columns} from source)").fetchone()[0]
        if lost or extra:
            faults.append(f"{name} {batch or ''}: {lost} rows lost, {extra} rows more than came in")
    return faults


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    found = {"counts": counts, "rows": rows}[command](*arguments)
    print("\n".join(found))
    sys.exit(1 if found else 0)
