"""What the operators and the sensor share: the command, its environment, its end."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from airflow.sdk import BaseOperator

from airflow_provider_dqc import exit_codes, process, secrets
from airflow_provider_dqc.exceptions import DqcFailed, DqcSlaMissed, DqcTryAgain


class DqcOperator(BaseOperator):
    """Runs dqc on a project: what the operators and the sensor have in common.

    :param project: the folder of `dqc.toml`.
    :param environment: an environment of `dqc.toml`, as `prod` for `[env.prod]`.
    :param as_of: dqc's clock, RFC 3339; else the machine's. Give the run's own time for the same verdict at any time.
    :param memory: how much memory dqc may hold, as `4GB`.
    :param env: further environment variables. Templated and shown: nothing secret belongs here.
    :param secrets: environment variables and where their values are kept: `{"SLACK_WEBHOOK": "conn:slack_data_team"}`;
        also `conn:ID.login`, `conn:ID.extra.KEY`, `var:NAME`. Masked in logs.
    :param aws_conn_id: an Amazon Web Services connection for `s3://` layers; else dqc uses what the worker has.
    :param dqc: the program; else that beside Airflow's Python, else that on the PATH.
    """

    template_fields: Sequence[str] = ("project", "environment", "as_of", "memory", "env")

    def __init__(
        self,
        *,
        project: str,
        environment: str | None = None,
        as_of: str | None = None,
        memory: str | None = None,
        env: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        aws_conn_id: str | None = None,
        dqc: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.project = project
        self.environment = environment
        self.as_of = as_of
        self.memory = memory
        self.env = dict(env or {})
        self.secrets = dict(secrets or {})
        self.aws_conn_id = aws_conn_id
        self.dqc = dqc

    @cached_property
    def _process(self) -> process.Process:
        return process.Process()

    def _dqc(self, *arguments: str, quiet: bool = False, more: Mapping[str, str] | None = None) -> process.Ended:
        """Runs `dqc ARGUMENTS` on the project; stdout goes into the log unless `quiet`, stderr always does.

        :param more: of the environment.
        """
        try:
            command = [process.find(self.dqc), *arguments, "--project", self.project, "--color", "never"]
        except FileNotFoundError as error:
            raise DqcFailed(str(error), 127) from None
        for option, value in (("--env", self.environment), ("--as-of", self.as_of), ("--memory", self.memory)):
            command += [option, value] if value else []
        try:
            kept = secrets.resolve(self.secrets, self.aws_conn_id)
        except ValueError as error:
            raise DqcFailed(f"the secrets of this task: {error}", _USAGE) from None
        if not quiet:
            self.log.info("running: %s", " ".join(command))
        env = {**os.environ, **(more or {}), **self.env, **kept}
        return self._process.run(command, env, self.log.info, quiet=quiet, hide=secrets.hidden(kept))

    def _datasets(self) -> dict[str, Any]:
        """The project as `dqc datasets` tells it; empty if it cannot. Asked once in a process."""
        asked = (self.project, self.environment)
        if asked not in self._told:
            ended = self._dqc("datasets", "--format", "json", quiet=True)
            self._told[asked] = json.loads(ended.stdout) if ended.code == 0 else {}
        return self._told[asked]

    @cached_property
    def _told(self) -> dict[tuple[str, str | None], dict[str, Any]]:
        return {}

    def on_kill(self) -> None:
        self._process.stop()


#: As dqc ends for a wrong command line.
_USAGE = 2


def failure(what: str, ended: process.Ended, summary: dict[str, Any] | None = None) -> DqcFailed | DqcTryAgain:
    """The exception for an exit code that is not 0, with what dqc said last."""
    text = f"{what} ended with {ended.code}: {exit_codes.meaning(ended.code)}"
    errors = [line for line in ended.stderr.splitlines() if line.strip()]
    if errors:
        text += "\n" + "\n".join(errors[-12:])
    if exit_codes.may_retry(ended.code):
        return DqcTryAgain(text, ended.code, summary)
    return (DqcSlaMissed if ended.code == 12 else DqcFailed)(text, ended.code, summary)
