//! Where the password of a secret key comes from: a file, or the terminal.

use std::{
    io::{self, IsTerminal as _},
    path::Path,
};

use crate::{files, operational::OperationalError};

/// The first line of a file.
pub(crate) fn from_file(path: &Path) -> Result<String, OperationalError> {
    let text = files::read_text(path)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// Asks for the password of a key.
pub(crate) fn ask_for(key: &Path) -> Result<String, OperationalError> {
    ask(key, &format!("password of `{}`: ", key.display()))
}

/// Asks for a new password, twice.
pub(crate) fn ask_for_new(key: &Path) -> Result<String, OperationalError> {
    let password = ask(key, &format!("new password of `{}`: ", key.display()))?;
    if ask(key, "once more: ")? == password {
        Ok(password)
    } else {
        Err(OperationalError::PasswordsDiffer)
    }
}

fn ask(key: &Path, prompt: &str) -> Result<String, OperationalError> {
    let nobody = || OperationalError::NoPassword {
        key: key.to_owned(),
    };
    if !io::stdin().is_terminal() {
        return Err(nobody());
    }
    rpassword::prompt_password(prompt).map_err(|_| nobody())
}
