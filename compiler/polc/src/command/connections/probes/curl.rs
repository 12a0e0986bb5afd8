//! What a probe that runs `curl` asks for.

/// A connection that a probe opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// Whether the probe succeeds where the connection does.
    pub(super) expects: Expects,
    pub(super) host: String,
    /// Of TCP.
    pub(super) port: u16,
}

/// What a probe wants of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expects {
    Success,
    /// `! curl …`
    Failure,
}

/// Reads `curl … [scheme://]host[:port][/path]`, also as a line of a shell. `None` for other commands.
pub(super) fn asked(command: &[String]) -> Option<Asked> {
    let line = command.join(" ");
    let (before, _) = line.split_once("curl ")?;
    let expects = match before.trim_end().ends_with('!') {
        true => Expects::Failure,
        false => Expects::Success,
    };
    let url = line.split_whitespace().next_back()?;
    let url = url.trim_matches(['"', '\'']);
    let (default, rest) = match url.split_once("://") {
        Some(("https", rest)) => (443, rest),
        Some((_, rest)) => (80, rest),
        None => (80, url),
    };
    let authority = rest.split('/').next()?;
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (authority, default),
    };
    Some(Asked {
        expects,
        host: host.to_owned(),
        port,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_alone_and_in_a_shell() {
        let of = |words: &[&str]| {
            asked(
                &words
                    .iter()
                    .map(|one| (*one).to_owned())
                    .collect::<Vec<_>>(),
            )
        };
        let asked = |expects, host: &str, port| {
            let host = host.to_owned();
            Some(Asked {
                expects,
                host,
                port,
            })
        };
        assert_eq!(
            of(&["curl", "-sS", "-o", "/dev/null", "echo-a:8080/public"]),
            asked(Expects::Success, "echo-a", 8080)
        );
        assert_eq!(
            of(&[
                "ash",
                "-c",
                "! curl -s --fail -o /dev/null echo-a:8080/private"
            ]),
            asked(Expects::Failure, "echo-a", 8080)
        );
        assert_eq!(
            of(&["curl", "https://example.com"]),
            asked(Expects::Success, "example.com", 443)
        );
        assert_eq!(
            of(&["curl", "192.0.2.1"]),
            asked(Expects::Success, "192.0.2.1", 80)
        );
        assert_eq!(of(&["true"]), None);
    }
}
