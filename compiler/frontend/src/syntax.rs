//! Parsing, and syntax errors as diagnostics.

use polc_diagnostics::{Code, Diagnostic};
use polc_syntax::{Parse, SyntaxError, SyntaxErrorKind};

use crate::{
    database::SourceFile,
    sink::{self, Sink},
    source_kind::SourceKind,
};

/// The tree of a file.
#[salsa::tracked(returns(ref))]
pub(crate) fn parse(db: &dyn salsa::Database, file: SourceFile) -> Parse {
    match file.kind(db) {
        SourceKind::Pol => polc_syntax::parse(file.text(db)),
        // Has no tree, and nothing that another file could name.
        SourceKind::Kubernetes => polc_syntax::parse(""),
    }
}

/// Its syntax errors.
#[salsa::tracked(returns(ref))]
pub(crate) fn syntax_diagnostics(db: &dyn salsa::Database, file: SourceFile) -> Vec<Diagnostic> {
    let mut sink = Sink::new(file.path(db));
    for error in &parse(db, file).errors {
        report(&mut sink, error);
    }
    sink.into_diagnostics()
}

fn report(sink: &mut Sink, error: &SyntaxError) {
    let code = match error.kind {
        SyntaxErrorKind::Unexpected => Code::Syntax,
        SyntaxErrorKind::Unclosed => Code::Unclosed,
        SyntaxErrorKind::TooDeep => Code::TooDeep,
    };
    sink.report(
        code,
        &error.headline,
        error.span,
        &error.label,
        |sink, mut diagnostic| {
            if let Some((span, message)) = &error.related {
                diagnostic = diagnostic.with_label(sink.place(*span), message);
            }
            if let Some(help) = &error.help {
                diagnostic = diagnostic.with_help(help);
            }
            if let Some((span, replacement)) = &error.fix {
                diagnostic = diagnostic.with_fix(sink.place(*span), replacement);
            }
            diagnostic
        },
    );
}

/// The place of a span of a file.
pub(crate) fn place(
    db: &dyn salsa::Database,
    file: SourceFile,
    span: polc_syntax::Span,
) -> polc_diagnostics::Place {
    sink::place(file.path(db), span)
}
