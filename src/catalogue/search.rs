//! What the pages' script knows: the graph, and what can be found.

use serde_json::{Value, json};

use super::past::State;
use super::{Lineage, Material, address, anchor, rules};
use crate::hir::{Contract, Privacy};

/// A script that says it, so that it can be read from a folder without a server.
pub fn data(material: &Material<'_>, lineage: &Lineage) -> String {
    let nodes: Vec<Value> = lineage.datasets.iter().map(|name| node(material, name)).collect();
    let edges: Vec<Value> =
        lineage.edges.iter().map(|e| json!({"from": e.from, "to": e.to, "kind": e.kind.word()})).collect();
    let entries: Vec<Value> = material.checked.contracts.iter().flat_map(|c| entries(material, c)).collect();
    let data = json!({"nodes": nodes, "edges": edges, "entries": entries}).to_string();
    // Legal JSON, and no end of a script wherever it stands.
    let data = data.replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029");
    format!("\"use strict\";\nconst CATALOGUE = {data};\n")
}

fn node(material: &Material<'_>, name: &str) -> Value {
    let layer = name.split('.').next().unwrap_or("");
    let place = material.layers.iter().position(|l| l == layer).map_or(-1, |at| i64::try_from(at).unwrap_or(-1));
    let known = material.checked.contract(name).is_some();
    let state = material.past.and_then(|past| State::of_all(past, name));
    json!({
        "name": name, "layer": layer, "place": place, "url": known.then(|| address(name)),
        "tone": state.as_ref().map(|s| s.tone), "state": state.as_ref().map(|s| s.words.as_str()),
    })
}

fn entries(material: &Material<'_>, contract: &Contract) -> Vec<Value> {
    let page = address(&contract.dataset);
    let words = [contract.doc.as_str(), contract.owner.as_deref().unwrap_or(""), &contract.tags.join(" ")].join(" ");
    let mut found = vec![json!({ "kind": "dataset", "name": contract.dataset, "in": "", "url": page, "text": words })];
    found.extend(contract.columns.iter().map(|column| {
        let privacy = match column.privacy {
            Privacy::Public => "",
            Privacy::Personal => "personal",
            Privacy::Secret => "secret",
        };
        let words = [column.doc.as_str(), &column.ty.to_string(), column.type_name.as_deref().unwrap_or(""), privacy].join(" ");
        json!({
            "kind": "column", "name": column.name, "in": contract.dataset, "text": words,
            "url": format!("{page}#{}", anchor("column", &column.name)),
        })
    }));
    let promoted = material.checked.promotion_to(&contract.dataset).into_iter().flat_map(|p| &p.rules);
    let written = contract.rules.iter().filter(|rule| rules::claimed(contract, rule).is_none());
    found.extend(written.chain(promoted).map(|rule| {
        let because = rule.because.as_ref().map(|t| t.fill(|_| None)).unwrap_or_default();
        let words = [rule.doc.as_str(), &because, &rule.tags.join(" ")].join(" ");
        json!({
            "kind": "rule", "name": rule.name, "in": contract.dataset, "text": words,
            "url": format!("{page}#{}", anchor("rule", &rule.name)),
        })
    }));
    found.extend(contract.sla.iter().map(|level| {
        let words = [level.doc.as_str(), &super::sla::sentence(level)].join(" ");
        let url = format!("{page}#levels");
        json!({ "kind": "service level", "name": level.name, "in": contract.dataset, "text": words, "url": url })
    }));
    found
}
