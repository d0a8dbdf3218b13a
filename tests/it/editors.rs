//! The grammars that editors colour by, held against the grammar that decides.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use dqc::ide::tokens::TokenKind;
use dqc::ide::{Setting, Workspace};
use dqc::source::FileId;
use regex::Regex;
use serde_json::{Value, json};

use crate::root;

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The words of the `kw_…` rules, as pest's own reader of grammars finds them.
fn keywords() -> BTreeSet<String> {
    let grammar = read("grammar/dq.pest");
    let pairs = pest_meta::parser::parse(pest_meta::parser::Rule::grammar_rules, &grammar).expect("the grammar is one of pest's");
    let rules = pest_meta::parser::consume_rules(pairs).expect("the grammar's rules");
    let literal = |e: &pest_meta::ast::Expr| {
        let mut found = None;
        for part in e.iter_top_down() {
            if let pest_meta::ast::Expr::Str(s) | pest_meta::ast::Expr::Insens(s) = part {
                found = found.or(Some(s));
            }
        }
        found
    };
    let words: BTreeSet<String> =
        rules.iter().filter(|r| r.name.starts_with("kw_")).map(|r| literal(&r.expr).expect("a keyword's letters")).collect();
    assert!(words.len() > 100, "{words:?}");
    words
}

fn hold(name: &str, found: &BTreeSet<String>) {
    let wanted = keywords();
    let missing: Vec<_> = wanted.difference(found).collect();
    assert!(missing.is_empty(), "{name} does not know {missing:?}");
    let base: BTreeSet<String> = dqc::check::types::BASE_NAMES.iter().map(|n| (*n).to_string()).collect();
    let strange: Vec<_> = found.iter().filter(|w| !wanted.contains(*w) && !base.contains(*w)).collect();
    assert!(strange.is_empty(), "{name} knows words that the language has not: {strange:?}");
}

#[test]
fn the_server_knows_the_words() {
    hold("syntax::keywords", &dqc::syntax::keywords().iter().cloned().collect());
}

#[test]
fn the_textmate_grammar_knows_the_words() {
    let grammar: Value = serde_json::from_str(&read("editors/vscode/syntaxes/dq.tmLanguage.json")).expect("JSON");
    let alternatives = Regex::new(r"\(\?:([a-z_|]+)\)\(\?!\[A-Za-z").expect("a regular expression");
    let mut found = BTreeSet::new();
    for section in ["keywords", "types", "literals"] {
        for pattern in grammar["repository"][section]["patterns"].as_array().expect("patterns") {
            for list in alternatives.captures_iter(pattern["match"].as_str().expect("a match")) {
                found.extend(list[1].split('|').map(str::to_string).filter(|w| w != "millisecond" && w.len() > 1));
            }
        }
    }
    // What every include names is there.
    let text = grammar.to_string();
    for name in Regex::new(r##""include":"#(\w+)""##).expect("a regular expression").captures_iter(&text) {
        assert!(grammar["repository"].get(&name[1]).is_some(), "#{} is not in the repository", &name[1]);
    }
    for unit in ["second", "minute", "hour", "week", "month", "year"] {
        found.remove(unit);
    }
    hold("dq.tmLanguage.json", &found);
}

#[test]
fn the_tree_sitter_highlights_know_the_words() {
    let text = read("editors/tree-sitter-dq/queries/highlights.scm");
    let word = Regex::new(r#""([a-z_]+)""#).expect("a regular expression");
    hold("highlights.scm", &word.captures_iter(&text).map(|c| c[1].to_string()).collect());
}

/// Every `.dq` file that parses without a finding.
fn valid() -> Vec<PathBuf> {
    let folders = ["rules", "stdlib", "tests/corpus", "tests/format", "tests/compat"];
    let files = folders.iter().flat_map(|f| walkdir::WalkDir::new(root().join(f)).sort_by_file_name()).filter_map(Result::ok);
    let files = files.map(walkdir::DirEntry::into_path).filter(|p| p.extension().is_some_and(|e| e == "dq"));
    let parses = |p: &PathBuf| std::fs::read_to_string(p).is_ok_and(|t| dqc::syntax::parse(FileId(0), &t).diagnostics.is_empty());
    let found: Vec<_> = files.filter(parses).collect();
    assert!(found.len() > 30, "only {} files", found.len());
    found
}

#[test]
fn tree_sitter_parses_what_is_valid() {
    let Some(python) = std::env::var_os("DQC_TEST_PYTHON") else {
        println!("skipped: no Python; see tests/README.md");
        return;
    };
    let here = tempfile::tempdir().expect("a temporary folder");
    let output = Command::new(python)
        .arg(root().join("tests/it/parse_valid.py"))
        .arg(root().join("editors/tree-sitter-dq"))
        .arg(here.path())
        .args(valid())
        .output()
        .expect("Python starts");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    print!("{said}");
    assert!(output.status.success(), "{said}");
}

fn node() -> Option<PathBuf> {
    let found = std::env::var_os("DQC_TEST_NODE").map(PathBuf::from).filter(|p| p.join("node_modules").is_dir());
    if found.is_none() {
        println!("skipped: no packages of npm; see tests/README.md");
    }
    found
}

fn run(command: &mut Command) {
    let output = command.output().expect("node starts");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
}

#[test]
fn the_textmate_grammar_passes_its_test() {
    let Some(node) = node() else { return };
    run(Command::new(node.join("node_modules/.bin/vscode-tmgrammar-test"))
        .current_dir(root())
        .args(["-g", "editors/vscode/syntaxes/dq.tmLanguage.json", "editors/vscode/test/grammar.txt"]));
}

/// No region is left open at a file's end, and every word that the server calls a keyword is coloured.
#[test]
fn the_textmate_grammar_leaves_nothing_open_and_no_keyword_plain() {
    let Some(node) = node() else { return };
    let mut cases = Vec::new();
    for path in valid() {
        let text = std::fs::read_to_string(&path).expect("a file");
        let name = "case.dq";
        let mut workspace = Workspace::new(Setting::default(), &[(name.to_string(), text.clone())].into());
        let file = workspace.find(name).expect("the file");
        let view = workspace.view();
        let words: Vec<[usize; 3]> = view
            .tokens(file)
            .iter()
            .filter(|t| t.kind == TokenKind::Keyword && text[t.range.clone()] != *"it")
            .map(|t| {
                let (line, column) = view.source(file).utf16(t.range.start);
                [line as usize, column as usize, t.range.len()]
            })
            .collect();
        cases.push(json!({ "path": path, "text": text, "keywords": words }));
    }
    let here = tempfile::tempdir().expect("a temporary folder");
    let list = here.path().join("cases.json");
    std::fs::write(&list, Value::from(cases).to_string()).expect("a file");
    run(Command::new("node").arg(root().join("tests/it/textmate.js")).arg(&node).arg(grammar()).arg(&list));
}

fn grammar() -> PathBuf {
    Path::new(root()).join("editors/vscode/syntaxes/dq.tmLanguage.json")
}

/// The package as it is installed: what it holds, and that the editor's own packer takes it too.
#[test]
fn the_extension_is_packed() {
    let Some(node) = node() else { return };
    let here = tempfile::tempdir().expect("a temporary folder");
    let package = here.path().join("dqc.vsix");
    run(Command::new("bash").arg(root().join("editors/vscode/package.sh")).arg(&package).env("DQC_TEST_NODE", &node));
    run(Command::new("python3").args(["-m", "zipfile", "-e"]).args([&package, here.path()]));
    let extension = here.path().join("extension");
    let manifest = std::fs::read_to_string(here.path().join("extension.vsixmanifest")).expect("a manifest");
    let described: Value = serde_json::from_str(&std::fs::read_to_string(extension.join("package.json")).expect("a package")).expect("JSON");
    let identity = format!("Id=\"{}\" Version=\"{}\"", described["name"].as_str().expect("a name"), described["version"].as_str().expect("a version"));
    assert!(manifest.contains(&identity), "{manifest}");
    for path in ["out/extension.js", "syntaxes/dq.tmLanguage.json", "snippets/dq.json", "language-configuration.json", "LICENSE.txt"] {
        assert!(extension.join(path).is_file(), "{path} is not in the package");
    }
    run(Command::new("node").arg("--check").arg(extension.join("out/extension.js")));
    run(Command::new(node.join("node_modules/.bin/vsce"))
        .args(["package", "--no-dependencies", "--allow-missing-repository", "--out"])
        .arg(here.path().join("again.vsix"))
        .current_dir(&extension));
    assert!(here.path().join("again.vsix").is_file());
}

#[test]
fn the_extension_names_only_files_that_are_there() {
    let package: Value = serde_json::from_str(&read("editors/vscode/package.json")).expect("JSON");
    let text = package["contributes"].to_string();
    for path in Regex::new(r#""(\./[^"]+)""#).expect("a regular expression").captures_iter(&text) {
        let file = root().join("editors/vscode").join(&path[1]);
        serde_json::from_str::<Value>(&std::fs::read_to_string(&file).unwrap_or_else(|_| panic!("{} is not there", &path[1]))).expect("JSON");
    }
    let version = package["version"].as_str().expect("a version");
    assert_eq!(version, env!("CARGO_PKG_VERSION"), "the extension has the program's version");
}
