//! A node with its pods, and a host outside.

use std::{collections::BTreeMap, fmt::Write as _, fs, io, net::IpAddr};

use polc_inventory::Inventory;

use crate::{Host, Namespace, ip, namespace};

/// Gateways that every pod and the outside host have: the node answers for them on each link.
const GATEWAY_V4: &str = "169.254.1.1";
const GATEWAY_V6: &str = "fe80::1";
/// The address that [`Frame`](crate::Frame) sends to, on every link.
const NODE_MAC: &str = "02:00:00:00:00:fe";

/// A node with its pods, and a host outside.
#[derive(Debug)]
pub struct Testbed {
    name: String,
    inventory: Inventory,
    pods: BTreeMap<String, Host>,
    outside: Option<Host>,
    // Last, so that the links' other ends go first.
    node: Host,
}

impl Testbed {
    /// Makes namespaces, links and routes for an inventory. The outside host has the addresses in
    /// `outside`, behind the first uplink.
    ///
    /// # Errors
    /// The system says no; then nothing is left behind.
    pub fn new(name: &str, inventory: &Inventory, outside: &[IpAddr]) -> io::Result<Self> {
        Self::sweep()?;
        let node = Namespace::new(&format!("{name}-node"))?;
        let addresses = &inventory.node.addresses;
        node.run(|| {
            for sysctl in ["ipv4/ip_forward", "ipv6/conf/all/forwarding"] {
                fs::write(format!("/proc/sys/net/{sysctl}"), "1")?;
            }
            let mut commands = String::new();
            for address in addresses {
                // Without duplicate address detection, which the loopback interface has not got, but
                // which leaves an address tentative until the kernel's worker has found that out; and
                // routes cannot be from a tentative one.
                let at_once = if address.is_ipv6() { " nodad" } else { "" };
                let _ = writeln!(commands, "address add {} dev lo{at_once}", single(*address));
            }
            ip::batch(&commands)
        })??;

        let mut testbed = Self {
            name: name.to_owned(),
            inventory: inventory.clone(),
            pods: BTreeMap::new(),
            outside: None,
            node: Host::new(node, addresses.clone()),
        };
        for endpoint in &inventory.endpoints {
            if let Some(interface) = &endpoint.interface {
                testbed.add_pod(&endpoint.full_name(), interface, &endpoint.addresses)?;
            }
        }
        for (position, uplink) in inventory.node.uplinks.iter().enumerate() {
            let behind: &[IpAddr] = if position == 0 { outside } else { &[] };
            let label = format!("{name}-outside{position}");
            let host = testbed.add_host(&label, uplink, behind)?;
            testbed.outside.get_or_insert(host);
        }
        Ok(testbed)
    }

    /// Removes what earlier processes left behind when they were killed.
    ///
    /// # Errors
    /// The system says no.
    pub fn sweep() -> io::Result<()> {
        namespace::sweep()
    }

    /// The node's namespace.
    #[must_use]
    pub const fn node(&self) -> &Namespace {
        self.node.namespace()
    }

    /// The node, as a host like others.
    #[must_use]
    pub const fn node_host(&self) -> &Host {
        &self.node
    }

    /// Runs something in the node's namespace.
    ///
    /// # Errors
    /// As [`Namespace::run`].
    pub fn in_node<T: Send>(&self, work: impl FnOnce() -> T + Send) -> io::Result<T> {
        self.node.run(work)
    }

    /// A pod, by the endpoint's full name (`namespace/name`).
    ///
    /// # Errors
    /// There is none of this name.
    pub fn pod(&self, full_name: &str) -> io::Result<&Host> {
        self.pods
            .get(full_name)
            .ok_or_else(|| io::Error::other(format!("the testbed has no pod `{full_name}`")))
    }

    /// The pods' full names and namespaces, in order of name.
    pub fn pods(&self) -> impl Iterator<Item = (&str, &Namespace)> {
        self.pods
            .iter()
            .map(|(name, host)| (name.as_str(), host.namespace()))
    }

    /// The host outside.
    ///
    /// # Errors
    /// The inventory has no uplink.
    pub fn outside(&self) -> io::Result<&Host> {
        self.outside
            .as_ref()
            .ok_or_else(|| io::Error::other("the testbed has no uplink"))
    }

    /// Ends a pod and everything in it, and makes it anew, with the same names and addresses and
    /// another interface.
    ///
    /// # Errors
    /// There is none of this name, or the system says no.
    pub fn restart_pod(&mut self, full_name: &str) -> io::Result<()> {
        let inventory = self.inventory.clone();
        let endpoint = inventory
            .endpoints
            .iter()
            .find(|endpoint| endpoint.full_name() == full_name);
        let (Some(endpoint), Some(_)) = (endpoint, self.pods.remove(full_name)) else {
            return Err(io::Error::other(format!("no pod `{full_name}`")));
        };
        let interface = endpoint.interface.as_deref().unwrap_or_default();
        // The kernel takes its time to remove it with the namespace; it may be gone already.
        let _ = ip::ip(&[
            "-n",
            self.node.namespace().name(),
            "link",
            "delete",
            interface,
        ]);
        self.add_pod(full_name, interface, &endpoint.addresses)
    }

    fn add_pod(
        &mut self,
        full_name: &str,
        interface: &str,
        addresses: &[IpAddr],
    ) -> io::Result<()> {
        let label = format!("{}-{}", self.name, full_name.replace('/', "-"));
        let host = self.add_host(&label, interface, addresses)?;
        self.pods.insert(full_name.to_owned(), host);
        Ok(())
    }

    fn add_host(&self, label: &str, interface: &str, addresses: &[IpAddr]) -> io::Result<Host> {
        let node = &self.inventory.node.addresses;
        let namespace = Namespace::new(label)?;
        ip::ip(&[
            "-n",
            self.node.namespace().name(),
            "link",
            "add",
            interface,
            "address",
            NODE_MAC,
            "type",
            "veth",
            "peer",
            "name",
            "eth0",
            "netns",
            namespace.name(),
        ])?;
        let mut inside = "link set eth0 up\n".to_owned();
        let mut outside = format!(
            "link set {interface} up\n\
             address add {GATEWAY_V4}/32 dev {interface} scope link\n\
             address add {GATEWAY_V6}/64 dev {interface} nodad\n"
        );
        for &address in addresses {
            let _ = writeln!(inside, "address add {} dev eth0", single(address));
            let _ = write!(outside, "route add {} dev {interface}", single(address));
            // Without this the node would speak to its pods from the gateway's address.
            if let Some(own) = node.iter().find(|own| own.is_ipv4() == address.is_ipv4()) {
                let _ = write!(outside, " src {own}");
            }
            outside.push('\n');
        }
        let _ = write!(
            inside,
            "route add {GATEWAY_V4} dev eth0\n\
             route add default via {GATEWAY_V4} dev eth0\n\
             route add default via {GATEWAY_V6} dev eth0\n"
        );
        self.node.run(|| ip::batch(&outside))??;
        namespace.run(|| ip::batch(&inside))??;
        Ok(Host::new(namespace, addresses.to_vec()))
    }
}

/// The address as a prefix of its full length.
fn single(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => format!("{address}/32"),
        IpAddr::V6(address) => format!("{address}/128"),
    }
}
