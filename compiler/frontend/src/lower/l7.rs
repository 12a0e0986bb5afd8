//! What a rule says above L4.

use polc_diagnostics::Code;
use polc_model::{L4Match, L4Term, L7Match, PortProtocol};
use polc_syntax::ast::{self, L7Expr};

use super::{Scope, dns, http};
use crate::sink::Sink;

/// Lowers a clause and checks that the rule can have it. `l4` is what the rule says about L4:
/// `None` when it says nothing, `Some(None)` when that was not understood.
pub(super) fn lower(
    clause: &L7Expr,
    rule: &ast::Rule,
    l4: Option<&Option<L4Match>>,
    scope: &dyn Scope,
    sink: &mut Sink,
) -> Option<L7Match> {
    let lowered = match clause {
        L7Expr::Only { requests, .. } => requests
            .as_ref()
            .and_then(|requests| http::lower(requests, scope, sink))
            .map(L7Match::Http),
        L7Expr::Sni { names, .. } => {
            let names: Vec<Option<String>> =
                names.iter().map(|name| dns::pattern(name, sink)).collect();
            let names: Option<Vec<String>> = names.into_iter().collect();
            names.filter(|names| !names.is_empty()).map(|mut names| {
                names.sort();
                names.dedup();
                L7Match::Sni(names)
            })
        }
    };
    let is_possible = allows(clause, rule, sink) && is_tcp(clause, rule, l4, sink);
    lowered.filter(|_| is_possible)
}

fn allows(clause: &L7Expr, rule: &ast::Rule, sink: &mut Sink) -> bool {
    let word = match rule.action {
        ast::Action::Allow => return true,
        ast::Action::Deny => "deny",
        ast::Action::Reject => "reject",
        ast::Action::Pass => "pass",
    };
    sink.report(
        Code::NotAllow,
        format!("`{word}` cannot look into a connection"),
        clause.span(),
        "only `allow` matches above L4",
        |_, diagnostic| {
            diagnostic.with_help("allow the requests that may pass; what no rule allows is denied")
        },
    );
    false
}

fn is_tcp(
    clause: &L7Expr,
    rule: &ast::Rule,
    l4: Option<&Option<L4Match>>,
    sink: &mut Sink,
) -> bool {
    let what = match clause {
        L7Expr::Only { .. } => "HTTP",
        L7Expr::Sni { .. } => "TLS",
    };
    let found = match l4 {
        Some(None) => return false,
        None => "every protocol".to_owned(),
        Some(Some(L4Match::Any)) => "`any`".to_owned(),
        Some(Some(L4Match::Of(terms))) => {
            let mut others = terms.iter().filter(|term| !is_tcp_port(term));
            match others.next() {
                None => return true,
                Some(other) => format!("`{other}`"),
            }
        }
    };
    let span = rule.l4.as_ref().map_or(clause.span(), |l4| l4.span);
    sink.report(
        Code::NotTcp,
        format!("{what} runs over tcp, found {found}"),
        span,
        "expected tcp ports only",
        |sink, diagnostic| {
            diagnostic
                .with_label(sink.place(clause.span()), format!("matches {what}"))
                .with_help(match clause {
                    L7Expr::Only { .. } => "name the ports, such as `on tcp 8080`",
                    L7Expr::Sni { .. } => "name the ports, such as `on tcp 443`",
                })
        },
    );
    false
}

const fn is_tcp_port(term: &L4Term) -> bool {
    matches!(
        term,
        L4Term::Ports {
            protocol: PortProtocol::Tcp,
            ..
        } | L4Term::NamedPort {
            protocol: PortProtocol::Tcp,
            ..
        }
    )
}
