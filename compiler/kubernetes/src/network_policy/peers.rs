//! Items of `from` and `to`: pods, namespaces, blocks of addresses.

use ipnet::IpNet;
use polc_diagnostics::{Code, Severity};
use polc_model::{LabelOperator, Selector, SelectorExpr, sets};

use super::all_of;
use crate::{
    describe,
    labels::{self, Conditions},
    located::Node,
    reader::{Field, Fields, list, missing, text},
    report::Report,
};

/// Pods of one namespace.
pub(super) fn in_namespace(pods: &Conditions, namespace: &str) -> Selector {
    let namespace_is = SelectorExpr::Namespace(namespace.to_owned());
    Selector {
        expr: all_of(of_pods(pods).chain([namespace_is])),
        text: format!("{} in namespace \"{namespace}\"", describe::labels(pods)),
    }
}

/// Reads a peer of a policy in `namespace`. `None` where it was not understood.
pub(super) fn read(
    node: &Node,
    of: &str,
    namespace: &str,
    report: &mut Report,
) -> Option<Selector> {
    let what = format!("an item of `{of}`");
    let known = ["podSelector", "namespaceSelector", "ipBlock"];
    let fields = Fields::of(node, &what, &known, report)?;
    let pods_field = fields.get("podSelector");
    let namespaces_field = fields.get("namespaceSelector");
    let block_field = fields.get("ipBlock");
    let mut read = |field: Option<Field<'_>>, what: &str| {
        field.map(|field| labels::selector(field.value, what, report))
    };
    let pods = read(pods_field, "`podSelector`");
    let namespaces = read(namespaces_field, "`namespaceSelector`");
    if let Some(field) = block_field {
        let selector = block(field, report);
        if let Some(other) = pods_field.or(namespaces_field) {
            report.add(
                Code::ExclusiveFields,
                "`ipBlock` stands alone in its item",
                field.key,
                "addresses here",
                |report, one| {
                    one.with_label(report.place(other.key), "and pods here")
                        .with_help(format!("to allow both, make them two items of `{of}`"))
                },
            );
            return None;
        }
        return selector;
    }
    match (pods, namespaces) {
        (None, None) => {
            let headline = format!("{what} needs `podSelector`, `namespaceSelector` or `ipBlock`");
            missing(&headline, node.span, report);
            None
        }
        (Some(pods), None) => Some(in_namespace(&pods?, namespace)),
        (pods, Some(namespaces)) => {
            let (pods, namespaces) = (
                pods.unwrap_or_else(|| Some(Conditions::new()))?,
                namespaces?,
            );
            Some(in_namespaces(&pods, &namespaces))
        }
    }
}

/// Pods of the namespaces with these labels.
pub(crate) fn in_namespaces(pods: &Conditions, namespaces: &Conditions) -> Selector {
    let of_namespaces = namespaces.iter().map(|(key, operator)| {
        let (key, operator) = (key.clone(), operator.clone());
        SelectorExpr::NamespaceLabel { key, operator }
    });
    let mut text = describe::labels(pods);
    if !namespaces.is_empty() {
        text = format!("{text} in namespace {}", describe::labels(namespaces));
    }
    Selector {
        expr: all_of(of_pods(pods).chain(of_namespaces)),
        text,
    }
}

fn of_pods(pods: &Conditions) -> impl Iterator<Item = SelectorExpr> + '_ {
    pods.iter()
        .map(|(key, operator): &(String, LabelOperator)| {
            let (key, operator) = (key.clone(), operator.clone());
            SelectorExpr::Label { key, operator }
        })
}

fn block(field: Field<'_>, report: &mut Report) -> Option<Selector> {
    let fields = Fields::of(field.value, "`ipBlock`", &["cidr", "except"], report)?;
    let cidr_field = match fields.get("cidr") {
        Some(cidr) => cidr,
        None => {
            report.add(
                Code::MissingField,
                "`ipBlock` needs `cidr`",
                field.key,
                "has no `cidr`",
                |_, one| one,
            );
            return None;
        }
    };
    let block = cidr(cidr_field.value, "`cidr`", report);
    let mut exceptions = Some(Vec::new());
    if let Some(field) = fields.get("except") {
        for item in list(field.value, "`except`", report)? {
            let exception = cidr(item, "an item of `except`", report);
            let is_inside = match (block, exception) {
                (Some(block), Some(exception)) => {
                    check_inside(block, exception, item, cidr_field.value, report)
                }
                _ => false,
            };
            match (exception.filter(|_| is_inside), &mut exceptions) {
                (Some(exception), Some(exceptions)) => exceptions.push(exception),
                _ => exceptions = None,
            }
        }
    }
    let (block, exceptions) = (block?, exceptions?);
    let base = SelectorExpr::Cidr(block);
    let mut text = block.to_string();
    for exception in &exceptions {
        text.push_str(&format!(" - {exception}"));
    }
    let expr = if exceptions.is_empty() {
        base
    } else {
        let except = sets::union(exceptions.into_iter().map(SelectorExpr::Cidr));
        SelectorExpr::Minus(Box::new(base), Box::new(except))
    };
    Some(Selector { expr, text })
}

/// An exception is a part of the block, and not all of it.
pub(crate) fn check_inside(
    block: IpNet,
    exception: IpNet,
    node: &Node,
    block_node: &Node,
    report: &mut Report,
) -> bool {
    if block != exception && block.contains(&exception) {
        return true;
    }
    let (code, headline, label) = if exception.contains(&block) {
        (
            Code::EmptySet,
            "this block is empty: the exception takes everything away".to_owned(),
            "contains the whole block",
        )
    } else {
        (
            Code::ExceptionOutside,
            format!("the exception `{exception}` is outside the block"),
            "no address of this is in it",
        )
    };
    report.add(code, headline, node.span, label, |report, one| {
        one.with_label(report.place(block_node.span), "the block")
            .with_help("an exception must be part of the block that it is taken from")
    });
    false
}

/// A block of addresses. The API server takes one with bits set after its prefix for the block that
/// it is in, and so do we, with a warning.
pub(crate) fn cidr(node: &Node, what: &str, report: &mut Report) -> Option<IpNet> {
    let written = text(node, what, report)?;
    let Ok(block) = written.parse::<IpNet>() else {
        report.add(
            Code::InvalidAddress,
            format!("`{written}` is not a CIDR block"),
            node.span,
            "expected an address, `/` and the length of the prefix",
            |report, one| match written.parse::<std::net::IpAddr>() {
                Ok(address) => {
                    let single = IpNet::from(address).to_string();
                    one.with_help(format!("write `{single}` for the one address"))
                        .with_fix(report.place(node.span), single)
                }
                Err(_) => one.with_help("as in `192.0.2.0/24` or `2001:db8::/32`"),
            },
        );
        return None;
    };
    let network = block.trunc();
    if network != block {
        report.add(
            Code::HostBits,
            format!("`{written}` has bits set after its prefix"),
            node.span,
            format!("the block is `{network}`"),
            |report, mut one| {
                one.severity = Severity::Warning;
                one.with_help(format!(
                    "write `{network}` for the block, or `{}` for the one address",
                    IpNet::from(block.addr())
                ))
                .with_fix(report.place(node.span), network.to_string())
            },
        );
    }
    Some(network)
}
