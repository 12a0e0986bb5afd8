//! Trees without their places, for comparing what was written apart from where.

use super::{
    Condition, HttpCondition, HttpExpr, HttpField, HttpTerm, HttpTest, L4Expr, L4Term, LabelSet,
    LabelTest, Name, NamespaceExpr, PeerExpr, Ports, Request,
};
use crate::Span;

const NOWHERE: Span = Span { start: 0, end: 0 };

impl Name {
    /// The same word, nowhere.
    #[must_use]
    pub fn without_place(&self) -> Self {
        Self {
            text: self.text.clone(),
            span: NOWHERE,
        }
    }
}

fn names(names: &[Name]) -> Vec<Name> {
    names.iter().map(Name::without_place).collect()
}

impl PeerExpr {
    /// The same expression with every span empty.
    #[must_use]
    pub fn without_places(&self) -> Self {
        match self {
            Self::Labels(set) => Self::Labels(label_set(set)),
            Self::NamespaceLabels(set) => Self::NamespaceLabels(label_set(set)),
            Self::NodeLabels(set) => Self::NodeLabels(label_set(set)),
            Self::Dns(name) => Self::Dns(name.without_place()),
            Self::Address(name) => Self::Address(name.without_place()),
            Self::Name(name) => Self::Name(name.without_place()),
            Self::In {
                base, namespaces, ..
            } => Self::In {
                base: Box::new(base.without_places()),
                namespaces: namespaces
                    .iter()
                    .map(|namespace| match namespace {
                        NamespaceExpr::Name(name) => NamespaceExpr::Name(name.without_place()),
                        NamespaceExpr::Labels(set) => NamespaceExpr::Labels(label_set(set)),
                    })
                    .collect(),
                span: NOWHERE,
            },
            Self::Union { parts, .. } => Self::Union {
                parts: parts.iter().map(Self::without_places).collect(),
                span: NOWHERE,
            },
            Self::Chain { first, rest, .. } => Self::Chain {
                first: Box::new(first.without_places()),
                rest: rest
                    .iter()
                    .map(|(operator, part)| (*operator, part.without_places()))
                    .collect(),
                span: NOWHERE,
            },
            Self::Missing(_) => Self::Missing(NOWHERE),
        }
    }
}

fn label_set(set: &LabelSet) -> LabelSet {
    LabelSet {
        conditions: set.conditions.iter().map(condition).collect(),
        span: NOWHERE,
    }
}

fn condition(condition: &Condition) -> Condition {
    Condition {
        key: condition.key.without_place(),
        test: match &condition.test {
            LabelTest::Is(value) => LabelTest::Is(value.without_place()),
            LabelTest::IsNot(value) => LabelTest::IsNot(value.without_place()),
            LabelTest::In(values) => LabelTest::In(names(values)),
            LabelTest::NotIn(values) => LabelTest::NotIn(names(values)),
            LabelTest::Exists => LabelTest::Exists,
            LabelTest::Absent => LabelTest::Absent,
            LabelTest::Missing => LabelTest::Missing,
        },
        span: NOWHERE,
    }
}

impl L4Expr {
    /// The same expression with every span empty.
    #[must_use]
    pub fn without_places(&self) -> Self {
        Self {
            terms: self.terms.iter().map(term).collect(),
            span: NOWHERE,
        }
    }
}

fn term(term: &L4Term) -> L4Term {
    match term {
        L4Term::Any(_) => L4Term::Any(NOWHERE),
        L4Term::Ports {
            protocol, ports, ..
        } => L4Term::Ports {
            protocol: protocol.without_place(),
            ports: ports.as_ref().map(|ports| Ports {
                first: ports.first.without_place(),
                last: ports.last.as_ref().map(Name::without_place),
                span: NOWHERE,
            }),
            span: NOWHERE,
        },
        L4Term::NamedPort { protocol, name, .. } => L4Term::NamedPort {
            protocol: protocol.without_place(),
            name: name.without_place(),
            span: NOWHERE,
        },
        L4Term::Icmp {
            family, kind, code, ..
        } => L4Term::Icmp {
            family: family.without_place(),
            kind: kind.as_ref().map(Name::without_place),
            code: code.as_ref().map(Name::without_place),
            span: NOWHERE,
        },
        L4Term::Protocol { number, .. } => L4Term::Protocol {
            number: number.without_place(),
            span: NOWHERE,
        },
        L4Term::Name(name) => L4Term::Name(name.without_place()),
        L4Term::Missing(_) => L4Term::Missing(NOWHERE),
    }
}

impl HttpExpr {
    /// The same expression with every span empty.
    #[must_use]
    pub fn without_places(&self) -> Self {
        Self {
            terms: self
                .terms
                .iter()
                .map(|term| match term {
                    HttpTerm::Requests(requests, _) => {
                        HttpTerm::Requests(requests.iter().map(request).collect(), NOWHERE)
                    }
                    HttpTerm::Name(name) => HttpTerm::Name(name.without_place()),
                    HttpTerm::Missing(_) => HttpTerm::Missing(NOWHERE),
                })
                .collect(),
            span: NOWHERE,
        }
    }
}

fn request(request: &Request) -> Request {
    Request {
        method: request.method.without_place(),
        path: request.path.as_ref().map(Name::without_place),
        conditions: request.conditions.iter().map(http_condition).collect(),
        span: NOWHERE,
    }
}

fn http_condition(condition: &HttpCondition) -> HttpCondition {
    HttpCondition {
        field: condition.field.as_ref().map(|field| match field {
            HttpField::Header(name) => HttpField::Header(name.without_place()),
            HttpField::Query(name) => HttpField::Query(name.without_place()),
            HttpField::Host => HttpField::Host,
            HttpField::Capture(name) => HttpField::Capture(name.without_place()),
        }),
        test: condition.test.as_ref().map(|test| match test {
            HttpTest::Equals(value) => HttpTest::Equals(value.without_place()),
            HttpTest::Matches(value) => HttpTest::Matches(value.without_place()),
        }),
        span: NOWHERE,
    }
}
