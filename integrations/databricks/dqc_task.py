# Databricks notebook source
"""dqc as a task of a Databricks job: promotes what passes, fails the task for what does not.

Parameters of the task: `project` (the folder of dqc.toml), and, if wanted, `env`, `promotions`, `batch`, `memory`, `secret_scope`.
"""

import importlib.metadata
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

# Running again may help: storage, a lost race, an unknown commit. All else waits for a person.
RETRY = (20, 21, 22)
PAUSES = (30, 120, 480)
SECRETS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


def parameter(name):
    """A parameter of the task; empty where it has none."""
    try:
        return dbutils.widgets.get(name).strip()
    except Exception:  # Each runtime has its own error for a parameter that is not there.
        return ""


def credentials(scope):
    """Keys of S3 out of a secret scope, which masks them in outputs; without one, dqc uses the cluster's instance profile."""
    if not scope:
        return {}
    kept = {secret.key for secret in dbutils.secrets.list(scope)}
    return {name: dbutils.secrets.get(scope, name) for name in SECRETS if name in kept}


def program():
    """Beside this Python where the notebook installed the wheel; elsewhere where the cluster did."""
    beside = os.path.join(os.path.dirname(sys.executable), "dqc")
    if os.path.exists(beside):
        return beside
    return next(str(file.locate()) for file in importlib.metadata.files("dqc") if file.name == "dqc")


def run(arguments, env):
    """`dqc run` with its report in the cell's output. Gives the exit code and the reports, one for each batch."""
    with tempfile.TemporaryDirectory() as folder:
        lines = os.path.join(folder, "reports.jsonl")
        command = [program(), "run", *arguments, "--json", lines]
        with subprocess.Popen(
            command,
            env={**os.environ, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        ) as running:
            try:
                for line in running.stdout:
                    print(line, end="", flush=True)
                code = running.wait()
            finally:
                # A cancelled cell leaves nothing running; dqc leaves nothing half done.
                if running.poll() is None:
                    os.killpg(running.pid, signal.SIGTERM)
        reports = []
        if os.path.exists(lines):
            with open(lines, encoding="utf-8") as file:
                reports = [json.loads(line) for line in file]
        return code, reports


def summary(code, reports):
    """Verdict and counts for the tasks after this one; no rows, and within the size of a task value."""
    blocked = [r for r in reports if r["verdict"] == "blocked"]
    return {
        "exit_code": code,
        "promoted": sum(r["promoted"] for r in reports),
        "blocked": [f"{r['batch']} of {r['promotion']}" for r in blocked[:50]],
        "rules": sorted({rule["rule"] for r in blocked for rule in r["rules"] if rule["action"] == "block"})[:50],
        "rows": {name: sum(r["rows"][name] for r in reports) for name in ("input", "accepted", "quarantined")},
    }


def main():
    arguments = [*parameter("promotions").split(), "--project", parameter("project"), "--color", "never"]
    for option, name in (("--env", "env"), ("--batch", "batch"), ("--memory", "memory")):
        if parameter(name):
            arguments += [option, parameter(name)]
    env = credentials(parameter("secret_scope"))
    for pause in (*PAUSES, None):
        code, reports = run(arguments, env)
        if code not in RETRY or pause is None:
            break
        print(f"dqc ended with {code}; once more in {pause} s", flush=True)
        time.sleep(pause)
    told = summary(code, reports)
    dbutils.jobs.taskValues.set(key="dqc", value=told)
    if code:
        raise RuntimeError(f"dqc ended with {code}: {json.dumps(told)}; `dqc explain exit {code}` says what to do")


main()
