"""Records what Spark 4 in ANSI mode makes of every case: `python record.py`, with PySpark 4 and Java 17 at hand.

`cases.txt` is written by hand, `recorded.txt` by this. A section of cases is:

    === title
    zone Europe/Berlin                  (optional; UTC without it)
    x: int, y: string                   (the columns; none: an empty line)
    ["7", "a"] [null, "b"]              (rows, each value as text that is cast to its column's type)
    x + 1                               (an expression of the language)
    div(x, 2)    ~ x div 2              (after `~`: the same in Spark SQL, where it is spelled otherwise)

Results are compared as text: instants as microseconds, arrays as JSON, everything else as Spark casts it to text.
With titles as arguments (`record.py "casts of text" wide`) only the sections whose titles begin so are recorded, and take the
place of those of before. All of them took 23 minutes on two cores that had much else to do.
`error` is a row that cannot be computed, `refused` an expression that does not come to be computed at all.

`aggregates.txt` is likewise, but an expression has one value over all rows of its section; they go to
`recorded_aggregates.txt`.
"""

import json
import logging
import pathlib
import sys

from pyspark.errors import AnalysisException, ParseException
from pyspark.sql import SparkSession

HERE = pathlib.Path(__file__).parent


def asked(title):
    return not sys.argv[1:] or title.startswith(tuple(sys.argv[1:]))


def keep(file, sections, version):
    """Writes what was recorded, in the order of the cases; what was not asked for stays."""
    path = HERE / file
    before = path.read_text() if sys.argv[1:] else ""
    known = {part.split("\n")[0]: part for part in before.split("=== ")[1:]}
    parts = [recorded or known.get(title, "") for title, recorded in sections]
    texts = [f"Recorded by record.py from Spark {version}, ANSI mode.", *(f"=== {part.rstrip(chr(10))}" for part in parts if part)]
    path.write_text("\n\n".join(texts) + "\n")


def sections(text):
    for part in text.split("=== ")[1:]:
        title, *lines = [line.rstrip() for line in part.split("\n")]
        zone = "UTC"
        if lines[0].startswith("zone "):
            zone = lines.pop(0).removeprefix("zone ")
        columns = lines.pop(0)
        rows, expressions, decoder = [], [], json.JSONDecoder()
        for line in lines:
            if line.startswith("["):
                at = 0
                while at < len(line):
                    row, at = decoder.raw_decode(line, at)
                    rows.append(row)
                    at += len(line[at:]) - len(line[at:].lstrip())
            elif line and not line.startswith("//"):
                ours, _, theirs = line.partition(" ~ ")
                expressions.append((ours.strip(), (theirs or ours).strip()))
        yield title, zone, columns, rows or [[]], expressions


def literal(value, ty):
    """A value of the type."""
    if value is None:
        return f"cast(null as {ty})"
    text = "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    if ty.startswith(("array", "map", "struct")):
        return f"from_json({text}, '{ty}')"
    if ty == "binary":
        return f"encode({text}, 'utf-8')"
    return f"cast({text} as {ty})"


def parted(columns):
    """`x: decimal(3, 1), y: int` as pairs."""
    found, depth, start = [], 0, 0
    for at, letter in enumerate(columns + ","):
        depth += (letter in "(<") - (letter in ")>")
        if letter == "," and depth == 0:
            name, _, ty = columns[start:at].partition(":")
            if name.strip():
                found.append((name.strip(), ty.strip()))
            start = at + 1
    return found


def shown(expression, ty):
    if ty.startswith("timestamp") and ty != "timestamp_ntz":
        return f"cast(unix_micros({expression}) as string)"
    if ty.startswith(("array", "map", "struct")):
        return f"to_json({expression})"
    if ty == "binary":
        return f"hex({expression})"
    return f"cast({expression} as string)"


def source(row, pairs):
    values = [literal(v, ty) for v, (_, ty) in zip(row, pairs, strict=True)]
    return "(" + ", ".join(values or ["1"]) + ")"


def aggregates(spark):
    recorded = []
    for title, zone, columns, rows, expressions in sections((HERE / "aggregates.txt").read_text()):
        recorded.append([title, None])
        if not asked(title):
            continue
        spark.conf.set("spark.sql.session.timeZone", zone)
        pairs = parted(columns)
        out = [title, zone, columns, json.dumps(rows, ensure_ascii=False)]
        table = f"values {', '.join(source(row, pairs) for row in rows)} as t({', '.join(name for name, _ in pairs)})"
        types, known = {}, []
        for ours, theirs in expressions:
            try:
                types[ours] = spark.sql(f"select {theirs} as v from {table}").schema["v"].dataType.simpleString()
                known.append((ours, theirs))
            except (AnalysisException, ParseException):
                types[ours] = "refused"

        def query(some):
            inner = ", ".join(f"{theirs} as v{n}" for n, (_, theirs) in enumerate(some))
            outer = ", ".join(shown(f"v{n}", types[ours]) for n, (ours, _) in enumerate(some))
            return list(spark.sql(f"select {outer} from (select {inner} from {table})").collect()[0])

        def each(one):
            try:
                return query([one])[0]
            except Exception:
                return Exception

        try:  # All at once; if one cannot be computed, each alone.
            values = query(known)
        except Exception:
            values = [each(one) for one in known]
        values = {ours: value for (ours, _), value in zip(known, values, strict=True)}
        for ours, _ in expressions:
            value = values.get(ours)
            came = "error" if value is Exception else json.dumps(value, ensure_ascii=False)
            out += [f"--- {ours} : {types[ours]}", "" if types[ours] == "refused" else came]
        recorded[-1][1] = "\n".join(out)
        print(title, file=sys.stderr)
    keep("recorded_aggregates.txt", recorded, spark.version)


def main():
    spark = (
        SparkSession.builder.master("local[1]")
        .config("spark.sql.ansi.enabled", "true")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.sql.codegen.wholeStage", "false")
        .config("spark.sql.codegen.factoryMode", "NO_CODEGEN")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("OFF")
    # What a row breaks is an answer here.
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
    recorded = []
    for title, zone, columns, rows, expressions in sections((HERE / "cases.txt").read_text()):
        recorded.append([title, None])
        if not asked(title):
            continue
        spark.conf.set("spark.sql.session.timeZone", zone)
        pairs = parted(columns)
        out = [title, zone, columns]
        names = ", ".join(name for name, _ in pairs) or "nothing"
        sources = [source(row, pairs) for row in rows]
        for ours, theirs in expressions:
            try:
                ty = spark.sql(f"select {theirs} as v from values {sources[0]} as t({names})").schema["v"].dataType.simpleString()
            except (AnalysisException, ParseException):
                out.append(f"--- {ours} : refused")
                continue
            out.append(f"--- {ours} : {ty}")
            def query(*rows):  # Of literals in a table, which Spark computes without a job.
                text = f"select {shown(f'({theirs})', ty)} as v from values {', '.join(rows)} as t({names})"
                return [r.v for r in spark.sql(text).collect()]

            try:  # All rows at once; if one cannot be computed, each alone.
                values = query(*sources)
            except Exception:
                values = []
                for one in sources:
                    try:
                        values.append(query(one)[0])
                    except Exception:
                        values.append(Exception)
            for row, value in zip(rows, values, strict=True):
                came = "error" if value is Exception else json.dumps(value, ensure_ascii=False)
                out.append(f"{json.dumps(row, ensure_ascii=False)}\t{came}")
        recorded[-1][1] = "\n".join(out)
        print(title, file=sys.stderr)
    keep("recorded.txt", recorded, spark.version)
    aggregates(spark)


if __name__ == "__main__":
    main()
