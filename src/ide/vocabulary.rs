//! The language's words as an editor explains them, and where each can stand.

/// A word with what it does.
pub(super) struct Term {
    pub word: &'static str,
    /// What is written for it, with `$1`, `${2:name}` and `$0` for what is left to fill in.
    pub snippet: &'static str,
    pub doc: &'static str,
}

const fn term(word: &'static str, snippet: &'static str, doc: &'static str) -> Term {
    Term { word, snippet, doc }
}

pub(super) const ITEMS: [Term; 8] = [
    term("contract", "contract ${1:layer.name} @ ${2:1.0.0} {\n    columns {\n        ${3:id}: ${4:bigint}\n    }\n    rules {\n        $0\n    }\n}", "What a dataset holds and promises: its columns, rules and service levels."),
    term("promote", "promote ${1:bronze.name} to ${2:silver.name} {\n    batches by folder \"${3:ingest_date}\"\n    with {\n        $0\n    }\n    write append\n}", "How batches get from one dataset into the next: judged, and published if they pass."),
    term("test", "test \"${1:what must hold}\" for ${2:silver.name} {\n    rows {\n        | ${3:id} |\n        | ${4:1} |\n    }\n    expect ${5:rule} breaks row 1\n}", "Rows, and which rules they break; run without data by `dqc test`."),
    term("type", "type ${1:Money} = ${2:decimal(12, 2)} where ${3:it >= 0}", "A base type with a condition on `it`."),
    term("fn", "fn ${1:name}(${2:x}: ${3:string}): ${4:boolean} =\n    $0", "A function written in the language; expanded where it is called."),
    term("rules", "rules ${1:audit}(${2:created_at}: ${3:timestamp}) {\n    $0\n}", "A set of rules with parameters, for `include`."),
    term("use", "use ${1:shared.money}.{${2:Money}}", "Brings names of another file in."),
    term("calendar", "calendar ${1:trading_days} = weekdays except (\"${2:2026-12-25}\")", "Days on which a deadline counts."),
];

pub(super) const CONTRACT_PARTS: [Term; 11] = [
    term("owner", "owner \"$0\"", "Who answers for the dataset; shown in reports."),
    term("tags", "tags  $0", "Words to choose contracts by."),
    term("zone", "zone  \"${0:America/Sao_Paulo}\"", "The zone in which dates, times of day and text without an offset are read."),
    term("nulls", "nulls ${0:pass}", "What a condition that is null means for a row, once for all rules."),
    term("else", "else ${0:warn}", "What a violation does, once for all rules that do not say."),
    term("quarantine", "quarantine at most ${1:5}%, keep ${2:90} days", "Blocks the batch when its rules together hold back more."),
    term("at", "at \"$0\"", "Where the dataset lives, relative to its layer."),
    term("format", "format ${0:parquet}", "How the dataset's files are written."),
    term("columns", "columns {\n    $0\n}", "The columns with their types and what they claim."),
    term("rules", "rules {\n    $0\n}", "The rules by which batches are judged."),
    term("sla", "sla {\n    $0\n}", "How fresh, how punctual, and how often it may fail."),
];

pub(super) const COLUMN_MODIFIERS: [Term; 13] = [
    term("key", "key", "Part of the key: never null, unique over the table."),
    term("unique", "unique", "No value twice; nulls are taken as different."),
    term("personal", "personal", "Shown masked in samples, messages, logs and metrics."),
    term("secret", "secret", "Never shown."),
    term("references", "references ${1:layer.name}(${2:id})", "Every value stands in a column of another dataset."),
    term("was", "was ${0:old_name}", "The column's former name, for `--against` and for merging history."),
    term("where", "where it ${0:>= 0}", "A condition on the value, called `it`."),
    term("in", "in ($0)", "The values that are allowed."),
    term("else", "else ${0:quarantine}", "What a violation does: warn, quarantine or block."),
    term("because", "because \"$0\"", "What a violation means, for the report."),
    term("fix", "fix \"$0\"", "What to do about a violation."),
    term("tags", "tags $0", "Words to choose rules by."),
    term("other columns", "other columns ${0:forbidden}", "What a column that is not listed means: forbidden, ignored or kept."),
];

pub(super) const RULE_MODIFIERS: [Term; 9] = [
    term("when", "when $0", "Only rows that meet the condition are judged; null is not met."),
    term("for each", "for each $0", "Judges each group by itself."),
    term("over", "over ${0:table}", "Which rows are judged: the batch, the input as it arrived, or the table as it would be."),
    term("nulls", "nulls ${0:pass}", "What a condition that is null means for a row: it passes or it fails."),
    term("else", "else ${0:warn}", "What a violation does: warn, quarantine or block, each with an optional `above`."),
    term("if not evaluated", "if not evaluated ${0:warn}", "What happens when the rule has nothing to judge."),
    term("because", "because \"$0\"", "What a violation means; `{column}` shows the row's value."),
    term("fix", "fix     \"$0\"", "What to do about a violation."),
    term("tags", "tags $0", "Words to choose rules by."),
];

pub(super) const RULE_STARTS: [Term; 7] = [
    term("unique", "unique ($0)", "No two rows are equal in these values."),
    term("no rows in sql", "no rows in sql \"\"\"\n    select $0\n    \"\"\"", "One `select` over `batch`, `input`, `table` and datasets that must give nothing."),
    term("not", "not ", "True where the condition is false."),
    term("case", "case when $1 then $2 else $0 end", "The value of the first condition that is true."),
    term("cast", "cast($1 as ${0:bigint})", "The value in another type; where it cannot be, the row breaks the rule."),
    term("every", "every(${1:x} in ${2:xs}: $0)", "True where the condition holds for all elements of an array."),
    term("any", "any(${1:x} in ${2:xs}: $0)", "True where the condition holds for an element of an array."),
];

pub(super) const OPERATORS: [Term; 11] = [
    term("and", "and ", "Both hold."),
    term("or", "or ", "One of both holds."),
    term("between", "between $1 and $0", "From the first to the second, both included."),
    term("in", "in ($0)", "One of these values."),
    term("is null", "is null", "True where there is no value."),
    term("is not null", "is not null", "True where there is a value."),
    term("like", "like \"$0\"", "SQL's patterns: `%` for any text, `_` for one character."),
    term("matches", "matches r\"$0\"", "A regular expression that must match all of the text."),
    term("within", "within ${0:0.01}", "The tolerance of a comparison, or the spread of past batches."),
    term("references", "references ${1:layer.name}(${2:id})", "The value stands in a column of another dataset."),
    term("filter", "filter (where $0)", "Only these rows count for the aggregate."),
];

pub(super) const SLA_STARTS: [Term; 2] = [
    term("arrives by", "arrives by ${1:06:00} in \"${2:America/Sao_Paulo}\" on ${3:weekdays} for the day before", "By when the batch of a day is published."),
    term("age", "age(max(${1:created_at})) <= ${0:2 hours}", "How old the newest row may be."),
];

pub(super) const PROMOTION_PARTS: [Term; 5] = [
    term("batches", "batches by ${0:folder \"ingest_date\"}", "What one batch is: a folder, a file or a version."),
    term("with", "with {\n    $0\n}", "How columns of the target are made of the source's."),
    term("write", "write ${0:append}", "How a batch gets into the table: append, replace or merge."),
    term("rules", "rules {\n    $0\n}", "Rules of this promotion alone."),
    term("notify", "notify ${1:channel} on ${0:block}", "Who is told of what."),
];

pub(super) const TEST_PARTS: [Term; 5] = [
    term("rows", "rows {\n    | $0 |\n}", "The rows that are judged; columns not listed hold what meets their claims."),
    term("rows of", "rows of ${1:gold.regions} {\n    | $0 |\n}", "Rows of a dataset that a rule reads."),
    term("history", "history {\n    | $0 |\n}", "What past batches measured."),
    term("at", "at \"${0:2026-01-02T06:00:00Z}\"", "The clock."),
    term("expect", "expect $0", "Which rule holds, breaks, is unknown, or is not evaluated."),
];

pub(super) const ACTIONS: [Term; 3] = [
    term("warn", "warn", "Reported; the batch goes."),
    term("quarantine", "quarantine", "The rows are held back, the others go."),
    term("block", "block", "Nothing of the batch is published."),
];

/// One word after another, where nothing else can stand: the word before, and what follows.
pub(super) const AFTER: [(&str, &[&str]); 22] = [
    ("nulls", &["pass", "fail"]),
    ("over", &["table", "input", "batch"]),
    ("columns", &["forbidden", "ignored", "kept"]),
    ("other", &["columns"]),
    ("format", &["delta", "parquet", "csv", "json", "arrow"]),
    ("write", &["append", "replace", "merge"]),
    ("merge", &["by"]),
    ("batches", &["by"]),
    ("for", &["each", "the"]),
    ("if", &["not evaluated"]),
    ("evaluated", &["warn", "block"]),
    ("arrives", &["by"]),
    ("the", &["day before", "same day"]),
    ("keep", &["first by", "last by"]),
    ("settled", &["after"]),
    ("missed", &["at most"]),
    ("breaks", &["row", "rows"]),
    ("every", &["other row rule holds", "other rule holds"]),
    ("on", &["weekdays", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]),
    ("quarantine", &["at most"]),
    ("no", &["rows in sql"]),
    ("distinct", &["from"]),
];

/// What a word of the language does, wherever it stands.
pub(super) fn explain(word: &str) -> Option<&'static Term> {
    let all = ACTIONS.iter().chain(&ITEMS).chain(&CONTRACT_PARTS).chain(&RULE_MODIFIERS).chain(&COLUMN_MODIFIERS);
    let all = all.chain(&RULE_STARTS).chain(&OPERATORS).chain(&PROMOTION_PARTS).chain(&TEST_PARTS).chain(&SLA_STARTS);
    let mut all = all.filter(|t| !t.doc.is_empty());
    all.find(|t| t.word == word).or_else(|| {
        let starts = |t: &&Term| t.word.split(' ').next() == Some(word);
        [&RULE_MODIFIERS[..], &RULE_STARTS, &SLA_STARTS, &COLUMN_MODIFIERS].into_iter().flatten().find(starts)
    })
}
