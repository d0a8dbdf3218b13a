//! Rules in SQL: one query, planned against the declared columns.

pub mod errors;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::catalog::{MemorySchemaProvider, SchemaProvider, TableProvider};
use datafusion::common::{DataFusionError, SchemaError};
use datafusion::datasource::empty::EmptyTable;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement as Parsed;
use datafusion::sql::sqlparser::ast::{Expr, Ident, ObjectName, ObjectNamePart, Query, Statement, VisitMut, VisitorMut};
use datafusion::sql::sqlparser::dialect::Dialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};
use futures::FutureExt;

use crate::diagnostics::Diagnostic;
use crate::hir::{Checked, Contract, Rule, RuleKind, Type};
use crate::source::SourceMap;

/// What a query may read, by name: `batch`, `input`, `table`, `layer.dataset`.
pub type Tables = BTreeMap<String, Named>;

/// The rows of the contract's own dataset: those that would be published, all that arrived, the target as it would be.
pub const OWN: [&str; 3] = ["batch", "input", "table"];

pub struct Named {
    pub columns: Vec<(String, Type)>,
    pub provider: Arc<dyn TableProvider>,
}

/// Why a query cannot be planned.
#[derive(Clone, Debug, PartialEq)]
pub enum Problem {
    /// Line and column count from 1; what stands there.
    Syntax { line: u64, column: u64, found: String },
    NotSelect,
    Table { name: String, known: Vec<String> },
    Column { name: String, known: Vec<String> },
    Ambiguous(String),
    Function(String),
    /// Values that do not go together.
    Types,
    Other,
}

/// SQL as in Spark: text in either quotes, names in backticks.
#[derive(Debug)]
struct Sql;

impl Dialect for Sql {
    fn is_delimited_identifier_start(&self, c: char) -> bool {
        c == '`'
    }

    fn is_identifier_start(&self, c: char) -> bool {
        c.is_alphabetic() || c == '_'
    }

    fn is_identifier_part(&self, c: char) -> bool {
        c.is_alphanumeric() || c == '_'
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }

    fn supports_group_by_expr(&self) -> bool {
        true
    }

    fn supports_select_wildcard_except(&self) -> bool {
        true
    }
}

/// The datasets of `known` that a query names, and which of [`OWN`].
pub fn reads(sql: &str, known: &BTreeSet<String>) -> Result<BTreeSet<String>, Problem> {
    let mut query = parse(sql)?;
    let mut names = Names::default();
    let _ = query.visit(&mut names);
    Ok(names.relations.into_iter().filter(|n| known.contains(n) || OWN.contains(&n.as_str())).collect())
}

/// The query as a plan over the tables.
pub fn plan(context: &SessionContext, sql: &str, tables: &Tables) -> Result<LogicalPlan, Problem> {
    let mut query = parse(sql)?;
    let mut names = Names { tables: Some(tables), ..Names::default() };
    let _ = query.visit(&mut names);
    let defined = |name: &String| tables.contains_key(name) || names.ctes.contains(name);
    if let Some(name) = names.relations.iter().find(|n| !defined(n)) {
        return Err(Problem::Table { name: name.clone(), known: tables.keys().cloned().collect() });
    }
    register(context, tables).ok_or(Problem::Other)?;
    let statement = Parsed::Statement(Box::new(query));
    let state = context.state();
    // Nothing is awaited: all tables are in memory.
    let planned = state.statement_to_plan(statement).now_or_never().ok_or(Problem::Other)?;
    let plan = planned.map_err(|e| problem(&e))?;
    // Types are settled by the analyser.
    state.optimize(&plan).map_err(|e| problem(&e))?;
    Ok(plan)
}

fn register(context: &SessionContext, tables: &Tables) -> Option<()> {
    let catalog = context.catalog("datafusion")?;
    for (name, table) in tables {
        let (schema, name) = name.split_once('.').unwrap_or(("public", name));
        let found = catalog.schema(schema);
        let schema = match found {
            Some(schema) => schema,
            None => {
                let new: Arc<dyn SchemaProvider> = Arc::new(MemorySchemaProvider::new());
                catalog.register_schema(schema, Arc::clone(&new)).ok()?;
                new
            }
        };
        schema.register_table(name.to_owned(), Arc::clone(&table.provider)).ok()?;
    }
    Some(())
}

fn parse(sql: &str) -> Result<Statement, Problem> {
    let syntax = |e: ParserError| match e {
        ParserError::ParserError(text) => place_in(&text),
        ParserError::TokenizerError(text) => place_in(&text),
        ParserError::RecursionLimitExceeded => Problem::Other,
    };
    let tokens = Tokenizer::new(&Sql, sql).tokenize_with_location().map_err(|e| syntax(ParserError::TokenizerError(e.to_string())))?;
    let mut parser = Parser::new(&Sql).with_tokens_with_locations(own_names(tokens));
    let mut statements = parser.parse_statements().map_err(syntax)?;
    match (statements.pop(), statements.is_empty()) {
        (Some(statement @ Statement::Query(_)), true) => Ok(statement),
        _ => Err(Problem::NotSelect),
    }
}

/// `table` is a name where a table or a column of it stands, though it is a word of SQL.
fn own_names(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut begins = false;
    for at in 0..tokens.len() {
        let qualifies = matches!(tokens.get(at + 1).map(|t| &t.token), Some(Token::Period));
        match &mut tokens[at].token {
            Token::Whitespace(_) => {}
            Token::Word(word) => {
                if word.keyword == Keyword::TABLE && (begins || qualifies) {
                    word.keyword = Keyword::NoKeyword;
                    word.quote_style = Some('`');
                    word.value = word.value.to_lowercase();
                }
                begins = matches!(word.keyword, Keyword::FROM | Keyword::JOIN);
            }
            other => begins = *other == Token::Comma,
        }
    }
    tokens
}

/// The place that the parser's message ends with, and the text it found there.
fn place_in(message: &str) -> Problem {
    let number = |after: &str| {
        let rest = message.rsplit_once(after)?.1;
        rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()
    };
    let found = message.split_once("found: ").map_or("", |(_, rest)| rest.split(" at Line").next().unwrap_or(rest));
    Problem::Syntax { line: number("Line: ").unwrap_or(1), column: number("Column: ").unwrap_or(1), found: found.to_owned() }
}

/// Collects the relations of a query, and writes columns as they are declared: names are found whatever their case.
#[derive(Default)]
struct Names<'a> {
    tables: Option<&'a Tables>,
    relations: Vec<String>,
    ctes: BTreeSet<String>,
}

impl Names<'_> {
    fn declare(&self, ident: &mut Ident) {
        let Some(tables) = self.tables else { return };
        if ident.quote_style.is_some_and(|q| q != '`') {
            return;
        }
        let wanted = ident.value.to_lowercase();
        let columns = || tables.values().flat_map(|t| t.columns.iter().map(|(name, _)| name));
        let found = columns().find(|n| **n == ident.value).or_else(|| columns().find(|n| n.to_lowercase() == wanted));
        if let Some(name) = found {
            ident.value.clone_from(name);
            ident.quote_style = Some('`');
        }
    }
}

impl VisitorMut for Names<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        for cte in query.with.iter().flat_map(|w| &w.cte_tables) {
            self.ctes.insert(cte.alias.name.value.to_lowercase());
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &mut ObjectName) -> ControlFlow<()> {
        let mut name = Vec::with_capacity(relation.0.len());
        for part in &mut relation.0 {
            if let ObjectNamePart::Identifier(ident) = part {
                ident.value = ident.value.to_lowercase();
                name.push(ident.value.clone());
            }
        }
        self.relations.push(name.join("."));
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(ident) => self.declare(ident),
            Expr::CompoundIdentifier(idents) => {
                if let Some(last) = idents.last_mut() {
                    self.declare(last);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

fn problem(error: &DataFusionError) -> Problem {
    match error.find_root() {
        DataFusionError::SchemaError(error, _) => match &**error {
            SchemaError::FieldNotFound { field, valid_fields } => {
                let mut known: Vec<String> = valid_fields.iter().map(|c| c.name().to_owned()).collect();
                known.sort();
                known.dedup();
                Problem::Column { name: field.name().to_owned(), known }
            }
            SchemaError::AmbiguousReference { field } => Problem::Ambiguous(field.name().to_owned()),
            SchemaError::DuplicateUnqualifiedField { name } | SchemaError::DuplicateQualifiedField { name, .. } => {
                Problem::Ambiguous(name.clone())
            }
        },
        DataFusionError::Plan(text) => match text.strip_prefix("Invalid function '").and_then(|t| t.split_once('\'')) {
            Some((name, _)) => Problem::Function(name.to_owned()),
            None if text.contains("coerc") || text.contains("cast") || text.contains("type") => Problem::Types,
            None => Problem::Other,
        },
        _ => Problem::Other,
    }
}

/// What is wrong with the rules in SQL of a project that compiles.
pub fn findings(checked: &Checked, sources: &SourceMap) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let contracts = checked.contracts.iter().map(|c| (c, c.rules.as_slice()));
    let promotions = checked.promotions.iter().filter_map(|p| Some((checked.contract(&p.to)?, p.rules.as_slice())));
    for (contract, rules) in contracts.chain(promotions) {
        for rule in rules {
            if let RuleKind::NoRows { sql } = &rule.kind
                && let Err(problem) = plan(&SessionContext::new(), sql, &declared(checked, contract))
            {
                found.push(finding(rule, &problem, sources));
            }
        }
    }
    found
}

fn finding(rule: &Rule, problem: &Problem, sources: &SourceMap) -> Diagnostic {
    let whole = rule.condition_span;
    errors::cannot_be_planned(whole, sources.slice(whole), problem)
}

/// Every table that a rule of the contract may read, without rows.
fn declared(checked: &Checked, contract: &Contract) -> Tables {
    let named = |c: &Contract| {
        let columns: Vec<(String, Type)> = c.columns.iter().map(|c| (c.name.clone(), c.ty.clone())).collect();
        let provider = Arc::new(EmptyTable::new(crate::engine::tables::schema(&columns)));
        Named { columns, provider }
    };
    let own = OWN.iter().map(|name| ((*name).to_owned(), named(contract)));
    own.chain(checked.contracts.iter().map(|c| (c.dataset.to_lowercase(), named(c)))).collect()
}
