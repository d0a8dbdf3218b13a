//! `dqc sla`, and service levels at the end of a run.

use serde_json::Value;

use super::peer::Scripted;
use super::shop::{BAD, GOOD, Shop, day, said};
use crate::schema;

const CHANNEL: &str = "[channels.team]\nkind = \"webhook\"\nurl = \"env:HOOK\"\n";

fn shop(server: &Scripted, sla: &str) -> Shop {
    let mut shop = Shop::new(CHANNEL, sla);
    shop.env = vec![("HOOK".into(), server.url.clone())];
    shop
}

fn levels(shop: &Shop, more: &[&str]) -> (Option<i32>, Value) {
    let output = shop.dqc(&[&["sla", "--format", "json"], more].concat());
    let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
    let wanted = schema::schema("src/sla/service_levels.schema.json");
    assert_eq!(schema::faults(&wanted, &document), [""; 0], "{document}");
    (output.status.code(), document)
}

fn level<'d>(document: &'d Value, name: &str) -> &'d Value {
    let all = document["service_levels"].as_array().expect("levels");
    all.iter().find(|l| l["name"] == name).unwrap_or_else(|| panic!("no {name} in {document}"))
}

fn told(server: &Scripted) -> Vec<String> {
    let line = |m: &Value| format!("{}: {}", m["kind"].as_str().unwrap_or(""), m["subject"].as_str().unwrap_or(""));
    server.bodies().iter().map(line).collect()
}

const DAILY: &str = "        on_time: arrives by 00:00 in \"UTC\" on days for the day before\n            fix \"Wake the till.\"";

#[test]
fn the_batch_that_never_came_is_found_and_late_and_good_is_promoted() {
    let server = Scripted::start(&["200 OK"]);
    let budget = "        budget: on_time missed at most 0 of last 30 deadlines else warn";
    let shop = shop(&server, &format!("{DAILY}\n{budget}"));
    let (exit, document) = levels(&shop, &[]);
    let on_time = level(&document, "on_time");
    assert_eq!((exit, &on_time["status"]), (Some(12), &"missed".into()), "{document}");
    assert!(on_time["reason"].as_str().expect("why").contains("it never came"), "{on_time}");
    assert_eq!(on_time["deadlines"][0]["day"], day(-1).as_str());
    assert_eq!(on_time["deadlines"][1]["status"], "pending");
    assert_eq!(level(&document, "budget")["status"], "missed");
    assert_eq!(told(&server), ["sla_missed: silver.orders.on_time is missed", "sla_missed: silver.orders.budget is missed"]);
    // Looked at again: known, and not told again.
    levels(&shop, &[]);
    assert_eq!(server.count(), 2);

    // It comes, and is blocked: still not there, and now it is known why.
    shop.day(&day(-1), BAD);
    assert_eq!(shop.dqc(&["run"]).status.code(), Some(10));
    let (_, document) = levels(&shop, &[]);
    let reason = level(&document, "on_time")["reason"].to_string();
    assert!(reason.contains("blocked at the gate by `positive` since"), "{reason}");

    // Late and good: published, told, and 12.
    shop.day(&day(-1), GOOD);
    let run = shop.dqc(&["run"]);
    assert_eq!(run.status.code(), Some(12), "{}", said(&run));
    let late = |l: &str| l.contains("published ") && l.contains(" late");
    assert!(said(&run).contains("promoted") && said(&run).lines().any(late), "{}", said(&run));
    assert!(told(&server).contains(&"recovered: silver.orders.on_time: what was missing has come, late".to_owned()), "{:?}", told(&server));
    let (exit, document) = levels(&shop, &[]);
    let asked = &level(&document, "on_time")["deadlines"][0];
    assert_eq!((exit, &asked["batch"]), (Some(12), &format!("day={}", day(-1)).into()));
    assert!(asked["reason"].as_str().expect("why").ends_with("late") && !asked["published_at"].is_null(), "{asked}");
    assert!(!asked["arrived_at"].is_null(), "arrival and promotion are two clocks: {asked}");
    let news = told(&server);
    assert!(news.contains(&"recovered: silver.orders.on_time: what was missing has come, late".to_owned()), "{news:?}");

    // As it stood before its batch was due, and in a year.
    let (exit, document) = levels(&shop, &["--as-of", &day(-3)]);
    assert_eq!(exit, Some(12), "{document}");
    let ledger = super::shop::walk(&shop.path("lake/_dqc/sla"));
    assert!(ledger.iter().any(|p| p.extension().is_some_and(|e| e == "parquet")), "{ledger:?}");
}

#[test]
fn a_batch_in_time_meets_its_deadline() {
    let server = Scripted::start(&["200 OK"]);
    // Today's batch is due when today ends.
    let shop = shop(&server, DAILY);
    shop.day(&day(-1), GOOD);
    shop.day(&day(0), GOOD);
    shop.dqc(&["run"]);
    let (_, document) = levels(&shop, &[]);
    let deadlines = level(&document, "on_time")["deadlines"].as_array().expect("deadlines").clone();
    assert_eq!(deadlines.last().map(|a| &a["status"]), Some(&"met".into()), "{document}");
    let text = said(&shop.dqc(&["sla"]));
    assert!(text.contains("silver.orders.on_time") && text.contains("Wake the till."), "{text}");
}

#[test]
fn freshness_is_of_the_data_and_taken_at_the_clock() {
    let server = Scripted::start(&["200 OK"]);
    let sla = "        fresh:  age(max(at)) <= 2 hours\n        volume: count(*) >= 2";
    let shop = shop(&server, sla);
    let (exit, document) = levels(&shop, &["--as-of", "2026-11-20T10:00:00Z"]);
    assert_eq!((exit, &level(&document, "fresh")["reason"]), (Some(12), &"nothing has been published yet".into()));
    shop.day_at("2026-11-20", GOOD, Some("2026-11-20T09:00:00Z"));
    let run = shop.dqc(&["run", "--as-of", "2026-11-20T10:00:00Z"]);
    assert_eq!(run.status.code(), Some(0), "{}", said(&run));
    let at = |clock: &str| {
        let (exit, document) = levels(&shop, &["--as-of", clock]);
        let fresh = level(&document, "fresh");
        assert_eq!(level(&document, "volume")["status"], "met", "{document}");
        assert_eq!(fresh["event_time"], "2026-11-20T09:00:00Z", "{fresh}");
        (exit, fresh["status"].as_str().map(str::to_owned), fresh["remaining_seconds"].as_i64(), fresh["reason"].clone())
    };
    assert_eq!(at("2026-11-20T10:00:00Z"), (Some(0), Some("met".into()), Some(3600), Value::Null));
    assert_eq!(at("2026-11-20T11:00:00Z"), (Some(0), Some("met".into()), Some(0), Value::Null));
    let (exit, status, left, why) = at("2026-11-20T11:30:00Z");
    assert_eq!((exit, status, left), (Some(12), Some("missed".into()), Some(-1800)));
    assert_eq!(why, "2 hours 30 minutes against 2 hours");
    let (exit, _, _, why) = at("2026-11-20T08:00:00Z");
    assert_eq!((exit, why), (Some(12), "the newest event lies in the future".into()));
    let news = told(&server);
    assert_eq!(news.iter().filter(|n| n.starts_with("recovered")).count(), 2, "{news:?}");
    // A table whose column holds nothing misses.
    shop.day("2026-11-20", GOOD);
    shop.dqc(&["run", "--as-of", "2026-11-20T10:00:00Z"]);
    let (exit, document) = levels(&shop, &["--as-of", "2026-11-20T10:00:00Z"]);
    assert_eq!(exit, Some(12));
    assert!(level(&document, "fresh")["reason"].as_str().expect("why").contains("empty"), "{document}");
}

#[test]
fn a_late_dataset_is_told_once_and_not_by_every_layer_below() {
    let server = Scripted::start(&["200 OK"]);
    let shop = shop(&server, DAILY);
    let gold = r#"
contract gold.orders @ 1.0.0 {
    columns { id: bigint key  amount: bigint  other columns ignored }
    sla { ready: arrives by 00:30 in "UTC" on days for the day before }
}
promote silver.orders to gold.orders {
    batches by folder "day"
    write replace
    notify team on block
}
"#;
    shop.write("gold.dq", gold);
    // Half an hour after the last midnight both are due.
    let now = format!("{}T01:00:00Z", day(0));
    let (exit, document) = levels(&shop, &["--as-of", &now]);
    assert_eq!(exit, Some(12));
    assert_eq!(level(&document, "ready")["waits_for"], "silver.orders");
    assert_eq!(level(&document, "on_time")["waits_for"], Value::Null);
    assert_eq!(told(&server), ["sla_missed: silver.orders.on_time is missed"]);
    assert_eq!(server.bodies()[0]["holds_up"], serde_json::json!(["gold.orders.ready"]));
}

#[test]
fn what_cannot_be_looked_at_is_said() {
    let server = Scripted::start(&["200 OK"]);
    let shop = shop(&server, DAILY);
    let output = shop.dqc(&["sla", "silver.ordrs"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("the nearest is `silver.orders`"), "{}", said(&output));
    let output = shop.dqc(&["sla", "bronze.orders"]);
    assert!(said(&output).contains("has no service levels"), "{}", said(&output));
    // Nothing is written by a look.
    shop.dqc(&["sla", "--dry-run"]);
    assert!(!shop.path("lake/_dqc").exists() && server.count() == 0);
}

/// What is due when, where nothing has ever come: the last that was due, and the next.
fn due(document: &Value, name: &str) -> Vec<(String, String)> {
    let asked = level(document, name)["deadlines"].as_array().expect("deadlines").clone();
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    asked.iter().map(|a| (text(&a["due"]), text(&a["status"]))).collect()
}

#[test]
fn deadlines_keep_to_zones_calendars_and_the_change_of_clocks() {
    let server = Scripted::start(&["200 OK"]);
    let sla = r#"        gap:     arrives by 02:30 in "America/New_York" on days
        fold:    arrives by 01:30 in "America/New_York" on days
        working: arrives by 06:00 in "America/Sao_Paulo" on weekdays for the day before
        trading: arrives by 06:00 in "America/Sao_Paulo" on trading_days for the day before
        spare:   gap missed at most 2 of last 30 deadlines
        used_up: gap missed at most 0 of last 30 deadlines else warn"#;
    let shop = shop(&server, sla);
    let calendars = "calendar trading_days = weekdays except (\"2026-12-25\", \"2026-12-28\")\n";
    shop.write("calendars.dq", calendars);
    let contracts = shop.read("orders.dq");
    shop.write("orders.dq", &format!("use calendars.{{trading_days}}\n{contracts}"));
    let at = |clock: &str| levels(&shop, &["--dry-run", "--as-of", clock]).1;
    let pair = |due: &str, status: &str| (due.to_owned(), status.to_owned());
    // An hour that the clock skips is the next instant that exists.
    let before = at("2026-03-08T06:59:59Z");
    assert_eq!(due(&before, "gap"), [pair("2026-03-07T07:30:00Z", "missed"), pair("2026-03-08T07:00:00Z", "pending")]);
    assert_eq!(due(&at("2026-03-08T07:00:00Z"), "gap")[0], pair("2026-03-08T07:00:00Z", "missed"));
    // One that comes twice is the first.
    let before = at("2026-11-01T05:29:59Z");
    assert_eq!(due(&before, "fold"), [pair("2026-10-31T05:30:00Z", "missed"), pair("2026-11-01T05:30:00Z", "pending")]);
    let after = due(&at("2026-11-01T05:30:00Z"), "fold");
    assert_eq!(after, [pair("2026-11-01T05:30:00Z", "missed"), pair("2026-11-02T06:30:00Z", "pending")]);
    // Christmas Day is a Friday: a weekday, and none on which there is trading; nor is Monday.
    let christmas = at("2026-12-25T12:00:00Z");
    assert_eq!(due(&christmas, "working"), [pair("2026-12-25T09:00:00Z", "missed"), pair("2026-12-28T09:00:00Z", "pending")]);
    assert_eq!(due(&christmas, "trading"), [pair("2026-12-24T09:00:00Z", "missed"), pair("2026-12-29T09:00:00Z", "pending")]);
    let asked = &level(&christmas, "trading")["deadlines"][0];
    assert_eq!((&asked["day"], &asked["reason"]), (&"2026-12-23".into(), &"it never came".into()));
    // Budgets of misses: one that has some left, and one that has not.
    let (spare, used) = (level(&christmas, "spare"), level(&christmas, "used_up"));
    assert_eq!((&spare["status"], &spare["missed"], &spare["allowed"]), (&"met".into(), &1.into(), &2.into()), "{spare}");
    assert_eq!((&used["status"], &used["severity"]), (&"missed".into(), &"warn".into()), "{used}");
}
