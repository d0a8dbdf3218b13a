//! What an editor can have done.

use lsp_types::{MessageType, ShowMessageParams, Uri};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::ide::lens::Runs;

use super::requests::Refusal;
use super::{Server, convert};

/// Runs one test, or all of a dataset: `[{ "uri": …, "test": TITLE }]` or `[{ "uri": …, "dataset": NAME }]`. The answer
/// counts those that passed and names what the others found.
pub(super) const RUN_TESTS: &str = "dqc.runTests";

#[derive(Deserialize)]
struct Wanted {
    uri: Uri,
    test: Option<String>,
    dataset: Option<String>,
}

impl Server<'_> {
    pub fn run_tests(&mut self, arguments: &[Value]) -> Result<Value, Refusal> {
        let wanted: Wanted = arguments
            .first()
            .and_then(|a| serde_json::from_value(a.clone()).ok())
            .ok_or_else(|| Refusal::failed(format!("`{RUN_TESTS}` takes the file and the test, or the dataset")))?;
        let runs = match (wanted.test, wanted.dataset) {
            (Some(title), _) => Runs::Test(title),
            (None, Some(dataset)) => Runs::TestsOf(dataset),
            (None, None) => Runs::Nothing,
        };
        let outcomes = self.about(&wanted.uri, |a, _| a.view.run_tests(&runs)).unwrap_or_default();
        if outcomes.is_empty() {
            let why = "The test cannot be run: it does not compile, or is not there any more.";
            self.say(MessageType::WARNING, why);
            return Ok(json!({ "passed": 0, "failed": 0, "findings": [] }));
        }
        let failed = outcomes.iter().filter(|o| !o.passed()).count();
        let passed = outcomes.len() - failed;
        let findings: Vec<&str> = outcomes.iter().flat_map(|o| &o.findings).map(|d| d.message.as_str()).collect();
        let answer = json!({ "passed": passed, "failed": failed, "findings": findings });
        let text = match (passed, failed) {
            (1, 0) => "The test passes.".to_owned(),
            (n, 0) => format!("All {n} tests pass."),
            (_, n) => format!("{n} of {} tests failed: {}", outcomes.len(), findings.join("; ")),
        };
        if let Some(home) = convert::path_of(&wanted.uri).and_then(|path| self.home_of(&path)) {
            for outcome in outcomes {
                let said = if outcome.passed() { "passed" } else { "failed" };
                home.outcomes.insert((outcome.dataset, outcome.title), said.to_owned());
                home.tested.retain(|d| d.primary.span.file != outcome.span.file || !outcome.findings.contains(d));
                home.tested.extend(outcome.findings);
            }
            home.stale = true;
        }
        self.say(if failed == 0 { MessageType::INFO } else { MessageType::WARNING }, &text);
        if self.abilities.refreshes_lenses {
            self.ask("workspace/codeLens/refresh", Value::Null);
        }
        Ok(answer)
    }

    fn say(&self, typ: MessageType, message: &str) {
        self.notify("window/showMessage", ShowMessageParams { typ, message: message.to_owned() });
    }
}
