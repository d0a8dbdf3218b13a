//! `dqc datasets`: what the project consists of, for other programs.

use clap::ValueEnum;
use serde_json::{Value, json};

use super::check::compile;
use super::context::Context;
use super::findings::does_not_compile;
use super::{Exit, Outcome};
use crate::fault::Fault;
use crate::hir::{BatchBy, Checked, Column, Contract, Privacy, Promotion, Rule, Template, Write};
use crate::project::Project;

/// List the project's datasets: where each lives, whose it is, what it is made from
///
/// Touches no data. The JSON form tells other programs (schedulers, catalogues) what they need to know of a project:
/// places in the chosen environment, columns with their types, promotions.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  dqc datasets
  dqc datasets --env prod --format json")]
pub struct Args {
    /// How the datasets are printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One document, as described by datasets.schema.json
    Json,
}

pub fn run(context: &Context, args: Args) -> Outcome {
    let project = context.project()?;
    let compilation = compile(&project)?;
    if let Some(exit) = does_not_compile(context, &project, &compilation) {
        return Ok(exit);
    }
    let checked = &compilation.checked;
    let layers = project.layers();
    let mut contracts: Vec<&Contract> = checked.contracts.iter().collect();
    contracts.sort_by_key(|c| (layers.iter().position(|layer| layer == c.layer()), c.dataset.clone()));
    let from = |c: &Contract| checked.promotions.iter().filter(|p| p.to == c.dataset).map(|p| p.from.clone()).collect();
    let datasets = contracts.iter().map(|c| dataset(&project, checked, c, from(c))).collect::<Result<Vec<Value>, Fault>>()?;
    match args.format {
        Format::Json => {
            let promotions: Vec<Value> = checked.promotions.iter().map(promotion).collect();
            let document = json!({
                "dqc": env!("CARGO_PKG_VERSION"), "project": project.config.name, "environment": project.env,
                "layers": layers, "datasets": datasets, "promotions": promotions,
            });
            context.print_json(&format!("{document}\n"));
        }
        Format::Text => context.print(&datasets.iter().map(|d| text(context, d)).collect::<String>()),
    }
    Ok(Exit::Clean)
}

fn dataset(project: &Project, checked: &Checked, contract: &Contract, from: Vec<String>) -> Result<Value, Fault> {
    let place = project.place(&contract.dataset, contract.at.as_deref(), contract.format.as_deref())?;
    Ok(json!({
        "dataset": contract.dataset, "layer": contract.layer(), "version": contract.version, "owner": contract.owner,
        "tags": contract.tags, "doc": contract.doc, "location": place.url, "format": place.format, "from": from,
        "columns": contract.columns.iter().map(|c| column(c, checked.privacy(&contract.dataset, &c.name))).collect::<Vec<Value>>(),
        "rules": contract.rules.iter().map(rule).collect::<Vec<Value>>(),
    }))
}

fn column(column: &Column, privacy: Privacy) -> Value {
    let privacy = match privacy {
        Privacy::Public => "public",
        Privacy::Personal => "personal",
        Privacy::Secret => "secret",
    };
    json!({
        "name": column.name, "type": column.ty.to_string(), "nullable": column.nullable, "key": column.key,
        "privacy": privacy, "doc": column.doc,
    })
}

fn promotion(promotion: &Promotion) -> Value {
    let batches = match &promotion.batches {
        BatchBy::Folder(key) => format!("folder {key}"),
        BatchBy::File => "file".into(),
        BatchBy::Version => "version".into(),
        BatchBy::Whole => "whole".into(),
    };
    let write = match promotion.write {
        Write::Append => "append",
        Write::Replace => "replace",
        Write::Merge { .. } => "merge",
    };
    json!({
        "promotion": promotion.name(), "from": promotion.from, "to": promotion.to, "batches": batches, "write": write,
        "rules": promotion.rules.iter().map(rule).collect::<Vec<Value>>(),
    })
}

/// The author's words as they are written, with their holes: no value of a row is in them.
fn rule(rule: &Rule) -> Value {
    let words = |template: &Option<Template>| template.as_ref().map(|t| t.fill(|_| None));
    json!({
        "rule": rule.name, "kind": rule.kind.name(), "doc": rule.doc, "tags": rule.tags,
        "because": words(&rule.because), "fix": words(&rule.fix),
    })
}

fn text(context: &Context, dataset: &Value) -> String {
    let paint = context.out;
    let word = |key: &str| dataset[key].as_str().unwrap_or_default().to_string();
    let mut text = format!("{} {}", paint.bold(&word("dataset")), paint.dim(&format!("@ {}", word("version"))));
    let from: Vec<&str> = dataset["from"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !from.is_empty() {
        text.push_str(&format!("  from {}", from.join(", ")));
    }
    text.push_str(&format!("\n    {}  {}\n", word("location"), word("format")));
    let doc = word("doc");
    for line in doc.lines().take(1) {
        text.push_str(&format!("    {line}\n"));
    }
    if !word("owner").is_empty() {
        text.push_str(&format!("    owner: {}\n", word("owner")));
    }
    text.push('\n');
    text
}
