//! Rules made at random over small columns, every row of which can be tried: what is claimed without data must be true
//! of all of them. The other way round a claim may be missing, but not often.

use std::fmt::Write as _;

use dqc::diagnostics::Code;
use dqc::eval::{self, Scope};
use dqc::hir::{Expr, Nulls, Rule, RuleKind, Value};
use dqc::source::SourceFile;

/// A fixed sequence: the same rules in every run (Marsaglia's xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len() as u64) as usize]
    }
}

const COLUMNS: &str = "
        id: bigint key
        a:  int where it between 0 and 2
        b:  int? where it between 0 and 2
        c:  int where it in (0, 1, 2)
        s:  string in (\"\", \"x\", \"xy\")
        t:  string? in (\"x\", \"zz\")
        f:  boolean?
        d:  double";

fn number(dice: &mut Dice) -> String {
    match dice.roll(10) {
        0..=5 => dice.pick(&["a", "b", "c"]).to_owned(),
        6 => format!("{} + {}", dice.pick(&["a", "b"]), dice.pick(&["c", "1"])),
        7 => format!("{} - {}", dice.pick(&["a", "c"]), dice.pick(&["b", "2"])),
        8 => format!("length({})", dice.pick(&["s", "t"])),
        _ => format!("coalesce(b, {})", dice.roll(3)),
    }
}

fn condition(dice: &mut Dice, depth: u64) -> String {
    if depth > 0 {
        match dice.roll(8) {
            0 | 1 => return format!("({} and {})", condition(dice, depth - 1), condition(dice, depth - 1)),
            2 | 3 => return format!("({} or {})", condition(dice, depth - 1), condition(dice, depth - 1)),
            4 => return format!("not ({})", condition(dice, depth - 1)),
            _ => {}
        }
    }
    let compare = dice.pick(&["=", "<>", "<", "<=", ">", ">="]);
    match dice.roll(12) {
        0..=3 => format!("{} {compare} {}", number(dice), dice.roll(4)),
        4 | 5 => format!("{} {compare} {}", number(dice), number(dice)),
        6 => format!("{} in ({}, {})", dice.pick(&["a", "b", "c"]), dice.roll(3), dice.roll(3)),
        7 => format!("s {} \"{}\"", dice.pick(&["=", "<>", "<=", ">"]), dice.pick(&["x", "xy"])),
        8 => format!(
            "{} {} r\"{}\"",
            dice.pick(&["s", "t"]),
            dice.pick(&["matches", "not matches"]),
            dice.pick(&["x.*", "z+|x", "[x-z]", "zz?"])
        ),
        9 => format!("{} is {}null", dice.pick(&["b", "t", "f"]), dice.pick(&["", "not "])),
        10 => dice.pick(&["f", "f is true", "not f", "s = t", "s <> t"]).to_owned(),
        _ => format!("d {compare} {}.5", dice.roll(3)),
    }
}

/// Every row of the small columns that their claims let through.
fn rows() -> Vec<Vec<(&'static str, Value)>> {
    let texts = |list: &[&str]| -> Vec<Value> { list.iter().map(|t| Value::String((*t).to_owned())).collect() };
    let numbers = || (0..=2).map(Value::Int).collect::<Vec<_>>();
    let with_null = |mut list: Vec<Value>| {
        list.push(Value::Null);
        list
    };
    let columns: Vec<(&'static str, Vec<Value>)> = vec![
        ("a", numbers()),
        ("b", with_null(numbers())),
        ("c", numbers()),
        ("s", texts(&["", "x", "xy"])),
        ("t", with_null(texts(&["x", "zz"]))),
        ("f", vec![Value::Bool(true), Value::Bool(false), Value::Null]),
        ("d", [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, f64::NAN].map(Value::Double).to_vec()),
    ];
    let mut rows = vec![vec![("id", Value::Int(1))]];
    for (name, values) in columns {
        rows = rows
            .iter()
            .flat_map(|row| {
                values.iter().map(move |v| {
                    let mut row = row.clone();
                    row.push((name, v.clone()));
                    row
                })
            })
            .collect();
    }
    rows
}

struct Row<'r>(&'r [(&'static str, Value)]);

impl Scope for Row<'_> {
    fn column(&self, name: &str) -> Option<Value> {
        self.0.iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone())
    }

    fn now(&self) -> i64 {
        0
    }
}

fn condition_of(rule: &Rule) -> &Expr {
    match &rule.kind {
        RuleKind::Row { condition } => condition,
        _ => panic!("a row rule was written"),
    }
}

/// `when` is met and the condition is true; the row breaks the rule.
fn judged(rule: &Rule, row: &Row) -> (bool, bool, bool) {
    let met = rule.when.as_ref().map_or(Ok(Some(true)), |w| eval::holds(w, row)) == Ok(Some(true));
    let value = eval::holds(condition_of(rule), row);
    let broken = match value {
        Ok(Some(holds)) => !holds,
        Ok(None) => rule.nulls == Nulls::Fail,
        Err(_) => true,
    };
    (met, met && value == Ok(Some(true)), met && broken)
}

#[test]
fn what_is_claimed_of_rules_is_true_of_every_row() {
    let rows = rows();
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut faults = String::new();
    let (mut said, mut unsaid, mut left) = (0, 0, String::new());
    for round in 0..if cfg!(debug_assertions) { 40 } else { 400 } {
        let mut rules = String::new();
        for i in 0..3 {
            let _ = write!(rules, "\n        r{i}: {}", condition(&mut dice, 2));
            if dice.roll(3) == 0 {
                let _ = write!(rules, " when {}", condition(&mut dice, 1));
            }
            let _ = write!(rules, "{}", dice.pick(&["", "", " nulls fail"]));
        }
        let text = format!(
            "contract silver.t @ 1.0.0 {{\n    nulls pass\n    columns {{{COLUMNS}\n    }}\n    rules {{{rules}\n    }}\n}}\n"
        );
        let compilation = dqc::compile(vec![SourceFile::new("t.dq", text.as_str())], &crate::layers());
        let Some(contract) = compilation.checked.contract("silver.t") else { continue };
        let written: Vec<&Rule> = contract.rules.iter().filter(|r| !r.name.contains('.')).collect();
        let told = |code: Code, rule: &Rule| {
            compilation.diagnostics.iter().any(|d| {
                d.code == code && rule.span.start <= d.primary.span.start && d.primary.span.end <= rule.span.end
            })
        };
        let outcomes: Vec<Vec<(bool, bool, bool)>> =
            rows.iter().map(|row| written.iter().map(|rule| judged(rule, &Row(row))).collect()).collect();
        for (i, rule) in written.iter().enumerate() {
            let mut seen = Seen::default();
            outcomes.iter().for_each(|row| seen.add(row, i));
            let mut claim = |code: Code, contradicted: bool| {
                if !told(code, rule) {
                    return;
                }
                said += 1;
                if contradicted {
                    let _ = writeln!(
                        faults,
                        "round {round}: {} of `{}` is not true of every row:{rules}\n",
                        code.name(),
                        rule.name
                    );
                }
            };
            claim(Code::DQ0501, seen.holds);
            claim(Code::DQ0502, seen.holds_beside_others);
            claim(Code::DQ0503, seen.breaks_beside_others);
            claim(Code::DQ0504, seen.breaks_beside_others);
            claim(Code::DQ0505, seen.breaks);
            claim(Code::DQ0506, seen.met_beside_others);
            claim(Code::DQ0507, seen.not_met);
            let silent = !compilation.diagnostics.iter().any(|d| d.code >= Code::DQ0501 && d.code <= Code::DQ0507);
            if silent && (!seen.holds_beside_others || !seen.breaks_beside_others) {
                unsaid += 1;
                let _ = writeln!(left, "{}:{rules}", rule.name);
            }
        }
    }
    assert!(faults.is_empty(), "\n{faults}");
    assert!(said > 20, "the rules gave too little to say: {said}");
    assert!(unsaid * 10 < said, "too much was left unsaid, {unsaid} beside {said}:\n{left}");
}

/// What some row that every column accepts does.
#[derive(Default)]
struct Seen {
    holds: bool,
    breaks: bool,
    not_met: bool,
    /// Beside the other rules' letting it through.
    met_beside_others: bool,
    holds_beside_others: bool,
    breaks_beside_others: bool,
}

impl Seen {
    fn add(&mut self, row: &[(bool, bool, bool)], rule: usize) {
        let (met, holds, breaks) = row[rule];
        self.holds |= holds;
        self.breaks |= breaks;
        self.not_met |= !met;
        if !row.iter().enumerate().any(|(other, outcome)| other != rule && outcome.2) {
            self.met_beside_others |= met;
            self.holds_beside_others |= holds;
            self.breaks_beside_others |= breaks;
        }
    }
}
