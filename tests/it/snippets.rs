//! Small texts, what they become, and what is found in them: `tests/snippets.txt`. `UPDATE=1` rewrites what they become.
//!
//! `=== title | what`, the text, `~~~`, one line for each node, and `! code text` for each finding. `what` says where the
//! text stands: `file`, `rules`, `columns`, `sla`, or `expr` for the condition of a rule.

use std::fmt::Write as _;

use dqc::source::{FileId, Span};
use dqc::syntax::ast::*;

use crate::root;

struct Snippet<'a> {
    title: &'a str,
    what: &'a str,
    text: &'a str,
    tree: &'a str,
}

fn snippets(all: &str) -> Vec<Snippet<'_>> {
    let mut found = Vec::new();
    for piece in all.split("\n=== ").skip(1) {
        let (head, body) = piece.split_once('\n').unwrap_or((piece, ""));
        let (title, what) = head.rsplit_once(" | ").expect("a title and where the text stands");
        let (text, tree) = body.split_once("\n~~~").unwrap_or((body.trim_end_matches('\n'), ""));
        found.push(Snippet { title, what, text, tree: tree.trim_matches('\n') });
    }
    found
}

#[test]
fn snippets_become_their_trees() {
    let path = root().join("tests/snippets.txt");
    let all = std::fs::read_to_string(&path).expect("tests/snippets.txt");
    let head = all.split("\n=== ").next().unwrap_or("");
    let mut faults = String::new();
    let mut updated = format!("{head}\n");
    for snippet in snippets(&all) {
        let got = becomes(snippet.what, snippet.text);
        let _ = write!(updated, "=== {} | {}\n{}\n~~~\n{got}", snippet.title, snippet.what, snippet.text);
        if got.trim_end() != snippet.tree {
            let _ = writeln!(
                faults,
                "{}\n{}\n-- should become\n{}\n-- becomes\n{got}",
                snippet.title, snippet.text, snippet.tree
            );
        }
    }
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, updated).expect("tests/snippets.txt can be written");
        return;
    }
    assert!(faults.is_empty(), "\n{faults}\nUPDATE=1 rewrites tests/snippets.txt\n");
}

fn becomes(what: &str, text: &str) -> String {
    let text = text.replace("\\r\\n", "\r\n");
    let whole = match what {
        "rules" => format!("contract t.t @ 1.0.0 {{ rules {{\n{text}\n}} }}"),
        "columns" => format!("contract t.t @ 1.0.0 {{ columns {{\n{text}\n}} }}"),
        "sla" => format!("contract t.t @ 1.0.0 {{ sla {{\n{text}\n}} }}"),
        "expr" => format!("contract t.t @ 1.0.0 {{ rules {{ e: {text}\n}} }}"),
        _ => text,
    };
    let parsed = dqc::syntax::parse(FileId(0), &whole);
    let mut out = String::new();
    for item in &parsed.file.items {
        match item {
            Item::Contract(c) if what != "file" => c.parts.iter().for_each(|p| part(p, "", &mut out)),
            item => top(item, &mut out),
        }
    }
    for d in parsed.diagnostics {
        let slice = |span: Span| whole.get(span.range()).expect("a span within the text").replace('\n', " ");
        let _ = write!(out, "! {} {}", d.code.name(), slice(d.primary.span));
        if let Some(fix) = d.fix {
            let edits = fix
                .edits
                .iter()
                .map(|e| format!("{}→{}", slice(e.span), e.text.replace('\n', "⏎")))
                .collect::<Vec<_>>();
            let _ = write!(out, "   ⇒ {}", edits.join(", "));
        }
        out.push('\n');
    }
    out
}

fn doc(doc: &str) -> String {
    if doc.is_empty() { String::new() } else { format!(" /// {}", doc.replace('\n', " ⏎ ")) }
}

fn names(names: &[Name]) -> String {
    names.iter().map(|n| n.text.as_str()).collect::<Vec<_>>().join(" ")
}

fn top(item: &Item, out: &mut String) {
    let _ = match item {
        Item::Use(u) => writeln!(out, "use {} ({})", u.module.text(), names(&u.names)),
        Item::Calendar(c) => {
            let days: Vec<&str> = c.except.iter().map(|t| t.value.as_str()).collect();
            writeln!(out, "calendar {} {} except {}{}", c.name.text, c.base.text, days.join(" "), doc(&c.doc))
        }
        Item::Type(t) => writeln!(out, "type {} {}{}", t.name.text, refined(&t.refined), doc(&t.doc)),
        Item::Fn(f) => {
            let params: Vec<String> = f.params.iter().map(|p| format!("{}: {}", p.name.text, ty(&p.ty))).collect();
            let body = f.body.as_ref().map_or("extern".into(), expr);
            writeln!(out, "fn {} ({}) {} {body}{}", f.name.text(), params.join(", "), ty(&f.result), doc(&f.doc))
        }
        Item::Rules(r) => {
            let params: Vec<String> = r.params.iter().map(|p| format!("{}: {}", p.name.text, ty(&p.ty))).collect();
            let _ = writeln!(out, "rules {} ({}){}", r.name.text, params.join(", "), doc(&r.doc));
            r.body.iter().for_each(|r| rule_item(r, "  ", out));
            Ok(())
        }
        Item::Contract(c) => {
            let _ = writeln!(out, "contract {} @ {}{}", c.dataset.text(), c.version.value, doc(&c.doc));
            c.parts.iter().for_each(|p| part(p, "  ", out));
            Ok(())
        }
        Item::Promote(p) => {
            let _ = writeln!(out, "promote {} {}{}", p.from.text(), p.to.text(), doc(&p.doc));
            p.items.iter().for_each(|i| promote_item(i, out));
            Ok(())
        }
        Item::Test(t) => {
            let at = t.at.as_ref().map_or(String::new(), |a| format!(" at {}", a.value));
            let _ = writeln!(out, "test {:?} {}{at}", t.title.value, t.dataset.text());
            for given in &t.given {
                table(
                    &given.of.as_ref().map_or("rows".into(), |of| format!("rows of {}", of.text())),
                    &given.table,
                    out,
                );
            }
            if let Some(history) = &t.history {
                table("history", history, out);
            }
            t.expects.iter().for_each(|e| expect(e, out));
            Ok(())
        }
        Item::Junk(_) => writeln!(out, "junk"),
    };
}

fn part(part: &Part, pad: &str, out: &mut String) {
    let _ = match part {
        Part::Owner(t) => writeln!(out, "{pad}owner {}", t.value),
        Part::Tags(tags) => writeln!(out, "{pad}tags {}", names(tags)),
        Part::Zone(t) => writeln!(out, "{pad}zone {}", t.value),
        Part::Nulls(n) => writeln!(out, "{pad}nulls {}", if n.pass { "pass" } else { "fail" }),
        Part::Else(e) => writeln!(out, "{pad}{}", else_(e)),
        Part::Cap { percent, keep, .. } => {
            writeln!(out, "{pad}cap {} {}", percent.value, keep.as_ref().map_or(String::new(), duration))
        }
        Part::At(t) => writeln!(out, "{pad}at {}", t.value),
        Part::Format(n) => writeln!(out, "{pad}format {}", n.text),
        Part::Columns(c) => {
            c.items.iter().for_each(|c| column(c, pad, out));
            c.other.map_or(Ok(()), |(other, _)| writeln!(out, "{pad}other {other:?}"))
        }
        Part::Rules(rules, _) => {
            rules.iter().for_each(|r| rule_item(r, pad, out));
            Ok(())
        }
        Part::Sla(entries, _) => {
            entries.iter().for_each(|e| entry(e, pad, out));
            Ok(())
        }
        Part::Junk(_) => writeln!(out, "{pad}junk"),
    };
}

fn column(item: &ColumnItem, pad: &str, out: &mut String) {
    let ColumnItem::Column(c) = item else {
        let _ = writeln!(out, "{pad}junk");
        return;
    };
    let _ = write!(out, "{pad}column {} {}", c.name.text, refined(&c.refined));
    for m in &c.mods {
        let _ = match m {
            ColumnMod::Key(_) => write!(out, " (key)"),
            ColumnMod::Unique(_) => write!(out, " (unique)"),
            ColumnMod::Personal(_) => write!(out, " (personal)"),
            ColumnMod::Secret(_) => write!(out, " (secret)"),
            ColumnMod::References(r) => write!(out, " {}", references(r)),
            ColumnMod::Was(n) => write!(out, " (was {})", n.text),
            ColumnMod::Else(e) => write!(out, " {}", else_(e)),
            ColumnMod::Because(t) => write!(out, " (because {:?})", t.value),
            ColumnMod::Fix(t) => write!(out, " (fix {:?})", t.value),
            ColumnMod::Tags(t) => write!(out, " (tags {})", names(t)),
        };
    }
    let _ = writeln!(out, "{}", doc(&c.doc));
}

fn references(r: &References) -> String {
    format!("(references {} {})", r.dataset.text(), names(&r.columns))
}

fn rule_item(item: &RuleItem, pad: &str, out: &mut String) {
    let _ = match item {
        RuleItem::Rule(r) => {
            writeln!(out, "{pad}rule {} {}{}{}", r.name.text, cond(&r.cond), mods(&r.mods), doc(&r.doc))
        }
        RuleItem::Include(i) => {
            let alias = i.alias.as_ref().map_or(String::new(), |a| format!(" as {}", a.text));
            writeln!(out, "{pad}include {} {}{alias}", i.set.text(), exprs(&i.args))
        }
        RuleItem::Junk(_) => writeln!(out, "{pad}junk"),
    };
}

fn cond(cond: &Cond) -> String {
    match cond {
        Cond::Expr(e) => expr(e),
        Cond::Unique { exprs: list, keep, .. } => {
            let keep = keep.as_ref().map_or(String::new(), |k| {
                format!(" (keep {} {})", if k.last { "last" } else { "first" }, expr(&k.by))
            });
            format!("(unique {}{keep})", exprs(list))
        }
        Cond::References { columns, target, .. } => format!("(refs ({}) {})", names(columns), references(target)),
        Cond::NoRows { sql, .. } => format!("(no rows {:?})", sql.value),
    }
}

fn mods(mods: &[RuleMod]) -> String {
    let mut out = String::new();
    for m in mods {
        let text = match m {
            RuleMod::When(e, _) => format!("(when {})", expr(e)),
            RuleMod::ForEach { by, among, .. } => {
                let among = match among {
                    Some(Among::Values(values, _)) => format!(" (among {})", exprs(values)),
                    Some(Among::Dataset(path, columns, _)) => format!(" (among {} {})", path.text(), names(columns)),
                    None => String::new(),
                };
                format!("(for {}{among})", exprs(by))
            }
            RuleMod::Over(what, _) => format!("(over {what:?})"),
            RuleMod::Nulls(n) => format!("(nulls {})", if n.pass { "pass" } else { "fail" }),
            RuleMod::Else(e) => else_(e),
            RuleMod::NotEvaluated(act, _) => format!("(if not evaluated {act:?})"),
            RuleMod::Because(t, _) => format!("(because {:?})", t.value),
            RuleMod::Fix(t, _) => format!("(fix {:?})", t.value),
            RuleMod::Tags(t, _) => format!("(tags {})", names(t)),
        };
        let _ = write!(out, " {text}");
    }
    out
}

fn else_(e: &Else) -> String {
    let actions: Vec<String> = e
        .actions
        .iter()
        .map(|a| match a.above {
            None => format!("{:?}", a.act),
            Some(above) => format!("{:?} above {above:?}", a.act),
        })
        .collect();
    format!("(else {})", actions.join(", "))
}

fn entry(item: &SlaItem, pad: &str, out: &mut String) {
    let SlaItem::Entry(e) = item else {
        let _ = writeln!(out, "{pad}junk");
        return;
    };
    let what = match &e.what {
        SlaWhat::Condition(c) => expr(c),
        SlaWhat::Arrives { by, zone, on, day_before, .. } => {
            let zone = zone.as_ref().map_or("", |z| z.value.as_str());
            format!("(arrives {} {zone} ({}){})", time(*by), names(on), if *day_before { " day before" } else { "" })
        }
        SlaWhat::Budget { of, at_most, last, unit, .. } => format!("(budget {} {at_most} of {last} {unit:?})", of.text),
    };
    let _ = writeln!(out, "{pad}entry {} {what}{}{}", e.name.text, mods(&e.mods), doc(&e.doc));
}

fn promote_item(item: &PromoteItem, out: &mut String) {
    let _ = match item {
        PromoteItem::Batches { by, settled, .. } => {
            let by = match by {
                BatchBy::Folder(t) => format!("folder {}", t.value),
                other => format!("{other:?}").to_lowercase(),
            };
            writeln!(out, "  batches {by} {}", settled.as_ref().map_or(String::new(), duration))
        }
        PromoteItem::With { maps, .. } => {
            for map in maps {
                let _ = writeln!(out, "  map {} {}", map.column.text, expr(&map.value));
            }
            Ok(())
        }
        PromoteItem::Write(Write::Merge(by), _) => {
            writeln!(out, "  write merge {}", by.as_ref().map_or(String::new(), expr))
        }
        PromoteItem::Write(write, _) => writeln!(out, "  write {write:?}"),
        PromoteItem::Notify { channel, on, .. } => {
            writeln!(out, "  notify {} {:?}", channel.text, on.iter().map(|o| o.0).collect::<Vec<_>>())
        }
        PromoteItem::Rules(rules, _) => {
            rules.iter().for_each(|r| rule_item(r, "  ", out));
            Ok(())
        }
        PromoteItem::Junk(_) => writeln!(out, "  junk"),
    };
}

fn table(head: &str, table: &Table, out: &mut String) {
    let _ = writeln!(out, "  {head} ({})", names(&table.header));
    for row in &table.rows {
        let cells: Vec<String> = row.cells.iter().map(|c| c.as_ref().map_or("·".into(), expr)).collect();
        let _ = writeln!(out, "    {}", cells.join(" "));
    }
}

fn expect(e: &Expect, out: &mut String) {
    let _ = match &e.what {
        ExpectWhat::Rule { rule, outcome: ExpectOutcome::Breaks(rows) } => {
            writeln!(out, "  expect {} breaks {:?}", rule.text(), rows.iter().map(|r| r.0).collect::<Vec<_>>())
        }
        ExpectWhat::Rule { rule, outcome } => writeln!(out, "  expect {} {outcome:?}", rule.text()),
        ExpectWhat::EveryOther { row_rules_only } => {
            writeln!(out, "  expect every other{}", if *row_rules_only { " row" } else { "" })
        }
    };
}

fn refined(r: &Refined) -> String {
    match &r.condition {
        None => ty(&r.ty),
        Some(Refinement::Where(e)) => format!("{} (where {})", ty(&r.ty), expr(e)),
        Some(Refinement::In(list, _)) => format!("{} (in {})", ty(&r.ty), exprs(list)),
    }
}

fn ty(t: &Ty) -> String {
    let name = match &t.kind {
        TyKind::Named(path) => path.text(),
        TyKind::Decimal { precision, scale } => format!("decimal({precision},{scale})"),
        TyKind::Array(item) => format!("array<{}>", ty(item)),
        TyKind::Map(k, v) => format!("map<{},{}>", ty(k), ty(v)),
        TyKind::Struct(fields) => {
            format!(
                "struct<{}>",
                fields.iter().map(|(n, t)| format!("{}: {}", n.text, ty(t))).collect::<Vec<_>>().join(", ")
            )
        }
        TyKind::Error => "<error>".into(),
    };
    if t.optional { format!("{name}?") } else { name }
}

fn duration(d: &Duration) -> String {
    d.parts.iter().map(|(n, unit)| format!("{n} {unit:?}")).collect::<Vec<_>>().join(" ")
}

fn time(t: TimeOfDay) -> String {
    format!("{:02}:{:02}:{:02}", t.hour, t.minute, t.second)
}

fn window(w: &Window) -> String {
    format!("(last {} {:?})", w.count, w.of)
}

fn exprs(list: &[Expr]) -> String {
    list.iter().map(expr).collect::<Vec<_>>().join(" ")
}

fn expr(e: &Expr) -> String {
    let not = |negated: &bool| if *negated { "not " } else { "" };
    match &e.kind {
        ExprKind::Literal(literal) => match literal {
            Literal::Null => "null".into(),
            Literal::Bool(b) => b.to_string(),
            Literal::Number(n) => n.clone(),
            Literal::Percent(p) => format!("{p}%"),
            Literal::Duration(d) => format!("[{}]", duration(d)),
            Literal::Time(t) => time(*t),
            Literal::Json(text) => format!("json {text}"),
            Literal::String { value, .. } => format!("{value:?}"),
            Literal::Typed { ty, value } => format!("({} {:?})", ty.text, value.value),
        },
        ExprKind::Path(path) => path.text(),
        ExprKind::Field(value, name) => format!("(. {} {})", expr(value), name.text),
        ExprKind::Index(value, index) => format!("([] {} {})", expr(value), expr(index)),
        ExprKind::Not(value) => format!("(not {})", expr(value)),
        ExprKind::Negate(value) => format!("(- {})", expr(value)),
        ExprKind::Binary { op, left, right, .. } => format!("({} {} {})", op.text(), expr(left), expr(right)),
        ExprKind::Near { op, left, right, tolerance } => {
            format!("({} {} {} within {})", op.text(), expr(left), expr(right), expr(tolerance))
        }
        ExprKind::Between { negated, value, low, high } => {
            format!("({}between {} {} {})", not(negated), expr(value), expr(low), expr(high))
        }
        ExprKind::In { negated, value, list } => format!("({}in {} {})", not(negated), expr(value), exprs(list)),
        ExprKind::Like { negated, insensitive, value, pattern, escape } => {
            let escape = escape.as_ref().map_or(String::new(), |e| format!(" escape {:?}", e.value));
            format!(
                "({}{} {} {}{escape})",
                not(negated),
                if *insensitive { "ilike" } else { "like" },
                expr(value),
                expr(pattern)
            )
        }
        ExprKind::Matches { negated, value, pattern } => {
            format!("({}matches {} {:?})", not(negated), expr(value), pattern.value)
        }
        ExprKind::Is { negated, value, what } => {
            let what = match what {
                IsWhat::Null => "null".into(),
                IsWhat::True => "true".into(),
                IsWhat::False => "false".into(),
                IsWhat::DistinctFrom(other) => format!("distinct {}", expr(other)),
            };
            format!("({}is {} {what})", not(negated), expr(value))
        }
        ExprKind::Case { operand, arms, otherwise } => {
            let mut out = "(case".to_string();
            operand.iter().for_each(|o| out.push_str(&format!(" {}", expr(o))));
            arms.iter().for_each(|(when, then)| out.push_str(&format!(" ({} {})", expr(when), expr(then))));
            otherwise.iter().for_each(|o| out.push_str(&format!(" else {}", expr(o))));
            out + ")"
        }
        ExprKind::Cast { value, ty: t, attempt } => {
            format!("({} {} {})", if *attempt { "try_cast" } else { "cast" }, expr(value), ty(t))
        }
        ExprKind::Quantified { every, variable, source, body } => {
            format!("({} {} {} {})", if *every { "every" } else { "any" }, variable.text, expr(source), expr(body))
        }
        ExprKind::Extract { part, value } => format!("(extract {} {})", part.text, expr(value)),
        ExprKind::Call(call) => {
            let mut out = format!("({}", call.function.text());
            out.push_str(if call.distinct { " distinct" } else { "" });
            out.push_str(if call.star { " *" } else { "" });
            call.args.iter().for_each(|a| out.push_str(&format!(" {}", expr(a))));
            call.over.iter().for_each(|w| out.push_str(&format!(" over {}", window(w))));
            call.filter.iter().for_each(|f| out.push_str(&format!(" filter {}", expr(f))));
            out + ")"
        }
        ExprKind::From { value, source, condition } => {
            let condition = condition.as_ref().map_or(String::new(), |c| format!(" {}", expr(c)));
            format!("(from {} {}{condition})", expr(value), source.text())
        }
        ExprKind::Tuple(items) => format!("(tuple {})", exprs(items)),
        ExprKind::WithinHistory { value, spread, window: w } => {
            format!("(within {} {spread:?} {})", expr(value), window(w))
        }
        ExprKind::Window(w) => window(w),
        ExprKind::Error => "<error>".into(),
    }
}
