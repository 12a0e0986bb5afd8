//! The **Model**: what policies mean, flat, with every name resolved.
//!
//! Every front end produces a [`Model`]; nothing behind it knows which one did. It is plain data:
//! it serialises to the same bytes for the same input, and the agent reads it from a bundle
//! without the front end.
//!
//! - [`selector`]: predicates over a peer, and the facts they are asked about
//! - [`sets`]: canonical unions and intersections of them
//! - [`l4`]: protocols, ports, ICMP types
//! - [`policy`]: policies, rules, tiers, actions
//! - [`l7`]: HTTP requests, TLS server names, DNS queries
//! - [`pattern`]: the regular expressions of requests
//! - [`service`]: addresses that stand for backends
//! - [`test`](mod@test): the package's `test` items
//! - [`assertion`]: its `assert` items
//! - [`validate`](mod@validate): what must hold of every Model
//!
//! Ids are indices into the vectors of the Model, in an order that depends on names and not on
//! the order of files: see [`Model::policies`].

pub mod assertion;
pub mod id;
pub mod l4;
pub mod l7;
pub mod pattern;
pub mod policy;
pub mod selector;
pub mod service;
pub mod sets;
pub mod test;
pub mod validate;

pub use assertion::{Assertion, Claim};
pub use id::{FileId, PolicyId, RuleId, SelectorId};
pub use l4::{
    IcmpFamily, L4Match, L4Packet, L4Term, NamedPort, NamedPorts, PortProtocol, PortRange,
};
pub use l7::{
    CaptureKind, HttpCondition, HttpField, HttpMatch, HttpRequest, HttpTest, L7Match, PathSegment,
    Request,
};
pub use policy::{
    Action, DEFAULT_PRIORITY, Decider, Decision, Direction, Enforcement, Isolation, Policy, Rule,
    Tier, Verdict,
};
pub use selector::{
    Entity, LabelOperator, Labels, PeerFacts, PeerKind, Phase, Selector, SelectorExpr,
};
pub use service::{Balance, External, ExternalPolicy, Service, ServicePort};
pub use test::{Check, Expectation, Party, Test, TestEndpoint};

use serde::{Deserialize, Serialize};

/// The meaning of one package.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    /// The package's name.
    pub package: String,
    /// Whether a node reaches its own endpoints before any policy is asked.
    pub host_access: HostAccess,
    /// Source files by path, relative to the package's root, in order of path.
    pub files: Vec<String>,
    /// Interned predicates. Equal expressions share one entry.
    pub selectors: Vec<Selector>,
    /// Policies in order of name. The order of files never shows.
    pub policies: Vec<Policy>,
    /// Rules, grouped by policy in the order of `policies`, then in source order.
    pub rules: Vec<Rule>,
    /// The package's services in order of name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<Service>,
    /// The package's tests in order of name.
    pub tests: Vec<Test>,
    /// What must hold of every flow, in order of place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assertions: Vec<Assertion>,
}

/// Whether a node reaches its own endpoints before any policy is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostAccess {
    /// It does, as Kubernetes defines it: health probes work.
    #[default]
    Allowed,
    /// It is a peer like any other.
    Restricted,
}

/// A place in the source, complete enough to be shown without the source.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// Which file.
    pub file: FileId,
    /// Line, counted from 1.
    pub line: u32,
    /// Column in characters, counted from 1.
    pub column: u32,
    /// The source text of the line, without surrounding white space. Where an item of YAML or JSON is
    /// meant, that item on one line, shortened if it is long.
    pub text: String,
}

impl Model {
    /// The selector with this id. `None` only for ids of another Model.
    #[must_use]
    pub fn selector(&self, id: SelectorId) -> Option<&Selector> {
        self.selectors.get(id.index())
    }

    /// The policy with this id. `None` only for ids of another Model.
    #[must_use]
    pub fn policy(&self, id: PolicyId) -> Option<&Policy> {
        self.policies.get(id.index())
    }

    /// The rule with this id. `None` only for ids of another Model.
    #[must_use]
    pub fn rule(&self, id: RuleId) -> Option<&Rule> {
        self.rules.get(id.index())
    }

    /// All policies with their ids.
    pub fn policies_with_ids(&self) -> impl Iterator<Item = (PolicyId, &Policy)> {
        self.policies
            .iter()
            .enumerate()
            .map(|(index, policy)| (PolicyId::new(index), policy))
    }

    /// All rules with their ids.
    pub fn rules_with_ids(&self) -> impl Iterator<Item = (RuleId, &Rule)> {
        self.rules
            .iter()
            .enumerate()
            .map(|(index, rule)| (RuleId::new(index), rule))
    }

    /// The rules of a policy with their ids. A valid Model has them side by side, in order of policy.
    pub fn rules_of(&self, policy: PolicyId) -> impl Iterator<Item = (RuleId, &Rule)> {
        let start = self.rules.partition_point(|rule| rule.policy < policy);
        (start..)
            .map(RuleId::new)
            .zip(self.rules.iter().skip(start))
            .take_while(move |(_, rule)| rule.policy == policy)
    }

    /// `file:line` of a place, or `?` for a file of another Model.
    #[must_use]
    pub fn place(&self, origin: &Origin) -> String {
        let file = self
            .files
            .get(origin.file.index())
            .map_or("?", String::as_str);
        format!("{file}:{}", origin.line)
    }

    /// The meaning alone: without places and without how things are written. Two texts that mean
    /// the same are equal in it.
    #[must_use]
    pub fn without_sources(mut self) -> Self {
        let tests = self.tests.iter_mut().flat_map(|test| {
            let of_endpoints = test.endpoints.iter_mut().map(|one| &mut one.origin);
            let of_checks = test.checks.iter_mut().map(|one| &mut one.origin);
            [&mut test.origin]
                .into_iter()
                .chain(of_endpoints)
                .chain(of_checks)
        });
        let origins = tests
            .chain(self.policies.iter_mut().map(|one| &mut one.origin))
            .chain(self.rules.iter_mut().map(|one| &mut one.origin))
            .chain(self.services.iter_mut().map(|one| &mut one.origin))
            .chain(self.assertions.iter_mut().map(|one| &mut one.origin));
        for origin in origins {
            *origin = Origin::default();
        }
        for selector in &mut self.selectors {
            selector.text.clear();
        }
        self
    }

    /// The policy that a decision is attributed to, if any.
    #[must_use]
    pub fn deciding_policy(&self, decider: Decider) -> Option<&Policy> {
        match decider {
            Decider::Rule(rule) => self.policy(self.rule(rule)?.policy),
            Decider::Isolation(policy) => self.policy(policy),
            Decider::NoPolicy | Decider::Init | Decider::Itself | Decider::OwnNode => None,
        }
    }

    /// Where a decision was written, if it was.
    #[must_use]
    pub fn deciding_origin(&self, decider: Decider) -> Option<&Origin> {
        match decider {
            Decider::Rule(rule) => Some(&self.rule(rule)?.origin),
            Decider::Isolation(policy) => Some(&self.policy(policy)?.origin),
            Decider::NoPolicy | Decider::Init | Decider::Itself | Decider::OwnNode => None,
        }
    }
}
