//! Findings as SARIF 2.1.0, for code hosts and editors that read it.

use serde_json::{Value, json};

use super::fingerprint::fingerprints;
use super::{Code, Diagnostic, Edit, Fix, Label, Severity};
use crate::source::{SourceMap, Span};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// What paths are relative to: the repository's folder, wherever a reader has it.
const ROOT: &str = "SRCROOT";

/// The whole document, with a closing line break. `base`: the project's folder in the repository, with a closing slash.
pub fn document(sources: &SourceMap, found: &[Diagnostic], base: &str) -> String {
    let mut codes: Vec<Code> = found.iter().map(|finding| finding.code).collect();
    codes.sort_unstable();
    codes.dedup();
    let writer = Writer { sources, base };
    let prints = fingerprints(sources, found, base);
    let results: Vec<Value> = found
        .iter()
        .zip(prints)
        .map(|(finding, print)| writer.result(finding, codes.iter().position(|code| *code == finding.code), &print))
        .collect();
    let version = env!("CARGO_PKG_VERSION");
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "dqc",
                "fullName": format!("dqc {version}"),
                "version": version,
                "semanticVersion": version,
                "shortDescription": { "text": "Checks data contracts without touching data." },
                "fullDescription": { "text": "Finds what is wrong with data contracts before any data is read: in names, types, rules and promotions." },
                "rules": codes.iter().map(|code| rule(*code)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": { ROOT: { "description": { "text": "The folder of the repository." } } },
            "results": results,
        }],
    });
    serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
}

fn rule(code: Code) -> Value {
    json!({
        "id": code.name(),
        "name": words(code.title()),
        "shortDescription": { "text": sentence(code.title()) },
        "fullDescription": { "text": sentence(first_paragraph(code.page()).unwrap_or(code.title())) },
        "help": { "text": code.page(), "markdown": code.page() },
        "defaultConfiguration": { "level": code.severity().name() },
    })
}

/// `ANameThatIsNotDeclared`
fn words(title: &str) -> String {
    let word = |word: &str| {
        let plain: String = word.chars().filter(char::is_ascii_alphanumeric).collect();
        let mut chars = plain.chars();
        chars.next().map_or(String::new(), |first| first.to_ascii_uppercase().to_string() + chars.as_str())
    };
    title.split_whitespace().map(word).collect()
}

/// Of a page, below its heading.
fn first_paragraph(page: &str) -> Option<&str> {
    page.split("\n\n").map(str::trim).find(|part| !part.is_empty() && !part.starts_with(['#', '`']))
}

/// With a capital at its beginning and a full stop at its end.
fn sentence(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut chars = text.chars();
    let text = chars.next().map_or(String::new(), |first| first.to_uppercase().to_string() + chars.as_str());
    if text.ends_with(['.', '?', '!']) { text } else { text + "." }
}

struct Writer<'a> {
    sources: &'a SourceMap,
    base: &'a str,
}

impl Writer<'_> {
    fn result(&self, finding: &Diagnostic, index: Option<usize>, fingerprint: &str) -> Value {
        let mut message = sentence(&finding.message);
        for more in [&finding.primary.text].into_iter().chain(&finding.help).chain(&finding.notes) {
            if !more.is_empty() {
                message = format!("{message} {}", sentence(more));
            }
        }
        let mut result = json!({
            "ruleId": finding.code.name(),
            "ruleIndex": index,
            "level": match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Note => "note",
            },
            "message": { "text": message },
            "locations": [{ "physicalLocation": self.place(finding.primary.span) }],
            "partialFingerprints": { "dqc/v1": fingerprint },
        });
        if !finding.secondary.is_empty() {
            let related = |(i, label): (usize, &Label)| {
                json!({
                    "id": i + 1,
                    "message": { "text": sentence(&label.text) },
                    "physicalLocation": self.place(label.span),
                })
            };
            result["relatedLocations"] = finding.secondary.iter().enumerate().map(related).collect();
        }
        if let Some(fix) = &finding.fix {
            result["fixes"] = json!([self.fix(fix)]);
        }
        result
    }

    fn fix(&self, fix: &Fix) -> Value {
        let mut files: Vec<crate::source::FileId> = fix.edits.iter().map(|edit| edit.span.file).collect();
        files.sort_unstable();
        files.dedup();
        let replacement = |edit: &Edit| {
            json!({ "deletedRegion": self.region(edit.span), "insertedContent": { "text": edit.text } })
        };
        let change = |file: &crate::source::FileId| {
            let edits = fix.edits.iter().filter(|edit| edit.span.file == *file);
            json!({
                "artifactLocation": self.artifact(*file),
                "replacements": edits.map(replacement).collect::<Vec<_>>(),
            })
        };
        json!({
            "description": { "text": sentence(&fix.title) },
            "artifactChanges": files.iter().map(change).collect::<Vec<_>>(),
        })
    }

    fn place(&self, span: Span) -> Value {
        let mut region = self.region(span);
        let text = self.sources.slice(span);
        if !text.is_empty() {
            region["snippet"] = json!({ "text": text });
        }
        json!({ "artifactLocation": self.artifact(span.file), "region": region })
    }

    fn artifact(&self, file: crate::source::FileId) -> Value {
        json!({ "uri": uri(&format!("{}{}", self.base, self.sources.get(file).path)), "uriBaseId": ROOT })
    }

    /// Lines and columns count from 1; the end is behind the last character.
    fn region(&self, span: Span) -> Value {
        let file = self.sources.get(span.file);
        let (start, end) = (file.place(span.start as usize), file.place(span.end as usize));
        json!({
            "startLine": start.line,
            "startColumn": start.column,
            "endLine": end.line,
            "endColumn": end.column,
        })
    }
}

/// A path as a relative reference of RFC 3986.
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=@".contains(&byte);
    let one = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    path.bytes().map(one).collect()
}
