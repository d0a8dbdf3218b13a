//! Makes the parser of `grammar/dq.pest` that reads whole files: functions that match bytes, one for each rule of the
//! grammar, in pest's meaning of it. What pest's own parser tries in vain at a place is left out here where the next byte
//! already says so; see `crates/language/src/syntax/matcher.rs` for what the functions stand on.

#![allow(clippy::disallowed_methods, reason = "a build reads and writes files")]

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;
use std::path::Path;

use pest_meta::ast::RuleType;
use pest_meta::optimizer::{OptimizedExpr as Expr, OptimizedRule};

fn main() {
    let grammar = "grammar/dq.pest";
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={grammar}");
    let text = std::fs::read_to_string(grammar).expect("the grammar can be read");
    let (_, rules) = pest_meta::parse_and_optimize(&text).expect("pest reads the grammar");
    let folder = std::env::var("OUT_DIR").expect("cargo names a folder for what is made");
    let made = Path::new(&folder);
    std::fs::write(made.join("rule.rs"), names(&rules)).expect("the rules can be written");
    std::fs::write(made.join("matcher.rs"), Writer::new(rules).file()).expect("the parser can be written");
}

/// The rules' names as a type.
fn names(rules: &[OptimizedRule]) -> String {
    let mut out = String::from("// Made by build.rs of grammar/dq.pest.\n\n");
    out.push_str("#[allow(non_camel_case_types)]\n#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]\n");
    out.push_str("pub(crate) enum Rule {\n");
    for name in rules.iter().map(|r| r.name.as_str()).chain(["EOI"]) {
        let _ = writeln!(out, "    r#{name},");
    }
    out.push_str("}\n\nimpl Rule {\n    const NAMED: &'static [(&'static str, Rule)] = &[\n");
    for name in rules.iter().map(|r| r.name.as_str()).chain(["EOI"]) {
        let _ = writeln!(out, "        ({name:?}, Rule::r#{name}),");
    }
    out.push_str("    ];\n}\n");
    out
}

/// The bytes that something can start with; a zero stands for the end of the text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Bytes([u64; 4]);

impl Bytes {
    const NONE: Bytes = Bytes([0; 4]);
    const ALL: Bytes = Bytes([u64::MAX; 4]);

    fn with(mut self, byte: u8) -> Self {
        self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
        self
    }

    fn of(bytes: impl IntoIterator<Item = u8>) -> Self {
        bytes.into_iter().fold(Self::NONE, Self::with)
    }

    fn or(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] | other.0[i]))
    }

    fn and(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] & other.0[i]))
    }

    fn not(self) -> Self {
        Self(self.0.map(|word| !word))
    }

    fn single(self) -> Option<u8> {
        let count: u32 = self.0.iter().map(|word| word.count_ones()).sum();
        (count == 1).then(|| (0..=255).find(|b| self.and(Bytes::NONE.with(*b)) != Bytes::NONE))?
    }
}

/// What the next byte can be where a piece of the grammar matches.
#[derive(Clone, Copy, PartialEq)]
struct Start {
    /// And takes something.
    taking: Bytes,
    /// And takes nothing.
    empty: Bytes,
}

impl Start {
    const NEVER: Start = Start { taking: Bytes::NONE, empty: Bytes::NONE };

    fn taking(bytes: Bytes) -> Self {
        Self { taking: bytes, empty: Bytes::NONE }
    }

    fn empty(bytes: Bytes) -> Self {
        Self { taking: Bytes::NONE, empty: bytes }
    }

    fn bytes(self) -> Bytes {
        self.taking.or(self.empty)
    }
}

struct Writer {
    rules: Vec<OptimizedRule>,
    by_name: HashMap<String, usize>,
    starts: HashMap<String, Start>,
    /// What blanks and comments start with.
    skipped: Bytes,
    /// Rules that can contain themselves.
    recursive: HashSet<String>,
    sets: BTreeMap<Bytes, usize>,
}

impl Writer {
    fn new(rules: Vec<OptimizedRule>) -> Self {
        let by_name = rules.iter().enumerate().map(|(i, rule)| (rule.name.clone(), i)).collect();
        let starts = rules.iter().map(|rule| (rule.name.clone(), Start::NEVER)).collect();
        let mut writer =
            Self { rules, by_name, starts, skipped: Bytes::NONE, recursive: HashSet::new(), sets: BTreeMap::new() };
        // Starts only grow, so they come to an end.
        loop {
            let mut grown = false;
            for i in 0..writer.rules.len() {
                let rule = &writer.rules[i];
                let start = writer.start(&rule.expr, is_spaced(rule));
                grown |= writer.starts.insert(rule.name.clone(), start) != Some(start);
            }
            writer.skipped = writer.starts["WHITESPACE"].bytes().or(writer.starts["COMMENT"].bytes());
            if !grown {
                break;
            }
        }
        let reached: HashMap<String, BTreeSet<String>> =
            writer.rules.iter().map(|rule| (rule.name.clone(), mentioned(&rule.expr))).collect();
        let contains_itself = |rule: &&OptimizedRule| {
            let mut open: Vec<&String> = reached[&rule.name].iter().collect();
            let mut seen = HashSet::new();
            while let Some(name) = open.pop() {
                if *name == rule.name {
                    return true;
                }
                if seen.insert(name) {
                    open.extend(reached.get(name).into_iter().flatten());
                }
            }
            false
        };
        let recursive = writer.rules.iter().filter(contains_itself).map(|rule| rule.name.clone()).collect();
        Self { recursive, ..writer }
    }

    /// `spaced`: blanks may stand between the parts of a sequence.
    fn start(&self, expr: &Expr, spaced: bool) -> Start {
        match expr {
            Expr::Str(text) | Expr::Insens(text) if text.is_empty() => Start::empty(Bytes::ALL),
            Expr::Str(text) => Start::taking(Bytes::of(text.bytes().take(1))),
            Expr::Insens(text) => {
                let first = text.as_bytes()[0];
                Start::taking(Bytes::of([first.to_ascii_lowercase(), first.to_ascii_uppercase()]))
            }
            Expr::Range(low, high) => Start::taking(Bytes::of(low.as_bytes()[0]..=high.as_bytes()[0])),
            Expr::Ident(name) => self.start_of(name),
            Expr::PosPred(inner) => Start::empty(self.start(inner, spaced).bytes()),
            Expr::NegPred(inner) => Start::empty(self.class(inner).map_or(Bytes::ALL, |class| class.not().with(0))),
            Expr::Seq(first, rest) => {
                let (first, mut rest) = (self.start(first, spaced), self.start(rest, spaced));
                if spaced {
                    rest.taking = rest.taking.or(self.skipped);
                }
                Start {
                    taking: first.taking.or(first.empty.and(rest.taking)),
                    empty: first.empty.and(rest.empty),
                }
            }
            Expr::Choice(one, other) => {
                let (one, other) = (self.start(one, spaced), self.start(other, spaced));
                Start { taking: one.taking.or(other.taking), empty: one.empty.or(other.empty) }
            }
            Expr::Opt(inner) | Expr::Rep(inner) => Start { empty: Bytes::ALL, ..self.start(inner, spaced) },
            Expr::Skip(_) => Start { taking: Bytes::ALL, empty: Bytes::ALL },
            Expr::RepOnce(inner) | Expr::RestoreOnErr(inner) => self.start(inner, spaced),
            other => panic!("the grammar uses {other}, which is not provided for"),
        }
    }

    fn start_of(&self, name: &str) -> Start {
        let letters = || (b'a'..=b'z').chain(b'A'..=b'Z');
        match name {
            "ANY" => Start::taking(Bytes::ALL),
            "SOI" => Start::empty(Bytes::ALL),
            "EOI" => Start::empty(Bytes::of([0])),
            "ASCII_DIGIT" => Start::taking(Bytes::of(b'0'..=b'9')),
            "ASCII_ALPHA" => Start::taking(Bytes::of(letters())),
            "ASCII_ALPHANUMERIC" => Start::taking(Bytes::of((b'0'..=b'9').chain(letters()))),
            "LETTER" => Start::taking(Bytes::of(letters().chain(0x80..=255))),
            "NUMBER" => Start::taking(Bytes::of((b'0'..=b'9').chain(0x80..=255))),
            "MARK" => Start::taking(Bytes::of(0x80..=255)),
            rule => *self.starts.get(rule).unwrap_or_else(|| panic!("there is no rule `{rule}`")),
        }
    }

    /// The characters of ASCII of which it matches just one, where that is all that it does with them. The bytes from
    /// 0x80 on are not among them: what it does with those is asked of it.
    fn class(&self, expr: &Expr) -> Option<Bytes> {
        let ascii = Bytes::of(0..0x80);
        match expr {
            Expr::Str(text) if text.len() == 1 => Some(Bytes::of(text.bytes())),
            Expr::Str(text) if !text.is_ascii() && text.as_bytes()[0] >= 0x80 => Some(Bytes::NONE),
            Expr::Range(low, high) => {
                let (low, high) = (low.chars().next()? as u32, high.chars().next()? as u32);
                Some(Bytes::of((low.min(0x80)..(high + 1).min(0x80)).map(|c| c as u8)))
            }
            Expr::Choice(one, other) => Some(self.class(one)?.or(self.class(other)?)),
            // `&('\u{80}'..) ~ …` is nothing of ASCII's.
            Expr::Seq(first, _) => match &**first {
                Expr::PosPred(inner) if self.class(inner)? == Bytes::NONE => Some(Bytes::NONE),
                _ => None,
            },
            Expr::Ident(name) => match name.as_str() {
                "ANY" => None,
                "ASCII_DIGIT" | "ASCII_ALPHA" | "ASCII_ALPHANUMERIC" | "LETTER" | "NUMBER" | "MARK" => {
                    Some(self.start_of(name).taking.and(ascii))
                }
                name => {
                    let rule = &self.rules[*self.by_name.get(name)?];
                    (rule.ty == RuleType::Silent).then(|| self.class(&rule.expr))?
                }
            },
            _ => None,
        }
    }

    fn file(mut self) -> String {
        let rules = std::mem::take(&mut self.rules);
        let mut functions = String::new();
        for rule in &rules {
            // `class` looks rules up while one is written.
            self.rules.clone_from(&rules);
            let function = self.function(rule);
            functions.push_str(&function);
        }
        let mut out = String::from("// Made by build.rs of grammar/dq.pest.\n\nimpl Matcher<'_> {\n");
        out.push_str("    pub(super) fn start(&mut self, rule: Rule) -> bool {\n        match rule {\n");
        for rule in &rules {
            let _ = writeln!(out, "            Rule::r#{0} => self.r_{0}(),", rule.name);
        }
        out.push_str("            Rule::EOI => self.end_of_input(),\n        }\n    }\n");
        out.push_str(&functions);
        out.push_str("}\n\n");
        let _ = writeln!(out, "pub(super) const SKIPPED: Set = {:?};", self.skipped.0);
        for (bytes, number) in &self.sets {
            let _ = writeln!(out, "const S{number}: Set = {:?};", bytes.0);
        }
        out
    }

    fn function(&mut self, rule: &OptimizedRule) -> String {
        let name = &rule.name;
        let body = self.expr(&rule.expr, is_spaced(rule));
        let deep = self.recursive.contains(name);
        let (mut before, mut after) = (String::new(), String::new());
        if deep {
            before.push_str("        if !self.deeper() {\n            return false;\n        }\n");
            after.push_str("        self.depth -= 1;\n");
        }
        let emitted = rule.ty != RuleType::Silent;
        // Which rules leave a node is asked outside of `@`, and inside of `$` and `!`.
        let open = format!("        let node = self.open(Rule::r#{name});\n");
        let mode = |mode: &str| format!("        let mode = std::mem::replace(&mut self.mode, Mode::{mode});\n");
        match rule.ty {
            RuleType::Normal => before.push_str(&open),
            RuleType::Silent if name == "WHITESPACE" || name == "COMMENT" => before.push_str(&mode("Atomic")),
            RuleType::Silent => {}
            RuleType::Atomic => before.push_str(&(open + &mode("Atomic"))),
            RuleType::CompoundAtomic => before.push_str(&(mode("Compound") + &open)),
            RuleType::NonAtomic => before.push_str(&(mode("Spaced") + &open)),
        }
        let changed = before.contains("let mode");
        if emitted {
            after.insert_str(0, "        self.close(node, matched);\n");
        }
        if changed {
            after.push_str("        self.mode = mode;\n");
        }
        let inline = if !deep && rule.ty == RuleType::Silent { "    #[inline]\n" } else { "" };
        format!("{inline}    pub(super) fn r_{name}(&mut self) -> bool {{\n{before}        let matched = {body};\n{after}        matched\n    }}\n")
    }

    /// A test of the next byte where that can spare the attempt.
    fn guarded(&mut self, expr: &Expr, spaced: bool) -> String {
        let code = self.expr(expr, spaced);
        let bytes = self.start(expr, spaced).bytes();
        // Its first comparison is such a test.
        let cheap = matches!(expr, Expr::Str(_) | Expr::Range(..));
        if bytes == Bytes::ALL || cheap {
            return code;
        }
        match bytes.single() {
            Some(byte) => format!("(self.byte() == {byte} && {code})"),
            None => format!("(self.sees(&S{}) && {code})", self.set(bytes)),
        }
    }

    fn set(&mut self, bytes: Bytes) -> usize {
        let next = self.sets.len();
        *self.sets.entry(bytes).or_insert(next)
    }

    /// An expression of Rust that is true where it matches; where it does not, nothing has moved.
    fn expr(&mut self, expr: &Expr, spaced: bool) -> String {
        match expr {
            Expr::Str(text) if text.is_empty() => "true".into(),
            Expr::Str(text) if text.len() == 1 => format!("self.one({})", text.as_bytes()[0]),
            Expr::Str(text) => format!("self.text(&{:?})", text.as_bytes()),
            Expr::Insens(text) => format!("self.any_case(&{:?})", text.as_bytes()),
            Expr::Range(low, high) => {
                let (low, high) = (low.chars().next().expect("a range"), high.chars().next().expect("a range"));
                format!("self.range({low:?}, {high:?})")
            }
            Expr::Ident(name) => match name.as_str() {
                "ANY" => "self.any()".into(),
                "SOI" => "(self.at == 0)".into(),
                "EOI" => "self.end_of_input()".into(),
                "ASCII_DIGIT" => "self.ascii(u8::is_ascii_digit)".into(),
                "ASCII_ALPHA" => "self.ascii(u8::is_ascii_alphabetic)".into(),
                "ASCII_ALPHANUMERIC" => "self.ascii(u8::is_ascii_alphanumeric)".into(),
                "LETTER" | "MARK" | "NUMBER" => format!("self.unicode(pest::unicode::{name})"),
                name => format!("self.r_{name}()"),
            },
            Expr::PosPred(inner) => match self.class_of_ascii(inner) {
                Some(set) => format!("self.sees(&S{set})"),
                None => format!("self.ahead(|this| {})", this(&self.guarded(inner, spaced))),
            },
            Expr::NegPred(inner) => match self.class_of_ascii(inner) {
                Some(set) => format!("!self.sees(&S{set})"),
                None => {
                    let inner = format!("!self.ahead(|this| {})", this(&self.expr(inner, spaced)));
                    self.unless(expr, spaced, inner)
                }
            },
            Expr::Seq(..) => {
                let mut code = String::from("{ let mark = self.mark(); let all = ");
                let mut rest = expr;
                let mut first = true;
                let mut part = |writer: &mut Self, part: &Expr| {
                    let guard = first;
                    first = false;
                    match (guard, spaced) {
                        (true, _) => code.push_str(&writer.expr(part, spaced)),
                        (false, true) => {
                            let _ = write!(code, " && {{ self.skip(); {} }}", writer.expr(part, spaced));
                        }
                        (false, false) => {
                            let _ = write!(code, " && {}", writer.expr(part, spaced));
                        }
                    }
                };
                while let Expr::Seq(head, tail) = rest {
                    part(self, head);
                    rest = tail;
                }
                part(self, rest);
                code + "; if !all { self.reset(mark); } all }"
            }
            Expr::Choice(..) => {
                let mut codes = Vec::new();
                let mut rest = expr;
                while let Expr::Choice(one, other) = rest {
                    codes.push(self.guarded(one, spaced));
                    rest = other;
                }
                codes.push(self.guarded(rest, spaced));
                format!("({})", codes.join(" || "))
            }
            Expr::Opt(inner) => format!("{{ let _ = {}; true }}", self.guarded(inner, spaced)),
            Expr::Rep(inner) => format!("{{ {} true }}", self.repeated(inner, spaced, "")),
            Expr::RepOnce(inner) => {
                format!("{{ let mut some = false; {} some }}", self.repeated(inner, spaced, "some = true;"))
            }
            Expr::Skip(texts) => {
                let texts: Vec<String> = texts.iter().map(|text| format!("&{:?}", text.as_bytes())).collect();
                format!("self.until(&[{}])", texts.join(", "))
            }
            Expr::RestoreOnErr(inner) => self.expr(inner, spaced),
            other => panic!("the grammar uses {other}, which is not provided for"),
        }
    }

    /// A loop over as many as there are.
    fn repeated(&mut self, inner: &Expr, spaced: bool, each: &str) -> String {
        let code = self.guarded(inner, spaced);
        if spaced {
            return format!(
                "let mut mark = self.mark(); while {code} {{ {each} mark = self.mark(); self.skip(); }} self.reset(mark);"
            );
        }
        match self.class(inner) {
            // Characters one after the other: those of ASCII by a look at a table.
            Some(class) => {
                let set = self.set(class);
                format!("while self.takes(&S{set}) || (self.byte() >= 0x80 && {code}) {{ {each} }}")
            }
            None => format!("while {code} {{ {each} }}"),
        }
    }

    /// A lookahead that one look at the next byte answers.
    fn class_of_ascii(&mut self, expr: &Expr) -> Option<usize> {
        let class = self.class(expr)?;
        // A zero stands for the end of the text, which is no character.
        (self.start(expr, false).bytes() == class && class.with(0) != class).then(|| self.set(class))
    }

    /// `!e` holds at once where the next byte cannot start `e`.
    fn unless(&mut self, not: &Expr, spaced: bool, code: String) -> String {
        let Expr::NegPred(inner) = not else { return code };
        let bytes = self.start(inner, spaced).bytes();
        if bytes == Bytes::ALL {
            return code;
        }
        match bytes.single() {
            Some(byte) => format!("(self.byte() != {byte} || {code})"),
            None => format!("(!self.sees(&S{}) || {code})", self.set(bytes)),
        }
    }
}

/// The same code inside of a closure.
fn this(code: &str) -> String {
    code.replace("self.", "this.").replace("|this| this.", "|this| this.")
}

fn is_spaced(rule: &OptimizedRule) -> bool {
    let blank = rule.name == "WHITESPACE" || rule.name == "COMMENT";
    !blank && matches!(rule.ty, RuleType::Normal | RuleType::Silent | RuleType::NonAtomic)
}

/// The rules that are named in an expression.
fn mentioned(expr: &Expr) -> BTreeSet<String> {
    let names = expr.iter_top_down().filter_map(|e| if let Expr::Ident(name) = e { Some(name) } else { None });
    names.collect()
}
