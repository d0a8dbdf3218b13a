//! A project that is edited and checked after each edit says what a check of the same texts from scratch says: findings,
//! places, and the checked program. `ROUNDS=1000 SEED=7 cargo test --no-default-features edits` tries more.

use std::collections::BTreeMap;

use dqc::ide::{Setting, Workspace};
use dqc::source::SourceFile;

use crate::{layers, root};

/// Marsaglia's xorshift.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit.max(1) as u64).unwrap_or(0)
    }
}

type Texts = BTreeMap<String, String>;

/// Files of the corpus that know nothing of one another, a project of several, and one that is written to lean on itself.
fn projects() -> Vec<Texts> {
    let read = |folder: &str| -> Texts {
        let folder = root().join(folder);
        let files = walkdir::WalkDir::new(&folder).into_iter().filter_map(Result::ok);
        let files = files.filter(|e| e.path().extension().is_some_and(|e| e == "dq"));
        files
            .map(|e| {
                let path = e.path().strip_prefix(&folder).expect("below").to_string_lossy().into_owned();
                (path, std::fs::read_to_string(e.path()).expect("a text"))
            })
            .collect()
    };
    let mut projects = vec![read("rules/flights"), read("tests/corpus/names/modules")];
    let corpus = read("tests/corpus").into_iter().filter(|(path, _)| !path.starts_with("names/modules"));
    projects.extend(corpus.map(|file| Texts::from([file])));
    projects.push(leaning());
    projects
}

/// Definitions, contracts, promotions and tests of which each uses another file's.
fn leaning() -> Texts {
    let mut texts = Texts::new();
    let shared = "type Money = decimal(10, 2) where it >= 0
fn double(x: bigint): bigint = x + x
fn half(x: int): int = missing(x)
rules audit(at: timestamp?) {
    known: at is not null
}
calendar busy = weekdays except (\"2026-01-01\")
";
    texts.insert("shared/money.dq".into(), shared.into());
    for i in 0..20 {
        let other = (i + 1) % 20;
        let text = format!(
            r#"use shared.money.{{Money, audit, double, busy, half}}

/// Raw {i}.
contract bronze.t{i} @ 1.0.0 {{
    nulls fail
    columns {{
        id: bigint key
        paid: Money
        at: timestamp
        status: string in ("new", "old")
    }}
    rules {{
        r: double(id) > 0
        q: id > 3 else warn
        s: status <> "odd"
        include audit(at)
    }}
    sla {{
        there: arrives by 08:00 in "UTC" on busy
    }}
}}

/// Clean {i}.
contract silver.t{i} @ 1.0.0 {{
    quarantine at most 5%
    zone "UTC"
    columns {{
        id: bigint key references bronze.t{other}(id)
        paid: Money
        day: date
    }}
    rules {{
        p: paid < 100 else quarantine above 2%
        n: count(*) > 3
    }}
    sla {{
        there: arrives by 07:00 in "UTC"
    }}
}}

promote bronze.t{i} to silver.t{i} {{
    batches by folder "day"
    with {{
        day: cast(at as date)
    }}
    write append
}}

test "t{i}" for silver.t{i} {{
    rows {{
        | id | paid | day        |
        | 1  | 2.00 | 2026-01-01 |
        | 2  | 200  | 2026-01-01 |
    }}
    expect p breaks row 2
}}
"#
        );
        texts.insert(format!("t{i}.dq"), text);
    }
    texts
}

fn boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// What people do to a text, and worse.
fn edited(text: &str, others: &str, chance: &mut Chance) -> String {
    let at = boundary(text, chance.below(text.len() + 1));
    let some = |chance: &mut Chance, from: &str, most: usize| {
        let start = boundary(from, chance.below(from.len() + 1));
        let end = boundary(from, (start + chance.below(most)).min(from.len()));
        from[start..end.max(start)].to_owned()
    };
    let line_at = |at: usize| {
        let start = text[..at].rfind('\n').map_or(0, |n| n + 1);
        let end = text[at..].find('\n').map_or(text.len(), |n| at + n + 1);
        (start, end)
    };
    let replaced = |start: usize, end: usize, new: &str| format!("{}{new}{}", &text[..start], &text[end..]);
    match chance.below(14) {
        0..=2 => replaced(at, at, ["x", " ", "\n", "1", "}", "{", "\"", ".", ">", "é", " and ", "()", "/// d\n", "?"][chance.below(14)]),
        3 | 4 => replaced(at, boundary(text, (at + 1 + chance.below(3)).min(text.len())).max(at), ""),
        5 => replaced(at, boundary(text, (at + chance.below(40)).min(text.len())).max(at), ""),
        6 => replaced(at, at, &some(chance, others, 60)),
        7 => {
            let (start, end) = line_at(at);
            replaced(start, end, "")
        }
        8 => {
            let (start, end) = line_at(at);
            replaced(end, end, &text[start..end])
        }
        // A word becomes one that stands elsewhere.
        9 | 10 => {
            let words: Vec<(usize, &str)> =
                text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| !w.is_empty()).map(|w| (w.as_ptr() as usize - text.as_ptr() as usize, w)).collect();
            if words.is_empty() {
                return replaced(at, at, "x");
            }
            let (start, old) = words[chance.below(words.len())];
            replaced(start, start + old.len(), words[chance.below(words.len())].1)
        }
        // Items exchange their places.
        11 => {
            let mut items: Vec<&str> = text.split_inclusive("\n\n").collect();
            let (a, b) = (chance.below(items.len()), chance.below(items.len()));
            if items.is_empty() {
                return "x".into();
            }
            items.swap(a, b);
            items.concat()
        }
        12 => replaced(0, 0, ["\n", "// c\n", "type Odd = int\n"][chance.below(3)]),
        _ => replaced(text.len(), text.len(), &format!("\n{}", some(chance, others, 400))),
    }
}

fn compare(workspace: &mut Workspace, texts: &Texts, what: &str) {
    let files: Vec<SourceFile> = texts.iter().map(|(path, text)| SourceFile::new(path.as_str(), text.as_str())).collect();
    let fresh = dqc::compile(files, &layers());
    let found = workspace.diagnostics();
    if found != fresh.diagnostics {
        let (found, wanted): (Vec<_>, Vec<_>) = (found.iter().map(|d| format!("{d:#?}")).collect(), fresh.diagnostics.iter().map(|d| format!("{d:#?}")).collect());
        let (found, wanted) = (found.join("\n"), wanted.join("\n"));
        let diff = similar::TextDiff::from_lines(&wanted, &found);
        panic!("{what}: other findings than from scratch\n{}\n{texts:#?}", diff.unified_diff().context_radius(8));
    }
    let checked = workspace.checked();
    assert!(checked.contracts == fresh.checked.contracts, "{what}: other contracts than from scratch");
    assert!(checked.promotions == fresh.checked.promotions, "{what}: other promotions than from scratch");
    assert!(checked.calendars == fresh.checked.calendars, "{what}: other calendars than from scratch");
    assert!(checked.tests == fresh.checked.tests, "{what}: other tests than from scratch");
}

#[test]
fn edits_leave_what_a_check_from_scratch_finds() {
    let rounds: usize = std::env::var("ROUNDS").ok().and_then(|r| r.parse().ok()).unwrap_or(12);
    let mut chance = Chance(std::env::var("SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(0x9E37_79B9_7F4A_7C15));
    for (n, project) in projects().into_iter().enumerate() {
        let setting = Setting { layers: layers(), channels: Vec::new() };
        let mut texts = project.clone();
        let mut workspace = Workspace::new(setting, &texts);
        compare(&mut workspace, &texts, "at first");
        let paths: Vec<String> = texts.keys().cloned().collect();
        // Where much leans on much, more can be forgotten.
        let rounds = if paths.len() > 1 { rounds * 4 } else { rounds };
        for round in 0..rounds {
            let path = &paths[chance.below(paths.len())];
            let others = &project[&paths[chance.below(paths.len())]];
            let new = match chance.below(3) {
                // Back to what was right: most of what people type is.
                0 => project[path].clone(),
                _ => edited(&texts[path], others, &mut chance),
            };
            workspace.set(path, &new);
            texts.insert(path.clone(), new);
            // Somebody may type on before anybody has asked.
            if chance.below(4) > 0 {
                compare(&mut workspace, &texts, &format!("project {n}, edit {round}, of {path}"));
            }
        }
        compare(&mut workspace, &texts, &format!("project {n} at last"));
    }
}
