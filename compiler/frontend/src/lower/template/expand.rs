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
    find, report, template_files,
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
            report::endless(apply, template, &mut sink);
            self.keep(sink, trail);
            return;
        }
        let Some(left) = self.left.checked_sub(1) else {
            // Once is enough for one `apply` of a file.
            return;
        };
        self.left = left;
        if left == 0 {
            report::too_many(apply, MAX_EXPANSIONS, &mut sink);
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
            report::unknown_word(word, template, &mut sink);
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
                report::twice(name, &mut sink);
            }
        }
        let scope = Resolver::new(bodies, bound, &around);
        let lines = Lines::new(file.path(self.db), file.text(self.db));
        for item in &items {
            self.item(item, file, &scope, &lines, &mut sink, trail, root);
        }
        report::troubles(&scope, &local, &mut sink);
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
                if report::is_policy_name(&item.name, sink) {
                    let policy = policy::lower(item, scope, lines, sink);
                    self.made("policy", &policy.name, root);
                    self.found.policies.push(policy);
                }
            }
            Item::Service(item) => {
                if report::is_name(&item.name, sink)
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
