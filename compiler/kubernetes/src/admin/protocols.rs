//! Items of `protocols`: a protocol with its ports, or the name of a port.

use polc_model::{PortProtocol, PortRange};

use super::{
    Form, Limits, items,
    ports::{self, Item},
    rules::L4,
};
use crate::{
    located::Node,
    network_policy::ports::number,
    reader::{Field, Fields},
    report::Report,
};

/// Reads a list of protocols. `None` where an item was not understood.
pub(super) fn read(field: Field<'_>, form: Form, report: &mut Report) -> Option<L4> {
    let limits = Limits {
        least: 1,
        most: form.most(),
    };
    let items = items(field, "protocols", limits, report)?;
    ports::collect(items.iter().map(|item| protocol(item, report)).collect())
}

fn protocol(node: &Node, report: &mut Report) -> Option<Item> {
    let what = "an item of `protocols`";
    let known = ["tcp", "udp", "sctp", "destinationNamedPort"];
    let fields = Fields::of(node, what, &known, report)?;
    let (name, field) = fields.exactly_one(what, &known, report)?;
    let protocol = match name {
        "tcp" => PortProtocol::Tcp,
        "udp" => PortProtocol::Udp,
        "sctp" => PortProtocol::Sctp,
        _ => return ports::named(field, "`destinationNamedPort`", report),
    };
    let what = format!("`{name}`");
    let fields = Fields::of(field.value, &what, &["destinationPort"], report)?;
    let port = fields.required("destinationPort", &what, report)?;
    Some(Item::Range(protocol, destination(port, report)?))
}

fn destination(field: Field<'_>, report: &mut Report) -> Option<PortRange> {
    let what = "`destinationPort`";
    let known = ["number", "range"];
    let fields = Fields::of(field.value, what, &known, report)?;
    let (name, field) = fields.exactly_one(what, &known, report)?;
    if name == "number" {
        let port = number(field.value, "`number`", report)?;
        return Some(PortRange {
            first: port,
            last: port,
        });
    }
    let known = ["start", "end"];
    let fields = Fields::of(field.value, "`range`", &known, report)?;
    ports::range(&fields, "`range`", Form::Cluster, report)
}
