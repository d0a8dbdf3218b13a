"""The Airflow provider in a real Airflow: the example DAG on the flights project, and trouble of every kind.

Run by tests/it/airflow.rs with the Python that tests/setup/peers names: `check.py DQC FOLDER`. DQC is the binary, FOLDER is
empty and becomes Airflow's home; real servers for mail and Slack listen on free ports of 127.0.0.1.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from email import message_from_bytes, policy
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from aiosmtpd.controller import Controller
from approve import answer
from events import datasets, events

ROOT = Path(__file__).parents[3]
DQC, HOME = sys.argv[1], Path(sys.argv[2]).resolve()
PROJECT = HOME / "flights"
SITE = HOME / "site"
MARCH = "lake/bronze/flights/month=2013-03/flights.parquet"
SECRETS = ["canary-of-a-connection", "canary-of-a-variable", "canary-of-aws"]
S3_SECRET = "canary-of-a-lake-on-s3"

# One order that costs less than nothing; on S3 it is a good one.
SMALL = """
contract bronze.orders @ 1.0.0 { columns { id: bigint  amount: bigint } }
contract silver.orders @ 1.0.0 {
    owner "orders@acme.example"
    columns { id: bigint key  amount: bigint }
    rules { positive: amount > 0 fix "Ask the till again." }
}
promote bronze.orders to silver.orders { batches by folder "day"  write replace }
"""
PLACES = """
[{env}layers]
bronze = {{ path = "{root}/bronze", format = "csv" }}
silver = {{ path = "{root}/silver" }}
[{env}quarantine]
path = "{root}/quarantine"
[{env}ledger]
path = "{root}/_dqc"
"""

BROKEN_TEST = """
test "Newark lies abroad" for silver.airports {
    rows {
        | faa   | lat   | lon    |
        | "EWR" | 40.69 | -74.17 |
    }
    expect lies_in_the_states breaks row 1
}
"""

mails: list = []
slack: list[dict] = []


class Mail:
    async def handle_DATA(self, server, session, envelope):
        mails.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=policy.default)))
        return "250 OK"


class Slack(BaseHTTPRequestHandler):
    def do_POST(self):
        slack.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


def project(to: Path, months: list[str]) -> None:
    """The flights project with few months, so that the test is short."""
    shutil.copytree(ROOT / "rules/flights", to, ignore=shutil.ignore_patterns("lake", "lake-damaged"))
    with (to / "dqc.toml").open("a") as config:
        config.write('\n[lineage]\nfile = "lineage.jsonl"\n')
    keep = {"airlines", "airports", "planes", "weather"}
    for dataset in keep:
        shutil.copytree(ROOT / "rules/flights/lake/bronze" / dataset, to / "lake/bronze" / dataset)
    for month in months:
        damaged = "lake-damaged" if month == "2013-03" else "lake"
        folder = f"flights/month={month}"
        shutil.copytree(ROOT / "rules/flights" / damaged / "bronze" / folder, to / "lake/bronze" / folder)


def promise(to: Path) -> None:
    """Promises that flights are no older than a month."""
    path = to / "silver/flights.dq"
    text = path.read_text()
    promised = 'sla { fresh: age(max(time_hour)) <= 31 days fix "Ask for the newest month." }\n\n    rules {'
    path.write_text(text.replace("rules {", promised, 1))


def small(to: Path) -> None:
    """A project of one order, on this machine and on S3."""
    day = to / "lake/bronze/orders/day=2013-02-05"
    day.mkdir(parents=True)
    (day / "a.csv").write_text("id,amount\n1,-5\n")
    (to / "orders.dq").write_text(SMALL)
    s3 = "[env.far.storage.s3]\nallow_http = true\npath_style = true\n"
    (to / "dqc.toml").write_text(PLACES.format(env="", root="lake") + PLACES.format(env="env.far.", root="s3://lake") + s3)


class S3:
    """moto's server, where there is one."""

    def __init__(self) -> None:
        program = shutil.which("moto_server", path=os.environ.get("DQC_TEST_S3")) or shutil.which("moto_server")
        if program is None:
            print("skipped: a lake on S3 in Airflow; tests/run installs moto", flush=True)
            self.url, self.process = None, None
            return
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen([program, "-H", "127.0.0.1", "-p", str(port)], **quiet)
        atexit.register(self.close)
        self.url = f"http://127.0.0.1:{port}"

    def ask(self, method: str, path: str, data: bytes | None = None) -> str:
        # As a form, which is what Python calls it unless told otherwise, moto keeps nothing of it.
        head = {"Content-Type": "application/octet-stream"}
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=head)
        for _ in range(150):
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:
                    return answer.read().decode()
            except urllib.error.URLError as error:
                if isinstance(error, urllib.error.HTTPError):
                    raise
                time.sleep(0.1)
        raise AssertionError("moto does not start")

    def close(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait()


def break_a_test(to: Path) -> None:
    """Adds a test that cannot pass."""
    with (to / "silver/reference.dq").open("a") as file:
        file.write(BROKEN_TEST)


def script(name: str, text: str) -> None:
    path = HOME / "faults" / name
    path.write_text(f'#!/bin/sh\n[ "$1" = run ] || exit 1\n{text}')
    path.chmod(0o755)


class Airflow:
    """Airflow's command line, kept running: see cli.py."""

    def __init__(self) -> None:
        command = [sys.executable, Path(__file__).with_name("cli.py")]
        with (HOME / "cli.txt").open("w") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        self.count = 0

    def begin(self, *arguments: str) -> None:
        self.count += 1
        self.path = HOME / f"cli-{self.count}.txt"
        print(json.dumps([str(self.path), *arguments]), file=self.process.stdin, flush=True)

    def finish(self, code: int = 0) -> str:
        answer = self.process.stdout.readline().strip()
        assert answer == str(code), f"exit {answer or 'by a crash'}, not {code}:\n{self.said()}"
        return self.path.read_text(errors="replace")

    def said(self) -> str:
        texts = [path.read_text(errors="replace") for path in (HOME / "cli.txt", self.path) if path.exists()]
        return "\n".join(texts)[-12000:]

    def run(self, *arguments: str, code: int = 0) -> str:
        self.begin(*arguments)
        return self.finish(code)

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(timeout=60)


def query(sql: str) -> list[tuple]:
    with sqlite3.connect(f"file:{HOME}/airflow.db?mode=ro", uri=True) as db:
        return db.execute(sql).fetchall()


def states(dag: str, month: str = "") -> dict[str, tuple[str, int]]:
    rows = query(
        "select ti.task_id, ti.state, ti.try_number from task_instance ti join dag_run r using (run_id, dag_id)"
        f" where ti.dag_id = '{dag}' and cast(r.logical_date as text) like '{month}%'"
    )
    return {task: (state, tries) for task, state, tries in rows}


def xcom(dag: str, task: str, key: str, month: str = "") -> object:
    rows = query(
        "select x.value from xcom x join dag_run r on r.id = x.dag_run_id"
        f" where x.dag_id = '{dag}' and x.task_id = '{task}' and x.key = '{key}' and cast(r.logical_date as text) like '{month}%'"
    )
    value = rows[0][0] if rows else None
    # Airflow keeps JSON, itself as JSON or as text.
    while isinstance(value, str) and value[:1] in '{["':
        value = json.loads(value)
    return value


def expect(what: str, found: object, wanted: object) -> None:
    assert found == wanted, f"{what}: {found!r}, not {wanted!r}"


def opened(link: str, *words: str) -> None:
    """The page behind a link is well-formed where it matters, and says these words."""
    text = Path(link.removeprefix("file://")).read_text("utf-8")
    heads: list[str] = []

    class Page(HTMLParser):
        def handle_starttag(self, tag, attrs):
            heads.append(tag)
            address = dict(attrs).get("href" if tag == "link" else "src") or "data:"
            asks = tag in ("script", "link", "img") and not address.startswith("data:")
            assert not asks, f"the page asks for something elsewhere: {tag} {attrs}"

    Page().feed(text)
    assert heads[:2] == ["html", "head"] and "table" in heads, heads[:9]
    for word in words:
        assert word in text, f"{word!r} is not in {link}"


def a_good_month() -> None:
    out = airflow.run("dags", "test", "flights", "2013-02-05")
    done = states("flights", "2013-02")
    passed = ["check_contracts", "test_rules", "promote_reference", "wait_for_month", "promote_silver", "transform", "promote_gold"]
    for task in passed:
        expect(task, done.get(task), ("success", 1))
    expect("ask_owner", done["ask_owner"][0], "skipped")
    expect("promote_silver_again", done["promote_silver_again"][0], "skipped")
    found = xcom("flights", "promote_silver", "return_value", "2013-02")
    expect("verdict", found["verdict"], "passed")
    expect("batches", [b["batch"] for b in found["batches"]], ["month=2013-01"])
    rows = found["rows"]
    expect("rows", rows["accepted"] + rows["quarantined"], rows["input"])
    assert rows["input"] > 20_000, rows
    # The terminal's report is in the log.
    assert "bronze.flights to silver.flights  promoted" in out, out[-6000:]
    report = xcom("flights", "promote_silver", "_link_DqcReportLink", "2013-02")
    expect("the link", report, found["report"])
    opened(report, "month=2013-01", "airliner_speed", "held back")


def a_blocked_month() -> None:
    airflow.begin("dags", "test", "flights", "2013-04-05")
    awaiting("flights", "ask_owner", "2013-04")
    expect("blocked, without a retry", states("flights", "2013-04")["promote_silver"], ("failed", 1))

    found = xcom("flights", "promote_silver", "dqc", "2013-04")
    expect("verdict", (found["verdict"], found["exit_code"], found["blocked"]), ("blocked", 10, 1))
    first = found["findings"][0]
    expect("the rule", (first["rule"], first["action"]), ("local.agrees", "block"))
    assert "America/New_York" in first["fix"] and first["place"].startswith("silver/flights.dq:"), first
    # A task that failed has its link, too, and there the rows are.
    link = xcom("flights", "promote_silver", "_link_DqcReportLink", "2013-04")
    expect("the link", link, found["report"])
    opened(link, "month=2013-03", "local.agrees", "America/New_York", "2013-03-10T10:00:00Z", "D942DN is not a tail number")
    kept = json.dumps(found)
    # Words with holes stay as written: the tail number that broke the rule is in no XCom.
    assert "{tailnum} is not a tail number" in kept and "samples" not in kept, kept

    [(to, mail)] = mails
    expect("to the owner", to, ["flight-data@port-authority.example"])
    html = mail.get_body(("html",)).get_content()
    [message] = slack
    from slack_sdk.models.blocks import Block

    blocks = Block.parse_all(message["blocks"])
    assert blocks and None not in blocks
    for block in blocks:
        block.validate_json()
    for said in (html, json.dumps(message["blocks"])):
        for words in ("local.agrees", "do not tell the same time", "America/New_York", "flight-data@port-authority.example"):
            assert words in said, f"{words!r} is not in {said}"
    assert "month=2013-03" in mail["subject"], mail["subject"]

    # The sender exports again, the owner approves.
    shutil.copyfile(ROOT / "rules/flights" / MARCH, PROJECT / MARCH)
    subject, body = answer("flights", "ask_owner", "Approve")
    assert "month=2013-03" in subject and "America/New\\_York" in body, (subject, body)
    # The last task passed, and so the run did.
    airflow.finish()
    after = states("flights", "2013-04")
    for task in ("ask_owner", "promote_silver_again", "transform", "promote_gold"):
        expect(task, after[task][0], "success")
    again = xcom("flights", "promote_silver_again", "return_value", "2013-04")
    expect("judged again", (again["verdict"], again["promoted"]), ("passed", 1))


def service_levels() -> None:
    airflow.run("dags", "test", "flights_sla", "2013-02-05")
    expect("sla", states("flights_sla")["sla"], ("success", 1))
    found = xcom("flights_sla", "sla", "return_value")
    expect("nothing is missed", (found["verdict"], found["missed"], found["findings"]), ("passed", 0, []))


def awaiting(dag: str, task: str, month: str = "") -> None:
    """Until the task waits for a person."""
    deadline = time.monotonic() + 600
    while (state := states(dag, month).get(task, ("",))[0]) != "awaiting_input":
        over = state in ("failed", "skipped", "upstream_failed") or time.monotonic() > deadline
        assert not over and airflow.process.poll() is None, f"{state}\n{airflow.said()}"
        time.sleep(0.2)


def trouble() -> None:
    airflow.begin("dags", "test", "faults", "2013-02-05")
    awaiting("faults", "ask")
    subject, _ = answer("faults", "ask", "Reject")
    assert "day=2013-02-05" in subject, subject
    out = airflow.finish(code=1)
    done = states("faults")
    expect("a rejection skips what comes after it", (done["blocked"], done["after_rejection"][0]), (("failed", 1), "skipped"))
    assert not (HOME / "faults/small/lake/silver/orders/_delta_log").exists(), "a rejected batch was published"
    if s3.url:
        expect("a lake on S3", done["s3"], ("success", 1))
        kept = s3.ask("GET", "/lake?list-type=2&prefix=silver/orders/")
        assert ".parquet</Key>" in kept and "_delta_log/00000000000000000001.json</Key>" in kept, kept
    expect("storage retries, then passes", done["storage"], ("success", 2))
    expect("nothing pending skips", done["nothing"], ("skipped", 1))
    expect("a published batch is not waited for", done["published"][0], "success")
    expect("a batch that is waited for", (done["late"][0], (HOME / "faults/late/lake/silver").exists()), ("success", False))
    expect("a batch that never comes", done["never"][0], "skipped")
    expect("a secret", done["secret"][0], "success")
    expect("a wrong project is not tried again", done["missing"], ("failed", 1))
    expect("a task that hangs", done["hangs"][0], "failed")
    # What it started is gone with it, the grandchild too.
    expect("a task that is stopped", done["stopped"][0], "failed")
    expect("a failed test of the rules", (done["test_rules"], done["after_tests"][0]), (("failed", 1), "upstream_failed"))
    assert not (HOME / "faults/broken/lake/silver").exists(), "a failed test let something run"
    found = xcom("faults", "test_rules", "dqc")
    expect("tests", (found["verdict"], found["errors"], len(found["findings"])), ("failed", 1, 1))
    expect("a missed service level", done["sla"], ("failed", 1))
    found = xcom("faults", "sla", "dqc")
    expect("levels", (found["verdict"], found["exit_code"], found["missed"]), ("missed", 12, 1))
    told = [json.dumps(m, ensure_ascii=False) for m in slack[1:]]
    for words in (["silver.flights.fresh", "is missed", "Ask for the newest month.", "flight-data@port-authority.example"],
                  ["dqc test failed", "lies_in_the_states", "silver/reference.dq:"]):
        assert any(all(word in message for word in words) for message in told), (words, told)
    for name in ("hangs.pid", "child.pid", "stopped.pid"):
        pid = (HOME / "faults" / name).read_text().strip()
        stat = Path(f"/proc/{pid}/stat")
        assert not stat.exists() or stat.read_text().split()[2] == "Z", f"{name} {pid} is alive"
    environment = (HOME / "faults/told").read_text()
    kept = "".join(p.read_text(errors="replace") for p in (HOME / "logs").rglob("*.log"))
    everything = out + kept + "".join(str(row) for row in query("select rendered_fields from rendered_task_instance_fields"))
    for secret in SECRETS:
        assert secret in environment, f"{secret} did not reach the program"
    for secret in (*SECRETS, S3_SECRET):
        assert secret not in everything, f"{secret} is in a log or a rendered field"
    assert "the program says ***" in out, "what the program prints is not masked"
    assert any("faults.missing" in message for message in told), told


def lineage() -> None:
    found = events(HOME / "lineage.jsonl")
    of = lambda task, kind: [e for e in found if e.job.name == task and e.eventType.value == kind]
    [complete] = [e for e in of("flights.promote_silver", "COMPLETE")]
    [fail] = of("flights.promote_silver", "FAIL")
    assert len(of("flights.promote_silver", "START")) == 2
    silver = datasets(complete.inputs)["silver/flights"]
    assert len(silver.inputFacets["dataQualityAssertions"].assertions) > 50
    assert any(f.name == "tailnum" for f in silver.facets["schema"].fields)
    [output] = complete.outputs
    assert output.outputFacets["outputStatistics"].rowCount > 20_000
    assert datasets(complete.inputs).keys() == {"bronze/flights", "silver/flights"}, complete.inputs
    broken = [a.name for a in datasets(fail.inputs)["silver/flights"].inputFacets["dataQualityAssertions"].assertions if a.severity == "error"]
    expect("what failed", broken, ["silver.flights.local.agrees"])
    assert not fail.outputs[0].outputFacets, "a blocked batch has written nothing"
    assert "errorMessage" in fail.run.facets
    # What dqc tells itself, in detail, belongs to the task's run.
    own = events(PROJECT / "lineage.jsonl")
    job = "bronze.flights_to_silver.flights"
    for kind, task in (("COMPLETE", complete), ("FAIL", fail)):
        told = [e for e in own if e.job.name == job and e.eventType.value == kind]
        parents = [e.run.facets["parent"]["run"]["runId"] for e in told]
        assert task.run.runId in parents, (kind, task.run.runId, parents)
    assert {e.eventType.value for e in own} == {"START", "COMPLETE", "FAIL"}


def foreign_text() -> None:
    """What authors write and rows hold is no markup, and does not burst a message."""
    from slack_sdk.models.blocks import Block

    from airflow_provider_dqc import message

    bad = "<!channel> & <script>alert(1)</script> [x](http://x) " * 60
    one = {"rule": "r", "action": "block", "says": bad, "because": bad, "fix": bad, "owner": bad, "place": "a.dq:1"}
    batch = {"batch": "<!here>\r\nBcc: x@x", "promotion": "a to b", "verdict": "blocked"}
    summary = {"verdict": "blocked", "exit_code": 10, "batches": [batch], "findings": [one] * 20, "report": "javascript:x"}
    made = message.blocks(summary, "https://airflow.example/log")
    for block in Block.parse_all(made):
        block.validate_json()
    sections = [b["text"]["text"] for b in made if b["type"] == "section"]
    assert sum(map(len, sections)) < 11_000 and re.fullmatch(r"and \d+ more", sections[-1]), sections
    assert not any("<" in text for text in sections) and "javascript" not in json.dumps(made)
    page = message.page(summary, None)
    assert "<script" not in page and "href" not in page, page
    assert "\n" not in message.subject(summary) and "\r" not in message.subject(summary)
    assert "](http" not in message.markdown(summary)


def provider() -> None:
    import jsonschema
    from airflow import __file__ as core
    from airflow.providers_manager import ProvidersManager

    from airflow_provider_dqc import exit_codes
    from airflow_provider_dqc.get_provider_info import get_provider_info

    schema = json.loads(Path(core).with_name("provider_info.schema.json").read_text())
    jsonschema.validate(get_provider_info(), schema)
    manager = ProvidersManager()
    assert "airflow-provider-dqc" in manager.providers
    assert "airflow_provider_dqc.links.DqcReportLink" in manager.extra_links_class_names
    assert "airflow_provider_dqc.notifier.DqcNotifier" in manager.notification
    # Airflow's table of exit codes is dqc's.
    page = subprocess.run([DQC, "explain", "exit"], capture_output=True, text=True, check=True).stdout
    codes = [int(code) for part in re.findall(r"(?m)^ +(\d+) ", page) for code in [part]]
    retries = [word == "yes" for word in re.findall(r"retry: (yes|no)", page)]
    told = dict(zip([c for c in codes if c], retries, strict=True))
    expect("exit codes", told, {code: exit_codes.may_retry(code) for code in sorted({**exit_codes.FAIL, **exit_codes.RETRY})})


def main() -> None:
    global airflow, s3
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        mail_port = free.getsockname()[1]
    mail = Controller(Mail(), hostname="127.0.0.1", port=mail_port)
    mail.start()
    web = ThreadingHTTPServer(("127.0.0.1", 0), Slack)
    threading.Thread(target=web.serve_forever, daemon=True).start()

    dags = HOME / "dags"
    dags.mkdir()
    (HOME / "faults").mkdir()
    shutil.copy(ROOT / "integrations/airflow/example_dags/flights.py", dags)
    shutil.copy(ROOT / "tests/it/airflow/faults.py", dags)
    project(PROJECT, ["2013-01", "2013-03"])
    project(HOME / "faults/flights", [])
    project(HOME / "faults/broken", [])
    small(HOME / "faults/small")
    small(HOME / "faults/late")
    shutil.rmtree(HOME / "faults/late/lake/bronze/orders/day=2013-02-05")
    s3 = S3()
    if s3.url:
        s3.ask("PUT", "/lake")
        s3.ask("PUT", "/lake/bronze/orders/day=2013-02-05/a.csv", b"id,amount\n1,5\n")
    promise(HOME / "faults/flights")
    break_a_test(HOME / "faults/broken")
    (HOME / "faults/flights/lake/silver").mkdir()
    (HOME / "faults/flights/lake/silver/airlines").write_text("in the table's place")
    here = HOME / "faults"
    script("tells", f'env > {here}/told; echo "the program says $TOKEN"\n')
    # Stops the task that started it, as a scheduler does.
    script("stopped", f"echo $$ > {here}/stopped.pid; kill -TERM $PPID; sleep 100\n")
    script("hangs", f"echo $$ > {here}/hangs.pid; sleep 100 & echo $! > {here}/child.pid; wait\n")

    token, variable, aws = SECRETS
    connection = lambda **fields: json.dumps(fields)
    for name in [name for name in os.environ if name.startswith(("AIRFLOW", "DQC_"))]:
        del os.environ[name]
    # Before this process imports Airflow, too: it answers for a person, through Airflow's API.
    os.environ |= {
        "PATH": f"{HOME / 'bin'}:{os.environ['PATH']}",
        "AIRFLOW_HOME": str(HOME),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__API_AUTH__JWT_SECRET": "of this test alone, long enough for a signature of 64 bytes by SHA-512",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(
            {"type": "file", "log_file_path": str(HOME / "lineage.jsonl"), "append": True}
        ),
        "AIRFLOW_CONN_DQC_MAIL": connection(
            conn_type="smtp", host="127.0.0.1", port=mail_port, extra={"disable_ssl": True, "disable_tls": True}
        ),
        "AIRFLOW_CONN_DQC_SLACK": connection(
            conn_type="slackwebhook", host=f"http://127.0.0.1:{web.server_port}/services", password="T00/B00/XXX"
        ),
        "AIRFLOW_CONN_DQC_SECRET": connection(conn_type="generic", password=token),
        "AIRFLOW_CONN_DQC_AWS": connection(conn_type="aws", login="id", password=aws, extra={"region_name": "sa-east-1"}),
        "AIRFLOW_CONN_DQC_S3": connection(
            conn_type="aws", login="key-of-s3", password=S3_SECRET, extra={"region_name": "us-east-1", "endpoint_url": s3.url}
        ),
        **({"DQC_S3": s3.url} if s3.url else {}),
        "AIRFLOW_VAR_DQC_TOKEN": variable,
        "DQC_PROJECT": str(PROJECT),
        "DQC_REPORTS": str(HOME / "reports"),
        "DQC_FAULTS": str(HOME / "faults"),
        "NO_PROXY": "127.0.0.1",
        "PYTHONPATH": str(SITE),
    }
    (HOME / "bin").mkdir()
    (HOME / "bin/dqc").symlink_to(DQC)
    begun = time.monotonic()
    # The provider as a wheel, so that its metadata is what Airflow finds it by.
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--no-build-isolation", "--target", SITE, ROOT / "integrations/airflow"], check=True)
    sys.path.insert(0, str(SITE))
    airflow = Airflow()
    airflow.run("db", "migrate")
    steps = sys.argv[3:] or ["a_good_month", "a_blocked_month", "service_levels", "trouble", "lineage", "foreign_text", "provider"]
    for step in steps:
        globals()[step]()
        print(f"{time.monotonic() - begun:6.1f} s  {step}", flush=True)
    airflow.close()
    mail.stop()
    web.shutdown()


main()
