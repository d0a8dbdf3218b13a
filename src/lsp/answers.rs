//! Answers of `ide` in the protocol's words.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use lsp_types::{
    CodeAction, CodeActionKind, CodeActionParams, CodeLens, Command, CompletionItem, CompletionItemKind,
    CompletionItemLabelDetails, CompletionList, CompletionTextEdit, DocumentHighlight, DocumentHighlightKind, DocumentSymbol,
    Documentation, FoldingRange, FoldingRangeKind, Hover, HoverContents, InlayHint, InlayHintLabel, InlayHintTooltip,
    InsertTextFormat, Location, MarkupContent, MarkupKind, OneOf, ParameterInformation, ParameterLabel, Range, SemanticToken,
    SemanticTokens, SignatureHelp, SignatureInformation, SymbolKind, TextEdit, Uri, WorkspaceEdit, WorkspaceSymbol,
};

use crate::diagnostics::Edit;
use crate::ide::complete::Offered;
use crate::ide::fold::FoldKind;
use crate::ide::lens::Runs;
use crate::ide::symbols::{Outline, SymbolKind as Named};
use crate::ide::{View, actions as fixing};
use crate::resolve::STD_PREFIX;
use crate::source::{FileId, SourceMap, Span};

use super::abilities::Abilities;
use super::documents::Document;
use super::home::Home;
use super::{commands, convert, publish};

pub(super) struct Answerer<'a> {
    pub view: View<'a>,
    pub place: Place,
    pub documents: &'a BTreeMap<PathBuf, Document>,
    pub abilities: Abilities,
    pub outcomes: &'a BTreeMap<(String, String), String>,
}

/// Where the files of a project are.
#[derive(Clone, Debug)]
pub(super) struct Place {
    root: PathBuf,
    lone: bool,
}

impl Home {
    pub fn place(&self) -> Place {
        Place { root: self.root.clone(), lone: self.is_lone() }
    }
}

impl Place {
    fn path(&self, path: &str) -> PathBuf {
        match path.strip_prefix(STD_PREFIX) {
            Some(module) => Home::library_folder().join(module),
            None if self.lone => self.root.clone(),
            None => self.root.join(path),
        }
    }

    /// A file of the library is written where an editor can open it.
    fn uri(&self, sources: &SourceMap, file: FileId, documents: &BTreeMap<PathBuf, Document>) -> Option<Uri> {
        let source = sources.get(file);
        let path = self.path(&source.path);
        if source.path.starts_with(STD_PREFIX) {
            write_library(&path, &source.text);
        }
        documents.get(&path).map(|d| d.uri.clone()).or_else(|| convert::uri_of(&path))
    }
}

fn write_library(path: &Path, text: &str) {
    if std::fs::metadata(path).is_ok_and(|m| m.len() == text.len() as u64) {
        return;
    }
    if let Some(folder) = path.parent() {
        // Where it cannot be written, the editor says that there is no such file.
        let _ = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(path, text));
    }
}

fn markdown(value: String) -> MarkupContent {
    MarkupContent { kind: MarkupKind::Markdown, value }
}

impl Answerer<'_> {
    fn uri(&self, file: FileId) -> Option<Uri> {
        self.place.uri(self.view.sources, file, self.documents)
    }

    fn range(&self, span: Span) -> Range {
        convert::span(self.view.source(span.file), span)
    }

    fn location(&self, span: Span) -> Option<Location> {
        Some(Location { uri: self.uri(span.file)?, range: self.range(span) })
    }

    pub fn hover(&self, file: FileId, at: usize) -> Option<Hover> {
        let found = self.view.hover(file, at)?;
        let mut text = String::new();
        if !found.code.is_empty() {
            text.push_str(&format!("```dq\n{}\n```\n", found.code));
        }
        if !found.doc.is_empty() {
            text.push_str(&format!("\n{}\n", found.doc));
        }
        for (i, (head, words)) in found.facts.iter().enumerate() {
            text.push_str(if i == 0 { "\n" } else { "" });
            text.push_str(&format!("- **{head}**: {words}\n"));
        }
        Some(Hover { contents: HoverContents::Markup(markdown(text)), range: Some(self.range(found.span)) })
    }

    pub fn completion(&self, file: FileId, at: usize) -> Option<CompletionList> {
        let source = self.view.source(file);
        let items = self.view.complete(file, at).into_iter().map(|c| {
            let (text, snippet) = match (c.snippet, self.abilities.snippets) {
                (true, true) => (c.insert, true),
                (true, false) => (c.label.clone(), false),
                (false, _) => (c.insert, false),
            };
            let text = indented(&text, source.line(source.place(at).line));
            CompletionItem {
                sort_text: Some(format!("{}{}", c.rank, c.label)),
                kind: Some(kind_of(c.kind)),
                label_details: (!c.detail.is_empty() && c.detail.len() < 60)
                    .then(|| CompletionItemLabelDetails { detail: None, description: Some(c.detail.clone()) }),
                detail: (!c.detail.is_empty()).then(|| c.detail.clone()),
                documentation: (!c.doc.is_empty()).then(|| Documentation::MarkupContent(markdown(c.doc))),
                insert_text_format: snippet.then_some(InsertTextFormat::SNIPPET),
                text_edit: Some(CompletionTextEdit::Edit(TextEdit { range: convert::range(source, c.replace), new_text: text })),
                filter_text: None,
                label: c.label,
                ..CompletionItem::default()
            }
        });
        Some(CompletionList { is_incomplete: false, items: items.collect() })
    }

    pub fn signature(&self, file: FileId, at: usize) -> Option<SignatureHelp> {
        let found = self.view.signatures(file, at)?;
        let argument = u32::try_from(found.argument).ok();
        let signatures = found.all.into_iter().map(|s| SignatureInformation {
            parameters: Some(
                s.parameters
                    .into_iter()
                    .map(|p| ParameterInformation { label: ParameterLabel::Simple(p), documentation: None })
                    .collect(),
            ),
            documentation: (!s.doc.is_empty()).then(|| Documentation::MarkupContent(markdown(s.doc))),
            label: s.label,
            active_parameter: argument,
        });
        Some(SignatureHelp {
            signatures: signatures.collect(),
            active_signature: u32::try_from(found.active).ok(),
            active_parameter: argument,
        })
    }

    pub fn definition(&self, file: FileId, at: usize) -> Option<Location> {
        let found = self.view.at(file, at)?;
        self.location(self.view.definition(&found.symbol)?.name)
    }

    pub fn references(&self, file: FileId, at: usize, declared: bool) -> Option<Vec<Location>> {
        let found = self.view.at(file, at)?;
        let all = self.view.references(&found.symbol).into_iter().filter(|o| declared || !o.definition);
        Some(all.filter_map(|o| self.location(o.span)).collect())
    }

    pub fn highlights(&self, file: FileId, at: usize) -> Option<Vec<DocumentHighlight>> {
        let found = self.view.at(file, at)?;
        let all = self.view.occurrences(file).into_iter().filter(|o| o.symbol == found.symbol);
        let kind = |definition| Some(if definition { DocumentHighlightKind::WRITE } else { DocumentHighlightKind::READ });
        Some(all.map(|o| DocumentHighlight { range: self.range(o.span), kind: kind(o.definition) }).collect())
    }

    pub fn prepare_rename(&self, file: FileId, at: usize) -> Result<Range, String> {
        self.view.renamable(file, at).map(|span| self.range(span))
    }

    pub fn rename(&self, file: FileId, at: usize, name: &str) -> Result<WorkspaceEdit, String> {
        let edits = self.view.rename(file, at, name)?;
        Ok(workspace_edit(self.view.sources, &edits, |file| self.uri(file)))
    }

    pub fn symbols(&self, file: FileId) -> Vec<DocumentSymbol> {
        let all: Vec<DocumentSymbol> = self.view.outline(file).iter().map(|o| self.symbol(o)).collect();
        if self.abilities.nested_symbols { all } else { flat(all) }
    }

    #[allow(deprecated, reason = "the type has no other way to be made")]
    fn symbol(&self, o: &Outline) -> DocumentSymbol {
        let children: Vec<DocumentSymbol> = o.children.iter().map(|c| self.symbol(c)).collect();
        DocumentSymbol {
            name: if o.name.is_empty() { "…".to_owned() } else { o.name.clone() },
            detail: (!o.detail.is_empty()).then(|| o.detail.clone()),
            kind: symbol_kind(o.kind),
            tags: None,
            deprecated: None,
            range: self.range(o.whole.to(o.at)),
            selection_range: self.range(o.at),
            children: (!children.is_empty()).then_some(children),
        }
    }

    pub fn workspace_symbols(&self, query: &str) -> Vec<WorkspaceSymbol> {
        const MOST: usize = 500;
        let found = self.view.find_symbols(query).into_iter().take(MOST);
        let made = found.filter_map(|(o, within)| {
            Some(WorkspaceSymbol {
                name: o.name.clone(),
                kind: symbol_kind(o.kind),
                tags: None,
                container_name: (!within.is_empty()).then_some(within),
                location: OneOf::Left(self.location(o.at)?),
                data: None,
            })
        });
        made.collect()
    }

    pub fn folds(&self, file: FileId) -> Vec<FoldingRange> {
        let source = self.view.source(file);
        let made = self.view.folds(file).into_iter().filter_map(|f| {
            let range = convert::range(source, f.range);
            // The line of a closing brace stays.
            let end = if f.kind == FoldKind::Block { range.end.line.saturating_sub(1) } else { range.end.line };
            let kind = match f.kind {
                FoldKind::Block => None,
                FoldKind::Comment => Some(FoldingRangeKind::Comment),
                FoldKind::Imports => Some(FoldingRangeKind::Imports),
            };
            (end > range.start.line).then(|| FoldingRange { start_line: range.start.line, end_line: end, kind, ..FoldingRange::default() })
        });
        made.collect()
    }

    /// Each relative to the one before; a text of several lines is one token a line.
    pub fn tokens(&self, file: FileId, within: Option<Range>) -> SemanticTokens {
        let source = self.view.source(file);
        let wanted = within.map(|r| convert::offsets(source, r));
        let (mut data, mut line, mut column) = (Vec::new(), 0, 0);
        for token in self.view.tokens(file) {
            if wanted.as_ref().is_some_and(|w| token.range.end < w.start || w.end < token.range.start) {
                continue;
            }
            let bits = [token.definition, token.library, token.doc];
            let modifiers = bits.iter().enumerate().fold(0, |set, (i, on)| set | (u32::from(*on) << i));
            let text = source.text.get(token.range.clone()).unwrap_or("");
            let mut at = token.range.start;
            for piece in text.split_inclusive('\n') {
                let shown = piece.trim_end_matches(['\n', '\r']);
                let start = convert::position(source, at);
                at += piece.len();
                let length = shown.encode_utf16().count();
                if length == 0 {
                    continue;
                }
                let delta_line = start.line - line;
                data.push(SemanticToken {
                    delta_line,
                    delta_start: if delta_line == 0 { start.character - column } else { start.character },
                    length: u32::try_from(length).unwrap_or(u32::MAX),
                    token_type: token.kind as u32,
                    token_modifiers_bitset: modifiers,
                });
                (line, column) = (start.line, start.character);
            }
        }
        SemanticTokens { result_id: None, data }
    }

    pub fn hints(&self, file: FileId, within: Range) -> Vec<InlayHint> {
        let source = self.view.source(file);
        let found = self.view.hints(file, convert::offsets(source, within)).into_iter();
        let made = found.map(|h| InlayHint {
            position: convert::position(source, h.offset),
            label: InlayHintLabel::String(h.text),
            kind: None,
            text_edits: None,
            tooltip: Some(InlayHintTooltip::String(h.why)),
            padding_left: None,
            padding_right: None,
            data: None,
        });
        made.collect()
    }

    pub fn lenses(&self, file: FileId, uri: &Uri) -> Vec<CodeLens> {
        let told = |dataset: &str, title: &str| self.outcomes.get(&(dataset.to_owned(), title.to_owned())).cloned();
        let made = self.view.lenses(file, told).into_iter().map(|l| {
            let (command, arguments) = match &l.runs {
                Runs::Nothing => (String::new(), None),
                Runs::Test(title) => (commands::RUN_TESTS.to_owned(), Some(serde_json::json!({ "uri": uri, "test": title }))),
                Runs::TestsOf(dataset) => {
                    (commands::RUN_TESTS.to_owned(), Some(serde_json::json!({ "uri": uri, "dataset": dataset })))
                }
            };
            let command = Command { title: l.title, command, arguments: arguments.map(|a| vec![a]) };
            CodeLens { range: self.range(l.span), command: Some(command), data: None }
        });
        made.collect()
    }
}

/// Quick fixes for the findings in a range.
pub(super) fn actions(
    home: &mut Home,
    file: FileId,
    p: &CodeActionParams,
    documents: &BTreeMap<PathBuf, Document>,
    related: bool,
) -> Vec<CodeAction> {
    let found = home.workspace.diagnostics().to_vec();
    let (home, place) = (&*home, home.place());
    let sources = home.workspace.sources();
    let range = convert::offsets(sources.get(file), p.range);
    let wanted = |kind: &CodeActionKind| {
        let only = p.context.only.as_ref();
        only.is_none_or(|all| all.iter().any(|k| kind.as_str() == k.as_str() || kind.as_str().starts_with(&format!("{}.", k.as_str()))))
    };
    let made = fixing::fixes(&found, file, &range).into_iter().map(|a| {
        let kind = if a.cures.is_some() { CodeActionKind::QUICKFIX } else { CodeActionKind::SOURCE_FIX_ALL };
        let cured = a.cures.and_then(|i| found.get(i));
        CodeAction {
            title: a.title,
            kind: Some(kind),
            is_preferred: cured.map(|_| true),
            diagnostics: cured.map(|d| vec![publish::told(home, sources, d, related)]),
            edit: Some(workspace_edit(sources, &a.edits, |file| place.uri(sources, file, documents))),
            ..CodeAction::default()
        }
    });
    made.filter(|a| a.kind.as_ref().is_some_and(wanted)).collect()
}

#[allow(clippy::mutable_key_type, reason = "the protocol's own map")]
fn workspace_edit(sources: &SourceMap, edits: &[Edit], uri: impl Fn(FileId) -> Option<Uri>) -> WorkspaceEdit {
    let mut changes: HashMap<Uri, Vec<TextEdit>> = HashMap::new();
    for edit in edits {
        let source = sources.get(edit.span.file);
        if let Some(uri) = uri(edit.span.file).filter(|_| !source.path.starts_with(STD_PREFIX)) {
            let edit = TextEdit { range: convert::span(source, edit.span), new_text: edit.text.clone() };
            changes.entry(uri).or_default().push(edit);
        }
    }
    WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() }
}

/// The lines of a snippet after its first, as deep as the line that it goes into.
fn indented(text: &str, line: &str) -> String {
    let indent: String = line.chars().take_while(|c| matches!(c, ' ' | '\t')).collect();
    text.replace('\n', &format!("\n{indent}"))
}

fn flat(all: Vec<DocumentSymbol>) -> Vec<DocumentSymbol> {
    let mut out = Vec::new();
    for mut symbol in all {
        let children = symbol.children.take().unwrap_or_default();
        out.push(symbol);
        out.extend(flat(children));
    }
    out
}

fn kind_of(kind: Offered) -> CompletionItemKind {
    match kind {
        Offered::Keyword => CompletionItemKind::KEYWORD,
        Offered::Snippet => CompletionItemKind::SNIPPET,
        Offered::Column => CompletionItemKind::FIELD,
        Offered::Value => CompletionItemKind::ENUM_MEMBER,
        Offered::Function => CompletionItemKind::FUNCTION,
        Offered::Type => CompletionItemKind::CLASS,
        Offered::Layer | Offered::Module => CompletionItemKind::MODULE,
        Offered::Dataset => CompletionItemKind::STRUCT,
        Offered::Rule => CompletionItemKind::EVENT,
        Offered::Variable => CompletionItemKind::VARIABLE,
    }
}

fn symbol_kind(kind: Named) -> SymbolKind {
    match kind {
        Named::Contract => SymbolKind::CLASS,
        Named::Column => SymbolKind::FIELD,
        Named::Rule => SymbolKind::EVENT,
        Named::Sla => SymbolKind::CONSTANT,
        Named::Section => SymbolKind::NAMESPACE,
        Named::Promotion => SymbolKind::INTERFACE,
        Named::Test => SymbolKind::METHOD,
        Named::Type => SymbolKind::STRUCT,
        Named::Function => SymbolKind::FUNCTION,
        Named::RuleSet => SymbolKind::MODULE,
        Named::Calendar => SymbolKind::CONSTANT,
        Named::Mapping => SymbolKind::PROPERTY,
    }
}
