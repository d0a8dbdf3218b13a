//! The nearest name to one that is not known.

/// The candidate that the author most likely meant: the fewest insertions, deletions, replacements and swaps of
/// neighbours (Damerau-Levenshtein), whatever the case, and at most a third of the name's length. Of equals the first
/// in the alphabet wins, so that the order of the candidates does not show.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    candidates
        .into_iter()
        .filter_map(|candidate| Some((distance(&wanted, &candidate.to_lowercase())?, candidate)))
        .min()
        .map(|(_, candidate)| candidate)
}

/// What [`nearest`] finds, as a help text.
pub fn nearest_help<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(name, known).map(|near| format!("the nearest is `{near}`"))
}

/// How far two names are from each other; `None` where they are too far to be meant for each other.
fn distance(wanted: &str, candidate: &str) -> Option<usize> {
    let length = wanted.chars().count().max(candidate.chars().count());
    if length > 200 {
        return None;
    }
    let found = strsim::damerau_levenshtein(wanted, candidate);
    let limit = match length {
        0..=2 => 0,
        3..=5 => 1,
        longer => longer / 3,
    };
    if found <= limit {
        return Some(found);
    }
    // `customer` for `customer_id`, `orders` for `shop_orders`: a whole word of the other.
    let (short, long) = if wanted.len() < candidate.len() { (wanted, candidate) } else { (candidate, wanted) };
    (short.chars().count() >= 3 && long.split(['_', '.', ' ']).any(|word| word == short)).then_some(found)
}

/// Names for a sentence: `` `a`, `b` and `c` ``; no more than six.
pub fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 6;
    let names: Vec<String> = names.into_iter().map(|n| format!("`{n}`")).collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] if names.len() <= SHOWN => format!("{} and {last}", first.join(", ")),
        _ => format!("{} and {} more", names[..SHOWN - 1].join(", "), names.len() - SHOWN + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let columns = ["order_id", "amount", "customer_id", "status"];
        assert_eq!(nearest("amont", columns), Some("amount"));
        assert_eq!(nearest("AMOUNT", columns), Some("amount"));
        assert_eq!(nearest("sttaus", columns), Some("status"));
        assert_eq!(nearest("customer", columns), Some("customer_id"));
        assert_eq!(nearest("region", columns), None);
        assert_eq!(nearest("", columns), None);
        assert_eq!(nearest("b", ["a"]), None);
    }

    #[test]
    fn lists_names() {
        assert_eq!(list(["a", "b", "c"]), "`a`, `b` and `c`");
        assert_eq!(list(["a", "b", "c", "d", "e", "f", "g"]), "`a`, `b`, `c`, `d`, `e` and 2 more");
    }
}
