//! `tests/runs/*.dqt`: contracts, rows, and what comes of them. `UPDATE=1` writes what came.

mod case;
mod forms;
mod table;

use std::path::PathBuf;

use case::Case;

#[test]
fn runs_come_out_as_written() {
    let folder = super::root().join("tests/runs");
    let mut files: Vec<PathBuf> =
        walkdir::WalkDir::new(folder).into_iter().flatten().map(|e| e.into_path()).filter(|p| is_run(p)).collect();
    files.sort();
    assert!(!files.is_empty(), "there are no runs");
    let only = std::env::var("RUN").unwrap_or_default();
    let update = std::env::var_os("UPDATE").is_some();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut wrong = Vec::new();
    for file in files {
        let name = file.file_name().map(|n| n.to_string_lossy().to_string()).unwrap_or_default();
        let text = std::fs::read_to_string(&file).expect("a run that can be read");
        let mut new = String::new();
        for case in case::cases(&text) {
            let label = format!("{name}: {}", case.title);
            let came = if label.contains(&only) { runtime.block_on(came(&case)) } else { case.expected.clone() };
            if came != case.expected {
                wrong.push(format!("=== {label}\n--- expected\n{}\n--- came\n{came}", case.expected));
            }
            new.push_str(&case.written(&came));
        }
        if update && new != text {
            std::fs::write(&file, new).expect("a run that can be written");
        }
    }
    assert!(update || wrong.is_empty(), "{}", wrong.join("\n\n"));
}

fn is_run(path: &std::path::Path) -> bool {
    path.extension().is_some_and(|e| e == "dqt")
}

async fn came(case: &Case) -> String {
    match case.run().await {
        Ok(text) => text,
        Err(problem) => format!("cannot run: {problem}\n"),
    }
}

#[test]
fn queries_of_the_catalogue_can_be_planned() {
    for line in super::checks::lines() {
        let compiled = super::checks::compile(&line);
        let found = dqc::sql::findings(&compiled.checked, &compiled.sources);
        assert!(found.is_empty(), "{}: {}", line.check, found[0].message);
    }
}

/// What is said of a query that cannot be planned, and what it points at.
#[test]
fn queries_are_planned_before_there_is_data() {
    let said = |sql: &str| {
        let contract = format!(
            "contract gold.regions @ 1.0.0 {{ columns {{ `der code`: string? }} }}\n\
             contract silver.orders @ 1.0.0 {{\n    columns {{ id: bigint  Größe: int? }}\n    rules {{ r: no rows in sql {sql} }}\n}}\n"
        );
        let compiled = dqc::compile(vec![dqc::source::SourceFile::new("q.dq", &contract)], &crate::layers());
        let found = dqc::sql::findings(&compiled.checked, &compiled.sources);
        found.first().map(|d| format!("{} `{}`", d.message, compiled.sources.slice(d.primary.span)))
    };
    let fine = [
        r#""select id from batch where größe < 0""#,
        r#""select b.`GRÖßE` from input b, table t where b.id = t.id""#,
        r#""with x as (select id from table) select * from x where id > 1 order by id limit 3""#,
        r#""select count(*) filter (where größe > 0) from batch having count(*) = 0""#,
        r#""select 'a' from gold.regions where `der code` = \"x\"""#,
    ];
    for sql in fine {
        assert_eq!(said(sql), None, "{sql}");
    }
    let wrong = [
        (r#""select idd from batch""#, "there is no column `idd` `idd`"),
        (r#""select id from bach""#, "there is no `bach` to read from `bach`"),
        (r#""select id from gold.region""#, "there is no `gold.region` to read from `gold.region`"),
        ("\"\"\"\n        select id\n        from batch\n        wher id > 1\n    \"\"\"", "`id` cannot stand here in a query `id`"),
        (r#""select lenght(größe) from batch""#, "there is no function `lenght` in SQL `lenght`"),
        (r#""select id from batch a, batch b""#, "`id` stands for several columns `id`"),
    ];
    for (sql, wanted) in wrong {
        assert_eq!(said(sql).as_deref(), Some(wanted), "{sql}");
    }
}
