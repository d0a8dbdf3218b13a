//! The one style: pairs of texts, and what must hold whatever the text is.

use std::path::{Path, PathBuf};

use dqc::format::{format, format_range};
use dqc::source::{FileId, Span};

use crate::root;

/// Every `.dq` file of the project, but for what a build or a run leaves behind.
fn files() -> Vec<PathBuf> {
    let left =
        |entry: &walkdir::DirEntry| matches!(entry.file_name().to_str(), Some("target" | ".git" | "node_modules"));
    let walk = walkdir::WalkDir::new(root()).sort_by_file_name().into_iter().filter_entry(|e| !left(e));
    let files = walk.filter_map(Result::ok).map(walkdir::DirEntry::into_path);
    files.filter(|p| p.extension().is_some_and(|e| e == "dq")).collect()
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).expect("a file of the project")).into_owned()
}

#[test]
fn pairs_show_the_style() {
    let mut seen = 0;
    for path in files() {
        let name = path.to_string_lossy().into_owned();
        let Some(stem) = name.strip_suffix(".in.dq") else { continue };
        let out = PathBuf::from(format!("{stem}.out.dq"));
        let got = format(&read(&path)).text;
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&out, &got).expect("a file of the project");
        }
        assert_eq!(got, read(&out), "{name}");
        seen += 1;
    }
    assert!(seen > 0, "tests/format holds no pair");
}

#[test]
fn every_file_is_formatted_once_and_for_all() {
    for path in files() {
        let text = read(&path);
        let once = format(&text);
        assert_eq!(format(&once.text).text, once.text, "{}", path.display());
        let (before, after) = (dqc::syntax::parse(FileId(0), &text), dqc::syntax::parse(FileId(0), &once.text));
        assert_eq!(before.file.items.len(), after.file.items.len(), "{}", path.display());
    }
}

#[test]
fn a_range_is_formatted_alone() {
    let text = "type A   = int\ntype B = int\ntype C   = int\n";
    let (first, last) = ((0..15, "type A = int\n".to_string()), (28..43, "type C = int\n".to_string()));
    assert_eq!(format_range(text, 30..31), vec![last.clone()]);
    assert_eq!(format_range(text, 0..text.len()), vec![first, last]);
    assert_eq!(format_range("type A = int\n", 0..3), vec![]);
}

/// One carriage return taken at each time would give another text at each time.
#[test]
fn carriage_returns_before_the_end_of_a_line_go_at_once() {
    let text = read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/seeds/carriage_returns.txt")));
    let once = format(&text).text;
    assert!(!once.contains("\r\n"), "{once:?}");
    assert_eq!(format(&once).text, once);
}

/// A reader that tries everything again at each depth would take longer than anybody waits.
#[test]
fn what_is_opened_and_never_closed_is_read_in_no_time() {
    const BEFORE: &[&str] = &[
        "",
        "contract a.b @ 1.0.0 {\n",
        "contract a.b @ 1.0.0 {\n columns {\n x: int where ",
        "contract a.b @ 1.0.0 {\n columns {\n x: ",
        "contract a.b @ 1.0.0 {\n rules {\n",
        "contract a.b @ 1.0.0 {\n rules {\n r: ",
        "promote a.b to c.d {\n with {\n x = ",
        "test \"x\" for a.b {\n rows {\n",
        "fn f(x: int): int = ",
    ];
    const OPENED: &[&str] = &[
        "{", "(", "[", "f(", "a[", "x in (", "any(x in (", "every(x in any(", "cast(", "try_cast(", "extract(a from ", "case when ",
        "x between ", "x filter(where ", "f(x) over (", "exists(select ", "(a from b where ", "array<", "struct<a: ", "check(", "rules {",
        "columns {", "not ", "- ", "\"", "/*",
    ];
    for (before, opened) in BEFORE.iter().flat_map(|b| OPENED.iter().map(move |o| (b, o))) {
        let text = before.to_string() + &opened.repeat(40);
        assert_eq!(format(&format(&text).text).text, format(&text).text, "{text}");
    }
}

/// A small generator (xorshift), so that a failure can be repeated.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit.max(1) as u64).unwrap_or(0)
    }
}

fn boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The text with something removed, repeated, put in or exchanged.
fn mutated(text: &str, chance: &mut Chance) -> String {
    const PIECES: &[&str] = &[
        "(",
        ")",
        "{",
        "}",
        "\"",
        "'",
        "`",
        "\"\"\"",
        ":",
        "::",
        ",",
        ";",
        "|",
        "\n",
        "\r\n",
        "\r",
        "\r\r\n",
        "--",
        "//",
        "/*",
        "*/",
        "///",
        " not ",
        " case ",
        " end ",
        " in ",
        "%",
        "5% 3",
        "“",
        "”",
        "\u{FEFF}",
        "\u{A0}",
        "é",
        "\0",
        "contract ",
        "columns {",
        "rules {",
        "test \"",
        "else ",
        "@",
        "@ 1.0",
        "2 mins",
        " select ",
        "\\",
        "r\"",
        "[",
        "]",
        "<",
        ">",
        "x: ",
        "because: ",
        "9999999999999999999999 ",
        "-",
        "!",
        "==",
    ];
    let mut text = text.to_string();
    for _ in 0..=chance.below(3) {
        let a = boundary(&text, chance.below(text.len() + 1));
        let b = boundary(&text, (a + chance.below(40)).min(text.len()));
        let piece = PIECES[chance.below(PIECES.len())];
        match chance.below(5) {
            0 => text.replace_range(a..b, ""),
            1 => text.insert_str(a, piece),
            2 => text.replace_range(a..b, piece),
            3 => text.insert_str(a, &text[a..b].to_string()),
            _ => text.truncate(a),
        }
    }
    text
}

fn check(text: &str, name: &str) {
    let parsed = dqc::syntax::parse(FileId(0), text);
    let sound = |span: Span| text.get(span.range()).is_some();
    for d in &parsed.diagnostics {
        assert!(sound(d.primary.span), "{name}: {} outside of the text:\n{text}", d.code.name());
        assert!(d.secondary.iter().all(|l| sound(l.span)), "{name}: {} outside of the text:\n{text}", d.code.name());
        let edits = d.fix.iter().flat_map(|f| &f.edits);
        assert!(
            edits.into_iter().all(|e| sound(e.span)),
            "{name}: the fix of {} is outside of the text:\n{text}",
            d.code.name()
        );
    }
    let once = format(text).text;
    let twice = format(&once).text;
    assert!(once == twice, "{name}: formatted again, it changes:\n{text}\n-- once\n{once}\n-- twice\n{twice}");
}

#[test]
fn no_text_confuses_parser_or_formatter() {
    let rounds: usize = std::env::var("ROUNDS").ok().and_then(|r| r.parse().ok()).unwrap_or(4);
    let mut chance = Chance(std::env::var("SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(0x2545_F491_4F6C_DD1D));
    for path in files() {
        let text = read(&path);
        // The larger files cost most and tell no more.
        let start = boundary(&text, if text.len() > 4_000 { chance.below(text.len() - 4_000) } else { 0 });
        let end = boundary(&text, (start + 4_000).min(text.len()));
        let slice = text.get(start..end).unwrap_or("");
        for _ in 0..rounds {
            check(&mutated(slice, &mut chance), &path.to_string_lossy());
        }
    }
}

#[test]
fn deep_and_long_texts_end_in_a_finding() {
    let deep = |open: &str, close: &str, n: usize| {
        format!(
            "contract a.b @ 1.0.0 {{\n rules {{\n  a: {}x{} > 0\n }}\n}}\n\ntype Kept = int\n",
            open.repeat(n),
            close.repeat(n)
        )
    };
    for (open, close) in [
        ("(", ")"),
        ("not ", ""),
        ("- ", ""),
        ("case when ", " then 1 end"),
        ("f(", ")"),
        ("[", "]"),
        ("x[", "]"),
        ("{", "}"),
        ("", ".a"),
        ("", " + 1"),
        ("", " and x"),
    ] {
        for n in [10, 190, 3_000] {
            let text = deep(open, close, n);
            let parsed = dqc::syntax::parse(FileId(0), &text);
            assert!(n < 200 || open.is_empty() || !parsed.diagnostics.is_empty(), "{open} {n}");
            assert!(parsed.file.items.iter().any(|i| matches!(i, dqc::syntax::ast::Item::Type(_))), "{open} {n}");
        }
    }
    let types = format!("type T = {}int{}\n", "array<".repeat(5_000), ">".repeat(5_000));
    assert!(!dqc::syntax::parse(FileId(0), &types).diagnostics.is_empty());
}
