//! Peers, ports and requests that return, and names for them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use polc_model::{
    Entity, HttpMatch, L4Match, L4Term, L7Match, LabelOperator, Model, PathSegment, PolicyId,
    PortProtocol, PortRange, SelectorExpr, SelectorId,
};

use super::{expr, words::Names};

/// From how many uses on a set of few words has a name.
const OFTEN: usize = 3;
/// How long few words are.
const SHORT: usize = 24;
/// What everybody knows by a name, however seldom it is said.
const DNS_PORTS: &str = "dns_ports";
/// Labels that say what a workload is, the most telling first.
const NAMING_LABELS: [&str; 8] = [
    "app.kubernetes.io/name",
    "k8s-app",
    "app",
    "name",
    "component",
    "role",
    "tier",
    "kubernetes.io/metadata.name",
];

/// Sets with names.
#[derive(Default)]
pub(super) struct Sets {
    peers: BTreeMap<SelectorId, String>,
    ports: BTreeMap<L4Match, String>,
    requests: BTreeMap<Vec<HttpMatch>, String>,
    /// By kind, in the order in which they are written.
    definitions: BTreeMap<Kind, BTreeMap<String, String>>,
}

/// What a set is of, in the order in which they are defined.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Endpoints,
    Cidr,
    Dns,
    Ports,
    Http,
}

impl Sets {
    /// Those that the policies say often enough.
    pub(super) fn find(model: &Model, policies: &[PolicyId], names: &mut Names) -> Self {
        let mut sets = Self::default();
        let own: BTreeSet<PolicyId> = policies.iter().copied().collect();
        let rules = || model.rules.iter().filter(|rule| own.contains(&rule.policy));

        let subjects = policies.iter().filter_map(|&id| model.policy(id));
        let uses = subjects.map(|policy| policy.subject);
        let uses = uses.chain(rules().map(|rule| rule.peer));
        let worthy: Vec<(SelectorId, Kind, String, &SelectorExpr)> = counted(uses)
            .into_iter()
            .filter_map(|(id, count)| {
                let expr = &model.selector(id)?.expr;
                let text = expr::peers(expr).ok()?;
                let is_wanted = is_worth_it(count, &text) && text != "{}";
                Some((id, kind(expr)?, text, expr)).filter(|_| is_wanted)
            })
            .collect();
        let wished = counted(worthy.iter().map(|(.., expr)| of_peers(expr)));
        for (id, kind, text, expr) in worthy {
            let mut name = of_peers(expr);
            // `app: "web"` of several namespaces is told apart by these.
            if let Some(namespace) = namespace(expr).filter(|_| wished.get(&name) > Some(&1)) {
                name = format!("{namespace}_{name}");
            }
            let name = names.give(&name);
            sets.define(kind, &name, format!("= {text}"));
            sets.peers.insert(id, name);
        }
        for (l4, count) in counted(rules().map(|rule| rule.l4.clone())) {
            let L4Match::Of(terms) = &l4 else { continue };
            let Ok(Some(text)) = expr::ports(&l4) else {
                continue;
            };
            // A port says what it is better than a name that only says which one it is.
            let wished = of_ports(terms);
            if terms.len() > 1 && (count > 1 || wished == DNS_PORTS) {
                let name = names.give(&wished);
                sets.define(Kind::Ports, &name, format!("= {text}"));
                sets.ports.insert(l4, name);
            }
        }
        let http = rules().filter_map(|rule| match &rule.l7 {
            Some(L7Match::Http(all)) => Some(all.clone()),
            _ => None,
        });
        for (all, count) in counted(http) {
            let Ok(lines) = expr::requests(&all) else {
                continue;
            };
            if count > 1 {
                let name = names.give(&of_requests(&all));
                sets.define(Kind::Http, &name, format!("{{\n{}\n}}", lines.join("\n")));
                sets.requests.insert(all, name);
            }
        }
        sets
    }

    fn define(&mut self, kind: Kind, name: &str, value: String) {
        let definitions = self.definitions.entry(kind).or_default();
        definitions.insert(name.to_owned(), value);
    }

    pub(super) fn peers(&self, id: SelectorId) -> Option<&str> {
        self.peers.get(&id).map(String::as_str)
    }

    pub(super) fn ports(&self, l4: &L4Match) -> Option<&str> {
        self.ports.get(l4).map(String::as_str)
    }

    pub(super) fn requests(&self, all: &[HttpMatch]) -> Option<&str> {
        self.requests.get(all).map(String::as_str)
    }

    /// Writes the definitions, a block for each kind.
    pub(super) fn write(&self, text: &mut String) {
        for (kind, definitions) in &self.definitions {
            for (name, value) in definitions {
                let word = match kind {
                    Kind::Endpoints => "endpoints",
                    Kind::Cidr => "cidr",
                    Kind::Dns => "dns",
                    Kind::Ports => "ports",
                    Kind::Http => "http",
                };
                let _ = writeln!(text, "{word} {name} {value}");
            }
            text.push('\n');
        }
    }
}

/// How often each value occurs, in order of value.
fn counted<T: Ord>(values: impl Iterator<Item = T>) -> BTreeMap<T, usize> {
    let mut counted = BTreeMap::new();
    for value in values {
        *counted.entry(value).or_default() += 1;
    }
    counted
}

const fn is_worth_it(count: usize, text: &str) -> bool {
    count >= OFTEN || (count > 1 && text.len() > SHORT)
}

/// Which kind of set peers are. `None` where they are of several, or have a word of their own.
fn kind(expr: &SelectorExpr) -> Option<Kind> {
    match expr {
        SelectorExpr::Label { .. }
        | SelectorExpr::Namespace(_)
        | SelectorExpr::NamespaceLabel { .. }
        | SelectorExpr::Entity(Entity::Endpoints) => Some(Kind::Endpoints),
        SelectorExpr::Cidr(_) => Some(Kind::Cidr),
        SelectorExpr::Dns(_) => Some(Kind::Dns),
        SelectorExpr::Entity(_) | SelectorExpr::NodeLabel { .. } => None,
        SelectorExpr::Minus(base, _) => kind(base),
        SelectorExpr::AnyOf(parts) | SelectorExpr::AllOf(parts) => {
            let mut kinds = parts.iter().map(kind);
            let first = kinds.next()??;
            kinds.all(|kind| kind == Some(first)).then_some(first)
        }
    }
}

fn of_peers(expr: &SelectorExpr) -> String {
    match expr {
        SelectorExpr::Cidr(block) => of_block(&block.to_string()),
        SelectorExpr::Dns(name) => name.trim_start_matches(['*', '.']).to_owned(),
        SelectorExpr::Label { .. } => of_endpoints(std::slice::from_ref(expr)),
        SelectorExpr::Namespace(name) => format!("in_{name}"),
        SelectorExpr::NamespaceLabel { .. } => of_endpoints(std::slice::from_ref(expr)),
        SelectorExpr::NodeLabel { key, .. } => format!("nodes_{key}"),
        SelectorExpr::AllOf(parts) => of_endpoints(parts),
        SelectorExpr::AnyOf(parts) => {
            let first = parts.first().map(of_peers).unwrap_or_default();
            format!("{first}_and_others")
        }
        SelectorExpr::Minus(base, _) => format!("{}_but_some", of_peers(base)),
        SelectorExpr::Entity(entity) => entity.name().to_owned(),
    }
}

/// The one namespace that endpoints are in.
fn namespace(expr: &SelectorExpr) -> Option<&str> {
    let SelectorExpr::AllOf(parts) = expr else {
        return None;
    };
    parts.iter().find_map(|part| match part {
        SelectorExpr::Namespace(name) => Some(name.as_str()),
        _ => None,
    })
}

/// Blocks that everybody knows by a name.
fn of_block(block: &str) -> String {
    match block {
        "0.0.0.0/0" => "ipv4".to_owned(),
        "::/0" => "ipv6".to_owned(),
        "169.254.169.254/32" => "cloud_metadata".to_owned(),
        other => format!("net_{other}"),
    }
}

/// The value of the label that tells most, or the namespace.
fn of_endpoints(parts: &[SelectorExpr]) -> String {
    let single = |operator: &LabelOperator| match operator {
        LabelOperator::In(values) => values.first().cloned(),
        _ => None,
    };
    let rank = |key: &str| {
        let mut known = NAMING_LABELS.iter();
        known.position(|one| *one == key).unwrap_or(usize::MAX)
    };
    let labels = parts.iter().filter_map(|part| match part {
        SelectorExpr::Label { key, operator } => Some((rank(key), single(operator)?)),
        _ => None,
    });
    if let Some((_, value)) = labels.min_by_key(|(rank, _)| *rank) {
        return value;
    }
    let of_namespaces = parts.iter().filter_map(|part| match part {
        SelectorExpr::Namespace(name) => Some((0, name.clone())),
        SelectorExpr::NamespaceLabel { key, operator } => {
            Some((1 + rank(key).min(99), single(operator)?))
        }
        _ => None,
    });
    match of_namespaces.min_by_key(|(rank, _)| *rank) {
        Some((_, name)) => format!("in_{name}"),
        None => "peers".to_owned(),
    }
}

fn of_ports(terms: &[L4Term]) -> String {
    let mut numbers: Vec<u16> = terms
        .iter()
        .filter_map(|term| match term {
            L4Term::Ports { ports, .. } if *ports != PortRange::ALL => Some(ports.first),
            _ => None,
        })
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    let is_tcp = |term: &L4Term| {
        matches!(
            term,
            L4Term::Ports {
                protocol: PortProtocol::Tcp,
                ..
            }
        )
    };
    let is_single = |term: &L4Term| match term {
        L4Term::Ports { ports, .. } => ports.first == ports.last,
        _ => false,
    };
    let are_single = terms.iter().all(is_single);
    match numbers.as_slice() {
        [53] if are_single => DNS_PORTS.to_owned(),
        [80, 443] if are_single && terms.iter().all(is_tcp) => "web_ports".to_owned(),
        [] => "ports_of_both".to_owned(),
        [one] => format!("port_{one}"),
        [first, .., last] => format!("ports_{first}_to_{last}"),
    }
}

/// `cart_api` for requests below `/cart`.
fn of_requests(all: &[HttpMatch]) -> String {
    let segments = all.iter().flat_map(|one| &one.path);
    let mut literals = segments.filter_map(|segment| match segment {
        PathSegment::Literal(text) if text != "api" && !text.is_empty() => Some(text.as_str()),
        _ => None,
    });
    format!("{}_api", literals.next().unwrap_or("http"))
}
