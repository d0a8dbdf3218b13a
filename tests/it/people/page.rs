//! `src/channel/README.md` speaks of the keys that there are, and of all of them.

use dqc::diagnostics::Code;
use dqc::project::read_config;

fn page(path: &str) -> String {
    std::fs::read_to_string(crate::root().join(path)).expect("a page")
}

const CHANNELS: &str = "src/channel/README.md";

#[test]
fn what_it_shows_is_taken() {
    for path in [CHANNELS, "integrations/grafana/README.md"] {
        let page = page(path);
        let shown: String = page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
        let (config, found) = read_config(Default::default(), &shown, None);
        assert!(found.is_empty(), "{path}: {found:?}");
        assert!(!config.channels.is_empty() || config.metrics.file.is_some());
    }
}

#[test]
fn every_key_is_told() {
    let mail = "host = \"h\"\nfrom = \"a@b.example\"\nto = \"c@d.example\"";
    for (table, keys, path) in [
        ("channels.x", "kind = \"slack\"\nwebhook = \"env:A\"".to_owned(), CHANNELS),
        ("channels.x", format!("kind = \"mail\"\n{mail}"), CHANNELS),
        ("channels.x", "kind = \"webhook\"\nurl = \"env:A\"".to_owned(), CHANNELS),
        ("channels.x", "kind = \"none\"".to_owned(), CHANNELS),
        ("lineage", "file = \"a\"".to_owned(), CHANNELS),
        ("metrics", "file = \"a\"".to_owned(), "integrations/grafana/README.md"),
    ] {
        let (_, found) = read_config(Default::default(), &format!("[{table}]\n{keys}\nzzz = \"1\"\n"), None);
        let [unknown] = &found[..] else { panic!("{found:?}") };
        assert_eq!(unknown.code, Code::DQ0902);
        let help = unknown.help.clone().unwrap_or_default();
        let known: Vec<&str> = help.split('`').skip(1).step_by(2).collect();
        assert!(!known.is_empty(), "{help}");
        let page = page(path);
        for key in known {
            let told = page.contains(&format!("`{key}`")) || page.lines().any(|l| l.split('=').next().is_some_and(|k| k.trim() == key));
            assert!(told, "`{key}` of [{table}] is not in {path}");
        }
    }
    let (_, found) = read_config(Default::default(), "[channels.x]\nkind = \"carrier pigeon\"\n", None);
    let help = found[0].help.clone().unwrap_or_default();
    for kind in help.split('`').skip(1).step_by(2) {
        assert!(page(CHANNELS).contains(&format!("| `{kind}` |")), "{kind}");
    }
}
