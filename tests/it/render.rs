//! Findings as people and programs see them.

use dqc::diagnostics::paint::Paint;
use dqc::diagnostics::render::Renderer;
use dqc::diagnostics::{Code, Diagnostic, Edit, fix, json};
use dqc::source::{FileId, SourceFile, SourceMap, Span};

const ORDERS: &str = "contract silver.orders @ 1.0.0 {
    columns { id: bigint key }
    rules {
        café: amont > 0 else warn
    }
}
";

fn map(text: &str) -> SourceMap {
    let mut map = SourceMap::default();
    map.add(SourceFile::new("silver/orders.dq", text));
    map
}

/// The span of the first place where the words stand.
fn at(text: &str, words: &str) -> Span {
    let start = text.find(words).expect("the words stand in the text");
    Span::new(FileId(0), start, start + words.len())
}

fn render(map: &SourceMap, finding: &Diagnostic) -> String {
    Renderer::new(map, Paint { color: false, width: 80 }, "").finding(finding)
}

fn full() -> Diagnostic {
    Diagnostic::new(
        Code::DQ0101,
        "`silver.orders` has no column `amont`",
        at(ORDERS, "amont"),
        "the nearest is `amount`",
    )
    .with_secondary(at(ORDERS, "silver.orders"), "its columns are declared here")
    .with_help("a rule can name the columns of its contract, and what is declared with `fn` in this file or in one that it uses")
    .with_note("names are found whatever their case")
    .with_replacement("write `amount`", at(ORDERS, "amont"), "amount")
}

#[test]
fn a_finding_shows_the_place_the_reason_and_the_fix() {
    let expected = "\
error[DQ0101]: `silver.orders` has no column `amont`
   ╭─[ silver/orders.dq:4:15 ]
   │
 1 │ contract silver.orders @ 1.0.0 {
   │          ──────┬──────
   │                ╰──────── its columns are declared here
   │
 4 │         café: amont > 0 else warn
   │               ──┬──
   │                 ╰──── the nearest is `amount`
   │
   │ help: a rule can name the columns of its contract, and what is declared
   │       with `fn` in this file or in one that it uses
   │ note: names are found whatever their case
   │ fix: write `amount`
   │
 4 -         café: amont > 0 else warn
 4 +         café: amount > 0 else warn
───╯

";
    let shown = render(&map(ORDERS), &full());
    assert_eq!(shown, expected, "\n{shown}");
}

#[test]
fn every_place_can_be_pointed_at() {
    for text in ["", "a", "a\n", "é", "a\r\nb\r\n", "\n\n", "a\u{2028}b\n漢字\tx", "x\u{1b}[31my"] {
        let map = map(text);
        for start in 0..=text.len() + 2 {
            for end in start..=text.len() + 2 {
                let finding = Diagnostic::new(Code::DQ0101, "m", Span::new(FileId(0), start, end), "here");
                let shown = render(&map, &finding);
                assert!(
                    shown.contains("error[DQ0101]: m") && !shown.contains('\u{1b}'),
                    "{text:?} {start}..{end}\n{shown}"
                );
                assert!(
                    text.is_empty() || shown.contains("╰") && shown.contains("here"),
                    "{text:?} {start}..{end}\n{shown}"
                );
            }
        }
    }
}

#[test]
fn text_from_strangers_does_not_act_on_the_terminal() {
    let text = "a\u{1b}[31m\u{202e}b\n";
    let finding = Diagnostic::new(Code::DQ0101, "m\u{1b}]0;x\u{7}", at(text, "b"), "l\u{202e}").with_help("h\u{9b}");
    let shown = render(&map(text), &finding);
    assert!(shown.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'), "{shown:?}");
}

#[test]
fn no_format_of_check_lets_a_contract_act_on_who_reads_it() {
    let here = tempfile::tempdir().expect("a temporary folder");
    let contract = "contract silver.orders @ 1.0.0 {
    columns {
        id: bigint key
        `a\u{202e}b`: strin
    }
    rules {
        r: `we\u{1b}[2Jird` > 1 // \u{2066} hidden
        s: id > 0 \u{7} and \"x\u{9b}31m\" = 1
    }
}
";
    std::fs::write(here.path().join("dqc.toml"), "[project]\nname = \"x\"\nlanguage = 1\n").expect("dqc.toml");
    std::fs::write(here.path().join("a\u{1b}[31m\u{202e}.dq"), contract).expect("a contract");
    for format in ["text", "json", "junit", "gitlab", "sarif", "github"] {
        let check = std::process::Command::new(env!("CARGO_BIN_EXE_dqc"))
            .args(["check", "--format", format, "--project"])
            .arg(here.path())
            .output()
            .expect("dqc runs");
        assert_eq!(check.status.code(), Some(1), "{format}");
        for shown in [check.stdout, check.stderr] {
            let shown = String::from_utf8(shown).expect("UTF-8");
            let acts = |c: char| c != '\n' && c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            assert!(!shown.contains(acts), "{format}: {shown:?}");
        }
    }
}

#[test]
fn json_is_as_documented() {
    let shown: serde_json::Value =
        serde_json::from_str(&json::document(&map(ORDERS), &[full()])).expect("the document is JSON");
    let expected = serde_json::json!({
        "findings": [{
            "code": "DQ0101", "severity": "error", "message": "`silver.orders` has no column `amont`",
            "file": "silver/orders.dq", "line": 4, "column": 15, "end_line": 4, "end_column": 20,
            "label": "the nearest is `amount`",
            "help": "a rule can name the columns of its contract, and what is declared with `fn` in this file or in one that it uses",
            "notes": ["names are found whatever their case"],
            "fix": {"title": "write `amount`",
                "edits": [{"line": 4, "column": 15, "end_line": 4, "end_column": 20, "text": "amount"}]},
        }],
        "errors": 1, "warnings": 0,
    });
    assert_eq!(shown, expected);
}

#[test]
fn fixes_that_meet_wait_for_the_next_run() {
    let edit = |words: &str, text: &str| Edit { span: at(ORDERS, words), text: text.into() };
    let (a, b, c) = ([edit("amont", "amount")], [edit("amont >", "x >")], [edit("warn", "block")]);
    let (after, applied) = fix::apply_all(ORDERS, &[&a, &b, &c]);
    assert_eq!(applied, 2);
    assert!(after.contains("café: amount > 0 else block"), "{after}");
}
