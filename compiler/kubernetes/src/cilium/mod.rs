//! `CiliumNetworkPolicy` and `CiliumClusterwideNetworkPolicy` of `cilium.io/v2`.
//!
//! - `rule`: a rule of `spec` or `specs`, which is a policy here
//! - `section`: its `ingress`, `ingressDeny`, `egress` and `egressDeny`
//! - `peers`: whom an item of those is about: `endpoints`, `entities`, `cidr`, `fqdn`, `services`, `nodes`
//! - `to_ports`: on what: `icmp`, and of requests `http` and `dns`
//!
//! What was not understood allows nothing and denies all it could: `polc check --permissive` goes on
//! where something is not supported.

mod cidr;
mod default_deny;
mod dns;
mod endpoints;
mod entities;
mod fqdn;
mod group;
mod http;
mod icmp;
mod label;
mod nodes;
mod peers;
mod rule;
mod section;
mod services;
mod to_ports;

pub(crate) use group::check as check_group;

use polc_diagnostics::Code;

use crate::{
    Definitions, Policy,
    located::{Node, Span},
    network_policy::metadata,
    reader::{Fields, list, missing},
    report::Report,
};

/// The version that is served.
pub(crate) const CILIUM: &str = "cilium.io/v2";

/// The kinds of policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `CiliumNetworkPolicy`: of one namespace.
    Namespaced,
    /// `CiliumClusterwideNetworkPolicy`.
    Clusterwide,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Namespaced => "CiliumNetworkPolicy",
            Self::Clusterwide => "CiliumClusterwideNetworkPolicy",
        }
    }

    const fn scope(self) -> metadata::Scope {
        match self {
            Self::Namespaced => metadata::Scope::Namespace,
            Self::Clusterwide => metadata::Scope::Cluster,
        }
    }
}

/// Where a rule stands, which decides what its selectors mean.
#[derive(Clone, Copy)]
struct Scope<'a> {
    kind: Kind,
    /// The policy's namespace. `None` for a clusterwide one.
    namespace: Option<&'a str>,
    /// What rules refer to.
    definitions: &'a Definitions,
}

/// Reads an object: a policy for each of its rules.
pub(crate) fn read(
    node: &Node,
    kind: Kind,
    definitions: &Definitions,
    report: &mut Report,
) -> Vec<Policy> {
    let what = format!("a {}", kind.name());
    let known = ["apiVersion", "kind", "metadata", "spec", "specs", "status"];
    let Some(fields) = Fields::of(node, &what, &known, report) else {
        return Vec::new();
    };
    let metadata = metadata::read(&fields, &what, kind.scope(), report);
    let namespace = metadata.as_ref().map_or("", |one| one.namespace.as_str());
    let scope = Scope {
        kind,
        namespace: (kind == Kind::Namespaced).then_some(namespace),
        definitions,
    };
    let (spec, specs) = (fields.get("spec"), fields.get("specs"));
    let listed = specs.and_then(|field| list(field.value, "`specs`", report));
    let rules: Vec<&Node> = spec
        .map(|field| field.value)
        .into_iter()
        .chain(listed.unwrap_or_default())
        .collect();
    if spec.is_none() && specs.is_none() {
        missing(
            &format!("{what} needs `spec` or `specs`"),
            node.span,
            report,
        );
    }
    let mut policies = Vec::new();
    for node in rules {
        let Some(mut policy) = rule::read(node, scope, report) else {
            continue;
        };
        let Some(metadata) = &metadata else { continue };
        policy.name = match scope.namespace {
            Some(namespace) => format!("{namespace}/{}", metadata.name),
            None => metadata.name.clone(),
        };
        if !policies.is_empty() {
            policy.name.push_str(&format!("#{}", policies.len() + 1));
        }
        policy.span = metadata.span.start..metadata.span.end;
        policies.push(policy);
    }
    policies
}

/// Reports what polc cannot enforce.
fn unsupported(what: &str, span: Span, report: &mut Report) {
    report.add(
        Code::Unsupported,
        format!("{what} is not supported yet"),
        span,
        "cannot be enforced",
        |_, one| {
            one.with_help(
                "with `--permissive`, rules that need it allow nothing, or deny all they could",
            )
        },
    );
}
