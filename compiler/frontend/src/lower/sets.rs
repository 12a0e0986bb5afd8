//! The algebra of selector expressions: differences that make no sense.

use ipnet::IpNet;
use polc_diagnostics::Code;
use polc_model::SelectorExpr;
pub(super) use polc_model::sets::{intersection, union};
use polc_syntax::Span;

use crate::sink::Sink;

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
