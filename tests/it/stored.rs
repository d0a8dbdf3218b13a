//! Accepted rows are taken over as they stand in their files, page by page: whatever wrote those files, and however, the
//! rows come out the same, the footers and the log say what is in them, and nothing of a held row is left.

use std::process::Command;

use crate::root;

const COLUMNS: &str = "
        id:      bigint
        bad:     boolean
        few:     int?
        many:    bigint?
        price:   decimal(12, 2)?
        weight:  double?
        short:   float?
        day:     date?
        at:      timestamp?
        code:    string?
        text:    string?
        long:    string?
        raw:     binary?
        nothing: string?
        words:   array<string?>?
        `größe kg`: int?
";

const RAW: &str = "contract raw.parcels @ 1.0.0 {
    columns {COLUMNS    }
}
";

const SILVER: &str = r#"contract silver.parcels @ 1.0.0 {
    columns {COLUMNS        double:  bigint?
    }
    rules {
        good: not bad  else quarantine
        once: unique (id)  else quarantine
    }
}

promote raw.parcels to silver.parcels {
    batches by folder "part"
    write append
    with {
        double: many * 2
    }
}
"#;

const PROJECT: &str = "[project]\nname = \"parcels\"\nlanguage = 1\n\n[layers]\nraw = { path = \"raw\", format = \"parquet\" }\nsilver = \"silver\"\n\n\
                       [quarantine]\npath = \"quarantine\"\n\n[ledger]\npath = \"ledger\"\n";

#[test]
fn rows_are_taken_over_as_they_stand_in_files_of_every_kind() {
    let Some(python) = std::env::var_os("DQC_TEST_PYTHON") else {
        eprintln!("skipped: DQC_TEST_PYTHON names no Python with pyarrow, DuckDB and deltalake");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let script = |what: &str| {
        let done = Command::new(&python).arg(root().join("tests/it/stored/parcels.py")).arg(what).arg(folder).output();
        let done = done.expect("Python starts");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    script("make");
    for (name, text) in [("raw.dq", RAW), ("silver.dq", SILVER)] {
        std::fs::write(folder.join(name), text.replace("COLUMNS", COLUMNS)).expect("a contract");
    }
    std::fs::write(folder.join("dqc.toml"), PROJECT).expect("dqc.toml");
    let dqc = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dqc"));
        command.args(args).arg("--project").arg(folder).env_remove("DQC_ENV");
        let done = command.output().expect("the binary starts");
        (done.status.code(), String::from_utf8_lossy(&done.stdout).to_string() + &String::from_utf8_lossy(&done.stderr))
    };
    let (code, said) = dqc(&["run"]);
    assert_eq!(code, Some(0), "{said}");
    script("check");
}
