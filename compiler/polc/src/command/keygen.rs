//! `polc keygen`: make a pair of keys.

use super::finish;
use crate::{
    cli::{Format, KeygenArguments},
    operational::OperationalError,
    output::Outcome,
    signing::{
        key_pair::{self, Protection},
        password,
    },
};

/// Makes the pair. Nothing is written unless both files are new.
pub(crate) fn run(arguments: &KeygenArguments) -> Outcome {
    match make(arguments) {
        Ok(text) => finish(text.as_bytes(), &[], Format::Human, Outcome::Fine),
        Err(error) => finish(&[], &[error], Format::Human, Outcome::CouldNotRun),
    }
}

fn make(arguments: &KeygenArguments) -> Result<String, OperationalError> {
    let (key, public_key) = (&arguments.key, &arguments.public_key);
    // Before anybody types a password for nothing.
    if let Some(path) = [key, public_key].into_iter().find(|path| path.exists()) {
        return Err(OperationalError::KeyExists { path: path.clone() });
    }
    let protection = match &arguments.password_file {
        Some(file) => Protection::Password(password::from_file(file)?),
        None if arguments.no_password => Protection::None,
        None => Protection::Password(password::ask_for_new(key)?),
    };
    if matches!(&protection, Protection::Password(password) if password.is_empty()) {
        return Err(OperationalError::EmptyPassword);
    }
    let id = key_pair::generate(key, public_key, protection)?;
    Ok(format!(
        "key {id}\nwrote {} (secret)\nwrote {} (for `polc verify` and `polc-agent run`)\n",
        key.display(),
        public_key.display(),
    ))
}
