//! Kinds of objects: which are policies that are read, which are policies that are not supported, and
//! which are none of our business.

use polc_diagnostics::suggest;

use crate::{
    admin::Form,
    cilium::{self, CILIUM},
};

/// What is done about an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind<'a> {
    /// It is read.
    NetworkPolicy,
    /// It is read.
    Admin(Form),
    /// It is read.
    Cilium(cilium::Kind),
    /// It is what policies refer to.
    CidrGroup,
    /// Its items are.
    List,
    /// It is not about who may talk to whom.
    Other,
    /// A policy that polc does not read.
    Unsupported,
    /// A version of a kind that is not served any more; the one that is.
    OldVersion(&'a str),
    /// There is no such kind; what may be meant.
    Unknown(Option<&'static str>),
}

/// The one API version of [`Kind::NetworkPolicy`].
pub(crate) const NETWORKING: &str = "networking.k8s.io/v1";

/// The kinds of administrators' policies, with the API version that has them.
const ADMIN: [(&str, &str, Form); 3] = [
    (
        "AdminNetworkPolicy",
        "policy.networking.k8s.io/v1alpha1",
        Form::Admin,
    ),
    (
        "BaselineAdminNetworkPolicy",
        "policy.networking.k8s.io/v1alpha1",
        Form::Baseline,
    ),
    (
        "ClusterNetworkPolicy",
        "policy.networking.k8s.io/v1alpha2",
        Form::Cluster,
    ),
];

/// Kinds that decide who may talk to whom and whose name does not say so.
const OTHER_POLICIES: [&str; 4] = [
    "CiliumLocalRedirectPolicy",
    "CiliumEgressGatewayPolicy",
    "CiliumEnvoyConfig",
    "CiliumClusterwideEnvoyConfig",
];

/// Kinds of policies, for suggestions.
const POLICIES: [&str; 7] = [
    "NetworkPolicy",
    "AdminNetworkPolicy",
    "BaselineAdminNetworkPolicy",
    "ClusterNetworkPolicy",
    "CiliumNetworkPolicy",
    "CiliumClusterwideNetworkPolicy",
    "CiliumCIDRGroup",
];

/// The other kinds of the groups that policies are in.
const NEIGHBOURS: &[(&str, &[&str])] = &[
    (
        "networking.k8s.io",
        &[
            "Ingress",
            "IngressClass",
            "IPAddress",
            "ServiceCIDR",
            "ClusterCIDR",
        ],
    ),
    ("policy.networking.k8s.io", &[]),
];

pub(crate) fn kind<'a>(api_version: &'a str, kind: &'a str) -> Kind<'a> {
    let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
    if kind == "List" && api_version == "v1" {
        return Kind::List;
    }
    if kind == "NetworkPolicyList" && api_version == NETWORKING {
        return Kind::List;
    }
    if let Some((_, current, form)) = ADMIN.iter().find(|(of, ..)| *of == single(kind))
        && group == "policy.networking.k8s.io"
    {
        return match () {
            () if api_version != *current => Kind::OldVersion(current),
            () if kind.ends_with("List") => Kind::List,
            () => Kind::Admin(*form),
        };
    }
    if kind == "NetworkPolicy" {
        return match group {
            _ if api_version == NETWORKING => Kind::NetworkPolicy,
            "extensions" | "networking.k8s.io" | "" => Kind::OldVersion(NETWORKING),
            // Calico has a kind of the same name.
            _ => Kind::Unsupported,
        };
    }
    if let Some(kind) = of_cilium(api_version, kind) {
        return kind;
    }
    if kind.contains("NetworkPolicy") || OTHER_POLICIES.contains(&kind) {
        let is_misspelt =
            !POLICIES.contains(&kind) && NEIGHBOURS.iter().any(|(of, _)| *of == group);
        return match is_misspelt {
            true => Kind::Unknown(suggest::closest(kind, POLICIES)),
            false => Kind::Unsupported,
        };
    }
    let meant = suggest::closest(kind, POLICIES);
    let neighbours = NEIGHBOURS.iter().find(|(of, _)| *of == group);
    match neighbours {
        Some((_, kinds)) => match kinds.contains(&single(kind)) {
            true => Kind::Other,
            false => Kind::Unknown(meant),
        },
        None if meant.is_some() => Kind::Unknown(meant),
        None => Kind::Other,
    }
}

/// The kinds of Cilium that are read. Of groups of blocks an older version is served, too.
fn of_cilium<'a>(api_version: &str, kind: &str) -> Option<Kind<'a>> {
    let (group, _) = api_version.rsplit_once('/')?;
    if group != "cilium.io" {
        return None;
    }
    let is_served = api_version == CILIUM
        || (kind.starts_with("CiliumCIDRGroup") && api_version == "cilium.io/v2alpha1");
    let found = match kind {
        "CiliumNetworkPolicy" => Kind::Cilium(cilium::Kind::Namespaced),
        "CiliumClusterwideNetworkPolicy" => Kind::Cilium(cilium::Kind::Clusterwide),
        "CiliumCIDRGroup" => Kind::CidrGroup,
        "CiliumNetworkPolicyList"
        | "CiliumClusterwideNetworkPolicyList"
        | "CiliumCIDRGroupList" => Kind::List,
        _ => return None,
    };
    Some(match is_served {
        true => found,
        false => Kind::OldVersion(CILIUM),
    })
}

/// The kind of what is in a list.
fn single(kind: &str) -> &str {
    kind.strip_suffix("List").unwrap_or(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_told_from_other_objects() {
        assert_eq!(kind(NETWORKING, "NetworkPolicy"), Kind::NetworkPolicy);
        assert_eq!(kind("apps/v1", "Deployment"), Kind::Other);
        assert_eq!(kind("v1", "PodList"), Kind::Other);
        assert_eq!(kind("example.com/v1", "Certificate"), Kind::Other);
        assert_eq!(kind(NETWORKING, "Ingress"), Kind::Other);
        assert_eq!(kind("cilium.io/v2", "CiliumEndpoint"), Kind::Other);
        assert_eq!(
            kind(CILIUM, "CiliumNetworkPolicy"),
            Kind::Cilium(cilium::Kind::Namespaced)
        );
        assert_eq!(kind(CILIUM, "CiliumNetworkPolicyList"), Kind::List);
        assert_eq!(kind(CILIUM, "CiliumLocalRedirectPolicy"), Kind::Unsupported);
        assert_eq!(
            kind("cilium.io/v1", "CiliumNetworkPolicy"),
            Kind::OldVersion(CILIUM)
        );
        assert_eq!(
            kind("policy.networking.k8s.io/v1alpha1", "AdminNetworkPolicy"),
            Kind::Admin(Form::Admin)
        );
        assert_eq!(
            kind("policy.networking.k8s.io/v1alpha1", "ClusterNetworkPolicy"),
            Kind::OldVersion("policy.networking.k8s.io/v1alpha2")
        );
        assert_eq!(
            kind("crd.projectcalico.org/v1", "NetworkPolicy"),
            Kind::Unsupported
        );
        assert_eq!(
            kind("extensions/v1beta1", "NetworkPolicy"),
            Kind::OldVersion(NETWORKING)
        );
        assert_eq!(
            kind(NETWORKING, "NetwrokPolicy"),
            Kind::Unknown(Some("NetworkPolicy"))
        );
        assert_eq!(
            kind("v1", "Networkpolicy"),
            Kind::Unknown(Some("NetworkPolicy"))
        );
        assert_eq!(kind(NETWORKING, "Whatever"), Kind::Unknown(None));
    }
}
