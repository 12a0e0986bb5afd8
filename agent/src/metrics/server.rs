//! Metrics over HTTP.

use std::net::{SocketAddr, TcpListener};

use tiny_http::{Header, Method, Request, Response, Server};

use super::text;
use crate::{Error, agent::Agent};

/// Who may ask for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// This machine alone.
    Loopback,
    /// Whoever reaches the address.
    Anyone,
}

/// Listens, without answering yet and without a thread.
///
/// # Errors
/// The address is not a loopback address and must be, or it cannot be had.
pub fn listen(address: SocketAddr, reach: Reach) -> Result<TcpListener, Error> {
    if reach == Reach::Loopback && !address.ip().to_canonical().is_loopback() {
        return Err(Error::MetricsAddress(address));
    }
    TcpListener::bind(address).map_err(|cause| Error::Listen { address, cause })
}

/// Answers until the process ends.
pub fn serve(listener: TcpListener, agent: &Agent) {
    let server = match Server::from_listener(listener, None) {
        Ok(server) => server,
        Err(cause) => {
            tracing::error!("answering for metrics: {cause}");
            return;
        }
    };
    for request in server.incoming_requests() {
        // Whoever hangs up early is no concern of ours.
        let _ = answer(request, agent);
    }
}

fn answer(request: Request, agent: &Agent) -> std::io::Result<()> {
    let path = request.url().split('?').next().unwrap_or_default();
    let (status, body) = match (request.method(), path) {
        (Method::Get | Method::Head, "/metrics") => match text(agent) {
            Ok(text) => (200, text),
            Err(error) => (500, format!("{error}\n")),
        },
        // Whoever answers has put a policy in force before.
        (Method::Get | Method::Head, "/healthz") => (200, "ok\n".to_owned()),
        (Method::Get | Method::Head, _) => (404, "/metrics or /healthz\n".to_owned()),
        _ => (405, "only GET\n".to_owned()),
    };
    let mut response = Response::from_string(body).with_status_code(status);
    if let Ok(header) = "Content-Type: text/plain; version=0.0.4; charset=utf-8".parse::<Header>() {
        response = response.with_header(header);
    }
    request.respond(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_listened_at_unless_said_otherwise() {
        for address in ["0.0.0.0:0", "192.0.2.1:0", "[::]:0", "[::ffff:0.0.0.0]:0"] {
            let address = address.parse().unwrap();
            let refused = listen(address, Reach::Loopback).err();
            assert!(
                matches!(refused, Some(Error::MetricsAddress(_))),
                "{address}"
            );
        }
        for address in ["127.0.0.1:0", "[::ffff:127.0.0.1]:0"] {
            let address = address.parse().unwrap();
            assert!(listen(address, Reach::Loopback).is_ok(), "{address}");
        }
        assert!(listen("0.0.0.0:0".parse().unwrap(), Reach::Anyone).is_ok());
    }

    #[test]
    fn a_port_that_somebody_has_is_said_to_be_had() {
        let first = listen("127.0.0.1:0".parse().unwrap(), Reach::Loopback).unwrap();
        let address = first.local_addr().unwrap();
        let refused = listen(address, Reach::Loopback).err();
        assert!(matches!(refused, Some(Error::Listen { .. })));
    }
}
