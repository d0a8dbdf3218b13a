"""OpenLineage events read back with openlineage-python's own classes, which refuse unknown fields and wrong dates."""

from __future__ import annotations

import json
from pathlib import Path

from openlineage.client import event_v2 as ol
from openlineage.client import facet_v2 as facets

_KNOWN = {
    "dataQualityAssertions": (facets.data_quality_assertions_dataset, "DataQualityAssertionsDatasetFacet"),
    "dataQualityMetrics": (facets.data_quality_metrics_input_dataset, "DataQualityMetricsInputDatasetFacet"),
    "outputStatistics": (facets.output_statistics_output_dataset, "OutputStatisticsOutputDatasetFacet"),
    "schema": (facets.schema_dataset, "SchemaDatasetFacet"),
    "documentation": (facets.documentation_dataset, "DocumentationDatasetFacet"),
    "ownership": (facets.ownership_dataset, "OwnershipDatasetFacet"),
    "errorMessage": (facets.error_message_run, "ErrorMessageRunFacet"),
}


def _facet(name: str, said: dict) -> object:
    if name not in _KNOWN:
        return said
    module, kind = _KNOWN[name]
    assert said["_schemaURL"] and said["_producer"]
    fields = {k: v for k, v in said.items() if not k.startswith("_")}
    if name == "dataQualityAssertions":
        fields["assertions"] = [module.Assertion(**a) for a in fields["assertions"]]
    if name == "schema":
        fields["fields"] = [module.SchemaDatasetFacetFields(**{**f, "fields": []}) for f in fields["fields"]]
    if name == "ownership":
        fields["owners"] = [module.Owner(**o) for o in fields["owners"]]
    return getattr(module, kind)(**fields)


def _facets(said: dict | None) -> dict:
    return {name: _facet(name, facet) for name, facet in (said or {}).items()}


def event(said: dict) -> ol.RunEvent:
    run = ol.Run(runId=said["run"]["runId"], facets=_facets(said["run"].get("facets")))
    job = ol.Job(namespace=said["job"]["namespace"], name=said["job"]["name"], facets=_facets(said["job"].get("facets")))
    inputs = [
        ol.InputDataset(
            namespace=d["namespace"], name=d["name"], facets=_facets(d.get("facets")), inputFacets=_facets(d.get("inputFacets"))
        )
        for d in said.get("inputs", [])
    ]
    outputs = [
        ol.OutputDataset(
            namespace=d["namespace"], name=d["name"], facets=_facets(d.get("facets")), outputFacets=_facets(d.get("outputFacets"))
        )
        for d in said.get("outputs", [])
    ]
    assert said["schemaURL"].startswith("https://openlineage.io/spec/")
    kind = ol.RunState(said["eventType"])
    return ol.RunEvent(
        eventTime=said["eventTime"], producer=said["producer"], run=run, job=job, eventType=kind, inputs=inputs, outputs=outputs
    )


def events(path: Path) -> list[ol.RunEvent]:
    return [event(json.loads(line)) for line in path.read_text().splitlines()]


def datasets(found: list) -> dict:
    """By layer and name."""
    return {"/".join(d.name.split("/")[-2:]): d for d in found}
