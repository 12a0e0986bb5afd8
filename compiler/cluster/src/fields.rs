//! Values that several kinds have.

use polc_kubernetes::{
    located::{Node, Scalar},
    reader::{Field, Fields, list, text, wrong_type},
    report::Report,
};
use polc_model::{Labels, PortProtocol};

/// Labels, or a selector of them: texts by name. Those of another type are reported and left out.
pub(crate) fn labels(field: Option<Field<'_>>, what: &str, report: &mut Report) -> Labels {
    let fields = field.and_then(|field| Fields::any(field.value, what, report));
    let mut labels = Labels::new();
    for (key, _, value) in fields.iter().flat_map(Fields::all) {
        let value = match value.is_null() {
            true => Some(""),
            false => text(value, "the value of a label", report),
        };
        if let Some(value) = value {
            labels.insert(key.to_owned(), value.to_owned());
        }
    }
    labels
}

/// The items of a list, each with its fields.
pub(crate) fn items<'a>(fields: &Fields<'a>, name: &str, report: &mut Report) -> Vec<Fields<'a>> {
    let what = format!("`{name}`");
    let field = fields.get(name);
    let items = field.and_then(|field| list(field.value, &what, report));
    let items = items.unwrap_or_default().iter();
    let what = format!("an item of {what}");
    items
        .filter_map(|item| Fields::any(item, &what, report))
        .collect()
}

/// The fields of a field.
pub(crate) fn inner<'a>(
    fields: &Fields<'a>,
    name: &str,
    report: &mut Report,
) -> Option<Fields<'a>> {
    Fields::any(fields.get(name)?.value, &format!("`{name}`"), report)
}

/// A text.
pub(crate) fn word(fields: &Fields<'_>, name: &str, report: &mut Report) -> Option<String> {
    let value = fields.get(name)?.value;
    text(value, &format!("`{name}`"), report).map(str::to_owned)
}

/// A whole number.
pub(crate) fn number(node: &Node, what: &str, report: &mut Report) -> Option<u32> {
    if let Some(Scalar::Number(written)) = node.scalar()
        && let Ok(number) = written.parse()
    {
        return Some(number);
    }
    wrong_type(node, what, "a whole number", report);
    None
}

/// A port's number.
pub(crate) fn port(node: &Node, what: &str, report: &mut Report) -> Option<u16> {
    let number = number(node, what, report)?;
    let port = u16::try_from(number).ok();
    if port.is_none() {
        report.invalid(
            format!("`{number}` is not a port"),
            node.span,
            "expected a number from 1 to 65535",
        );
    }
    port
}

/// The field `protocol`: TCP, where it says nothing.
pub(crate) fn protocol(fields: &Fields<'_>, report: &mut Report) -> Option<PortProtocol> {
    let Some(field) = fields.get("protocol") else {
        return Some(PortProtocol::Tcp);
    };
    match text(field.value, "`protocol`", report)? {
        "TCP" => Some(PortProtocol::Tcp),
        "UDP" => Some(PortProtocol::Udp),
        "SCTP" => Some(PortProtocol::Sctp),
        other => {
            report.invalid(
                format!("there is no protocol `{other}`"),
                field.value.span,
                "expected `TCP`, `UDP` or `SCTP`",
            );
            None
        }
    }
}
