//! What the catalogue tells of batches that were judged.

use std::path::Path;

use super::{dqc, site};
use crate::people::shop::{BAD, GOOD, Shop, said};

#[test]
fn the_catalogue_tells_how_batches_went_and_no_value_of_a_person() {
    let shop = Shop::new("[channels.team]\nkind = \"webhook\"\nurl = \"env:HOOK\"\n", "        fresh: age(max(at)) < 2 days");
    shop.write("orders.dq", &shop.read("orders.dq").replacen("rules {", "rules {\n        busy: sum(amount) >= 11 else warn\n", 1));
    for (day, orders) in [("2026-11-19", GOOD), ("2026-11-20", GOOD), ("2026-11-21", BAD)] {
        shop.day(day, orders);
    }
    let run = shop.dqc(&["run", "--as-of", "2026-11-22"]);
    assert_eq!(run.status.code(), Some(10), "{}", said(&run));
    let out = shop.path("site");
    let made = |args: &[&str]| {
        let folder = out.display().to_string();
        let all = [&["docs", "--out", folder.as_str()], args].concat();
        let output = dqc(Path::new(&shop.path("")), &all);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        site(&out)
    };
    let files = made(&[]);
    let page = &files["datasets/silver.orders.html"];
    for words in ["1 batch held up", "day=2026-11-21", "Broken in 1 of the last 3 batches", "blocked the batch", "Violations over time", "Rows by batch", "2026-11-22 00:00 UTC"] {
        assert!(page.contains(words), "`{words}` is missing in {page}");
    }
    let measured = page.split("What rules over whole batches measured").nth(1).expect("rules over whole batches");
    let chart = measured.split("application/json\">").nth(1).and_then(|rest| rest.split("</script>").next()).expect("a chart");
    let chart: serde_json::Value = serde_json::from_str(chart).expect("JSON");
    assert_eq!(chart["series"][0]["values"], serde_json::json!([12.0, 12.0, -2.0]), "{chart}");
    assert_eq!(chart["series"][1]["values"], serde_json::json!([11.0, 11.0, 11.0]), "{chart}");
    assert!(files["index.html"].contains("datasets held up"), "{}", files["index.html"]);
    // What libraries hold is theirs.
    for (path, text) in files.iter().filter(|(path, _)| !matches!(path.as_str(), "assets/uplot.js" | "assets/dagre.js")) {
        for order in BAD.iter().chain(GOOD) {
            assert!(!text.contains(order.1) && !text.contains(order.2), "{path} tells who it is");
        }
        assert!(!text.contains(&shop.path("").display().to_string()), "{path} names this machine");
    }
    // Without the ledger, or before anything was judged, there is nothing to tell.
    assert!(!made(&["--no-history"])["datasets/silver.orders.html"].contains("id=\"history\""));
}
