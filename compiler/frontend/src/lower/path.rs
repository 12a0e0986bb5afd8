//! Path patterns of requests.

use polc_diagnostics::{Code, suggest};
use polc_model::{CaptureKind, PathSegment};
use polc_syntax::{Span, ast::Name};

use crate::sink::Sink;

/// The segments of a pattern. `None`, reported, when it has no meaning.
pub(super) fn lower(path: &Name, sink: &mut Sink) -> Option<Vec<PathSegment>> {
    let text = path.text.strip_prefix('/').unwrap_or(&path.text);
    if text.is_empty() {
        return Some(Vec::new());
    }
    let mut segments: Vec<PathSegment> = Vec::new();
    let mut start = path.span.start as usize + 1;
    let count = text.split('/').count();
    let mut is_broken = false;
    for (index, written) in text.split('/').enumerate() {
        let span = Span::new(start, start + written.len());
        start += written.len() + 1;
        let is_last = index + 1 == count;
        match segment(written, is_last, &segments) {
            Ok(segment) => segments.push(segment),
            Err(problem) => {
                problem.report(span, sink);
                is_broken = true;
            }
        }
    }
    (!is_broken).then_some(segments)
}

struct Problem {
    headline: String,
    label: String,
    help: String,
    fix: Option<String>,
}

impl Problem {
    fn new(headline: impl Into<String>, label: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            headline: headline.into(),
            label: label.into(),
            help: help.into(),
            fix: None,
        }
    }

    fn report(self, span: Span, sink: &mut Sink) {
        sink.report(
            Code::InvalidPath,
            self.headline,
            span,
            self.label,
            |sink, diagnostic| {
                let diagnostic = diagnostic.with_help(self.help);
                match self.fix {
                    Some(fix) => diagnostic.with_fix(sink.place(span), fix),
                    None => diagnostic,
                }
            },
        );
    }
}

fn segment(written: &str, is_last: bool, before: &[PathSegment]) -> Result<PathSegment, Problem> {
    match written {
        "*" => return Ok(PathSegment::Any),
        "**" if is_last => return Ok(PathSegment::Rest),
        "**" => {
            return Err(Problem::new(
                "`**` is only the last segment of a path",
                "stands for all the rest",
                "write `*` for one segment",
            ));
        }
        "" if is_last => return Ok(PathSegment::Literal(String::new())),
        "" => {
            return Err(Problem::new(
                "a segment of this path is empty",
                "nothing between two `/`",
                "write one `/`",
            ));
        }
        "." | ".." => {
            return Err(Problem::new(
                format!("`{written}` is not a segment of a path"),
                "resolved before a path is matched",
                "write the path that it leads to",
            ));
        }
        _ => {}
    }
    if let Some(inner) = written
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
        && !inner.contains(['{', '}'])
    {
        return capture(inner, before);
    }
    if written.contains(['{', '}']) {
        return Err(Problem::new(
            "a capture is a whole segment of a path",
            "part of a segment",
            "write the capture between two `/`, such as `/{id: int}/`",
        ));
    }
    if written.contains('*') {
        return Err(Problem::new(
            "`*` is a whole segment of a path",
            "part of a segment",
            "capture the segment, such as `{name: string}`, and match it: `when name ~ \"…\"`",
        ));
    }
    if written.contains(['?', '#']) {
        return Err(Problem::new(
            "a path has neither a query nor a fragment",
            "not part of the path",
            "match parameters of the query with `when query \"…\"`",
        ));
    }
    Ok(PathSegment::Literal(written.to_owned()))
}

fn capture(inner: &str, before: &[PathSegment]) -> Result<PathSegment, Problem> {
    let (name, of) = match inner.split_once(':') {
        Some((name, of)) => (name.trim(), of.trim()),
        None => (inner.trim(), ""),
    };
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !is_name {
        return Err(Problem::new(
            format!("`{name}` is not the name of a capture"),
            "names are made of letters, digits and `_`",
            "write a name and a type, such as `{id: int}`",
        ));
    }
    let known = CaptureKind::ALL.into_iter().find(|kind| kind.name() == of);
    let Some(kind) = known else {
        let headline = if of.is_empty() {
            format!("the capture `{name}` has no type")
        } else {
            format!("`{of}` is not a type of captures")
        };
        let mut problem = Problem::new(
            headline,
            "expected `int` or `string`",
            format!("write `{{{name}: string}}` for any segment"),
        );
        let types = CaptureKind::ALL.map(CaptureKind::name);
        if let Some(meant) = suggest::closest(of, types) {
            problem.help = format!("did you mean `{meant}`?");
            problem.fix = Some(format!("{{{name}: {meant}}}"));
        }
        return Err(problem);
    };
    let is_taken = before
        .iter()
        .any(|one| matches!(one, PathSegment::Capture { name: other, .. } if other == name));
    if is_taken {
        return Err(Problem::new(
            format!("the path captures `{name}` twice"),
            "captured again here",
            "give one of the captures another name",
        ));
    }
    Ok(PathSegment::Capture {
        name: name.to_owned(),
        kind,
    })
}
