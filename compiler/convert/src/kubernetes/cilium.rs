//! `CiliumNetworkPolicy` and `CiliumClusterwideNetworkPolicy` of `cilium.io/v2`.

use polc_model::{
    Action, Direction, Entity, IcmpFamily, Isolation, L4Match, L4Term, L7Match, LabelOperator,
    PortRange, Rule, SelectorExpr,
};

use super::{
    Read, Written,
    endpoints::Endpoints,
    names::Names,
    network_policy::blocks,
    parts, requests, word,
    yaml::{self, Mapping, Value, mapping, set},
};

/// The label that says which namespace an endpoint is in.
const NAMESPACE: &str = "k8s:io.kubernetes.pod.namespace";
/// The most ports of one list.
const MOST_PORTS: usize = 40;
/// Before a label of the endpoint's namespace.
const OF_NAMESPACE: &str = "k8s:io.cilium.k8s.namespace.labels.";

pub(super) fn write(policy: &Read<'_>, names: &mut Names) -> Written {
    let mut problems = Vec::new();
    policy.settings(&mut problems);
    let Some(subject) = policy.subject().and_then(subject) else {
        let what = "these objects are for endpoints of one namespace or of all, chosen by labels, or for nodes";
        problems.push(policy.unsayable(what));
        return (None, problems);
    };
    let mut spec = Mapping::new();
    if let Some(doc) = &policy.policy.doc {
        set(&mut spec, "description", doc.as_str());
    }
    set(&mut spec, subject.field, subject.selector);
    let mut open = Mapping::new();
    let mut sections = Vec::new();
    for (direction, isolation) in policy.covered() {
        if isolation == Isolation::DefaultAllow {
            set(&mut open, direction.name(), false);
        }
        let (mut allow, mut deny) = (Vec::new(), Vec::new());
        for (rule, peer) in policy.rules(direction) {
            let section = match rule.action {
                Action::Allow => &mut allow,
                Action::Deny => &mut deny,
                Action::Reject | Action::Pass => {
                    let what = format!("these objects allow and deny: no `{}`", word(rule.action));
                    problems.push(policy.unsayable_rule(rule, what));
                    continue;
                }
            };
            match items(rule, peer, subject.namespace) {
                Ok(items) => section.extend(items.into_iter().map(Value::Mapping)),
                Err(what) => problems.push(policy.unsayable_rule(rule, what)),
            }
        }
        // An item that says nothing isolates, and allows nobody.
        if allow.is_empty() && deny.is_empty() {
            allow.push(Value::Mapping(Mapping::new()));
        }
        let name = direction.name();
        sections.push((name.to_owned(), allow));
        sections.push((format!("{name}Deny"), deny));
    }
    for (name, items) in sections.into_iter().filter(|(_, items)| !items.is_empty()) {
        set(&mut spec, &name, items);
    }
    if !open.is_empty() {
        set(&mut spec, "enableDefaultDeny", open);
    }
    let name = match names.give(&policy.policy.name, subject.namespace) {
        Ok(name) => name,
        Err(what) => {
            problems.push(policy.unsayable(what));
            return (None, problems);
        }
    };
    let mut metadata = mapping([("name", name.name.as_str().into())]);
    let kind = match subject.namespace {
        Some(namespace) => {
            set(&mut metadata, "namespace", namespace);
            "CiliumNetworkPolicy"
        }
        None => "CiliumClusterwideNetworkPolicy",
    };
    let object = mapping([
        ("apiVersion", "cilium.io/v2".into()),
        ("kind", kind.into()),
        ("metadata", metadata.into()),
        ("spec", spec.into()),
    ]);
    (Some((name, object)), problems)
}

struct Subject<'e> {
    field: &'static str,
    selector: Mapping,
    namespace: Option<&'e str>,
}

fn subject(expr: &SelectorExpr) -> Option<Subject<'_>> {
    if let Some(labels) = of_nodes(expr, true) {
        return Some(Subject {
            field: "nodeSelector",
            selector: labels,
            namespace: None,
        });
    }
    let endpoints = Endpoints::of(expr)?;
    // In a namespace, labels of namespaces are not looked at.
    if endpoints.namespace.is_some() && !endpoints.namespace_labels.is_empty() {
        return None;
    }
    let labels = endpoints
        .labels
        .iter()
        .map(|(key, operator)| ((*key).to_owned(), *operator));
    let of_namespace = endpoints.namespace_labels.iter();
    let of_namespace =
        of_namespace.map(|(key, operator)| (format!("{OF_NAMESPACE}{key}"), *operator));
    Some(Subject {
        field: "endpointSelector",
        selector: yaml::selector(labels.chain(of_namespace)),
        namespace: endpoints.namespace,
    })
}

/// Nodes with labels; as a subject, those that are `host`, too.
fn of_nodes(expr: &SelectorExpr, is_subject: bool) -> Option<Mapping> {
    let host = SelectorExpr::Entity(Entity::Host);
    let parts = match expr {
        SelectorExpr::AllOf(parts) => parts.as_slice(),
        other => std::slice::from_ref(other),
    };
    if is_subject && !parts.contains(&host) {
        return None;
    }
    let mut labels = Vec::new();
    for part in parts {
        match part {
            SelectorExpr::NodeLabel { key, operator } => labels.push((key.clone(), operator)),
            other if is_subject && *other == host => {}
            _ => return None,
        }
    }
    (is_subject || !labels.is_empty()).then(|| yaml::selector(labels))
}

/// A rule: an item for each kind of its peers, and for ports and messages.
fn items(
    rule: &Rule,
    peer: &SelectorExpr,
    namespace: Option<&str>,
) -> Result<Vec<Mapping>, String> {
    let peers = peers(rule.direction, peer, namespace)?;
    let on = on(rule)?;
    let mut items = Vec::new();
    for peers in &peers {
        for on in &on {
            let mut item = Mapping::new();
            if let Some((name, list)) = peers {
                set(&mut item, name, list.clone());
            }
            if let Some((name, list)) = on {
                set(&mut item, name, list.clone());
            }
            // Everyone on every port: an item without a word would be about nobody.
            if item.is_empty() {
                let name = field(rule.direction, "Entities");
                set(&mut item, &name, yaml::texts([&"all".to_owned()]));
            }
            items.push(item);
        }
    }
    Ok(items)
}

/// `fromEndpoints`, `toEndpoints`.
fn field(direction: Direction, of: &str) -> String {
    match direction {
        Direction::Ingress => format!("from{of}"),
        Direction::Egress => format!("to{of}"),
    }
}

/// Peers by field. `None` for everyone.
type Peers = Vec<Option<(String, Vec<Value>)>>;

fn peers(
    direction: Direction,
    expr: &SelectorExpr,
    namespace: Option<&str>,
) -> Result<Peers, String> {
    if *expr == SelectorExpr::ALL {
        return Ok(vec![None]);
    }
    let mut fields: Vec<(String, Vec<Value>)> = Vec::new();
    for part in parts(expr) {
        let (of, value) = peer(part, namespace)?;
        let is_egress = direction == Direction::Egress;
        if of == "FQDNs" && !is_egress {
            return Err("names are destinations only".to_owned());
        }
        let name = field(direction, of);
        match fields.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => fields.push((name, vec![value])),
        }
    }
    Ok(fields.into_iter().map(Some).collect())
}

/// A peer, and the end of the field that it stands in.
fn peer(expr: &SelectorExpr, namespace: Option<&str>) -> Result<(&'static str, Value), String> {
    if let Some(entity) = entity(expr) {
        return Ok(("Entities", entity.into()));
    }
    if let Some((base, except)) = blocks(expr) {
        if except.is_empty() {
            return Ok(("CIDR", base.to_string().into()));
        }
        let except: Vec<String> = except.iter().map(ToString::to_string).collect();
        let set = mapping([
            ("cidr", base.to_string().into()),
            ("except", yaml::texts(&except)),
        ]);
        return Ok(("CIDRSet", set.into()));
    }
    if let SelectorExpr::Dns(name) = expr {
        return Ok(("FQDNs", requests::name(name).into()));
    }
    if let Some(labels) = of_nodes(expr, false) {
        return Ok(("Nodes", labels.into()));
    }
    let endpoints = Endpoints::of(expr).ok_or_else(|| {
        "these objects know endpoints by labels and namespace, nodes, entities, names and blocks".to_owned()
    })?;
    let mut conditions: Vec<(String, LabelOperator)> = endpoints
        .labels
        .iter()
        .map(|(key, operator)| ((*key).to_owned(), (*operator).clone()))
        .collect();
    let of_namespace = endpoints.namespace_labels.iter();
    conditions.extend(
        of_namespace.map(|(key, operator)| (format!("{OF_NAMESPACE}{key}"), (*operator).clone())),
    );
    match endpoints.namespace {
        Some(own) if Some(own) == namespace && endpoints.namespace_labels.is_empty() => {}
        Some(other) => {
            let is_name = LabelOperator::In(vec![other.to_owned()]);
            conditions.push((NAMESPACE.to_owned(), is_name));
        }
        // Without a word about namespaces, the policy's own would be meant.
        None if namespace.is_some() && endpoints.namespace_labels.is_empty() => {
            conditions.push((NAMESPACE.to_owned(), LabelOperator::Exists));
        }
        None => {}
    }
    let conditions = conditions
        .iter()
        .map(|(key, operator)| (key.clone(), operator));
    Ok(("Endpoints", yaml::selector(conditions).into()))
}

fn entity(expr: &SelectorExpr) -> Option<String> {
    match expr {
        SelectorExpr::Entity(Entity::Endpoints) => None,
        SelectorExpr::Entity(entity) => Some(entity.name().replace('_', "-")),
        SelectorExpr::AllOf(parts) => match parts.as_slice() {
            [
                SelectorExpr::Entity(Entity::World),
                SelectorExpr::Cidr(block),
            ] if block.prefix_len() == 0 => {
                let family = if block.addr().is_ipv4() {
                    "ipv4"
                } else {
                    "ipv6"
                };
                Some(format!("world-{family}"))
            }
            _ => None,
        },
        _ => None,
    }
}

/// Ports and messages by field. `None` for everything.
type On = Vec<Option<(&'static str, Vec<Value>)>>;

fn on(rule: &Rule) -> Result<On, String> {
    let L4Match::Of(terms) = &rule.l4 else {
        return Ok(vec![None]);
    };
    let (mut ports, mut messages) = (Vec::new(), Vec::new());
    for term in terms {
        match term {
            L4Term::Icmp { family, kind, code } => {
                messages.push(message(*family, *kind, *code)?.into())
            }
            L4Term::Ports { .. } | L4Term::NamedPort { .. } | L4Term::Protocol(_) => {
                ports.push(port(term)?.into());
            }
        }
    }
    let mut on = Vec::new();
    for ports in ports.chunks(MOST_PORTS) {
        let mut item = mapping([("ports", Value::Sequence(ports.to_vec()))]);
        if let Some(l7) = &rule.l7 {
            let (key, value) = requests(l7)?;
            set(&mut item, key, value);
        }
        on.push(Some(("toPorts", vec![item.into()])));
    }
    if !messages.is_empty() {
        let fields = mapping([("fields", Value::Sequence(messages))]);
        on.push(Some(("icmps", vec![fields.into()])));
    }
    Ok(on)
}

/// What is looked at beyond ports, by field.
fn requests(l7: &L7Match) -> Result<(&'static str, Value), String> {
    Ok(match l7 {
        L7Match::Sni(names) => ("serverNames", yaml::texts(&requests::patterns(names))),
        L7Match::Dns(names) => {
            let names = names.iter().map(|name| requests::name(name).into());
            let names: Vec<Value> = names.collect();
            ("rules", mapping([("dns", names.into())]).into())
        }
        L7Match::Http(all) => {
            let http = requests::http(all)?;
            ("rules", mapping([("http", http.into())]).into())
        }
    })
}

fn message(family: IcmpFamily, kind: Option<u8>, code: Option<u8>) -> Result<Mapping, String> {
    let (Some(kind), None) = (kind, code) else {
        return Err(format!(
            "`{}` is said with a type and without a code",
            family.name()
        ));
    };
    let family = match family {
        IcmpFamily::V4 => "IPv4",
        IcmpFamily::V6 => "IPv6",
    };
    Ok(mapping([("family", family.into()), ("type", kind.into())]))
}

fn port(term: &L4Term) -> Result<Mapping, String> {
    let said = |port: String, protocol: &str| {
        let protocol = protocol.to_ascii_uppercase();
        mapping([("port", port.into()), ("protocol", protocol.into())])
    };
    match term {
        L4Term::NamedPort { protocol, name } => Ok(said(name.clone(), protocol.name())),
        L4Term::Ports {
            protocol,
            ports: PortRange::ALL,
        } => Ok(said("0".to_owned(), protocol.name())),
        L4Term::Ports { protocol, ports } if ports.first > 0 => {
            let mut said = said(ports.first.to_string(), protocol.name());
            if ports.last != ports.first {
                set(&mut said, "endPort", ports.last);
            }
            Ok(said)
        }
        L4Term::Ports { .. } => Err("port 0 stands for every port".to_owned()),
        L4Term::Protocol(112) => Ok(said("0".to_owned(), "VRRP")),
        L4Term::Protocol(2) => Ok(said("0".to_owned(), "IGMP")),
        L4Term::Protocol(_) | L4Term::Icmp { .. } => {
            Err(format!("these objects do not know `{term}`"))
        }
    }
}
