//! What the rules of the grammar are called when they are missed.

use super::grammar::Rule;

/// How a rule shows in "expected …".
#[derive(PartialEq, Eq)]
enum Phrase {
    /// Nothing that anybody writes by intent, or nothing by itself.
    Hidden,
    /// Whatever can start a value or a condition.
    Value,
    /// What can go on after a value.
    Operator,
    /// What can go on after a condition or a type.
    Modifier,
    End,
    Is(&'static str),
    Word(String),
}

fn describe(rule: Rule) -> Phrase {
    use Rule::*;
    match rule {
        number | string | paren | case | cast | try_cast | kw_case | kw_cast | operand | duration | typedlit
        | quant | quant_word | extract | kw_extract | kw_try_cast | sign | expr | path | among_value | unique
        | norows | refs | kw_no | cell_value => Phrase::Value,
        cmp | arith_op | t_cmp | t_between | t_in | t_like | t_matches | t_within | is_tail | kw_and | kw_or
        | index | pgcast | select | kw_is | kw_in | kw_between | kw_like | kw_ilike | kw_matches | kw_within | args
        | filter | kw_filter | tolerance => Phrase::Operator,
        m_when | m_for | m_over | m_nulls | m_else | m_because | m_fix | m_tags | unjudged | kw_key | kw_unique
        | kw_personal | kw_secret | references | was | kw_else | kw_where | in_list | opt => Phrase::Modifier,
        kw_not | kw_null | kw_true | kw_false | kw_when | kw_references | kw_keep | kw_was | kw_over => Phrase::Hidden,
        EOI => Phrase::End,
        comma => Phrase::Is("`,`"),
        colon | head_colon => Phrase::Is("`:`"),
        equals => Phrase::Is("`=`"),
        at_sign => Phrase::Is("`@`"),
        l_paren => Phrase::Is("`(`"),
        r_paren => Phrase::Is("`)`"),
        r_bracket => Phrase::Is("`]`"),
        l_angle => Phrase::Is("`<`"),
        r_angle => Phrase::Is("`>`"),
        l_brace => Phrase::Is("`{`"),
        close => Phrase::Is("`}`"),
        name | anyname | rule_name | names | dpath | plain | quoted => Phrase::Is("a name"),
        ty | type_name | refined | t_array | t_map | t_struct | t_decimal => Phrase::Is("a type"),
        digits => Phrase::Is("a whole number"),
        percent => Phrase::Is("a percentage such as `5%`"),
        time => Phrase::Is("a time of day such as `06:00`"),
        unit => Phrase::Is("a unit of time such as `hours`"),
        version => Phrase::Is("a version such as `1.0.0`"),
        window => Phrase::Is("a window such as `last 28 batches`"),
        params => Phrase::Is("parameters in parentheses"),
        param => Phrase::Is("a parameter such as `x: int`"),
        field => Phrase::Is("a field such as `name: string`"),
        action | act => Phrase::Is("`warn`, `quarantine` or `block`"),
        table | row => Phrase::Is("a row of a table"),
        outcome => Phrase::Is("`holds`, `breaks`, `is unknown` or `is not evaluated`"),
        star => Phrase::Is("`*`"),
        other => Phrase::Hidden,
        _ => match rule.name().strip_prefix("kw_") {
            Some(word) => Phrase::Word(word.to_string()),
            None => Phrase::Hidden,
        },
    }
}

/// Whether a value or a condition is among what is missed.
pub(super) fn wants_value(rules: &[Rule]) -> bool {
    rules.iter().any(|r| describe(*r) == Phrase::Value)
}

/// What could stand where the rules were tried.
pub(super) fn expected(rules: &[Rule], what: &str) -> String {
    let phrases: Vec<Phrase> = rules.iter().map(|r| describe(*r)).collect();
    if rules.contains(&Rule::string) && ![Rule::paren, Rule::path, Rule::kw_case].iter().any(|r| rules.contains(r)) {
        return "a text in quotes".to_string();
    }
    if phrases.contains(&Phrase::Value) {
        return "a value or a condition".to_string();
    }
    let (mut exact, mut words) = (Vec::new(), Vec::new());
    for phrase in &phrases {
        match phrase {
            Phrase::Is(text) => exact.push((*text).to_string()),
            Phrase::Word(word) => words.push(format!("`{word}`")),
            _ => {}
        }
    }
    let general = phrases.contains(&Phrase::Operator) || phrases.contains(&Phrase::Modifier);
    if general {
        exact.retain(|e| matches!(e.as_str(), "`,`" | "`)`" | "`]`" | "`>`" | "`=`"));
        words.clear();
    }
    exact.append(&mut words);
    exact.sort();
    exact.dedup();
    exact.truncate(8);
    if phrases.contains(&Phrase::Operator) {
        exact.push("an operator".to_string());
    }
    if phrases.contains(&Phrase::Modifier) && !exact.iter().any(|e| e == "`)`") {
        let column = what == "a column";
        exact.push(if column {
            "a property such as `key`".to_string()
        } else {
            "a modifier such as `else`".to_string()
        });
    }
    if exact.is_empty() || general && phrases.contains(&Phrase::End) {
        exact.push(format!("the end of {what}"));
    }
    or(&exact)
}

/// `` `a`, `b` or `c` ``
pub(super) fn list(words: &[&str]) -> String {
    or(&words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>())
}

fn or(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

/// How a piece of text is called in a message.
pub(super) fn found(text: &str) -> String {
    match text.chars().next() {
        None => "the end".to_string(),
        Some('"' | '\'') => "this text".to_string(),
        Some(_) => format!("`{text}`"),
    }
}
