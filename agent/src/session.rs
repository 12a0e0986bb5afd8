//! The connection to the node that somebody gives orders through, and whether a policy would cut it.

use std::{fs, net::IpAddr, str::FromStr};

use polc_model::PortProtocol;
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    candidate::Candidate,
    flows::filter::Who,
    inspect::explain::{
        explain,
        question::{Layer4, Question},
    },
};

/// How far up the tree of processes a session is looked for.
const ANCESTORS: usize = 64;
/// What sshd tells its session: the client's address and port, then the server's.
const VARIABLE: &str = "SSH_CONNECTION";

/// A connection to a port of the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Who is connected.
    pub from: IpAddr,
    /// The node's address.
    pub to: IpAddr,
    /// The node's port.
    pub port: u16,
}

impl Session {
    /// The SSH session that this process runs in, if it does. `sudo` and the like may have removed the
    /// variable from this process, but not from those that it was started by.
    #[must_use]
    pub fn of_this_process() -> Option<Self> {
        let mut pid = std::process::id();
        for _ in 0..ANCESTORS {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            if let Some(session) = in_environment(&environment) {
                return Some(session);
            }
            pid = parent(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?;
        }
        None
    }

    /// Why a policy would cut it: who denies it, and where that is written. `None` if none would.
    ///
    /// # Errors
    /// Nobody can say.
    pub(crate) fn is_cut_by(&self, candidate: &Candidate) -> Result<Option<String>, Error> {
        let meaning = &candidate.meaning;
        if !meaning.governs_node || !meaning.inventory.node.addresses.contains(&self.to) {
            return Ok(None);
        }
        let question = Question {
            from: Who::Block(self.from.into()),
            to: Who::Block(self.to.into()),
            layer4: Layer4::Port(PortProtocol::Tcp, self.port),
        };
        let explained = explain(&question, meaning, 0, None)?;
        let mut sides = explained.sides.iter();
        Ok(sides
            .find(|side| side.verdict != "allowed")
            .map(|side| side.decider.to_string()))
    }
}

impl std::fmt::Display for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} to {} tcp {}", self.from, self.to, self.port)
    }
}

impl FromStr for Session {
    type Err = ();

    /// Reads what sshd writes.
    fn from_str(text: &str) -> Result<Self, ()> {
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let &[from, _, to, port] = words.as_slice() else {
            return Err(());
        };
        // Of a link-local address, the interface stands behind it.
        let address = |text: &str| {
            let address = text.split('%').next().unwrap_or(text);
            address.parse::<IpAddr>().map_err(|_| ())
        };
        Ok(Self {
            from: address(from)?.to_canonical(),
            to: address(to)?.to_canonical(),
            port: port.parse().map_err(|_| ())?,
        })
    }
}

fn in_environment(environment: &[u8]) -> Option<Session> {
    environment.split(|byte| *byte == 0).find_map(|variable| {
        let variable = std::str::from_utf8(variable).ok()?;
        let value = variable.strip_prefix(VARIABLE)?.strip_prefix('=')?;
        value.parse().ok()
    })
}

/// The parent's id, out of `/proc/PID/stat`: the second word behind the command, which stands in
/// brackets and may hold any.
fn parent(stat: &str) -> Option<u32> {
    let (_, behind) = stat.rsplit_once(')')?;
    let pid = behind.split_ascii_whitespace().nth(1)?.parse().ok()?;
    (pid != 0).then_some(pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_found_in_an_environment() {
        let found = |environment: &str| in_environment(environment.as_bytes());
        assert_eq!(
            found("A=1\0SSH_CONNECTION=192.0.2.7 50000 10.244.0.1 22\0B=2"),
            Some(Session {
                from: "192.0.2.7".parse().unwrap(),
                to: "10.244.0.1".parse().unwrap(),
                port: 22,
            })
        );
        let local = found("SSH_CONNECTION=fe80::1%eth0 50000 fe80::2%eth0 2222").unwrap();
        assert_eq!(local.to_string(), "fe80::1 to fe80::2 tcp 2222");
        for nothing in [
            "",
            "SSH_CONNECTION=",
            "SSH_CONNECTION=a b c d",
            "XSSH_CONNECTION=1 2 3 4",
        ] {
            assert_eq!(found(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn whatever_a_command_is_called_its_parent_is_found() {
        assert_eq!(parent("12 (a) b) (c) S 7 12 12"), Some(7));
        assert_eq!(parent("1 (init) S 0 1 1"), None);
        assert_eq!(parent("nonsense"), None);
    }
}
