//! Peers, ports and requests in the words of the language.

use polc_model::{HttpMatch, IcmpFamily, L4Match, L4Term, LabelOperator, SelectorExpr};

/// Why something cannot be said.
pub(super) type Words = Result<String, String>;

/// A text in quotes.
pub(super) fn quoted(text: &str) -> Words {
    if text.contains(['"', '\n']) {
        return Err(format!(
            "`{}` holds a quote or a line break",
            text.escape_debug()
        ));
    }
    Ok(format!("\"{text}\""))
}

/// Peers. Whoever puts more behind it than `|` needs [`operand`].
pub(super) fn peers(expr: &SelectorExpr) -> Words {
    match expr {
        SelectorExpr::AnyOf(parts) => {
            let parts: Result<Vec<String>, String> = parts.iter().map(peers).collect();
            Ok(parts?.join(" | "))
        }
        SelectorExpr::AllOf(parts) => intersection(parts),
        SelectorExpr::Minus(base, except) => {
            let mut text = operand(base)?;
            let each = match &**except {
                SelectorExpr::AnyOf(parts) => parts.as_slice(),
                other => std::slice::from_ref(other),
            };
            for part in each {
                text.push_str(" - ");
                text.push_str(&operand(part)?);
            }
            Ok(text)
        }
        SelectorExpr::Entity(polc_model::Entity::Endpoints) => Ok("{}".to_owned()),
        SelectorExpr::Entity(entity) => Ok(entity.name().to_owned()),
        SelectorExpr::Cidr(block) if block.prefix_len() == block.max_prefix_len() => {
            Ok(block.addr().to_string())
        }
        SelectorExpr::Cidr(block) => Ok(block.to_string()),
        SelectorExpr::Dns(name) => quoted(name),
        SelectorExpr::Label { .. }
        | SelectorExpr::Namespace(_)
        | SelectorExpr::NamespaceLabel { .. }
        | SelectorExpr::NodeLabel { .. } => intersection(std::slice::from_ref(expr)),
    }
}

/// Peers, in parentheses where an operator beside them would take a part of them.
fn operand(expr: &SelectorExpr) -> Words {
    let text = peers(expr)?;
    let is_chain = match expr {
        SelectorExpr::AnyOf(_) | SelectorExpr::Minus(..) => true,
        SelectorExpr::AllOf(_) => text.contains(" & "),
        _ => false,
    };
    Ok(match is_chain {
        true => format!("({text})"),
        false => text,
    })
}

/// `{ app: "web" } in namespace "shop"`, and whatever else must hold behind `&`.
fn intersection(parts: &[SelectorExpr]) -> Words {
    let (mut labels, mut of_namespace) = (Vec::new(), Vec::new());
    let (mut namespace, mut of_nodes, mut others) = (None, Vec::new(), Vec::new());
    for part in parts {
        match part {
            SelectorExpr::Label { key, operator } => labels.push(condition(key, operator)?),
            SelectorExpr::NamespaceLabel { key, operator } => {
                of_namespace.push(condition(key, operator)?);
            }
            SelectorExpr::NodeLabel { key, operator } => of_nodes.push(condition(key, operator)?),
            SelectorExpr::Namespace(name) if namespace.is_none() => namespace = Some(name),
            SelectorExpr::Namespace(name) => {
                others.push(format!("{{}} in namespace {}", quoted(name)?));
            }
            other => others.push(operand(other)?),
        }
    }
    let is_about_endpoints = namespace.is_some() || !labels.is_empty() || !of_namespace.is_empty();
    let mut endpoints = match (labels.as_slice(), of_namespace.as_slice()) {
        // `namespace { team: "a" }` says it alone.
        ([], [_, ..]) if namespace.is_none() => {
            format!("namespace {{ {} }}", of_namespace.join(", "))
        }
        ([], _) => "{}".to_owned(),
        (labels, _) => format!("{{ {} }}", labels.join(", ")),
    };
    if let Some(name) = namespace {
        endpoints.push_str(&format!(" in namespace {}", quoted(name)?));
    }
    if !of_namespace.is_empty() && !endpoints.starts_with("namespace") {
        endpoints.push_str(&format!(" in namespace {{ {} }}", of_namespace.join(", ")));
    }
    let first = is_about_endpoints.then_some(endpoints);
    let nodes = format!("nodes {{ {} }}", of_nodes.join(", "));
    let nodes = (!of_nodes.is_empty()).then_some(nodes);
    let all: Vec<String> = first.into_iter().chain(nodes).chain(others).collect();
    Ok(all.join(" & "))
}

fn condition(key: &str, operator: &LabelOperator) -> Words {
    let key = key_text(key)?;
    let list = |values: &[String]| -> Words {
        let values: Result<Vec<String>, String> = values.iter().map(|one| quoted(one)).collect();
        Ok(values?.join(", "))
    };
    Ok(match operator {
        LabelOperator::In(values) => match values.as_slice() {
            [value] => format!("{key}: {}", quoted(value)?),
            values => format!("{key} in [{}]", list(values)?),
        },
        LabelOperator::NotIn(values) => match values.as_slice() {
            [value] => format!("{key} != {}", quoted(value)?),
            values => format!("{key} not in [{}]", list(values)?),
        },
        LabelOperator::Exists => key,
        LabelOperator::Absent => format!("!{key}"),
    })
}

/// A label's key, in quotes where it needs them.
fn key_text(key: &str) -> Words {
    let is_inside = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    let is_word = key.starts_with(|c: char| c.is_ascii_alphanumeric())
        && key.chars().all(is_inside)
        && !key.contains("//");
    match is_word {
        true => Ok(key.to_owned()),
        false => quoted(key),
    }
}

/// Ports. `None` where every protocol is meant, which goes without saying.
pub(super) fn ports(l4: &L4Match) -> Result<Option<String>, String> {
    match l4 {
        L4Match::Any => Ok(None),
        L4Match::Of(terms) if terms.is_empty() => Err("a rule without any port".to_owned()),
        L4Match::Of(terms) => {
            let terms: Vec<String> = terms.iter().map(term).collect();
            Ok(Some(terms.join(" | ")))
        }
    }
}

fn term(term: &L4Term) -> String {
    match term {
        // The words that everybody knows these by.
        L4Term::Icmp {
            family,
            kind: Some(kind),
            code: None,
        } if *kind == echo_request(*family) => format!("{} echo_request", family.name()),
        other => other.to_string(),
    }
}

const fn echo_request(family: IcmpFamily) -> u8 {
    match family {
        IcmpFamily::V4 => 8,
        IcmpFamily::V6 => 128,
    }
}

/// The requests of a block, each on a line of its own.
pub(super) fn requests(all: &[HttpMatch]) -> Result<Vec<String>, String> {
    let request = |one: &HttpMatch| {
        let text = one.to_string();
        let is_sayable = !text.contains('\n') && text.matches('"').count().is_multiple_of(2);
        is_sayable
            .then_some(text)
            .ok_or_else(|| "a request holds a quote or a line break".to_owned())
    };
    all.iter().map(request).collect()
}
