//! What tests do not notice, and rows that tell a rule's two sides apart. Verdicts are cases in `tests/corpus/suite`.

use dqc::source::SourceFile;
use dqc::suite::{generate, judge, mutate};

const ORDERS: &str = r#"
type Money = decimal(12, 2) where it >= 0

contract silver.orders @ 1.0.0 {
    owner "a@b.example"
    zone  "UTC"
    nulls pass
    columns {
        id:      bigint key
        status:  string in ("open", "paid")
        amount:  Money
        email:   Email?
        tax_id:  Cpf
        created: timestamp
        shipped: timestamp?
        other columns forbidden
    }
    rules {
        shipped_later:   shipped >= created
        paid_has_amount: amount > 0 when status = "paid"
        plausible:       amount between 1 and 5_000 or status = "open"
        enough:          count(*) >= 1
    }
}
"#;

fn compiled(tests: &str) -> dqc::Compilation {
    let compilation = dqc::compile(vec![SourceFile::new("orders.dq", format!("{ORDERS}{tests}"))], &crate::layers());
    let errors: Vec<_> =
        compilation.diagnostics.iter().filter(|d| d.severity == dqc::diagnostics::Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:?}");
    compilation
}

fn unnoticed(tests: &str) -> Vec<String> {
    let compilation = compiled(tests);
    for outcome in dqc::suite::run(&compilation.checked) {
        assert!(outcome.passed(), "{:?}", outcome.findings);
    }
    let found = mutate::run(&compilation.checked, &compilation.sources);
    assert!(found.noticed <= found.tried);
    found.findings.iter().map(|d| format!("{}; {}", d.message, d.help.as_deref().unwrap_or(""))).collect()
}

#[test]
fn changes_that_no_test_notices_are_told_with_a_row_that_would() {
    let found = unnoticed(
        r#"
test "the usual order" for silver.orders {
    rows {
        | status | amount | created                | shipped                |
        | "paid" | 10     | "2026-01-01T00:00:00Z" | "2026-01-02T00:00:00Z" |
        | "paid" | 0      | "2026-01-01T00:00:00Z" | null                   |
    }
    expect shipped_later holds
    expect paid_has_amount breaks row 2
}
"#,
    );
    let expected = [
        "no test notices when in `shipped_later` `>=` becomes `>`; a test with this row would notice: created = ",
        "no test notices when in `paid_has_amount` `0` becomes 0.01; a test with this row would notice: status = \"paid\", amount = 0.01",
        "no test notices when in `paid_has_amount` the `when` is left out; a test with this row would notice: status = \"open\", amount = 0.00",
        "no test says what breaks `plausible`; this row breaks it: status = ",
        "no test says what breaks `enough`; write a `test` with `expect enough breaks`",
    ];
    for words in expected {
        assert!(found.iter().any(|f| f.starts_with(words)), "{words}\n{found:#?}");
    }
}

#[test]
fn tests_at_the_boundaries_leave_nothing_unnoticed() {
    let found = unnoticed(
        r#"
test "an order ships when it is there" for silver.orders {
    rows {
        | created                | shipped                |
        | "2026-01-01T00:00:00Z" | "2026-01-01T00:00:00Z" |
        | "2026-01-01T00:00:00Z" | "2025-12-31T23:59:59Z" |
        | "2026-01-01T00:00:00Z" | null                   |
    }
    expect shipped_later breaks row 2
}
test "a paid order has an amount" for silver.orders {
    rows {
        | status | amount |
        | "paid" | 0      |
        | "paid" | 0.01   |
        | "open" | 0      |
    }
    expect paid_has_amount breaks row 1
}
"#,
    );
    let of = |rule: &str| found.iter().filter(|f| f.contains(&format!("in `{rule}`"))).collect::<Vec<_>>();
    assert!(of("paid_has_amount").is_empty(), "{found:#?}");
    assert!(of("shipped_later").is_empty(), "{found:#?}");
}

#[test]
fn a_row_rule_has_a_row_on_either_side() {
    let compilation = compiled("");
    let contract = compilation.checked.contract("silver.orders").expect("the contract");
    let of = |name: &str| {
        let rule = contract.rules.iter().find(|r| r.name == name).expect("the rule");
        let examples = generate::examples(contract, rule);
        let shown = |row: Option<Vec<(String, dqc::hir::Value)>>| {
            row.map(|row| row.iter().map(|(n, v)| format!("{n} = {}", judge::show(v))).collect::<Vec<_>>().join(", "))
        };
        (shown(examples.passes), shown(examples.breaks))
    };
    let some = |a: &str, b: &str| (Some(a.to_owned()), Some(b.to_owned()));
    assert_eq!(of("paid_has_amount"), some("status = \"paid\", amount = 1.00", "status = \"paid\", amount = 0.00"));
    assert_eq!(of("amount.Money"), some("amount = 1.00", "amount = -0.01"));
    assert_eq!(of("tax_id.Cpf"), some("tax_id = \"52998224725\"", "tax_id = \"52998224726\""));
    assert_eq!(of("created.required").1.as_deref(), Some("created = null"));
    assert_eq!(of("enough"), (None, None));
}

#[test]
fn filled_values_meet_their_claims_and_keys_differ() {
    let text = r#"
type TaxId = Cpf
contract silver.things @ 1.0.0 {
    owner "a@b.example"
    nulls pass
    columns {
        a: Cpf key
        b: Iban
        c: string where length(it) between 7 and 9
        d: string where it matches r"[A-Z]{3}-\d{2}"
        e: decimal(6, 3) where it between 100 and 101
        f: date where it >= date "2030-01-01"
        g: array<int>
        h: Email unique
        i: double where it > 0.5 and it < 0.75
        j: IPv6
        k: TaxId
        other columns forbidden
    }
}
"#;
    let compilation = dqc::compile(vec![SourceFile::new("things.dq", text)], &crate::layers());
    let contract = compilation.checked.contract("silver.things").expect("the contract");
    let filler = generate::Filler::of(contract);
    for column in &contract.columns {
        let claims = generate::claims(contract, column);
        for row in 0..5 {
            let value = filler.value(&column.name, row);
            assert!(generate::accepts(&claims, column, &value), "{}: {}", column.name, judge::show(&value));
        }
    }
    for name in ["a", "h"] {
        let values: std::collections::BTreeSet<String> =
            (0..20).map(|row| judge::show(&filler.value(name, row))).collect();
        assert_eq!(values.len(), 20, "{name}: {values:?}");
    }
}
