//! What is very large or nested very deeply: it ends soon, with one finding for one cause.

use std::fmt::Write as _;
use std::process::Command;

use dqc::source::SourceFile;

fn found(text: &str) -> Vec<(&'static str, String)> {
    let compiled = dqc::compile(vec![SourceFile::new("large.dq", text)], &crate::layers());
    compiled.diagnostics.iter().map(|d| (d.code.name(), d.message.clone())).collect()
}

fn codes(text: &str) -> Vec<&'static str> {
    found(text).into_iter().map(|(code, _)| code).collect()
}

/// A contract of these columns and rules.
fn contract(columns: &[String], rules: &[String]) -> String {
    let mut text = "contract silver.large @ 1.0.0 {\n    nulls pass\n    columns {\n".to_owned();
    columns.iter().for_each(|column| _ = writeln!(text, "        {column}"));
    text.push_str("    }\n    rules {\n");
    rules.iter().for_each(|rule| _ = writeln!(text, "        {rule}"));
    text + "    }\n}\n"
}

fn column(declared: &str) -> Vec<String> {
    vec![declared.to_owned()]
}

fn joined(count: usize, by: &str, one: impl Fn(usize) -> String) -> String {
    (0..count).map(one).collect::<Vec<_>>().join(by)
}

#[test]
fn a_long_chain_of_types_is_told_once() {
    for chain in [
        joined(3_000, "\n", |i| if i == 0 { "type T0 = int".to_owned() } else { format!("type T{i} = T{}", i - 1) }),
        joined(3_000, "\n", |i| if i == 2_999 { "type T2999 = int".to_owned() } else { format!("type T{i} = T{}", i + 1) }),
    ] {
        let text = format!("{chain}\n{}", contract(&["a: T2999".to_owned(), "b: T0".to_owned()], &[]));
        let found = found(&text);
        assert!(matches!(&found[..], [("DQ0208", message)] if message.contains("more than 200")), "{found:?}");
    }
}

#[test]
fn what_expands_too_far_is_told_once() {
    let one = |i: usize| match i {
        0 => "fn f0(x: int): int = x + 1".to_owned(),
        _ => format!("fn f{i}(x: int): int = f{}(x + x) + f{}(x)", i - 1, i - 1),
    };
    let uses = contract(&column("a: int?"), &["r: f29(a) > 3".to_owned(), "s: f29(a) < 9".to_owned()]);
    for functions in [joined(30, "\n", one), joined(30, "\n", |i| one(29 - i))] {
        let found = found(&format!("{functions}\n{uses}"));
        assert!(matches!(&found[..], [("DQ0208", message)] if message.contains("too much text")), "{found:?}");
    }
    let set = |i: usize| match i {
        0 => "rules s0(x: int?) {\n    q: x > 1 nulls pass\n}".to_owned(),
        _ => format!("rules s{i}(x: int?) {{\n    include s{}(x) as a\n    include s{}(x) as b\n}}", i - 1, i - 1),
    };
    let uses = contract(&column("a: int?"), &["include s29(a) as all".to_owned()]);
    assert_eq!(codes(&format!("{}\n{uses}", joined(30, "\n", set))), ["DQ0208"]);
}

#[test]
fn long_conditions_are_understood() {
    let rules = |long: String, other: &str| contract(&column("a: int?"), &[format!("long: {long}"), format!("other: {other}")]);
    let differs = || joined(3_000, "\n            and ", |i| format!("a <> {i}"));
    assert_eq!(codes(&rules(differs(), "a is null or a < 3000")), [] as [&str; 0]);
    assert_eq!(codes(&rules(differs(), "a in (7, 2000)")), ["DQ0502"]);
    assert_eq!(codes(&rules(differs(), "a <> 7")), ["DQ0503"]);
    let equals = || joined(3_000, "\n            or ", |i| format!("{i} = a"));
    assert_eq!(codes(&rules(equals(), "a > 2998")), [] as [&str; 0]);
    assert_eq!(codes(&rules(equals(), "a > 2999")), ["DQ0502"]);
    // NaN differs from no number, and is in no list.
    let of_doubles = |long: String| contract(&column("a: double"), &[format!("long: {long}"), "other: a not in (1, 2)".to_owned()]);
    assert_eq!(codes(&of_doubles(joined(20, " and ", |i| format!("a <> {i}")))), ["DQ0503"]);
    let nulls = joined(2_000, "\n            and ", |i| format!("c{i} = {i}"));
    let columns: Vec<String> = (0..2_000).map(|i| format!("c{i}: int?")).collect();
    assert_eq!(codes(&contract(&columns, &[format!("all: {nulls}")])), [] as [&str; 0]);
}

#[test]
fn long_orders_are_understood() {
    let columns = |more: &str| (0..=300).map(|i| format!("c{i}: int{more}")).collect::<Vec<_>>();
    let mut rules: Vec<String> = (0..300).map(|i| format!("r{i}: c{i} < c{}", i + 1)).collect();
    assert_eq!(codes(&contract(&columns(""), &rules)), [] as [&str; 0]);
    rules.push("round: c100 < c98".to_owned());
    let found = codes(&contract(&columns(""), &rules));
    assert!(found.contains(&"DQ0502"), "{found:?}");
}

#[test]
fn too_many_rules_are_told_of() {
    let rules: Vec<String> = (0..3_000).map(|i| format!("r{i}: a <> {i} or b > {i}")).collect();
    let columns = ["a: int?".to_owned(), "b: int?".to_owned()];
    let found = codes(&contract(&columns, &rules));
    assert!(found.contains(&"DQ0520"), "{found:?}");
    assert!(!codes(&contract(&columns, &rules[..100])).contains(&"DQ0520"));
}

#[test]
fn one_word_again_and_again_ends() {
    for word in ["/* ", "contract ", "rules ", "test \"a\" ", "\"\"\" ", "( ", "- ", "not ", "case when ", "a and "] {
        let text = word.repeat(200_000 / word.len());
        assert!(!found(&text).is_empty(), "{word}");
        let rule = contract(&column("a: int?"), &[format!("r: {text}")]);
        assert!(!found(&rule).is_empty(), "{word}");
    }
}

#[test]
fn what_is_long_is_shown_in_part() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = "[project]\nname = \"large\"\nlanguage = 1\n\n[layers]\nsilver = \"lake/silver\"\n";
    std::fs::write(folder.path().join("dqc.toml"), config).expect("a file");
    let told = |text: String| {
        std::fs::write(folder.path().join("large.dq"), text).expect("a file");
        let mut dqc = Command::new(env!("CARGO_BIN_EXE_dqc"));
        let out = dqc.arg("check").current_dir(folder.path()).output().expect("dqc runs");
        format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
    };
    let long = told("a".repeat(100_000));
    assert!(long.len() < 12_000 && long.contains("large.dq:1:1 ]") && long.contains('…'), "{long}");
    let unknown: Vec<String> = (0..1_100).map(|i| format!("r{i}: b{i} > 3")).collect();
    let many = told(contract(&column("a: int"), &unknown));
    assert!(many.contains("100 more are not shown; `--format json` holds all of them"), "{many}");
    let open = told("(".repeat(100_000));
    assert!(open.len() < 12_000 && open.contains("large.dq:1:100000 ]") && open.contains("opened here"), "{open}");
    let columns = format!("id: int {}", " ".repeat(5_000));
    let text = contract(&[columns.clone() + "x: no_type", columns], &["r: y > 3".to_owned()]);
    let far = told(text.clone() + &"// nothing\n".repeat(6_000) + &text);
    for place in ["large.dq:4:5020", "large.dq:5:9", "large.dq:8:12", "large.dq:6011:10"] {
        assert!(far.contains(place), "{place}: {far}");
    }
    assert!(far.contains(" 8 │         r: y > 3"), "{far}");
}
