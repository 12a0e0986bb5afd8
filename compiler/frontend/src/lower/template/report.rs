//! What can be wrong with an application, apart from its arguments.

use polc_diagnostics::{Code, suggest};
use polc_syntax::ast::{Apply, Name, Template};

use crate::{declarations::Body, resolver::Resolver, sink::Sink};

pub(super) fn endless(apply: &Apply, template: &Template, sink: &mut Sink) {
    sink.report(
        Code::EndlessTemplates,
        format!("the template `{}` leads back to itself", template.name.text),
        apply.span,
        "applied again here, without end",
        |_, diagnostic| diagnostic.with_help("leave out this `apply`"),
    );
}

pub(super) fn too_many(apply: &Apply, most: usize, sink: &mut Sink) {
    sink.report(
        Code::TooDeep,
        "this `apply` leads to too many others",
        apply.span,
        format!("more than {most}"),
        |_, diagnostic| diagnostic.with_help("let templates apply fewer templates"),
    );
}

pub(super) fn unknown_word(word: &Name, template: &Template, sink: &mut Sink) {
    let known = template
        .parameters
        .iter()
        .map(|parameter| parameter.name.text.as_str());
    let meant = suggest::closest(&word.text, known);
    sink.report(
        Code::UnknownName,
        format!("the template has no text `{}`", word.text),
        word.span,
        format!(
            "`{{{}}}` stands for no parameter of type `string` or `int`",
            word.text
        ),
        |_, diagnostic| match meant {
            Some(meant) => diagnostic.with_help(format!("did you mean `{{{meant}}}`?")),
            None => diagnostic.with_help(format!("add a parameter: `{}: string`", word.text)),
        },
    );
}

pub(super) fn twice(name: &Name, sink: &mut Sink) {
    sink.report(
        Code::Duplicate,
        format!("the template defines `{}` twice", name.text),
        name.span,
        "a parameter or another item of the template has this name",
        |_, diagnostic| diagnostic.with_help("give one of them another name"),
    );
}

/// Whether what a template makes of a policy's name is one.
pub(super) fn is_policy_name(name: &Name, sink: &mut Sink) -> bool {
    let help = "names are words, or those of Kubernetes objects, such as `shop/web-in`: give such a text, or take another parameter for the name";
    name.is_policy_name() || no_name(name, help, sink)
}

/// Whether what a template makes of a name is one.
pub(super) fn is_name(name: &Name, sink: &mut Sink) -> bool {
    let help = "names are made of letters, digits and `_`: give such a text, or take another parameter for the name";
    name.is_word() || no_name(name, help, sink)
}

fn no_name(name: &Name, help: &str, sink: &mut Sink) -> bool {
    let text = &name.text;
    // A word in braces that is left was reported.
    if !name.is_missing() && !text.contains('{') {
        sink.report(
            Code::InvalidExpansion,
            format!("`{text}` is not a name"),
            name.span,
            "made of the text of a parameter",
            |_, diagnostic| diagnostic.with_help(help),
        );
    }
    false
}

/// Reports definitions of the template that need themselves or grow too large.
pub(super) fn troubles(scope: &Resolver<'_>, local: &[(&Name, Body)], sink: &mut Sink) {
    let (cycles, oversized) = scope.troubles();
    let span = |name: &String| {
        let mut names = local.iter().map(|(name, _)| *name);
        names
            .find(|local| local.text == *name)
            .map(|name| name.span)
    };
    for name in cycles.iter().filter_map(|cycle| cycle.first()) {
        if let Some(span) = span(name) {
            sink.report(
                Code::Cycle,
                format!("the definition of `{name}` needs its own value"),
                span,
                "needs itself",
                |_, diagnostic| diagnostic.with_help("define one of them without the others"),
            );
        }
    }
    for name in &oversized {
        if let Some(span) = span(name) {
            sink.report(
                Code::TooDeep,
                format!("the definition of `{name}` grows too large"),
                span,
                "uses definitions that use others, and so on",
                |_, diagnostic| diagnostic.with_help("define it with fewer steps"),
            );
        }
    }
}
