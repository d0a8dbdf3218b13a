//! Which question is meant, about which file.

use lsp_server::{ErrorCode, Request, Response};
use lsp_types::{
    CodeActionParams, CodeLensParams, CompletionParams, DocumentFormattingParams, DocumentHighlightParams,
    DocumentOnTypeFormattingParams, DocumentRangeFormattingParams, DocumentSymbolParams, ExecuteCommandParams,
    FoldingRangeParams, GotoDefinitionParams, HoverParams, InlayHintParams, Position, ReferenceParams, RenameParams,
    SemanticTokensParams, SemanticTokensRangeParams, SignatureHelpParams, TextDocumentPositionParams, Uri,
    WorkspaceSymbolParams,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::ide::View;
use crate::source::{FileId, SourceFile};

use super::answers::{self, Answerer};
use super::{Server, commands, convert, formatting};

/// Why there is no answer.
pub(super) struct Refusal {
    pub code: ErrorCode,
    pub why: String,
}

impl Refusal {
    pub fn failed(why: impl Into<String>) -> Self {
        Refusal { code: ErrorCode::RequestFailed, why: why.into() }
    }
}

type Answer = Result<Value, Refusal>;

impl Server<'_> {
    pub fn answer(&mut self, request: Request) -> Response {
        let id = request.id.clone();
        let answered = match request.method.as_str() {
            "textDocument/hover" => params(request).and_then(|p: HoverParams| {
                self.at(p.text_document_position_params, |a, file, at| a.hover(file, at))
            }),
            "textDocument/completion" => params(request).and_then(|p: CompletionParams| {
                self.at(p.text_document_position, |a, file, at| a.completion(file, at))
            }),
            "textDocument/signatureHelp" => params(request).and_then(|p: SignatureHelpParams| {
                self.at(p.text_document_position_params, |a, file, at| a.signature(file, at))
            }),
            "textDocument/definition" => params(request).and_then(|p: GotoDefinitionParams| {
                self.at(p.text_document_position_params, |a, file, at| a.definition(file, at))
            }),
            "textDocument/references" => params(request).and_then(|p: ReferenceParams| {
                let declared = p.context.include_declaration;
                self.at(p.text_document_position, |a, file, at| a.references(file, at, declared))
            }),
            "textDocument/documentHighlight" => params(request).and_then(|p: DocumentHighlightParams| {
                self.at(p.text_document_position_params, |a, file, at| a.highlights(file, at))
            }),
            "textDocument/prepareRename" => params(request).and_then(|p: TextDocumentPositionParams| {
                self.at_or_refuse(p, |a, file, at| a.prepare_rename(file, at))
            }),
            "textDocument/rename" => params(request).and_then(|p: RenameParams| {
                self.at_or_refuse(p.text_document_position, |a, file, at| a.rename(file, at, &p.new_name))
            }),
            "textDocument/documentSymbol" => params(request).and_then(|p: DocumentSymbolParams| {
                self.of(&p.text_document.uri, |a, file| a.symbols(file))
            }),
            "textDocument/foldingRange" => params(request)
                .and_then(|p: FoldingRangeParams| self.of(&p.text_document.uri, |a, file| a.folds(file))),
            "textDocument/semanticTokens/full" => params(request).and_then(|p: SemanticTokensParams| {
                self.of(&p.text_document.uri, |a, file| a.tokens(file, None))
            }),
            "textDocument/semanticTokens/range" => params(request).and_then(|p: SemanticTokensRangeParams| {
                self.of(&p.text_document.uri, |a, file| a.tokens(file, Some(p.range)))
            }),
            "textDocument/inlayHint" => params(request).and_then(|p: InlayHintParams| {
                self.of(&p.text_document.uri, |a, file| a.hints(file, p.range))
            }),
            "textDocument/codeLens" => params(request)
                .and_then(|p: CodeLensParams| self.of(&p.text_document.uri, |a, file| a.lenses(file, &p.text_document.uri))),
            "textDocument/codeAction" => params(request).and_then(|p: CodeActionParams| self.actions(&p)),
            "textDocument/formatting" => params(request).and_then(|p: DocumentFormattingParams| {
                self.edited(&p.text_document.uri, formatting::all)
            }),
            "textDocument/rangeFormatting" => params(request).and_then(|p: DocumentRangeFormattingParams| {
                self.edited(&p.text_document.uri, |source| formatting::range(source, p.range))
            }),
            "textDocument/onTypeFormatting" => params(request).and_then(|p: DocumentOnTypeFormattingParams| {
                let place = p.text_document_position;
                self.edited(&place.text_document.uri, |source| formatting::typed(source, place.position, &p.ch))
            }),
            "workspace/symbol" => params(request).and_then(|p: WorkspaceSymbolParams| self.workspace_symbols(&p.query)),
            "workspace/executeCommand" => params(request).and_then(|p: ExecuteCommandParams| match p.command.as_str() {
                commands::RUN_TESTS => self.run_tests(&p.arguments),
                other => Err(Refusal::failed(format!("there is no command `{other}`"))),
            }),
            method => Err(Refusal { code: ErrorCode::MethodNotFound, why: format!("there is no method `{method}`") }),
        };
        match answered {
            Ok(value) => Response::new_ok(id, value),
            Err(refusal) => Response::new_err(id, refusal.code as i32, refusal.why),
        }
    }

    /// Asks about a file that belongs to a project, or to none.
    pub fn about<T>(&mut self, uri: &Uri, ask: impl FnOnce(&Answerer<'_>, FileId) -> T) -> Option<T> {
        let path = convert::path_of(uri)?;
        let abilities = self.abilities;
        // An uncovered borrow: the documents are only read.
        let documents = std::mem::take(&mut self.documents);
        let found = self.home_of(&path).and_then(|home| {
            let relative = home.relative(&path)?;
            let file = home.workspace.find(&relative)?;
            let place = home.place();
            let (outcomes, view): (_, View<'_>) = (&home.outcomes, home.workspace.view());
            Some(ask(&Answerer { view, place, documents: &documents, abilities, outcomes }, file))
        });
        self.documents = documents;
        found
    }

    fn of<T: Serialize>(&mut self, uri: &Uri, ask: impl FnOnce(&Answerer<'_>, FileId) -> T) -> Answer {
        Ok(json(self.about(uri, ask)))
    }

    fn at<T: Serialize>(
        &mut self,
        place: TextDocumentPositionParams,
        ask: impl FnOnce(&Answerer<'_>, FileId, usize) -> Option<T>,
    ) -> Answer {
        let position: Position = place.position;
        Ok(json(self.about(&place.text_document.uri, |a, file| ask(a, file, convert::offset(a.view.source(file), position))).flatten()))
    }

    fn at_or_refuse<T: Serialize>(
        &mut self,
        place: TextDocumentPositionParams,
        ask: impl FnOnce(&Answerer<'_>, FileId, usize) -> Result<T, String>,
    ) -> Answer {
        let position = place.position;
        let asked = self.about(&place.text_document.uri, |a, file| ask(a, file, convert::offset(a.view.source(file), position)));
        asked.transpose().map(json).map_err(Refusal::failed)
    }

    /// Of the text that the editor has, whatever it belongs to.
    fn edited<T: Serialize>(&mut self, uri: &Uri, edit: impl FnOnce(&SourceFile) -> T) -> Answer {
        let document = convert::path_of(uri).and_then(|path| self.documents.get(&path));
        Ok(json(document.map(|d| edit(&SourceFile::new("", d.text.as_str())))))
    }

    fn actions(&mut self, p: &CodeActionParams) -> Answer {
        let uri = &p.text_document.uri;
        let Some(path) = convert::path_of(uri) else { return Ok(Value::Null) };
        let related = self.abilities.related;
        let documents = std::mem::take(&mut self.documents);
        let found = self.home_of(&path).and_then(|home| {
            let file = home.workspace.find(&home.relative(&path)?)?;
            home.workspace.diagnostics();
            Some(answers::actions(home, file, p, &documents, related))
        });
        self.documents = documents;
        Ok(json(found))
    }

    fn workspace_symbols(&mut self, query: &str) -> Answer {
        let documents = std::mem::take(&mut self.documents);
        let abilities = self.abilities;
        let mut found = Vec::new();
        for home in self.homes.values_mut() {
            let place = home.place();
            let (outcomes, view) = (&home.outcomes, home.workspace.view());
            found.extend(Answerer { view, place, documents: &documents, abilities, outcomes }.workspace_symbols(query));
        }
        self.documents = documents;
        Ok(json(Some(found)))
    }
}

fn params<P: DeserializeOwned>(request: Request) -> Result<P, Refusal> {
    let wrong = |_| Refusal { code: ErrorCode::InvalidParams, why: format!("`{}` does not take this", request.method) };
    serde_json::from_value(request.params).map_err(wrong)
}

fn json<T: Serialize>(value: T) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}
