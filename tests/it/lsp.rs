//! Scripted sessions of an editor with the real server over stdin and stdout. A file of `tests/lsp` holds a project's files
//! behind `--- NAME`, then `--- session` and lines `$ …`: what the editor asks; below each stands what must come back.
//! A place in a file is a quoted piece of its text with `|` where the cursor is. `UPDATE=1` rewrites what came back.

pub mod client;
mod neovim;
mod show;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::root;
use client::Client;

#[test]
fn sessions_hold() {
    let mut cases: Vec<_> =
        fs::read_dir(root().join("tests/lsp")).expect("tests/lsp").map(|e| e.expect("a file").path()).collect();
    cases.retain(|p| p.extension().is_some_and(|e| e == "txt"));
    cases.sort();
    assert!(!cases.is_empty(), "tests/lsp holds no session");
    let mut faults = String::new();
    for path in cases {
        let expected = fs::read_to_string(&path).expect("a session is UTF-8");
        let found = replay(&expected);
        if found == expected {
            continue;
        }
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, found).expect("a session can be written");
            continue;
        }
        let diff = similar::TextDiff::from_lines(&expected, &found);
        let _ = writeln!(faults, "{}:\n{}", path.display(), diff.unified_diff().context_radius(2));
    }
    assert!(faults.is_empty(), "\n{faults}\nUPDATE=1 rewrites the sessions; read the difference before you keep it\n");
}

/// What the server offers, and what asks for it in a session.
const ASKED: &[(&str, &[&str])] = &[
    ("textDocumentSync", &["open", "change", "close"]),
    ("hoverProvider", &["hover"]),
    ("completionProvider", &["complete"]),
    ("signatureHelpProvider", &["signature"]),
    ("definitionProvider", &["definition"]),
    ("referencesProvider", &["references"]),
    ("documentHighlightProvider", &["highlight"]),
    ("documentSymbolProvider", &["symbols"]),
    ("workspaceSymbolProvider", &["find"]),
    ("codeActionProvider", &["actions", "apply"]),
    ("codeLensProvider", &["lens"]),
    ("documentFormattingProvider", &["format"]),
    ("documentRangeFormattingProvider", &["format-part"]),
    ("documentOnTypeFormattingProvider", &["typed"]),
    ("renameProvider", &["rename"]),
    ("foldingRangeProvider", &["fold"]),
    ("executeCommandProvider", &["run"]),
    ("inlayHintProvider", &["hints"]),
    ("semanticTokensProvider", &["tokens", "tokens-part"]),
];

#[test]
fn sessions_ask_for_all_that_is_offered() {
    let sessions: String = fs::read_dir(root().join("tests/lsp"))
        .expect("tests/lsp")
        .filter_map(|e| fs::read_to_string(e.expect("a file").path()).ok())
        .collect();
    let here = tempfile::tempdir().expect("a temporary folder");
    let client = Client::start(here.path());
    for (offer, _) in client.offered.as_object().expect("capabilities") {
        // Folders are the project's affair: what is opened finds its own.
        if offer == "workspace" {
            continue;
        }
        let (_, verbs) = ASKED.iter().find(|(name, _)| name == offer).unwrap_or_else(|| panic!("{offer} is asked for in no session"));
        for verb in *verbs {
            assert!(sessions.lines().any(|line| line.split(' ').take(2).eq(["$", verb])), "no session asks for `{verb}`, which is of {offer}");
        }
    }
    assert_eq!(client.offered["hoverProvider"], json!(true));
    assert_eq!(client.end(), Some(0));
}

#[test]
fn no_text_ends_the_server() {
    let here = tempfile::tempdir().expect("a temporary folder");
    let mut client = Client::start(here.path());
    let texts: Vec<String> = fs::read_dir(root().join("tests/fuzz/seeds"))
        .expect("seeds")
        .filter_map(|e| fs::read_to_string(e.expect("a seed").path()).ok())
        .chain([String::new(), "\u{0}".into(), "contract \u{1F600} { columns {".into(), "(".repeat(5_000), "fn f(".into()])
        .collect();
    for (i, text) in texts.iter().enumerate() {
        let uri = client.open(&format!("t{i}.dq"), text);
        let lines = u32::try_from(text.lines().count()).unwrap_or(0);
        for at in [(0, 0), (lines / 2, 7), (lines, 0), (u32::MAX, u32::MAX)] {
            for method in ["hover", "completion", "signatureHelp", "definition", "documentHighlight", "prepareRename"] {
                let place = json!({ "textDocument": { "uri": uri }, "position": { "line": at.0, "character": at.1 } });
                client.request(&format!("textDocument/{method}"), place);
            }
        }
        for method in ["documentSymbol", "foldingRange", "semanticTokens/full", "codeLens", "formatting"] {
            let params = json!({ "textDocument": { "uri": uri }, "options": { "tabSize": 4, "insertSpaces": true } });
            let answer = client.request(&format!("textDocument/{method}"), params);
            assert!(answer.get("error").is_none(), "{method} of {text:?}: {answer}");
        }
    }
    assert_eq!(client.end(), Some(0));
}

#[test]
fn what_is_no_longer_wanted_is_refused() {
    let here = tempfile::tempdir().expect("a temporary folder");
    let mut client = Client::start(here.path());
    let uri = client.open("a.dq", "type A = int\n");
    // One write, so that the server finds both before it begins.
    let first = client.next_id();
    let ask = |id: i64| json!({ "jsonrpc": "2.0", "id": id, "method": "textDocument/documentSymbol", "params": { "textDocument": { "uri": uri } } });
    let cancel = |id: i64| json!({ "jsonrpc": "2.0", "method": "$/cancelRequest", "params": { "id": id } });
    let mut batch = Vec::new();
    for i in 0..50 {
        batch.push(ask(first + i));
    }
    for i in 1..50 {
        batch.push(cancel(first + i));
    }
    client.send_all(&batch);
    let answers: Vec<Value> = (0..50).map(|i| client.answer(first + i)).collect();
    assert!(answers[0].get("result").is_some(), "{}", answers[0]);
    let refused = answers.iter().filter(|a| a.pointer("/error/code") == Some(&json!(-32800))).count();
    assert!(refused > 0, "no request was refused as cancelled");
    assert!(answers.iter().all(|a| a.get("result").is_some() || a.get("error").is_some()));
    assert_eq!(client.end(), Some(0));
}

#[test]
fn an_editor_that_vanishes_is_noticed() {
    let here = tempfile::tempdir().expect("a temporary folder");
    let mut client = Client::start(here.path());
    client.open("a.dq", "type A = int\n");
    assert_eq!(client.vanish(), Some(20));
}

fn replay(session: &str) -> String {
    let here = tempfile::tempdir().expect("a temporary folder");
    let real = here.path().canonicalize().expect("a folder");
    let (head, script) = session.split_once("--- session\n").expect("`--- session`");
    for part in head.split("--- ").skip(1) {
        let (name, text) = part.split_once('\n').expect("a file's name");
        let path = real.join(name.trim());
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
        fs::write(path, text.strip_suffix('\n').map_or(text, |t| if t.ends_with('\n') { t } else { text })).expect("a file can be written");
    }
    let mut out = format!("{head}--- session\n");
    let mut client = Client::start(&real);
    for (i, line) in script.lines().filter(|l| l.starts_with("$ ")).enumerate() {
        let _ = writeln!(out, "{}{line}", if i > 0 { "\n" } else { "" });
        let found = step(&mut client, &real, &line[2..]);
        out.push_str(&found.replace(&*real.to_string_lossy(), "<here>"));
    }
    assert_eq!(client.end(), Some(0), "the server went in order");
    out
}

/// One line of a session, and what comes back.
fn step(client: &mut Client, here: &Path, line: &str) -> String {
    let words = words(line);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["open", file] => {
            let text = fs::read_to_string(here.join(file)).expect("a file to open");
            client.open(file, &text);
            show::diagnostics(client, file)
        }
        ["change", file, old, new] => {
            client.change(file, old, new);
            show::diagnostics(client, file)
        }
        ["close", file] => {
            client.close(file);
            show::diagnostics(client, file)
        }
        ["findings", file] => show::diagnostics(client, file),
        ["write", file, text] => {
            fs::write(here.join(file), text).expect("a file can be written");
            client.notify("workspace/didChangeWatchedFiles", json!({ "changes": [{ "uri": client.uri(file), "type": 2 }] }));
            client.settle();
            String::new()
        }
        ["apply", file, at, title] => {
            let answer = client.actions(file, at);
            let action = answer["result"].as_array().and_then(|a| a.iter().find(|a| a["title"] == *title)).cloned();
            let Some(action) = action else { return format!("no action {title:?}\n") };
            client.apply(&action["edit"]);
            show::text(client, file)
        }
        ["request", method, params] => {
            let params: Value = serde_json::from_str(params).expect("JSON");
            let answer = client.request(method, params);
            format!("{}\n", answer.get("error").or(answer.get("result")).unwrap_or(&Value::Null))
        }
        [verb, rest @ ..] => show::asked(client, verb, rest),
        [] => String::new(),
    }
}

/// Words between blanks; a quoted one is JSON's.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        if rest.starts_with('"') {
            let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<String>();
            words.push(stream.next().expect("a quoted word").expect("JSON's quotes"));
            rest = rest[stream.byte_offset()..].trim_start();
        } else {
            let end = rest.find(' ').unwrap_or(rest.len());
            words.push(rest[..end].to_string());
            rest = rest[end..].trim_start();
        }
    }
    words
}
