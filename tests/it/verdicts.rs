//! What an editor shows of data that was judged: over stdio, from the ledger of a run.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::lsp::client::Client;
use crate::people::shop::{BAD, GOOD, Shop, said};

#[test]
fn hover_and_lens_tell_the_last_verdict() {
    let shop = Shop::new("[channels.team]\nkind = \"webhook\"\nurl = \"env:HOOK\"\n", "");
    shop.day("2026-11-20", GOOD);
    shop.day("2026-11-21", BAD);
    let run = shop.dqc(&["run"]);
    assert_eq!(run.status.code(), Some(10), "{}", said(&run));

    let mut editor = Client::start(&shop.path(""));
    let text = shop.read("orders.dq");
    let uri = editor.open("orders.dq", &text);
    let place = editor.place("orders.dq", "posi|tive: amount > 0");
    // The ledger is read beside the work of the editor.
    let hover = until(&mut editor, |editor| editor.request("textDocument/hover", place.clone()), "last verdict");
    assert!(hover.contains("1 of 2 violate it") && hover.contains("day=2026-11-21"), "{hover}");
    let lenses = until(&mut editor, |editor| editor.request("textDocument/codeLens", json!({ "textDocument": { "uri": uri } })), "last batch");
    assert!(lenses.contains("blocked") && lenses.contains("1 of 2 violate it"), "{lenses}");
    let column = editor.place("orders.dq", "ema|il: string personal\n        token: string secret\n        at: timestamp?\n");
    let hover = editor.request("textDocument/hover", column).to_string();
    for order in BAD {
        assert!(!hover.contains(order.1) && !lenses.contains(order.1), "who it is stays out of the editor: {hover}");
    }
    assert_eq!(editor.end(), Some(0));
}

fn until(editor: &mut Client, ask: impl Fn(&mut Client) -> Value, wanted: &str) -> String {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let answer = ask(editor).to_string();
        if answer.contains(wanted) {
            return answer;
        }
        assert!(Instant::now() < end, "nobody says {wanted:?}: {answer}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
