//! What the search looks through, as a script: a page that is opened from a folder may load nothing else.

use serde_json::{Value, json};

use super::{Book, page_of, rules, slug};

pub fn index(book: &Book<'_>) -> String {
    let mut found: Vec<Value> = Vec::new();
    for contract in &book.contracts {
        let page = page_of(&contract.dataset);
        let about = [contract.doc.as_str(), contract.owner.as_deref().unwrap_or(""), &contract.tags.join(" ")].join(" ");
        found.push(entry("dataset", &contract.dataset, "", &page, &about));
        for column in &contract.columns {
            let kind = column.type_name.as_deref().unwrap_or("");
            let about = format!("{} {} {kind}", column.doc, column.ty);
            found.push(entry("column", &column.name, &contract.dataset, &format!("{page}#column-{}", slug(&column.name)), &about));
        }
        let promotion = book.checked().promotion_to(&contract.dataset);
        for (rule, _) in rules::told(contract, promotion) {
            let words = |t: &Option<crate::hir::Template>| t.as_ref().map_or(String::new(), |t| t.fill(|_| None));
            let about = [rule.doc.clone(), words(&rule.because), words(&rule.fix), rule.tags.join(" ")].join(" ");
            found.push(entry("rule", &rule.name, &contract.dataset, &format!("{page}#rule-{}", slug(&rule.name)), &about));
        }
        for sla in &contract.sla {
            found.push(entry("service level", &sla.name, &contract.dataset, &format!("{page}#sla-{}", slug(&sla.name)), &sla.doc));
        }
    }
    for decl in book.written.own_types() {
        found.push(entry("type", &decl.name.text, "", &format!("types.html#type-{}", slug(&decl.name.text)), &decl.doc));
    }
    let entries: Vec<String> = found.iter().map(Value::to_string).collect();
    format!("\"use strict\";\nwindow.dqcIndex = [\n{}\n];\n", entries.join(",\n"))
}

fn entry(kind: &str, name: &str, of: &str, href: &str, about: &str) -> Value {
    let about = about.split_whitespace().collect::<Vec<_>>().join(" ");
    json!({"kind": kind, "name": name, "of": of, "href": href, "about": about})
}
