//! `NetworkPolicy` of `networking.k8s.io/v1`: endpoints of one namespace, and what they are allowed.

use ipnet::IpNet;
use polc_model::{
    Action, Direction, Entity, Isolation, L4Match, L4Term, LabelOperator, PortRange, Rule,
    SelectorExpr, selector::NAMESPACE_NAME_LABEL,
};

use super::{
    Read, Written,
    endpoints::Endpoints,
    names::Names,
    parts, word,
    yaml::{self, Mapping, Value, mapping, set},
};

pub(super) fn write(policy: &Read<'_>, names: &mut Names) -> Written {
    let mut problems = Vec::new();
    policy.settings(&mut problems);
    let subject = policy.subject().and_then(Endpoints::of);
    let Some((subject, namespace)) = subject
        .filter(|subject| subject.namespace_labels.is_empty())
        .and_then(|subject| Some((subject.namespace?, subject)).map(|(name, one)| (one, name)))
    else {
        problems.push(policy.unsayable(
            "a NetworkPolicy is for endpoints of one namespace, chosen by their labels",
        ));
        return (None, problems);
    };
    let mut spec = Mapping::new();
    let labels = subject
        .labels
        .iter()
        .map(|(key, operator)| ((*key).to_owned(), *operator));
    set(&mut spec, "podSelector", yaml::selector(labels));
    let mut types = Vec::new();
    let mut sections = Vec::new();
    for (direction, isolation) in policy.covered() {
        let (name, kind) = match direction {
            Direction::Ingress => ("ingress", "Ingress"),
            Direction::Egress => ("egress", "Egress"),
        };
        if isolation == Isolation::DefaultAllow {
            problems.push(policy.unsayable("a NetworkPolicy always isolates: no `default allow`"));
        }
        types.push(Value::from(kind));
        let mut rules = Vec::new();
        for (rule, peer) in policy.rules(direction) {
            match said(rule, peer, namespace) {
                Ok(rule) => rules.push(Value::Mapping(rule)),
                Err(what) => problems.push(policy.unsayable_rule(rule, what)),
            }
        }
        if !rules.is_empty() {
            sections.push((name, rules));
        }
    }
    set(&mut spec, "policyTypes", types);
    for (name, rules) in sections {
        set(&mut spec, name, rules);
    }
    let name = match names.give(&policy.policy.name, Some(namespace)) {
        Ok(name) => name,
        Err(what) => {
            problems.push(policy.unsayable(what));
            return (None, problems);
        }
    };
    let metadata = mapping([
        ("name", name.name.as_str().into()),
        ("namespace", namespace.into()),
    ]);
    let object = mapping([
        ("apiVersion", "networking.k8s.io/v1".into()),
        ("kind", "NetworkPolicy".into()),
        ("metadata", metadata.into()),
        ("spec", spec.into()),
    ]);
    (Some((name, object)), problems)
}

/// A rule of a policy in a namespace.
fn said(rule: &Rule, peer: &SelectorExpr, namespace: &str) -> Result<Mapping, String> {
    if rule.action != Action::Allow {
        return Err(format!(
            "a NetworkPolicy only allows: no `{}`",
            word(rule.action)
        ));
    }
    if rule.l7.is_some() {
        return Err("a NetworkPolicy does not look above ports".to_owned());
    }
    let mut said = Mapping::new();
    if *peer != SelectorExpr::ALL {
        let peers: Result<Vec<Value>, String> = parts(peer)
            .iter()
            .map(|part| self::peer(part, namespace).map(Value::Mapping))
            .collect();
        let name = match rule.direction {
            Direction::Ingress => "from",
            Direction::Egress => "to",
        };
        set(&mut said, name, peers?);
    }
    if let L4Match::Of(terms) = &rule.l4 {
        let ports: Result<Vec<Value>, String> = terms
            .iter()
            .map(|term| port(term).map(Value::Mapping))
            .collect();
        set(&mut said, "ports", ports?);
    }
    Ok(said)
}

fn peer(expr: &SelectorExpr, namespace: &str) -> Result<Mapping, String> {
    if let Some(block) = block(expr) {
        return Ok(mapping([("ipBlock", block.into())]));
    }
    let unsayable = || {
        let known = "endpoints by labels and namespace, and blocks of addresses";
        match expr {
            SelectorExpr::Entity(Entity::None) => "a rule for nobody".to_owned(),
            SelectorExpr::Entity(entity) => {
                format!("a NetworkPolicy knows no `{}`, only {known}", entity.name())
            }
            SelectorExpr::Dns(name) => format!("a NetworkPolicy knows no names such as `{name}`"),
            _ => format!("a NetworkPolicy knows only {known}"),
        }
    };
    let endpoints = Endpoints::of(expr).ok_or_else(unsayable)?;
    let own = |conditions: &[(&str, &LabelOperator)]| {
        let conditions = conditions.iter();
        let conditions = conditions.map(|(key, operator)| ((*key).to_owned(), (*operator).clone()));
        conditions.collect::<Vec<(String, LabelOperator)>>()
    };
    let mut of_namespace = own(&endpoints.namespace_labels);
    let is_own = endpoints.namespace == Some(namespace) && of_namespace.is_empty();
    if let Some(name) = endpoints.namespace.filter(|_| !is_own) {
        let is_name = LabelOperator::In(vec![name.to_owned()]);
        of_namespace.push((NAMESPACE_NAME_LABEL.to_owned(), is_name));
    }
    let selector = |conditions: &[(String, LabelOperator)]| {
        let conditions = conditions.iter();
        yaml::selector(conditions.map(|(key, operator)| (key.clone(), operator)))
    };
    let mut peer = Mapping::new();
    if !is_own {
        set(&mut peer, "namespaceSelector", selector(&of_namespace));
    }
    if is_own || !endpoints.labels.is_empty() {
        set(&mut peer, "podSelector", selector(&own(&endpoints.labels)));
    }
    Ok(peer)
}

/// A block, with exceptions.
fn block(expr: &SelectorExpr) -> Option<Mapping> {
    let (base, except) = blocks(expr)?;
    let mut said = mapping([("cidr", base.to_string().into())]);
    if !except.is_empty() {
        let except: Vec<String> = except.iter().map(ToString::to_string).collect();
        set(&mut said, "except", yaml::texts(&except));
    }
    Some(said)
}

/// A block, and the blocks that are taken from it.
pub(super) fn blocks(expr: &SelectorExpr) -> Option<(IpNet, Vec<IpNet>)> {
    match expr {
        SelectorExpr::Cidr(block) => Some((*block, Vec::new())),
        SelectorExpr::Minus(base, except) => {
            let SelectorExpr::Cidr(base) = &**base else {
                return None;
            };
            let except = parts(except).iter().map(|part| match part {
                SelectorExpr::Cidr(block) => Some(*block),
                _ => None,
            });
            Some((*base, except.collect::<Option<Vec<IpNet>>>()?))
        }
        _ => None,
    }
}

fn port(term: &L4Term) -> Result<Mapping, String> {
    let upper = |name: &str| Value::from(name.to_ascii_uppercase());
    match term {
        L4Term::Ports { protocol, ports } => {
            let mut said = mapping([("protocol", upper(protocol.name()))]);
            if *ports == PortRange::ALL {
                return Ok(said);
            }
            if ports.first == 0 {
                return Err("a NetworkPolicy has no port 0".to_owned());
            }
            set(&mut said, "port", ports.first);
            if ports.last != ports.first {
                set(&mut said, "endPort", ports.last);
            }
            Ok(said)
        }
        L4Term::NamedPort { protocol, name } => Ok(mapping([
            ("protocol", upper(protocol.name())),
            ("port", name.as_str().into()),
        ])),
        L4Term::Icmp { .. } | L4Term::Protocol(_) => Err(format!(
            "a NetworkPolicy knows ports of tcp, udp and sctp, not `{term}`"
        )),
    }
}
