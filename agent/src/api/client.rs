//! Asking the running agent.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use super::{Request, Response};
use crate::Error;

/// Sends a request and hands each answer to `each`, until the agent hangs up or `each` fails.
///
/// # Errors
/// Nobody answers, or the answer is an error.
pub fn ask(
    socket: &Path,
    request: &Request,
    each: impl FnMut(Response) -> Result<(), Error>,
) -> Result<(), Error> {
    exchange(socket, request, None, each)
}

/// As [`ask`]; `patience` is how long the agent may be silent.
fn exchange(
    socket: &Path,
    request: &Request,
    patience: Option<Duration>,
    mut each: impl FnMut(Response) -> Result<(), Error>,
) -> Result<(), Error> {
    let failed = |cause| Error::NotRunning {
        path: socket.to_owned(),
        cause,
    };
    let mut stream = UnixStream::connect(socket).map_err(failed)?;
    stream.set_read_timeout(patience).map_err(failed)?;
    let line = serde_json::to_string(request).map_err(|cause| failed(cause.into()))?;
    writeln!(stream, "{line}").map_err(failed)?;
    for line in BufReader::new(stream).lines() {
        let line = line.map_err(failed)?;
        match serde_json::from_str(&line).map_err(|cause| failed(cause.into()))? {
            Response::Error {
                message,
                help,
                exit,
            } => {
                return Err(Error::Answer {
                    message,
                    help: Some(help).filter(|help| !help.is_empty()),
                    exit,
                });
            }
            response => each(response)?,
        }
    }
    Ok(())
}

/// As [`ask`], for requests with one answer.
///
/// # Errors
/// As [`ask`], and when there is no answer.
pub fn ask_once(socket: &Path, request: &Request) -> Result<Response, Error> {
    answer_of(socket, request, None)
}

/// As [`ask_once`], for no longer than `patience`, which is not zero.
///
/// # Errors
/// As [`ask_once`], and when the agent says nothing for so long.
pub fn ask_within(socket: &Path, request: &Request, patience: Duration) -> Result<Response, Error> {
    answer_of(socket, request, Some(patience))
}

fn answer_of(
    socket: &Path,
    request: &Request,
    patience: Option<Duration>,
) -> Result<Response, Error> {
    let mut answer = None;
    exchange(socket, request, patience, |response| {
        answer = Some(response);
        Ok(())
    })?;
    answer.ok_or_else(|| Error::NotRunning {
        path: socket.to_owned(),
        cause: std::io::ErrorKind::UnexpectedEof.into(),
    })
}
