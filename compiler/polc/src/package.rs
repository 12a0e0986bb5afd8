//! Finding packages on disk and reading them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use polc_diagnostics::{Diagnostic, Place};
use polc_frontend::{Analysis, Database, SourceKind};
use polc_inventory::Inventory;
use polc_model::Origin;

use crate::{inventory, operational::OperationalError, strictness::Strictness};

/// What stands for standard input among paths.
const STANDARD_INPUT: &str = "-";

/// A package that was read, with what it means.
pub(crate) struct LoadedPackage {
    /// The directory, as it was reached.
    root: PathBuf,
    database: Database,
    strictness: Strictness,
    /// What it means, and what is wrong with it.
    pub(crate) analysis: Analysis,
}

impl LoadedPackage {
    /// A name for people: the declared one, or the directory.
    pub(crate) fn name(&self) -> String {
        if self.analysis.model.package.is_empty() {
            self.root.display().to_string()
        } else {
            self.analysis.model.package.clone()
        }
    }

    /// The path of a file as the user would write it.
    pub(crate) fn display_path(&self, file: &str) -> String {
        let path = self.root.join(file);
        let path = path.strip_prefix(".").unwrap_or(&path);
        path.display().to_string()
    }

    /// The source of an origin of the package's Model.
    pub(crate) fn place_of(&self, origin: &Origin) -> Place {
        self.database.place_of(&self.analysis.model, origin)
    }

    /// The text of an origin of the package's Model.
    pub(crate) fn source_of(&self, origin: &Origin) -> &str {
        let place = self.place_of(origin);
        let range = place.range.start as usize..place.range.end as usize;
        self.text(&place.file).get(range).unwrap_or_default()
    }

    /// Where a file is on disk.
    pub(crate) fn path_of(&self, file: &str) -> PathBuf {
        self.root.join(file)
    }

    /// Replaces the text of a file, in memory, and analyses again.
    pub(crate) fn set_text(&mut self, file: &str, text: String) {
        self.database.set_file(file, text);
        self.analysis = self.database.analyze();
        self.strictness.apply(&mut self.analysis);
    }

    /// Adds what lints find, to a package without errors.
    pub(crate) fn lint(&mut self, inventory: Option<&Inventory>) {
        if self.analysis.has_errors() {
            return;
        }
        let mut context = polc_lint::Context::new(&self.database, &self.analysis.model);
        if let Some(inventory) = inventory {
            context = context.with_inventory(inventory);
        }
        let found = polc_lint::run(&context, &self.analysis.lint_levels);
        let diagnostics = &mut self.analysis.diagnostics;
        diagnostics.extend(found);
        diagnostics.sort_by(|one, other| one.order().cmp(&other.order()));
    }

    /// The texts of the files, by path inside the package.
    pub(crate) fn sources(&self) -> impl Iterator<Item = (&str, &str)> {
        self.database
            .paths()
            .filter_map(|path| Some((path, self.database.text(path)?)))
    }

    /// The text of a file.
    pub(crate) fn text(&self, file: &str) -> &str {
        self.database.text(file).unwrap_or_default()
    }

    /// Line and column of the start of a place, counted from 1, columns in characters.
    pub(crate) fn position(&self, place: &Place) -> (usize, usize) {
        self.position_at(&place.file, place.range.start)
    }

    /// Line and column of an offset, counted from 1, columns in characters.
    pub(crate) fn position_at(&self, file: &str, offset: u32) -> (usize, usize) {
        self.database.position(file, offset)
    }

    /// The diagnostics of the analysis.
    pub(crate) fn diagnostics(&self) -> &[Diagnostic] {
        &self.analysis.diagnostics
    }
}

/// Everything that the given paths lead to.
pub(crate) struct Loaded {
    /// In order of path.
    pub(crate) packages: Vec<LoadedPackage>,
    /// What could not be read.
    pub(crate) errors: Vec<OperationalError>,
}

impl Loaded {
    /// Says what becomes of what cannot be enforced yet.
    pub(crate) fn with_strictness(mut self, strictness: Strictness) -> Self {
        for package in &mut self.packages {
            package.strictness = strictness;
            strictness.apply(&mut package.analysis);
        }
        self
    }

    /// Reads the inventory, if one is given. What is wrong with it joins the other errors.
    pub(crate) fn read_inventory(&mut self, path: Option<&Path>) -> Option<Inventory> {
        match path.map(inventory::read).transpose() {
            Ok(inventory) => inventory,
            Err(error) => {
                self.errors.push(error);
                None
            }
        }
    }
}

/// Reads every package that the paths lead to. What cannot be read does not keep the rest from
/// being read; a package with an unreadable file is left out, because its meaning is unknown.
pub(crate) fn load(paths: &[PathBuf]) -> Loaded {
    reload(paths, Vec::new())
}

/// Reads everything again. Packages that were read before keep their databases, so that only what
/// changed is analysed.
pub(crate) fn reload(paths: &[PathBuf], before: Vec<LoadedPackage>) -> Loaded {
    let mut databases: BTreeMap<PathBuf, Database> = before
        .into_iter()
        .map(|package| (package.root, package.database))
        .collect();
    let (found, mut errors) = discover_all(paths, Wanted::Policies);
    let mut packages = Vec::new();
    for (root, files) in found {
        let database = databases.remove(&root).unwrap_or_default();
        match read(root, &files, database) {
            Ok(package) => packages.push(package),
            Err(of_package) => errors.extend(of_package),
        }
    }
    errors.extend(without_objects(paths, &packages));
    Loaded { packages, errors }
}

/// Reads every policy and every Kubernetes object that the paths lead to as one package, whichever
/// directories they are in: what runs in one cluster. `None` where a file cannot be read.
pub(crate) fn load_cluster(
    paths: &[PathBuf],
    strictness: Strictness,
) -> (Option<LoadedPackage>, Vec<OperationalError>) {
    let (found, mut errors) = discover_all(paths, Wanted::Objects);
    let files: Vec<PathBuf> = found.into_values().flatten().collect();
    if !errors.is_empty() {
        return (None, errors);
    }
    match read(PathBuf::new(), &files, Database::default()) {
        Ok(mut package) => {
            package.strictness = strictness;
            strictness.apply(&mut package.analysis);
            (Some(package), errors)
        }
        Err(of_package) => {
            errors.extend(of_package);
            (None, errors)
        }
    }
}

/// Every `.pol` file that the paths lead to, in order.
pub(crate) fn files(paths: &[PathBuf]) -> (Vec<PathBuf>, Vec<OperationalError>) {
    let (found, errors) = discover_all(paths, Wanted::Language);
    (found.into_values().flatten().collect(), errors)
}

/// Which files are looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// Policies, in whatever form.
    Policies,
    /// Policies, and Kubernetes objects of every other kind.
    Objects,
    /// Files in our own language.
    Language,
}

impl Wanted {
    /// Whether a file that somebody names is one.
    fn includes(self, path: &Path) -> bool {
        is_policy_file(path) || (self != Self::Language && is_manifest(path))
    }

    /// Whether a file that a directory holds is one. Most YAML is about something else.
    fn includes_found(self, path: &Path) -> bool {
        let mentions_policies = || {
            let text = fs::read(path).unwrap_or_default();
            polc_kubernetes::mentions_policies(&String::from_utf8_lossy(&text))
        };
        match self {
            Self::Policies => is_policy_file(path) || (is_manifest(path) && mentions_policies()),
            Self::Objects => self.includes(path),
            Self::Language => is_policy_file(path),
        }
    }
}

/// The files of each directory, in order, and what could not be read.
fn discover_all(
    paths: &[PathBuf],
    wanted: Wanted,
) -> (BTreeMap<PathBuf, Vec<PathBuf>>, Vec<OperationalError>) {
    let mut found: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    let mut errors = Vec::new();
    for path in paths {
        if let Err(error) = discover(path, wanted, &mut found) {
            errors.push(error);
        }
    }
    for files in found.values_mut() {
        files.sort();
        files.dedup();
    }
    (found, errors)
}

fn discover(
    path: &Path,
    wanted: Wanted,
    found: &mut BTreeMap<PathBuf, Vec<PathBuf>>,
) -> Result<(), OperationalError> {
    if wanted != Wanted::Language && path == Path::new(STANDARD_INPUT) {
        let name = PathBuf::from(SourceKind::STANDARD_INPUT);
        found.entry(PathBuf::new()).or_default().push(name);
        return Ok(());
    }
    let metadata = fs::metadata(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => OperationalError::Missing {
            path: path.to_owned(),
        },
        _ => unreadable(path, source),
    })?;
    if metadata.is_dir() {
        let before = found.len();
        let mut is_known = false;
        walk(path, wanted, found, &mut is_known)?;
        if found.len() == before && !is_known {
            return Err(OperationalError::NoPolicies {
                path: path.to_owned(),
            });
        }
        return Ok(());
    }
    if !wanted.includes(path) {
        return Err(OperationalError::NotPolicy {
            path: path.to_owned(),
        });
    }
    let root = path.parent().unwrap_or(Path::new("")).to_owned();
    found.entry(root).or_default().push(path.to_owned());
    Ok(())
}

fn walk(
    directory: &Path,
    wanted: Wanted,
    found: &mut BTreeMap<PathBuf, Vec<PathBuf>>,
    is_known: &mut bool,
) -> Result<(), OperationalError> {
    let entries = fs::read_dir(directory).map_err(|source| unreadable(directory, source))?;
    let mut paths = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|source| unreadable(directory, source))?;
        let file_type = entry
            .file_type()
            .map_err(|source| unreadable(&entry.path(), source))?;
        paths.push((entry.path(), file_type.is_dir()));
    }
    paths.sort();
    let mut beside = Vec::new();
    for (path, is_directory) in paths {
        // Links to directories are not followed, so that a walk always ends.
        if is_directory {
            walk(&path, wanted, found, is_known)?;
        } else if wanted.includes_found(&path) {
            *is_known = true;
            found.entry(directory.to_owned()).or_default().push(path);
        } else if wanted == Wanted::Policies && is_manifest(&path) {
            beside.push(path);
        }
    }
    if let Some(files) = found.get_mut(directory) {
        files.extend(referred_to(files, beside));
    }
    Ok(())
}

/// Of the other manifests of a directory, those that define what policies of these files refer to.
fn referred_to(policies: &[PathBuf], beside: Vec<PathBuf>) -> Vec<PathBuf> {
    let holds = |path: &PathBuf, what: fn(&str) -> bool| {
        let text = fs::read(path).unwrap_or_default();
        what(&String::from_utf8_lossy(&text))
    };
    let mut manifests = policies.iter().filter(|path| is_manifest(path));
    if !manifests.any(|path| holds(path, polc_kubernetes::refers)) {
        return Vec::new();
    }
    let beside = beside.into_iter();
    beside
        .filter(|path| holds(path, polc_kubernetes::defines))
        .collect()
}

/// The `.pol` files in a directory, without those below it, in order. None where there is no such
/// directory.
pub(crate) fn policies_in(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| is_policy_file(path))
        .collect();
    paths.sort();
    paths
}

fn is_policy_file(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "pol")
}

/// Whether a file is of Kubernetes objects, by its name.
fn is_manifest(path: &Path) -> bool {
    SourceKind::of(&path.to_string_lossy()) == SourceKind::Kubernetes
}

/// Files of Kubernetes objects that somebody named and that hold none: whoever did meant another
/// file, or what was to write it failed.
fn without_objects(paths: &[PathBuf], packages: &[LoadedPackage]) -> Vec<OperationalError> {
    let is_empty = |path: &&PathBuf| {
        let name = match *path == Path::new(STANDARD_INPUT) {
            true => PathBuf::from(SourceKind::STANDARD_INPUT),
            false => path.to_path_buf(),
        };
        let root = name.parent().unwrap_or(Path::new(""));
        let package = packages.iter().find(|package| package.root == root);
        let file = name.strip_prefix(root).unwrap_or(&name).to_string_lossy();
        let text = package.and_then(|package| package.database.text(&file));
        is_manifest(&name)
            && text.is_some_and(|text| {
                let none = polc_kubernetes::Definitions::default();
                let read = polc_kubernetes::read(&Arc::from(&*file), text, &none);
                read.objects == 0 && read.diagnostics.is_empty()
            })
    };
    let found = paths.iter().filter(is_empty);
    found
        .map(|path| OperationalError::NoObjects { path: path.clone() })
        .collect()
}

/// What a package is called when none of its files is in our language: a file's own name, or that of
/// the directory.
fn name_of(root: &Path, files: &[PathBuf]) -> String {
    let stdin = Path::new(SourceKind::STANDARD_INPUT);
    let name = match files {
        [file] if file != stdin => file.file_stem().map(ToOwned::to_owned),
        [_] => None,
        _ => {
            let root = if root == Path::new("") {
                Path::new(".")
            } else {
                root
            };
            let directory = fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
            directory.file_name().map(ToOwned::to_owned)
        }
    };
    name.map_or_else(
        || "policies".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    )
}

fn read(
    root: PathBuf,
    files: &[PathBuf],
    mut database: Database,
) -> Result<LoadedPackage, Vec<OperationalError>> {
    let mut errors = Vec::new();
    let mut gone: BTreeSet<String> = database.paths().map(str::to_owned).collect();
    for path in files {
        let name = path.strip_prefix(&root).unwrap_or(path).to_string_lossy();
        gone.remove(&*name);
        match read_text(path) {
            Ok(text) => database.set_file(&name, text),
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    for name in gone {
        database.remove_file(&name);
    }
    database.set_name(&name_of(&root, files));
    let analysis = database.analyze();
    Ok(LoadedPackage {
        root,
        database,
        strictness: Strictness::Strict,
        analysis,
    })
}

fn read_text(path: &Path) -> Result<String, OperationalError> {
    let bytes = if path == Path::new(SourceKind::STANDARD_INPUT) {
        let mut bytes = Vec::new();
        let read = io::stdin().lock().read_to_end(&mut bytes);
        read.map(|_| bytes)
    } else {
        fs::read(path)
    };
    let bytes = bytes.map_err(|source| unreadable(path, source))?;
    String::from_utf8(bytes).map_err(|error| OperationalError::NotText {
        path: path.to_owned(),
        offset: error.utf8_error().valid_up_to(),
    })
}

fn unreadable(path: &Path, source: io::Error) -> OperationalError {
    OperationalError::Unreadable {
        path: path.to_owned(),
        source,
    }
}
