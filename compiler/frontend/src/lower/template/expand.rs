//! Expanding applications.

use std::collections::BTreeMap;

use polc_diagnostics::{Code, Diagnostic, Place, suggest};
use polc_syntax::{
    Span,
    ast::{Apply, Item, Name, Template},
};

use super::{
    Expansions, Made,
    arguments::{Bound, bind},
    fill::Filling,
    find, template_files,
};
use crate::{
    database::{Package, SourceFile},
    declarations::{Body, definition},
    lower::{FileScope, Scope, definitions, policy, service},
    origin::Lines,
    resolver::Resolver,
    sink::Sink,
    syntax::place,
};

/// How many templates one `apply` may bring about: more than anyone means to.
const MAX_EXPANSIONS: usize = 1_000;

/// The applications of one file.
pub(super) struct Expander<'db> {
    db: &'db dyn salsa::Database,
    package: Package,
    found: Expansions,
    /// How many more templates the current `apply` may bring about.
    left: usize,
}

/// One application that is being expanded.
#[derive(Clone)]
struct Step<'a> {
    template: &'a str,
    place: Place,
}

impl<'db> Expander<'db> {
    pub(super) fn new(db: &'db dyn salsa::Database, package: Package) -> Self {
        Self {
            db,
            package,
            found: Expansions::default(),
            left: 0,
        }
    }

    pub(super) fn finish(self) -> Expansions {
        self.found
    }

    /// Expands an `apply` that a file holds.
    pub(super) fn root(&mut self, apply: &Apply, file: SourceFile, scope: &dyn Scope) {
        self.left = MAX_EXPANSIONS;
        self.apply(apply, file, scope, &[], apply.span);
    }

    /// Expands an `apply` that stands in `file`, reached by way of `trail`, outermost first.
    fn apply(
        &mut self,
        apply: &Apply,
        file: SourceFile,
        scope: &dyn Scope,
        trail: &[Step<'_>],
        root: Span,
    ) {
        if apply.name.is_missing() {
            return;
        }
        let mut sink = Sink::new(file.path(self.db));
        let Some((template_file, template)) = find(self.db, self.package, &apply.name.text) else {
            self.unknown(&apply.name, &mut sink);
            self.keep(sink, trail);
            return;
        };
        let step = Step {
            template: &template.name.text,
            place: place(self.db, file, apply.span),
        };
        if trail.iter().any(|step| step.template == template.name.text) {
            endless(apply, template, &mut sink);
            self.keep(sink, trail);
            return;
        }
        let Some(left) = self.left.checked_sub(1) else {
            // Once is enough for one `apply` of a file.
            return;
        };
        self.left = left;
        if left == 0 {
            too_many(apply, &mut sink);
        }
        let template_place = |span| place(self.db, template_file, span);
        let bound = bind(apply, template, template_place, scope, &mut sink);
        self.keep(sink, trail);
        let Some(bound) = bound else { return };
        let trail: Vec<Step<'_>> = trail.iter().cloned().chain([step]).collect();
        self.template(template, template_file, bound, &trail, root);
    }

    fn template(
        &mut self,
        template: &Template,
        file: SourceFile,
        bound: Bound,
        trail: &[Step<'_>],
        root: Span,
    ) {
        let mut sink = Sink::new(file.path(self.db));
        let mut items = template.items.clone();
        let mut filling = Filling::new(&bound);
        items.iter_mut().for_each(|item| filling.item(item));
        for word in &filling.unknown {
            unknown_word(word, template, &mut sink);
        }
        let around = FileScope {
            db: self.db,
            package: self.package,
        };
        let local: Vec<(&Name, Body)> = items
            .iter()
            .filter_map(definition)
            .filter(|(name, _)| !name.is_missing())
            .collect();
        let mut bodies = BTreeMap::new();
        for (name, body) in &local {
            if bound.contains_key(&name.text) || bodies.insert(name.text.as_str(), body).is_some() {
                twice(name, &mut sink);
            }
        }
        let scope = Resolver::new(bodies, bound, &around);
        let lines = Lines::new(file.path(self.db), file.text(self.db));
        for item in &items {
            self.item(item, file, &scope, &lines, &mut sink, trail, root);
        }
        troubles(&scope, &local, &mut sink);
        self.keep(sink, trail);
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "each is another part of where the item stands"
    )]
    fn item(
        &mut self,
        item: &Item,
        file: SourceFile,
        scope: &dyn Scope,
        lines: &Lines<'_>,
        sink: &mut Sink,
        trail: &[Step<'_>],
        root: Span,
    ) {
        match item {
            Item::Endpoints(item) => definitions::check_endpoints(item, scope, sink),
            Item::Cidr(item) => definitions::check_cidr(item, scope, sink),
            Item::Dns(item) => definitions::check_dns(item, scope, sink),
            Item::Entity(item) => definitions::check_entity(item, scope, sink),
            Item::Ports(item) => definitions::check_ports(item, scope, sink),
            Item::Http(item) => definitions::check_http(item, scope, sink),
            Item::Policy(item) => {
                if is_name(&item.name, sink) {
                    let policy = policy::lower(item, scope, lines, sink);
                    self.made("policy", &policy.name, root);
                    self.found.policies.push(policy);
                }
            }
            Item::Service(item) => {
                if is_name(&item.name, sink)
                    && let Some(service) = service::lower(item, scope, lines, sink)
                {
                    self.made("service", &service.name, root);
                    self.found.services.push(service);
                }
            }
            Item::Apply(item) => self.apply(item, file, scope, trail, root),
            // No template holds such items.
            Item::Package(_)
            | Item::HostAccess(_)
            | Item::Labels(_)
            | Item::Lint(_)
            | Item::Test(_)
            | Item::Assertion(_)
            | Item::Use(_)
            | Item::Template(_) => {}
        }
    }

    fn made(&mut self, what: &'static str, name: &str, apply: Span) {
        self.found.made.push(Made {
            what,
            name: name.to_owned(),
            apply,
        });
    }

    /// Keeps diagnostics about a template, with the applications that led to it. A fix would change
    /// the template for every application, so there is none.
    fn keep(&mut self, sink: Sink, trail: &[Step<'_>]) {
        for mut diagnostic in sink.into_diagnostics() {
            for step in trail.iter().rev() {
                let message = format!("`{}` is applied here", step.template);
                diagnostic = diagnostic.with_label(step.place.clone(), message);
                diagnostic.fix = None;
            }
            self.found.diagnostics.push(diagnostic);
        }
    }

    fn unknown(&self, name: &Name, sink: &mut Sink) {
        let known = template_files(self.db, self.package);
        let meant = suggest::closest(&name.text, known.keys().map(String::as_str));
        sink.report(
            Code::UnknownName,
            format!("unknown template `{}`", name.text),
            name.span,
            "nothing in this package has this name",
            |sink, diagnostic: Diagnostic| match meant {
                Some(meant) => diagnostic
                    .with_help(format!("did you mean `{meant}`?"))
                    .with_fix(sink.place(name.span), meant),
                None => diagnostic.with_help(format!(
                    "define it: `template {}(app: string) {{ … }}`",
                    name.text
                )),
            },
        );
    }
}

fn endless(apply: &Apply, template: &Template, sink: &mut Sink) {
    sink.report(
        Code::EndlessTemplates,
        format!("the template `{}` leads back to itself", template.name.text),
        apply.span,
        "applied again here, without end",
        |_, diagnostic| diagnostic.with_help("leave out this `apply`"),
    );
}

fn too_many(apply: &Apply, sink: &mut Sink) {
    sink.report(
        Code::TooDeep,
        "this `apply` leads to too many others",
        apply.span,
        format!("more than {MAX_EXPANSIONS}"),
        |_, diagnostic| diagnostic.with_help("let templates apply fewer templates"),
    );
}

fn unknown_word(word: &Name, template: &Template, sink: &mut Sink) {
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

fn twice(name: &Name, sink: &mut Sink) {
    sink.report(
        Code::Duplicate,
        format!("the template defines `{}` twice", name.text),
        name.span,
        "a parameter or another item of the template has this name",
        |_, diagnostic| diagnostic.with_help("give one of them another name"),
    );
}

/// Whether what a template makes of a name is one.
fn is_name(name: &Name, sink: &mut Sink) -> bool {
    let text = &name.text;
    let is_start = |c: char| c.is_ascii_alphabetic() || c == '_';
    let is_rest = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if text.starts_with(is_start) && text.chars().all(is_rest) {
        return true;
    }
    // A word in braces that is left was reported.
    if !name.is_missing() && !text.contains('{') {
        sink.report(
            Code::InvalidExpansion,
            format!("`{text}` is not a name"),
            name.span,
            "made of the text of a parameter",
            |_, diagnostic| {
                diagnostic.with_help(
                    "names are made of letters, digits and `_`: give such a text, or take another parameter for the name",
                )
            },
        );
    }
    false
}

/// Reports definitions of the template that need themselves or grow too large.
fn troubles(scope: &Resolver<'_>, local: &[(&Name, Body)], sink: &mut Sink) {
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
