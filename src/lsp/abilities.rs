//! What the editor can do, and what this server offers.

use std::path::PathBuf;

use lsp_types::{
    CodeActionKind, CodeActionOptions, CodeActionProviderCapability, CodeLensOptions, CompletionOptions,
    DocumentOnTypeFormattingOptions, ExecuteCommandOptions, FoldingRangeProviderCapability, HoverProviderCapability,
    InitializeParams, OneOf, RenameOptions, SaveOptions, SemanticTokenModifier, SemanticTokenType, SemanticTokensFullOptions,
    SemanticTokensLegend, SemanticTokensOptions, SemanticTokensServerCapabilities, ServerCapabilities, SignatureHelpOptions,
    TextDocumentSyncCapability, TextDocumentSyncKind, TextDocumentSyncOptions, TextDocumentSyncSaveOptions,
    WorkspaceFoldersServerCapabilities, WorkspaceServerCapabilities,
};

use crate::ide::tokens::TokenKind;

use super::{commands, convert};

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Abilities {
    pub snippets: bool,
    pub watches: bool,
    pub refreshes_lenses: bool,
    pub related: bool,
    pub nested_symbols: bool,
}

impl Abilities {
    pub fn of(params: &InitializeParams) -> Self {
        let text = params.capabilities.text_document.as_ref();
        let workspace = params.capabilities.workspace.as_ref();
        let item = text.and_then(|t| t.completion.as_ref()?.completion_item.as_ref());
        Abilities {
            snippets: item.and_then(|i| i.snippet_support).unwrap_or(false),
            watches: workspace.and_then(|w| w.did_change_watched_files?.dynamic_registration).unwrap_or(false),
            refreshes_lenses: workspace.and_then(|w| w.code_lens.as_ref()?.refresh_support).unwrap_or(false),
            related: text.and_then(|t| t.publish_diagnostics.as_ref()?.related_information).unwrap_or(false),
            nested_symbols: text
                .and_then(|t| t.document_symbol.as_ref()?.hierarchical_document_symbol_support)
                .unwrap_or(false),
        }
    }
}

/// The folders that the editor has open.
#[allow(deprecated, reason = "editors that know no workspace folders say `rootUri`")]
pub(super) fn folders(params: &InitializeParams) -> Vec<PathBuf> {
    let several = params.workspace_folders.iter().flatten().map(|f| &f.uri);
    let one = params.root_uri.iter().filter(|_| params.workspace_folders.is_none());
    several.chain(one).filter_map(convert::path_of).collect()
}

pub(super) fn offered() -> ServerCapabilities {
    let strings = |all: &[&str]| Some(all.iter().map(|s| (*s).to_owned()).collect());
    ServerCapabilities {
        text_document_sync: Some(TextDocumentSyncCapability::Options(TextDocumentSyncOptions {
            open_close: Some(true),
            change: Some(TextDocumentSyncKind::INCREMENTAL),
            save: Some(TextDocumentSyncSaveOptions::SaveOptions(SaveOptions { include_text: Some(false) })),
            ..TextDocumentSyncOptions::default()
        })),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        completion_provider: Some(CompletionOptions {
            trigger_characters: strings(&[".", "\"", "{", "(", "|", ":", "="]),
            ..CompletionOptions::default()
        }),
        signature_help_provider: Some(SignatureHelpOptions {
            trigger_characters: strings(&["(", ","]),
            ..SignatureHelpOptions::default()
        }),
        definition_provider: yes(),
        references_provider: yes(),
        document_highlight_provider: yes(),
        document_symbol_provider: yes(),
        workspace_symbol_provider: yes(),
        code_action_provider: Some(CodeActionProviderCapability::Options(CodeActionOptions {
            code_action_kinds: Some(vec![CodeActionKind::QUICKFIX, CodeActionKind::SOURCE_FIX_ALL]),
            ..CodeActionOptions::default()
        })),
        code_lens_provider: Some(CodeLensOptions { resolve_provider: Some(false) }),
        document_formatting_provider: yes(),
        document_range_formatting_provider: yes(),
        document_on_type_formatting_provider: Some(DocumentOnTypeFormattingOptions {
            first_trigger_character: "}".to_owned(),
            more_trigger_character: strings(&["\n"]),
        }),
        rename_provider: Some(OneOf::Right(RenameOptions { prepare_provider: Some(true), ..rename_options() })),
        folding_range_provider: Some(FoldingRangeProviderCapability::Simple(true)),
        execute_command_provider: Some(ExecuteCommandOptions {
            commands: vec![commands::RUN_TESTS.to_owned()],
            ..ExecuteCommandOptions::default()
        }),
        inlay_hint_provider: yes(),
        semantic_tokens_provider: Some(SemanticTokensServerCapabilities::SemanticTokensOptions(SemanticTokensOptions {
            legend: SemanticTokensLegend {
                token_types: TokenKind::NAMES.iter().map(|n| SemanticTokenType::new(n)).collect(),
                token_modifiers: MODIFIERS.iter().map(|n| SemanticTokenModifier::new(n)).collect(),
            },
            range: Some(true),
            full: Some(SemanticTokensFullOptions::Bool(true)),
            ..SemanticTokensOptions::default()
        })),
        workspace: Some(WorkspaceServerCapabilities {
            workspace_folders: Some(WorkspaceFoldersServerCapabilities {
                supported: Some(true),
                change_notifications: Some(OneOf::Left(true)),
            }),
            file_operations: None,
        }),
        ..ServerCapabilities::default()
    }
}

fn yes<Options>() -> Option<OneOf<bool, Options>> {
    Some(OneOf::Left(true))
}

fn rename_options() -> RenameOptions {
    RenameOptions { prepare_provider: None, work_done_progress_options: Default::default() }
}

/// In the order of their bits.
pub(super) const MODIFIERS: [&str; 3] = ["declaration", "defaultLibrary", "documentation"];
