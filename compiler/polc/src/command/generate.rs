//! `polc completions` and `polc man`: what shells and manuals want, made from the command line's own
//! definition.

use std::path::Path;

use clap::CommandFactory as _;

use super::finish;
use crate::{
    cli::{Cli, CompletionsArguments, Format, ManArguments},
    files,
    operational::OperationalError,
    output::Outcome,
};

/// Writes the completions of a shell to standard output.
pub(crate) fn completions(arguments: &CompletionsArguments) -> Outcome {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "polc", &mut text);
    finish(&text, &[], Format::Plain, Outcome::Fine)
}

/// Writes a manual page for each subcommand into a directory.
pub(crate) fn man(arguments: &ManArguments) -> Outcome {
    match write_pages(&arguments.directory) {
        Ok(written) => finish(written.as_bytes(), &[], Format::Plain, Outcome::Fine),
        Err(error) => finish(&[], &[error], Format::Plain, Outcome::CouldNotRun),
    }
}

fn write_pages(directory: &Path) -> Result<String, OperationalError> {
    files::create_directory(directory)?;
    let mut root = Cli::command();
    root.build();
    let mut written = String::new();
    let mut pages = vec![(root.get_name().to_owned(), root.clone())];
    for subcommand in root.get_subcommands().filter(|one| !one.is_hide_set()) {
        let name = format!("{}-{}", root.get_name(), subcommand.get_name());
        pages.push((name.clone(), subcommand.clone().name(name)));
    }
    for (name, command) in pages {
        let path = directory.join(format!("{name}.1"));
        let mut page = Vec::new();
        clap_mangen::Man::new(command)
            .render(&mut page)
            .map_err(|source| OperationalError::Unwritable {
                path: path.clone(),
                source,
            })?;
        files::replace(&path, &page)?;
        written.push_str(&format!("wrote {}\n", path.display()));
    }
    Ok(written)
}
