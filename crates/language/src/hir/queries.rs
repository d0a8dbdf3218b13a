//! Which datasets a rule in SQL names.

use super::{Checked, Contract};

/// The words of a query in lower case, each once with its dots: without texts, comments and the quotes of names.
fn words(sql: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut rest = sql.chars().peekable();
    let mut close = |word: &mut String| {
        let whole = std::mem::take(word).to_lowercase();
        if !whole.is_empty() && !found.contains(&whole) {
            found.push(whole);
        }
    };
    while let Some(c) = rest.next() {
        match (c, rest.peek()) {
            ('\'', _) => {
                close(&mut word);
                rest.by_ref().find(|c| *c == '\'');
            }
            ('-', Some('-')) => {
                close(&mut word);
                rest.by_ref().find(|c| *c == '\n');
            }
            ('/', Some('*')) => {
                close(&mut word);
                let mut last = ' ';
                rest.by_ref().find(|c| std::mem::replace(&mut last, *c) == '*' && *c == '/');
            }
            ('`' | '"', _) => {}
            (c, _) if c.is_alphanumeric() || c == '_' || c == '.' => word.push(c),
            _ => close(&mut word),
        }
    }
    close(&mut word);
    found
}

pub fn names(sql: &str, dataset: &str) -> bool {
    words(sql).contains(&dataset.to_lowercase())
}

/// The contracts whose datasets a query names, in the project's order.
pub fn named<'c>(sql: &str, checked: &'c Checked) -> impl Iterator<Item = &'c Contract> + use<'c> {
    let words = words(sql);
    checked.contracts.iter().filter(move |c| words.contains(&c.dataset.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_however_they_are_quoted_and_not_in_texts_or_comments() {
        let sql = "select 1 from Silver.`Orders` o, \"gold\".\"days\" /* bronze.a * / */ join silver.regions -- bronze.b\n\
                   on o.note <> 'bronze.c' and o.x='it''s bronze.d'";
        let found = words(sql);
        for name in ["silver.orders", "gold.days", "silver.regions", "o.note", "o.x"] {
            assert!(found.iter().any(|w| w == name), "{name} in {found:?}");
        }
        assert!(!found.iter().any(|w| w.starts_with("bronze")), "{found:?}");
        assert_eq!(words("'unclosed bronze.a"), [""; 0]);
    }
}
