"""Airflow's command line in one process, as its start takes longer than what is tested.

Reads a command a line, `["dags", "test", …]` after the file that gets what it prints, and answers with its exit code.
"""

import json
import os
import sys
import traceback

from airflow.cli.cli_parser import get_parser
from airflow.configuration import conf

conf.validate()
parser = get_parser()
answers = os.fdopen(os.dup(1), "w")


def run(arguments: list[str]) -> int:
    try:
        args = parser.parse_args(arguments)
        args.func(args)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code)
        return 1
    except Exception:
        traceback.print_exc()
        return 70
    return 0


for line in sys.stdin:
    path, *arguments = json.loads(line)
    with open(path, "w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        code = run(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
    print(code, file=answers, flush=True)
