//! Requests and server names.

use pest::iterators::Pair;

use super::{Builder, Rule, child, name, policy::without_rest, span, text_in, texts_in};
use crate::ast::{
    CheckRequest, HttpCondition, HttpExpr, HttpField, HttpTerm, HttpTest, L7Expr, Name, Request,
};

const REQUEST_WORDS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

impl Builder<'_> {
    /// The value of an `http` item: a block, or an expression after `=`.
    pub(super) fn http_definition(&mut self, pair: &Pair<'_, Rule>) -> Option<HttpExpr> {
        if let Some(expr) = child(pair, Rule::http) {
            return Some(self.http(&expr));
        }
        let block = child(pair, Rule::http_block)?;
        Some(HttpExpr {
            terms: vec![self.http_term(&block)],
            span: span(&block),
        })
    }

    pub(super) fn http(&mut self, pair: &Pair<'_, Rule>) -> HttpExpr {
        let terms = pair.clone().into_inner();
        HttpExpr {
            terms: terms.map(|term| self.http_term(&term)).collect(),
            span: span(pair),
        }
    }

    fn http_term(&mut self, pair: &Pair<'_, Rule>) -> HttpTerm {
        match pair.as_rule() {
            Rule::http_block => {
                let mut requests = Vec::new();
                self.block(pair, |builder, statement| match statement.as_rule() {
                    Rule::request => {
                        builder.report(&statement);
                        requests.push(request(&statement));
                    }
                    _ => builder.bad_statement(
                        &statement,
                        "a request such as `GET /healthz`",
                        &REQUEST_WORDS,
                    ),
                });
                HttpTerm::Requests(requests, span(pair))
            }
            Rule::http_name => pair
                .clone()
                .into_inner()
                .next()
                .map_or(HttpTerm::Missing(span(pair)), |word| {
                    HttpTerm::Name(name(&word))
                }),
            _ => HttpTerm::Missing(span(pair)),
        }
    }

    /// What a rule says above L4.
    pub(super) fn l7(&mut self, pair: &Pair<'_, Rule>) -> Option<L7Expr> {
        if let Some(clause) = child(pair, Rule::only_clause) {
            return Some(L7Expr::Only {
                requests: child(&clause, Rule::http).map(|expr| self.http(&expr)),
                span: span(&clause),
            });
        }
        if let Some(clause) = child(pair, Rule::dns_clause) {
            return Some(L7Expr::Dns {
                names: texts_in(&clause),
                span: span(&clause),
            });
        }
        let clause = child(pair, Rule::sni_clause)?;
        Some(L7Expr::Sni {
            names: texts_in(&clause),
            span: span(&clause),
        })
    }
}

fn request(pair: &Pair<'_, Rule>) -> Request {
    Request {
        method: named(pair, Rule::method),
        path: child(pair, Rule::request_path).map(|path| name(&path)),
        conditions: pair
            .clone()
            .into_inner()
            .filter(|inner| inner.as_rule() == Rule::http_condition)
            .map(|inner| condition(&inner))
            .collect(),
        span: without_rest(pair),
    }
}

fn condition(pair: &Pair<'_, Rule>) -> HttpCondition {
    let mut condition = HttpCondition {
        field: None,
        test: None,
        span: span(pair),
    };
    for inner in pair.clone().into_inner() {
        let text = || text_in(&inner).unwrap_or_default();
        match inner.as_rule() {
            Rule::header_field => condition.field = Some(HttpField::Header(text())),
            Rule::query_field => condition.field = Some(HttpField::Query(text())),
            Rule::host_field => condition.field = Some(HttpField::Host),
            Rule::capture_field => {
                let word = named(&inner, Rule::ident);
                condition.field = Some(HttpField::Capture(word));
            }
            Rule::http_equals => condition.test = Some(HttpTest::Equals(text())),
            Rule::http_matches => condition.test = Some(HttpTest::Matches(text())),
            _ => {}
        }
    }
    condition
}

/// What a checked flow shows above L4.
pub(super) fn check_request(pair: &Pair<'_, Rule>) -> CheckRequest {
    if child(pair, Rule::kw_sni).is_some() {
        return CheckRequest::Sni {
            name: text_in(pair).unwrap_or_default(),
            span: span(pair),
        };
    }
    if child(pair, Rule::kw_dns).is_some() {
        return CheckRequest::Dns {
            name: text_in(pair).unwrap_or_default(),
            span: span(pair),
        };
    }
    let of = |rule| {
        let inner = pair.clone().into_inner();
        inner.filter(move |inner| inner.as_rule() == rule)
    };
    CheckRequest::Http {
        method: named(pair, Rule::method),
        path: named(pair, Rule::request_path),
        hosts: of(Rule::check_host)
            .filter_map(|host| text_in(&host))
            .collect(),
        headers: of(Rule::check_header)
            .filter_map(|header| {
                let mut texts = texts_in(&header).into_iter();
                Some((texts.next()?, texts.next()?))
            })
            .collect(),
        span: span(pair),
    }
}

fn named(pair: &Pair<'_, Rule>, rule: Rule) -> Name {
    child(pair, rule)
        .map(|inner| name(&inner))
        .unwrap_or_default()
}
