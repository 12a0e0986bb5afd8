//! What is given for the parameters of a template.

use std::{collections::BTreeMap, sync::Arc};

use polc_diagnostics::{Code, Place};
use polc_syntax::ast::{
    Apply, Argument, ArgumentValue, HttpExpr, HttpTerm, L4Expr, L4Term, Name, Parameter, PeerExpr,
    Template,
};

use crate::{
    lower::{Scope, http, l4, peers},
    sink::Sink,
    types::{Definition, Kind, PeersType, Value},
};

/// The values of the parameters.
pub(super) type Bound = BTreeMap<String, Arc<Definition>>;

/// Binds the parameters of a template to the arguments of an `apply`. `None`, reported, when there
/// are too many or too few, or when a text or number is missing that names may be made of.
pub(super) fn bind(
    apply: &Apply,
    template: &Template,
    template_place: impl Fn(polc_syntax::Span) -> Place,
    scope: &dyn Scope,
    sink: &mut Sink,
) -> Option<Bound> {
    let (wanted, given) = (template.parameters.len(), apply.arguments.len());
    if wanted != given {
        let plural = if wanted == 1 { "" } else { "s" };
        sink.report(
            Code::WrongArguments,
            format!(
                "the template `{}` takes {wanted} argument{plural}, found {given}",
                template.name.text
            ),
            apply.span,
            format!("{given} given"),
            |_, diagnostic| {
                let parameters: Vec<String> = template
                    .parameters
                    .iter()
                    .map(|parameter| format!("{}: {}", parameter.name.text, parameter.of.text))
                    .collect();
                diagnostic
                    .with_label(template_place(template.name.span), "defined here")
                    .with_help(format!(
                        "its parameters are `({})`, in this order",
                        parameters.join(", ")
                    ))
            },
        );
        return None;
    }
    let mut bound = Bound::new();
    let mut is_broken = false;
    for (parameter, argument) in template.parameters.iter().zip(&apply.arguments) {
        let Some(kind) = Kind::of_word(&parameter.of.text) else {
            // Reported where the template stands.
            is_broken = true;
            continue;
        };
        let value = match value(kind, argument, scope, sink) {
            Ok(value) => value,
            Err(found) => {
                let place = template_place(parameter.name.span);
                mismatch(parameter, kind, argument, &found, place, sink);
                None
            }
        };
        is_broken |= matches!(kind, Kind::Text | Kind::Number) && value.is_none();
        let definition = Definition { kind, value };
        bound
            .entry(parameter.name.text.clone())
            .or_insert_with(|| Arc::new(definition));
    }
    (!is_broken).then_some(bound)
}

/// The value of an argument. `Err` says what it is instead; `Ok(None)` is an error that was
/// reported.
fn value(
    kind: Kind,
    argument: &Argument,
    scope: &dyn Scope,
    sink: &mut Sink,
) -> Result<Option<Value>, String> {
    match (kind, &argument.value) {
        (_, ArgumentValue::Missing) => Ok(None),
        (Kind::Text, ArgumentValue::Peers(PeerExpr::Dns(text))) => {
            Ok(Some(Value::Text(text.text.clone())))
        }
        (Kind::Number, ArgumentValue::Number(number)) => {
            Ok(Some(Value::Number(number.text.clone())))
        }
        (Kind::Text | Kind::Number, ArgumentValue::Peers(PeerExpr::Name(name))) => {
            passed_on(kind, name, scope)
        }
        (Kind::Ports, ArgumentValue::Ports(l4)) => Ok(l4::lower(l4, scope, sink).map(Value::Ports)),
        (Kind::Ports, ArgumentValue::Peers(PeerExpr::Name(name))) => {
            let l4 = L4Expr {
                terms: vec![L4Term::Name(name.clone())],
                span: name.span,
            };
            Ok(l4::lower(&l4, scope, sink).map(Value::Ports))
        }
        (Kind::Http, ArgumentValue::Http(expr)) => {
            Ok(http::lower(expr, scope, sink).map(Value::Http))
        }
        (Kind::Http, ArgumentValue::Peers(PeerExpr::Name(name))) => {
            let expr = HttpExpr {
                terms: vec![HttpTerm::Name(name.clone())],
                span: name.span,
            };
            Ok(http::lower(&expr, scope, sink).map(Value::Http))
        }
        (_, ArgumentValue::Peers(expr)) if kind.is_peers() => of_peers(kind, expr, scope, sink),
        (_, other) => Err(described(other).to_owned()),
    }
}

/// A parameter that is given on to another template.
fn passed_on(kind: Kind, name: &Name, scope: &dyn Scope) -> Result<Option<Value>, String> {
    match scope.definition(&name.text) {
        Some(definition) if definition.kind == kind => Ok(definition.value.clone()),
        Some(definition) => Err(format!("{} `{}`", definition.kind.described(), name.text)),
        None => Err(format!("the name `{}`", name.text)),
    }
}

fn of_peers(
    kind: Kind,
    expr: &PeerExpr,
    scope: &dyn Scope,
    sink: &mut Sink,
) -> Result<Option<Value>, String> {
    if kind == Kind::Service {
        return match expr {
            PeerExpr::Name(name) => passed_on(kind, name, scope),
            _ => Err("peers".to_owned()),
        };
    }
    let typed = peers::bounded(expr, scope, sink);
    let found = match typed.of {
        PeersType::Unknown => return Ok(None),
        PeersType::Endpoints => Kind::Endpoints,
        PeersType::Addresses => Kind::Cidr,
        PeersType::Names => Kind::Dns,
        PeersType::Entities => Kind::Entity,
        PeersType::Mixed if kind == Kind::Endpoints => Kind::Endpoints,
        PeersType::Mixed => return Err("peers of several kinds".to_owned()),
    };
    // As in an `endpoints` item, entities will do.
    let will_do = found == kind || (kind == Kind::Endpoints && found == Kind::Entity);
    if will_do {
        Ok(Some(Value::Peers(typed.expr)))
    } else {
        Err(found.described().to_owned())
    }
}

const fn described(value: &ArgumentValue) -> &'static str {
    match value {
        ArgumentValue::Peers(PeerExpr::Dns(_)) => "a text",
        ArgumentValue::Peers(_) => "peers",
        ArgumentValue::Ports(_) => "ports",
        ArgumentValue::Http(_) => "requests",
        ArgumentValue::Number(_) => "a number",
        ArgumentValue::Missing => "nothing",
    }
}

fn mismatch(
    parameter: &Parameter,
    kind: Kind,
    argument: &Argument,
    found: &str,
    place: Place,
    sink: &mut Sink,
) {
    sink.report(
        Code::WrongType,
        format!("expected {}, found {found}", kind.described()),
        argument.span,
        format!("given for `{}`", parameter.name.text),
        |_, diagnostic| {
            diagnostic
                .with_label(place, format!("a parameter of type `{}`", kind.word()))
                .with_help(match kind {
                    Kind::Text => "write a text in quotes",
                    Kind::Number => "write a number",
                    Kind::Ports => "write ports, such as `tcp 443`, or the name of some",
                    Kind::Http => "write requests, such as `{ GET /healthz }`, or the name of some",
                    Kind::Service => "write the name of a service",
                    _ => "write such peers, or their name",
                })
        },
    );
}
