//! `polc init`: a small package to begin with, which checks, tests and formats clean.

use std::path::{Path, PathBuf};

use super::finish;
use crate::{
    cli::{Format, InitArguments},
    files,
    operational::OperationalError,
    output::Outcome,
    package,
};

/// Makes the package. Never touches a file that exists, and never adds to another package.
pub(crate) fn run(arguments: &InitArguments) -> Outcome {
    match make(&arguments.directory) {
        Ok(written) => {
            let mut text = String::new();
            for path in written {
                text.push_str(&format!("wrote {}\n", path.display()));
            }
            let directory = arguments.directory.display();
            text.push_str(&format!("try `polc test {directory}`\n"));
            finish(text.as_bytes(), &[], Format::Human, Outcome::Fine)
        }
        Err(error) => finish(&[], &[error], Format::Human, Outcome::CouldNotRun),
    }
}

fn make(directory: &Path) -> Result<Vec<PathBuf>, OperationalError> {
    let name = package_name(directory);
    let contents = [
        ("names.pol", NAMES.replace("PACKAGE", &name)),
        ("web.pol", POLICY.to_owned()),
        ("tests.pol", TESTS.to_owned()),
    ];
    let paths: Vec<PathBuf> = contents
        .iter()
        .map(|(file, _)| directory.join(file))
        .collect();
    if let Some(path) = package::policies_in(directory).into_iter().next() {
        return Err(OperationalError::Exists { path });
    }
    files::create_directory(directory)?;
    for (path, (_, content)) in paths.iter().zip(&contents) {
        files::replace(path, content.as_bytes())?;
    }
    Ok(paths)
}

/// The directory's name as a name of the language, or `policies` where there is nothing to make
/// one of.
fn package_name(directory: &Path) -> String {
    let directory = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
    let name = directory
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    let name: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .skip_while(|c| !c.is_ascii_alphabetic())
        .collect();
    if name.is_empty() {
        "policies".to_owned()
    } else {
        name
    }
}

const NAMES: &str = "/// Who may talk to whom.
package PACKAGE

labels {
  app: string
}

endpoints web = { app: \"web\" }
endpoints db  = { app: \"db\" }

ports public   = tcp 443
ports postgres = tcp 5432
";

const POLICY: &str = "/// The world reads the web, and the web reads the database.
policy web for web {
  ingress {
    allow from world on public
  }
  egress {
    allow to db on postgres
  }
}

/// Nobody else does.
policy db for db {
  ingress {
    allow from web on postgres
  }
}
";

const TESTS: &str = "test \"the world reads the web, and nothing behind it\" {
  given web_1 = endpoint { app: \"web\" }
  given db_1  = endpoint { app: \"db\" }

  192.0.2.1 -> web_1 tcp 443  is allowed by web
  192.0.2.1 -> web_1 tcp 80   is denied by web
  192.0.2.1 -> db_1  tcp 5432 is denied by db
  web_1     -> db_1  tcp 5432 is allowed by db
}
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_become_names() {
        assert_eq!(package_name(Path::new("/x/Shop-2")), "shop_2");
        assert_eq!(package_name(Path::new("/x/2-shops")), "shops");
        assert_eq!(package_name(Path::new("/")), "policies");
    }
}
