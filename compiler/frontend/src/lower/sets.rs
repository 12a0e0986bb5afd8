//! The algebra of selector expressions: canonical unions and intersections, and differences that
//! make no sense.

use ipnet::IpNet;
use polc_diagnostics::Code;
use polc_model::{Entity, SelectorExpr};
use polc_syntax::Span;

use crate::sink::Sink;

/// The union of expressions. Flat, sorted and without repetition, so that equal unions are equal.
pub(super) fn union(parts: impl IntoIterator<Item = SelectorExpr>) -> SelectorExpr {
    let mut flat = Vec::new();
    for part in parts {
        match part {
            SelectorExpr::AnyOf(inner) => flat.extend(inner),
            SelectorExpr::Entity(Entity::None) => {}
            other => flat.push(other),
        }
    }
    flat.sort();
    flat.dedup();
    match flat.pop() {
        None => SelectorExpr::Entity(Entity::None),
        Some(only) if flat.is_empty() => only,
        Some(last) => {
            flat.push(last);
            SelectorExpr::AnyOf(flat)
        }
    }
}

/// The intersection of expressions. Flat, sorted and without repetition.
pub(super) fn intersection(parts: impl IntoIterator<Item = SelectorExpr>) -> SelectorExpr {
    let mut flat = Vec::new();
    for part in parts {
        match part {
            SelectorExpr::AllOf(inner) => flat.extend(inner),
            SelectorExpr::Entity(Entity::All) => {}
            other => flat.push(other),
        }
    }
    // Labels and namespaces select endpoints already.
    let selects_endpoints = |part: &SelectorExpr| {
        matches!(
            part,
            SelectorExpr::Label { .. }
                | SelectorExpr::Namespace(_)
                | SelectorExpr::NamespaceLabel { .. }
        )
    };
    if flat.iter().any(selects_endpoints) {
        flat.retain(|part| *part != SelectorExpr::Entity(Entity::Endpoints));
    }
    flat.sort();
    flat.dedup();
    match flat.pop() {
        None => SelectorExpr::ALL,
        Some(only) if flat.is_empty() => only,
        Some(last) => {
            flat.push(last);
            SelectorExpr::AllOf(flat)
        }
    }
}

/// Reports an exception that takes away nothing, or everything.
pub(super) fn check_exception(
    base: &SelectorExpr,
    base_span: Span,
    except: &SelectorExpr,
    except_span: Span,
    sink: &mut Sink,
) {
    let everything = |sink: &mut Sink| {
        sink.report(
            Code::EmptySet,
            "this set is empty: the exception takes everything away",
            except_span,
            "contains everything that the set contains",
            |sink, diagnostic| diagnostic.with_label(sink.place(base_span), "the set"),
        );
    };
    if base == except {
        everything(sink);
        return;
    }
    let (Some(base), Some(except)) = (blocks(base), blocks(except)) else {
        return;
    };
    let is_covered = |block: &IpNet| except.iter().any(|other| other.contains(block));
    if !base.is_empty() && base.iter().all(is_covered) {
        everything(sink);
        return;
    }
    let touches = |block: &&IpNet| {
        base.iter()
            .any(|other| other.contains(*block) || block.contains(other))
    };
    if let Some(outside) = except.iter().find(|block| !touches(block)) {
        let list: Vec<String> = base.iter().map(|block| format!("`{block}`")).collect();
        let shown = list.join(" or ");
        sink.report(
            Code::ExceptionOutside,
            format!("the exception `{outside}` is outside the set"),
            except_span,
            format!("no address of this is in {shown}"),
            |sink, diagnostic| {
                diagnostic
                    .with_label(sink.place(base_span), "the set")
                    .with_help("an exception must be part of the block that it is taken from")
            },
        );
    }
}

/// The blocks of a set of addresses; an exception's own exceptions make no difference here.
fn blocks(expr: &SelectorExpr) -> Option<Vec<IpNet>> {
    match expr {
        SelectorExpr::Cidr(block) => Some(vec![*block]),
        SelectorExpr::AnyOf(parts) => {
            let parts: Option<Vec<Vec<IpNet>>> = parts.iter().map(blocks).collect();
            Some(parts?.into_iter().flatten().collect())
        }
        SelectorExpr::Minus(base, _) => blocks(base),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cidr(text: &str) -> SelectorExpr {
        SelectorExpr::Cidr(text.parse().unwrap())
    }

    #[test]
    fn unions_do_not_depend_on_order_or_nesting() {
        let one = union([
            cidr("10.0.0.0/8"),
            union([cidr("192.0.2.0/24"), cidr("10.0.0.0/8")]),
        ]);
        let other = union([cidr("192.0.2.0/24"), cidr("10.0.0.0/8")]);
        assert_eq!(one, other);
    }

    #[test]
    fn a_namespace_makes_every_endpoint_redundant() {
        let shop = SelectorExpr::Namespace("shop".to_owned());
        let every = SelectorExpr::Entity(Entity::Endpoints);
        assert_eq!(intersection([every, shop.clone()]), shop);
    }
}
