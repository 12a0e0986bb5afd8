//! Answering clients: a thread for each.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::{
        fs::PermissionsExt as _,
        net::{UnixListener, UnixStream},
    },
    path::Path,
    sync::{Arc, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use miette::Diagnostic as _;
use tracing::{debug, warn};

use super::{After, Request, Response, explain};
use crate::{
    Error,
    agent::{Agent, Wish},
    flows::Filter,
    inspect::{endpoints, peers, policies},
    metrics, names, trial,
};

/// The longest request that is read: a few thousand endpoints.
const MAX_REQUEST: u64 = 16 << 20;
/// How often a follower without news looks whether the agent ends.
const PATIENCE: Duration = Duration::from_millis(500);

/// Listens at `socket`, in place of an agent that is gone.
///
/// # Errors
/// What the system says.
pub fn listen(socket: &Path) -> Result<UnixListener, Error> {
    match fs::remove_file(socket) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
            return Err(Error::file(socket)(cause));
        }
        _ => {}
    }
    let listener = UnixListener::bind(socket).map_err(Error::file(socket))?;
    fs::set_permissions(socket, fs::Permissions::from_mode(0o600)).map_err(Error::file(socket))?;
    Ok(listener)
}

/// Answers until the process ends.
pub fn serve(listener: &UnixListener, agent: &Arc<Agent>) {
    for stream in listener.incoming().flatten() {
        let agent = Arc::clone(agent);
        // A client that hangs up early is no concern of ours.
        thread::spawn(move || {
            let _ = answer(&stream, &agent);
        });
    }
}

fn answer(stream: &UnixStream, agent: &Arc<Agent>) -> std::io::Result<()> {
    let mut line = String::new();
    BufReader::new(stream.take(MAX_REQUEST)).read_line(&mut line)?;
    let request = match serde_json::from_str(&line) {
        Ok(request) => request,
        Err(cause) => {
            return send(
                stream,
                &Response::Error {
                    message: format!("the request makes no sense: {cause}"),
                    help: "use the polc-agent of the same version".to_owned(),
                    exit: 2,
                },
            );
        }
    };
    debug!(request = ?request, "was asked");
    match request {
        Request::Flows { last, filter, then } => {
            match names::check(&agent.candidate(), agent.history(), filter.names()) {
                Ok(()) => flows(stream, agent, last, &filter, then),
                Err(error) => reply(stream, Err(error)),
            }
        }
        Request::Status => reply(stream, agent.status().map(Box::new).map(Response::Status)),
        Request::Endpoints => {
            let endpoints = endpoints::collect(&agent.candidate());
            send(stream, &Response::Endpoints { endpoints })
        }
        Request::Peers => {
            let peers = peers::collect(&agent.candidate());
            send(stream, &Response::Peers { peers })
        }
        Request::Policies => {
            let listed = agent.judged().map(|(candidate, judged)| {
                let policies = policies::collect(&candidate, &judged);
                Response::Policies { policies }
            });
            reply(stream, listed)
        }
        Request::Explain { about } => reply(stream, explain::answer(agent, &about)),
        Request::Metrics => {
            let metrics = metrics::text(agent).map(|text| Response::Metrics { text });
            reply(stream, metrics)
        }
        Request::Apply {
            bundle,
            inventory,
            session,
            trial,
        } => {
            let wish = Wish {
                bundle: bundle.as_deref(),
                inventory: inventory.as_deref(),
                session,
                trial,
            };
            let result = agent.apply(&wish);
            if let (Ok(Response::Applied { epoch, .. }), Some(trial)) = (&result, trial) {
                trial::watch(agent, *epoch, Instant::now() + trial.duration());
            }
            if let Err(error) = &result {
                let what = bundle.or(inventory).unwrap_or_default();
                warn!(file = %what.display(), "was not applied: {error}");
            }
            reply(stream, result)
        }
        Request::SetEndpoints { text, origin } => {
            let result = agent.set_endpoints(&text, &origin);
            if let Err(error) = &result {
                warn!("no endpoint was set: {error}");
            }
            reply(stream, result)
        }
        Request::RemoveEndpoint { name } => reply(stream, agent.remove_endpoint(&name)),
        Request::Confirm => reply(stream, agent.confirm()),
        Request::Detach => {
            let result = agent.detach().map(|()| Response::Detached);
            let is_done = result.is_ok();
            reply(stream, result)?;
            if is_done {
                agent.end();
            }
            Ok(())
        }
    }
}

fn flows(
    stream: &UnixStream,
    agent: &Agent,
    last: usize,
    filter: &Filter,
    then: After,
) -> std::io::Result<()> {
    let (mut records, mut id) = agent.history().last(last, filter);
    loop {
        for record in records {
            send(stream, &Response::Flow(Box::new(record)))?;
        }
        if then == After::End || agent.is_ending().load(Ordering::Relaxed) {
            return Ok(());
        }
        (records, id) = agent.history().since(id, filter, PATIENCE);
    }
}

fn reply(stream: &UnixStream, result: Result<Response, Error>) -> std::io::Result<()> {
    let response = result.unwrap_or_else(|error| Response::Error {
        message: error.to_string(),
        help: error
            .help()
            .map_or_else(String::new, |help| help.to_string()),
        exit: error.exit_code(),
    });
    send(stream, &response)
}

fn send(mut stream: &UnixStream, response: &Response) -> std::io::Result<()> {
    let line = serde_json::to_string(response)?;
    writeln!(stream, "{line}")
}
