"""Waits for data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator, PokeReturnValue

from airflow_provider_dqc.base import DqcOperator, failure
from airflow_provider_dqc.exceptions import DqcFailed

if TYPE_CHECKING:
    from airflow.sdk import Context

_READY = ("new", "changed", "unfinished")


class DqcBatchSensor(DqcOperator, BaseSensorOperator):
    """Waits until `dqc run` would find a batch: `dqc pending`, which reads listings and logs and no row.

    With `batch`, a batch that is published already ends the waiting too, so that a cleared or repeated run does not hang; the
    run after it finds nothing pending. Storage that does not answer is asked again at the next poke.

    :param promotions: datasets to promote into, as `silver.orders`; none named: all.
    :param batch: the batch that is waited for, as `day={{ data_interval_start | ds }}`; none named: any.
    """

    template_fields: Sequence[str] = (*DqcOperator.template_fields, "promotions", "batch")
    ui_color = "#e0ecf0"

    def __init__(self, *, promotions: str | Sequence[str] = (), batch: str | None = None, **kwargs: Any):
        super().__init__(**{"mode": "reschedule", **kwargs})
        self.promotions = [promotions] if isinstance(promotions, str) else list(promotions)
        self.batch = batch

    def poke(self, context: Context) -> PokeReturnValue:
        arguments = ["pending", *self.promotions, "--format", "json"]
        ended = self._dqc(*arguments, *(["--batch", self.batch] if self.batch else []), quiet=True)
        if ended.code:
            error = failure("dqc pending", ended)
            if isinstance(error, DqcFailed):
                raise error
            self.log.warning("%s", error)
            return PokeReturnValue(False)
        batches = [json.loads(line) for line in ended.stdout.splitlines() if line.strip()]
        for batch in batches:
            self.log.info("%(batch)s of %(promotion)s: %(state)s, files: %(files)s", batch)
        wanted = (*_READY, "published") if self.batch else _READY
        ready = [batch for batch in batches if batch["state"] in wanted]
        return PokeReturnValue(bool(ready), [{k: b[k] for k in ("promotion", "batch", "state")} for b in ready[:50]])
