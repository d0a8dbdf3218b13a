//! What stands above an item: tests to be run, and what was last said of data.

use crate::resolve::fold;
use crate::source::{FileId, Span};
use crate::suite::{self, Outcome};
use crate::syntax::ast;

use super::View;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lens {
    pub span: Span,
    pub title: String,
    pub runs: Runs,
}

/// What a click does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Runs {
    Nothing,
    /// One test, by its title.
    Test(String),
    /// All tests of a dataset.
    TestsOf(String),
}

impl View<'_> {
    /// `told` says what a test, by dataset and title, came to when it was last run.
    pub fn lenses(&self, file: FileId, told: impl Fn(&str, &str) -> Option<String>) -> Vec<Lens> {
        let Some(tree) = self.tree(file) else { return Vec::new() };
        let mut found = Vec::new();
        for item in &tree.items {
            match item {
                ast::Item::Test(t) => {
                    let title = match told(&t.dataset.text(), &t.title.value) {
                        Some(last) => format!("Run test ({last})"),
                        None => "Run test".to_owned(),
                    };
                    found.push(Lens { span: t.head, title, runs: Runs::Test(t.title.value.clone()) });
                }
                ast::Item::Contract(c) => self.of_contract_head(c, &mut found),
                _ => {}
            }
        }
        found
    }

    fn of_contract_head(&self, c: &ast::Contract, found: &mut Vec<Lens>) {
        let dataset = c.dataset.text();
        let wanted = fold(&dataset);
        let items = self.own().flat_map(|t| &t.items);
        let tests = items.filter(|i| matches!(i, ast::Item::Test(t) if fold(&t.dataset.text()) == wanted)).count();
        if tests > 0 {
            let title = if tests == 1 { "Run its test".to_owned() } else { format!("Run its {tests} tests") };
            found.push(Lens { span: c.head, title, runs: Runs::TestsOf(dataset.clone()) });
        }
        if let Some(batch) = self.past.batch(&dataset) {
            found.push(Lens { span: c.head, title: format!("last batch: {}", batch.in_words()), runs: Runs::Nothing });
        }
        for rule in self.rules(&dataset) {
            let name = rule.definition().name;
            if let Some(last) = self.past.rule(&dataset, rule.name()).filter(|_| name.file == c.span.file) {
                found.push(Lens { span: name, title: last.in_words(), runs: Runs::Nothing });
            }
        }
    }

    /// Runs tests by the interpreter; of those that do not compile there is nothing.
    pub fn run_tests(&self, wanted: &Runs) -> Vec<Outcome> {
        let meant = |t: &&crate::hir::Test| match wanted {
            Runs::Nothing => false,
            Runs::Test(title) => t.title == *title,
            Runs::TestsOf(dataset) => fold(&t.dataset) == fold(dataset),
        };
        self.checked.tests.iter().filter(meant).map(|t| suite::run_test(self.checked, t)).collect()
    }
}
