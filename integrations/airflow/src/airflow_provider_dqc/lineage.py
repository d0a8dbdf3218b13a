"""OpenLineage: what a task reads and writes, what was asserted of it, how much came out.

Needs `openlineage-python`, which comes with `apache-airflow-providers-openlineage`; imported only when that asks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from airflow.providers.openlineage.extractors import OperatorLineage
from openlineage.client.event_v2 import InputDataset, OutputDataset
from openlineage.client.facet_v2 import (
    data_quality_assertions_dataset,
    data_quality_metrics_input_dataset,
    documentation_dataset,
    output_statistics_output_dataset,
    ownership_dataset,
    schema_dataset,
)


def parent(task_instance: Any) -> dict[str, str]:
    """The environment by which dqc's own events, those of `[lineage]` in `dqc.toml`, name this task as their parent."""
    from airflow.providers.openlineage.plugins.macros import lineage_parent_id

    return {"OPENLINEAGE_PARENT_ID": lineage_parent_id(task_instance)}


def operator(
    project: Mapping[str, Any], promotions: Sequence[str], reports: Sequence[Mapping[str, Any]]
) -> OperatorLineage:
    """:param project: what `dqc datasets` tells. :param promotions: as the task names them; none: all."""
    datasets = {d["dataset"]: d for d in project.get("datasets", [])}
    judged: dict[str, list[Mapping[str, Any]]] = {}
    for report in reports:
        judged.setdefault(report["contract"], []).append(report)
    inputs, outputs = [], []
    for promotion in project.get("promotions", []):
        source, target = promotion["from"], promotion["to"]
        if promotions and target not in promotions and promotion["promotion"] not in promotions:
            continue
        inputs.append(_input(datasets[source], []))
        found = judged.get(target, [])
        if found:
            # An assertion is an input's: what was judged is the target's contract, so it stands at the target.
            inputs.append(_input(datasets[target], found))
        outputs.append(_output(datasets[target], found))
    return OperatorLineage(inputs=_once(inputs), outputs=_once(outputs))


def _once(datasets: list[Any]) -> list[Any]:
    """A dataset that is both promoted into and promoted on is named once, with what was asserted of it."""
    by_name: dict[tuple[str, str], Any] = {}
    for dataset in datasets:
        key = (dataset.namespace, dataset.name)
        if key not in by_name or getattr(dataset, "inputFacets", None):
            by_name[key] = dataset
    return list(by_name.values())


def place(location: str) -> tuple[str, str]:
    """Namespace and name, as OpenLineage names what lies at a URL."""
    url = urlsplit(location)
    path = unquote(url.path)
    if url.scheme in ("", "file"):
        return "file", path.rstrip("/") or "/"
    scheme = "s3" if url.scheme == "s3a" else url.scheme
    return f"{scheme}://{url.netloc}", path.strip("/") or "/"


def _input(dataset: Mapping[str, Any], reports: Sequence[Mapping[str, Any]]) -> InputDataset:
    namespace, name = place(dataset["location"])
    facets: dict[str, Any] = {}
    if reports:
        facets["dataQualityAssertions"] = data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(
            assertions=[_assertion(dataset, report, rule) for report in reports for rule in report["rules"]]
        )
        facets["dataQualityMetrics"] = data_quality_metrics_input_dataset.DataQualityMetricsInputDatasetFacet(
            columnMetrics={}, rowCount=sum(r["rows"]["input"] for r in reports)
        )
    return InputDataset(namespace, name, facets=_facets(dataset), inputFacets=facets)


def _output(dataset: Mapping[str, Any], reports: Sequence[Mapping[str, Any]]) -> OutputDataset:
    namespace, name = place(dataset["location"])
    promoted = [r for r in reports if r["promoted"]]
    facets: dict[str, Any] = {}
    if promoted:
        rows = sum(r["rows"]["accepted"] for r in promoted)
        facets["outputStatistics"] = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rowCount=rows)
    return OutputDataset(namespace, name, facets=_facets(dataset), outputFacets=facets)


def _assertion(dataset: Mapping[str, Any], report: Mapping[str, Any], rule: Mapping[str, Any]) -> Any:
    first = rule["rule"].split(".")[0]
    column = first if any(c["name"] == first for c in dataset["columns"]) else None
    return data_quality_assertions_dataset.Assertion(
        assertion=rule["kind"],
        # What was not evaluated found no issue; the parameter says that it did not look.
        success=rule["verdict"] != "violated",
        column=column,
        severity="error" if rule["action"] == "block" else "warn",
        name=f"{report['contract']}.{rule['rule']}",
        actual=f"{rule['violations']} of {rule['checked']}",
        params={
            "verdict": rule["verdict"],
            "action": rule["action"],
            "batch": report["batch"],
            "violations": rule["violations"],
            "checked": rule["checked"],
        },
    )


def _facets(dataset: Mapping[str, Any]) -> dict[str, Any]:
    fields = [
        schema_dataset.SchemaDatasetFacetFields(name=c["name"], type=c["type"], description=c["doc"] or None)
        for c in dataset["columns"]
    ]
    facets: dict[str, Any] = {"schema": schema_dataset.SchemaDatasetFacet(fields=fields)}
    if dataset["doc"]:
        facets["documentation"] = documentation_dataset.DocumentationDatasetFacet(description=dataset["doc"])
    if dataset["owner"]:
        owner = ownership_dataset.Owner(name=dataset["owner"])
        facets["ownership"] = ownership_dataset.OwnershipDatasetFacet(owners=[owner])
    return facets
