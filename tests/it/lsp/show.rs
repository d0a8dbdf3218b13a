//! Answers of the server in a form that can be read.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::client::{Client, apply, offset};

pub fn diagnostics(client: &Client, file: &str) -> String {
    let mut out = String::new();
    let told = client.told.get(&client.uri(file)).map(|t| t["diagnostics"].clone()).unwrap_or_default();
    for d in told.as_array().into_iter().flatten() {
        let severity = ["", "error", "warning", "note", "hint"][usize::try_from(d["severity"].as_u64().unwrap_or(0)).unwrap_or(0)];
        let message = d["message"].as_str().unwrap_or("").replace('\n', "\n    ");
        let _ = writeln!(out, "{} {severity} {} {message}", range(&d["range"]), d["code"].as_str().unwrap_or(""));
        for related in d["relatedInformation"].as_array().into_iter().flatten() {
            let place = location(client, &related["location"]);
            let _ = writeln!(out, "    {place} {}", related["message"].as_str().unwrap_or(""));
        }
        if d["tags"].is_array() {
            let _ = writeln!(out, "    shown pale");
        }
    }
    if out.is_empty() { "nothing\n".into() } else { out }
}

pub fn text(client: &Client, file: &str) -> String {
    client.texts[file].1.lines().map(|l| format!("    {l}").trim_end().to_string() + "\n").collect()
}

/// `2:5-2:11`, from 1.
fn range(range: &Value) -> String {
    let place = |end: &str| {
        let p = &range[end];
        format!("{}:{}", p["line"].as_u64().unwrap_or(0) + 1, p["character"].as_u64().unwrap_or(0) + 1)
    };
    format!("{}-{}", place("start"), place("end"))
}

fn location(client: &Client, location: &Value) -> String {
    format!("{} {}", client.file_of(location["uri"].as_str().unwrap_or("")), range(&location["range"]))
}

pub fn asked(client: &mut Client, verb: &str, rest: &[&str]) -> String {
    let file = rest.first().copied().unwrap_or("");
    let document = json!({ "textDocument": { "uri": client.uri(file) } });
    let at = |client: &Client| client.place(file, rest[1]);
    match verb {
        "hover" => {
            let answer = client.request("textDocument/hover", at(client));
            lines(answer["result"]["contents"]["value"].as_str().unwrap_or("nothing"))
        }
        "definition" => {
            let answer = client.request("textDocument/definition", at(client));
            if answer["result"].is_null() { "nothing\n".into() } else { location(client, &answer["result"]) + "\n" }
        }
        "references" => {
            let mut params = at(client);
            params["context"] = json!({ "includeDeclaration": true });
            let answer = client.request("textDocument/references", params);
            list(&answer["result"], |l| location(client, l))
        }
        "highlight" => {
            let answer = client.request("textDocument/documentHighlight", at(client));
            list(&answer["result"], |h| format!("{} {}", range(&h["range"]), if h["kind"] == 3 { "write" } else { "read" }))
        }
        "rename" => {
            let ready = client.request("textDocument/prepareRename", at(client));
            if let Some(error) = ready.get("error") {
                return format!("refused: {}\n", error["message"].as_str().unwrap_or(""));
            }
            let mut params = at(client);
            params["newName"] = json!(rest[2]);
            let answer = client.request("textDocument/rename", params);
            if let Some(error) = answer.get("error") {
                return format!("refused: {}\n", error["message"].as_str().unwrap_or(""));
            }
            edits(client, &answer["result"])
        }
        "actions" => {
            let answer = client.actions(file, rest[1]);
            let mut out = String::new();
            for action in answer["result"].as_array().into_iter().flatten() {
                let _ = writeln!(out, "{} ({})", action["title"].as_str().unwrap_or(""), action["kind"].as_str().unwrap_or(""));
                out.push_str(&edits(client, &action["edit"]).lines().map(|l| format!("    {l}\n")).collect::<String>());
            }
            if out.is_empty() { "nothing\n".into() } else { out }
        }
        "complete" => {
            let answer = client.request("textDocument/completion", at(client));
            completion(&answer["result"]["items"], rest.get(2).copied())
        }
        "signature" => {
            let answer = client.request("textDocument/signatureHelp", at(client));
            let found = &answer["result"];
            if found.is_null() {
                return "nothing\n".into();
            }
            let active = usize::try_from(found["activeSignature"].as_u64().unwrap_or(0)).unwrap_or(0);
            let signature = &found["signatures"][active];
            let argument = usize::try_from(found["activeParameter"].as_u64().unwrap_or(0)).unwrap_or(0);
            format!("{}\nargument {}\n", signature["label"].as_str().unwrap_or(""), signature["parameters"][argument]["label"])
        }
        "symbols" => {
            let answer = client.request("textDocument/documentSymbol", document);
            let mut out = String::new();
            tree(&answer["result"], 0, &mut out);
            out
        }
        "find" => {
            let answer = client.request("workspace/symbol", json!({ "query": rest[0] }));
            list(&answer["result"], |s| {
                let within = s["containerName"].as_str().map(|c| format!(" of {c}")).unwrap_or_default();
                format!("{}{within} {}", s["name"].as_str().unwrap_or(""), location(client, &s["location"]))
            })
        }
        "fold" => {
            let answer = client.request("textDocument/foldingRange", document);
            list(&answer["result"], |f| {
                let line = |end: &str| f[end].as_u64().unwrap_or(0) + 1;
                format!("{}-{} {}", line("startLine"), line("endLine"), f["kind"].as_str().unwrap_or("block"))
            })
        }
        "tokens" => {
            let answer = client.request("textDocument/semanticTokens/full", document);
            tokens(&client.texts[file].1, &answer["result"]["data"])
        }
        "tokens-part" => {
            let line = |at: usize| rest[at].parse::<u64>().expect("a line") - 1;
            let mut params = document;
            params["range"] = json!({ "start": { "line": line(1), "character": 0 }, "end": { "line": line(2) + 1, "character": 0 } });
            let answer = client.request("textDocument/semanticTokens/range", params);
            tokens(&client.texts[file].1, &answer["result"]["data"])
        }
        "hints" => {
            let end = json!({ "line": 100_000, "character": 0 });
            let mut params = document;
            params["range"] = json!({ "start": { "line": 0, "character": 0 }, "end": end });
            let answer = client.request("textDocument/inlayHint", params);
            let text = client.texts[file].1.clone();
            list(&answer["result"], |h| {
                let at = offset(&text, &h["position"]);
                let start = text[..at].rfind('\n').map_or(0, |i| i + 1);
                format!("{}«{}»  {}", text[start..at].trim_start(), h["label"].as_str().unwrap_or(""), h["tooltip"].as_str().unwrap_or(""))
            })
        }
        "lens" => {
            let answer = client.request("textDocument/codeLens", document);
            list(&answer["result"], |l| format!("{} {}", range(&l["range"]), l["command"]["title"].as_str().unwrap_or("")))
        }
        "run" => {
            let argument = json!({ "uri": client.uri(file), rest[1]: rest[2] });
            let answer = client.request("workspace/executeCommand", json!({ "command": "dqc.runTests", "arguments": [argument] }));
            client.settle();
            format!("{}\n{}\n{}", answer["result"], client.shown.drain(..).collect::<Vec<_>>().join("\n"), diagnostics(client, file))
        }
        "format" | "format-part" | "typed" => {
            let mut params = document;
            params["options"] = json!({ "tabSize": 4, "insertSpaces": true });
            let method = match verb {
                "format" => "formatting",
                "format-part" => {
                    let place = at(client)["position"].clone();
                    params["range"] = json!({ "start": place, "end": place });
                    "rangeFormatting"
                }
                _ => {
                    params["position"] = at(client)["position"].clone();
                    params["ch"] = json!(rest[2]);
                    "onTypeFormatting"
                }
            };
            let answer = client.request(&format!("textDocument/{method}"), params);
            let after = apply(&client.texts[file].1, &answer["result"]);
            after.lines().map(|l| format!("    {l}").trim_end().to_string() + "\n").collect()
        }
        other => panic!("a session has no `{other}`"),
    }
}

fn lines(text: &str) -> String {
    text.trim_end().lines().map(|l| format!("    {l}").trim_end().to_string() + "\n").collect()
}

fn list(found: &Value, line: impl Fn(&Value) -> String) -> String {
    let all: String = found.as_array().into_iter().flatten().map(|v| line(v) + "\n").collect();
    if all.is_empty() { "nothing\n".into() } else { all }
}

fn edits(client: &Client, edit: &Value) -> String {
    let mut out = Vec::new();
    for (uri, edits) in edit["changes"].as_object().into_iter().flatten() {
        for e in edits.as_array().into_iter().flatten() {
            out.push(format!("{} {} {}\n", client.file_of(uri), range(&e["range"]), e["newText"]));
        }
    }
    out.sort();
    out.concat()
}

/// All labels, or what is offered for those that are asked for.
fn completion(items: &Value, wanted: Option<&str>) -> String {
    let items = items.as_array().cloned().unwrap_or_default();
    let one = |i: &Value| {
        let detail = i["detail"].as_str().map(|d| format!("  {d}")).unwrap_or_default();
        format!("{} => {}{detail}\n", i["label"].as_str().unwrap_or(""), i["textEdit"]["newText"])
    };
    match wanted {
        None => {
            let mut labels: Vec<&str> = items.iter().filter_map(|i| i["label"].as_str()).collect();
            labels.sort_unstable();
            format!("{}\n", if labels.is_empty() { "nothing".to_string() } else { labels.join(", ") })
        }
        Some(wanted) => wanted
            .split(", ")
            .map(|w| items.iter().find(|i| i["label"] == w).map_or(format!("{w}: not offered\n"), one))
            .collect(),
    }
}

fn tree(symbols: &Value, depth: usize, out: &mut String) {
    for s in symbols.as_array().into_iter().flatten() {
        let detail = s["detail"].as_str().map(|d| format!("  {d}")).unwrap_or_default();
        let _ = writeln!(out, "{}{} {}{detail}", "    ".repeat(depth), range(&s["selectionRange"]), s["name"].as_str().unwrap_or(""));
        tree(&s["children"], depth + 1, out);
    }
}

fn tokens(text: &str, data: &Value) -> String {
    const NAMES: [&str; 13] = [
        "keyword", "comment", "string", "number", "operator", "layer", "dataset", "column", "rule", "type", "function",
        "parameter", "name",
    ];
    let numbers: Vec<usize> =
        data.as_array().into_iter().flatten().map(|n| usize::try_from(n.as_u64().unwrap_or(0)).unwrap_or(0)).collect();
    let lines: Vec<Vec<u16>> = text.lines().map(|l| l.encode_utf16().collect()).collect();
    let (mut line, mut column, mut out) = (0, 0, String::new());
    for t in numbers.chunks(5) {
        column = if t[0] == 0 { column + t[1] } else { t[1] };
        if t[0] > 0 && !out.is_empty() {
            out.push('\n');
        }
        line += t[0];
        let word = String::from_utf16_lossy(&lines[line][column..column + t[2]]);
        let flags = ["!", "*", "?"].iter().enumerate().filter(|(i, _)| t[4] & (1 << i) != 0).map(|(_, f)| *f).collect::<String>();
        let _ = write!(out, "{}{word}:{}{flags}", if out.is_empty() || out.ends_with('\n') { "" } else { " " }, NAMES[t[3]]);
    }
    out + "\n"
}
