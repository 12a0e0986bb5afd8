//! What a packet costs in the datapath's hooks, parsing and reports and all: of a flow that is
//! known, and of one that is asked about and denied. In a network namespace of the bench's own.

use std::{net::IpAddr, path::Path, process::Command};

use polc_abi::policy::{RETURN_ON_FAILURE, RETURN_PASS};
use polc_agent::{
    attach::Mechanism,
    candidate::{Candidate, MissingInterface},
    dataplane::Dataplane,
    pins::Pins,
    state_dir::Source,
    sys::{interface, mount, test_run},
    trust::Trust,
};
use polc_bundle::Bundle;
use polc_testbed::{Frame, Namespace, Unmount};

use super::{
    Result,
    model::{Package, label},
    timing::time_hook,
};

const LINK: &str = "veth-bench";
const INVENTORY: &str = "
node: { name: node-1 }
endpoints:
- { name: a, labels: { role: r }, interface: veth-bench, addresses: [10.0.0.2, 'fd00::2'] }
- { name: b, labels: { app: b }, addresses: [10.0.0.3, 'fd00::3'] }
";
const ALLOWED_PORT: u16 = 53;

pub(super) fn run() -> Result<()> {
    if !polc_agent::datapath::is_built_in() {
        println!("  skipped: the agent was built without its datapath; run `cargo xtask build`");
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let bpffs = folder.path().join("bpf");
    let namespace = Namespace::new("bench")?;
    let _mounted = Unmount::on_drop(&bpffs);
    // Errors cross the thread as text.
    let measured = namespace.run(|| measure(&bpffs).map_err(|error| error.to_string()))?;
    Ok(measured?)
}

fn measure(bpffs: &Path) -> Result<()> {
    let add = [
        "link",
        "add",
        LINK,
        "type",
        "veth",
        "peer",
        "name",
        "peer-bench",
    ];
    if !Command::new("ip").args(add).status()?.success() {
        return Err("`ip link add` failed".into());
    }
    mount::ensure_bpffs(bpffs)?;
    let mut dataplane = Dataplane::open(Pins::new(bpffs, "bench"), Mechanism::probe())?;
    dataplane.apply(&candidate()?, |_| Ok(()))?;
    let ifindex = interface::index_of(LINK).ok_or("the link is gone")?;
    let hook = dataplane.datapath().descriptor("to_endpoint")?;
    println!(
        "  {:30} {:>14}",
        "to_endpoint, nanoseconds", "median, fastest"
    );
    for (family, own, other) in [
        ("IPv4", "10.0.0.2", "10.0.0.3"),
        ("IPv6", "fd00::2", "fd00::3"),
    ] {
        let (own, other): (IpAddr, IpAddr) = (own.parse()?, other.parse()?);
        for (what, port, expected) in [
            ("known flow", ALLOWED_PORT, RETURN_PASS),
            ("asked and denied", ALLOWED_PORT + 1, RETURN_ON_FAILURE),
        ] {
            let frame = Frame::udp((other, 4_000), (own, port));
            let answer = test_run::run(&hook, frame.bytes(), ifindex)?;
            if answer.result != expected {
                return Err(format!("{what}: the hook returned {}", answer.result).into());
            }
            let time = time_hook(hook, frame.bytes(), ifindex)?;
            println!("  {:30} {time:>14}", format!("{family}, {what}"));
        }
    }
    Ok(())
}

fn candidate() -> Result<Candidate> {
    let mut package = Package::new();
    package.policy("r");
    let peers = package.selector(label("app", "b"));
    package.allow_udp(peers, ALLOWED_PORT);
    let source = Source {
        bundle: Bundle::compile(package.model, [])?.encode()?,
        signature: None,
        inventory: INVENTORY.to_owned(),
    };
    let (bundle, inventory) = (Path::new("bench.polb"), Path::new("bench.yaml"));
    let missing = MissingInterface::Refuse;
    Ok(Candidate::new(
        source,
        &Trust::Anyone,
        bundle,
        inventory,
        missing,
    )?)
}
