//! The catalogue and the report in headless Chromium: `browser.js` searches, clicks, looks for faults of accessibility with
//! axe, on a desk and on a phone, by day and by night, and sees that nothing is asked of the network.

use std::path::PathBuf;
use std::process::Command;

use crate::people::shop::{BAD, GOOD, Shop, said};
use crate::root;

#[test]
fn both_pages_work_in_a_browser() {
    let axe = std::env::var_os("DQC_TEST_NODE").map(|node| PathBuf::from(node).join("node_modules/axe-core/axe.min.js"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let chromium = std::env::split_paths(&path).map(|folder| folder.join("chromium")).find(|program| program.exists());
    let (Some(axe), Some(chromium)) = (axe.filter(|axe| axe.exists()), chromium) else {
        println!("skipped: the pages in Chromium, which needs chromium, node and axe-core; see tests/README.md");
        return;
    };
    let shop = Shop::new("[channels.team]\nkind = \"webhook\"\nurl = \"env:HOOK\"\n", "        fresh: age(max(at)) < 2 days");
    shop.write("types.dq", "/// What an order costs at most.\ntype Small = bigint where it < 1_000\n");
    for (day, orders) in [("2026-11-19", GOOD), ("2026-11-20", GOOD), ("2026-11-21", BAD)] {
        shop.day(day, orders);
    }
    let report = shop.path("run.html").display().to_string();
    let run = shop.dqc(&["run", "--as-of", "2026-11-22", "--report", &report]);
    assert_eq!(run.status.code(), Some(10), "{}", said(&run));
    let docs = shop.dqc(&["docs", "--as-of", "2026-11-22"]);
    assert_eq!(docs.status.code(), Some(0), "{}", said(&docs));
    let mut driver = Command::new("node");
    driver.arg(root().join("tests/it/browser.js")).arg("check").arg(chromium).arg(axe).arg(shop.path("site")).arg(&report);
    let seen = driver.output().expect("node starts");
    assert!(seen.status.success(), "{}", said(&seen));
}
