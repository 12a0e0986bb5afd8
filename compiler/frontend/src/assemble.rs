//! From the lowered files to the Model of the package.

use std::collections::BTreeMap;

use polc_diagnostics::{Diagnostic, Severity};
use polc_model::{
    Assertion, Check, Expectation, FileId, HostAccess, Model, Origin, Policy, PolicyId, Rule,
    Selector, SelectorExpr, SelectorId, Service, Test,
};
use polc_syntax::ast::{Item, Outcome};

use crate::{
    LintLevels,
    conflicts::conflicts,
    database::Package,
    lower::{
        LoweredFile,
        assertion::LoweredAssertion,
        lower_file,
        policy::LoweredPolicy,
        service::LoweredService,
        template::{Expansions, expansions},
        test::LoweredTest,
    },
    source_kind::SourceKind,
    syntax::{parse, syntax_diagnostics},
};

/// What a package means, and what there is to say about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Analysis {
    /// The meaning. Complete and valid when [`Analysis::has_errors`] says no; otherwise what could
    /// be understood, for an editor, and never to be enforced.
    pub model: Model,
    /// Everything that was found, in order of file and place.
    pub diagnostics: Vec<Diagnostic>,
    /// What the package says about lints.
    pub lint_levels: LintLevels,
}

impl Analysis {
    /// Whether the package has errors.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.diagnostics
            .iter()
            .any(|diagnostic| diagnostic.severity == Severity::Error)
    }
}

/// Everything there is to say about a package. An editor asks for this alone: it does not wait for
/// a Model of the whole package.
#[salsa::tracked(returns(ref))]
pub(crate) fn diagnostics(db: &dyn salsa::Database, package: Package) -> Vec<Diagnostic> {
    let mut diagnostics = conflicts(db, package).clone();
    for &file in package.files(db) {
        diagnostics.extend(syntax_diagnostics(db, file).iter().cloned());
        diagnostics.extend(lower_file(db, package, file).diagnostics.iter().cloned());
        diagnostics.extend(expansions(db, package, file).diagnostics.iter().cloned());
    }
    diagnostics.sort_by(|one, other| one.order().cmp(&other.order()));
    // A mistake in a template is one mistake, however often the template is applied.
    diagnostics.dedup_by(|one, other| {
        one.code == other.code && one.headline == other.headline && one.primary == other.primary
    });
    diagnostics
}

/// Puts the files of a package together.
#[salsa::tracked(returns(ref))]
pub(crate) fn model(db: &dyn salsa::Database, package: Package) -> Model {
    let mut model = Model::default();
    let mut policies: BTreeMap<&str, &LoweredPolicy> = BTreeMap::new();
    let mut services: BTreeMap<&str, &LoweredService> = BTreeMap::new();
    let mut assertions: Vec<(FileId, &LoweredAssertion)> = Vec::new();
    let mut tests: BTreeMap<&str, (FileId, &LoweredTest)> = BTreeMap::new();
    for (index, &file) in package.files(db).iter().enumerate() {
        let id = FileId::new(index);
        model.files.push(file.path(db).to_string());
        let LoweredFile {
            policies: of_policies,
            services: of_services,
            assertions: of_assertions,
            tests: of_tests,
            ..
        } = lower_file(db, package, file);
        // Of two with one name the first counts; the second was reported.
        for policy in of_policies {
            policies.entry(&policy.name).or_insert(policy);
        }
        for service in of_services {
            services.entry(&service.name).or_insert(service);
        }
        assertions.extend(of_assertions.iter().map(|assertion| (id, assertion)));
        for test in of_tests {
            tests.entry(&test.name).or_insert((id, test));
        }
        for item in &parse(db, file).file.items {
            match item {
                Item::Package(name) if model.package.is_empty() => {
                    model.package.clone_from(&name.text);
                }
                Item::HostAccess(word) if word.text == "restricted" => {
                    model.host_access = HostAccess::Restricted;
                }
                _ => {}
            }
        }
    }
    if model.package.is_empty() {
        let mut files = package.files(db).iter();
        if files.all(|file| file.kind(db) == SourceKind::Kubernetes) {
            model.package.clone_from(package.name(db));
        }
    }
    for &file in package.files(db) {
        let Expansions {
            policies: of_policies,
            services: of_services,
            ..
        } = expansions(db, package, file);
        for policy in of_policies {
            policies.entry(&policy.name).or_insert(policy);
        }
        for service in of_services {
            services.entry(&service.name).or_insert(service);
        }
    }
    let mut interner = Interner::default();
    for policy in policies.values() {
        let file = file_id(&model, &policy.file);
        add_policy(&mut model, &mut interner, file, policy);
    }
    for service in services.values() {
        let file = file_id(&model, &service.file);
        let service = finish_service(&mut interner, file, service);
        model.services.push(service);
    }
    model.assertions = assertions
        .into_iter()
        .map(|(file, assertion)| Assertion {
            claim: assertion.claim,
            sources: interner.intern(&assertion.sources),
            destinations: interner.intern(&assertion.destinations),
            l4: assertion.l4.clone(),
            origin: in_file(file, &assertion.origin),
        })
        .collect();
    model.selectors = interner.selectors;
    model.tests = tests
        .values()
        .map(|&(file, test)| finish_test(&model.policies, file, test))
        .collect();
    model
}

/// The id of a file. Files are in order of path.
fn file_id(model: &Model, path: &str) -> FileId {
    let found = model
        .files
        .binary_search_by(|known| known.as_str().cmp(path));
    FileId::new(found.unwrap_or_default())
}

fn finish_service(interner: &mut Interner, file: FileId, service: &LoweredService) -> Service {
    Service {
        name: service.name.clone(),
        addresses: service.addresses.clone(),
        ports: service.ports.clone(),
        backends: interner.intern(&service.backends),
        balance: service.balance,
        affinity: service.affinity,
        external: service.external,
        doc: service.doc.clone(),
        origin: in_file(file, &service.origin),
    }
}

#[derive(Default)]
struct Interner {
    ids: BTreeMap<SelectorExpr, SelectorId>,
    selectors: Vec<Selector>,
}

impl Interner {
    fn intern(&mut self, selector: &Selector) -> SelectorId {
        if let Some(id) = self.ids.get(&selector.expr) {
            return *id;
        }
        let id = SelectorId::new(self.selectors.len());
        self.ids.insert(selector.expr.clone(), id);
        self.selectors.push(selector.clone());
        id
    }
}

fn add_policy(model: &mut Model, interner: &mut Interner, file: FileId, policy: &LoweredPolicy) {
    let id = PolicyId::new(model.policies.len());
    model.policies.push(Policy {
        name: policy.name.clone(),
        subject: interner.intern(&policy.subject),
        tier: policy.tier,
        priority: policy.priority,
        enforcement: policy.enforcement,
        ingress: policy.ingress,
        egress: policy.egress,
        doc: policy.doc.clone(),
        origin: in_file(file, &policy.origin),
    });
    for rule in &policy.rules {
        model.rules.push(Rule {
            policy: id,
            direction: rule.direction,
            action: rule.action,
            peer: interner.intern(&rule.peer),
            l4: rule.l4.clone(),
            l7: rule.l7.clone(),
            origin: in_file(file, &rule.origin),
        });
    }
}

fn finish_test(policies: &[Policy], file: FileId, test: &LoweredTest) -> Test {
    let policy_id = |name: &String| {
        let position = policies.iter().position(|policy| policy.name == *name);
        position.map(PolicyId::new)
    };
    let mut endpoints = test.endpoints.clone();
    for endpoint in &mut endpoints {
        endpoint.origin.file = file;
    }
    let checks = test.checks.iter().map(|check| {
        let by = check.by.as_ref().and_then(policy_id);
        Check {
            source: check.source,
            destination: check.destination,
            l4: check.l4,
            request: check.request.clone(),
            expected: match check.outcome {
                Outcome::Allowed => Expectation::Allowed { by },
                Outcome::Denied => Expectation::Denied { by },
            },
            origin: in_file(file, &check.origin),
        }
    });
    Test {
        name: test.name.clone(),
        checks: checks.collect(),
        endpoints,
        names: test.names.clone(),
        origin: in_file(file, &test.origin),
    }
}

fn in_file(file: FileId, origin: &Origin) -> Origin {
    Origin {
        file,
        ..origin.clone()
    }
}
