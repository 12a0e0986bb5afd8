//! Reading a bundle, strictly.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    io::{self, Write},
};

use polc_model::Model;
use polc_plan::Plan;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{Bundle, BundleError, Digest, FORMAT_VERSION, KERNEL, Manifest, archive, json};

/// Entries whose digests are known, by name: the content and what the manifest says.
#[derive(Default)]
pub(crate) struct Known<'a>(BTreeMap<Cow<'a, str>, (Cow<'a, [u8]>, String)>);

impl<'a> Known<'a> {
    /// The entries of a bundle that was decoded. Of other bytes, none.
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        let entries = archive::read(bytes).unwrap_or_default();
        let manifest = entries.iter().find(|(name, _)| name == archive::MANIFEST);
        let manifest = manifest.map(|(_, content)| parse(archive::MANIFEST, content));
        let Some(Ok(Manifest {
            entries: mut digests,
            ..
        })) = manifest
        else {
            return Self::default();
        };
        let known = entries.into_iter().filter_map(|(name, content)| {
            let digest = digests.remove(&*name)?;
            Some((name, (content, digest)))
        });
        Self(known.collect())
    }

    /// The digest of an entry. Comparing bytes is an order of magnitude faster than digesting them.
    fn digest(&self, name: &str, content: &[u8]) -> Cow<'_, str> {
        match self.0.get(name) {
            Some((known, digest)) if **known == *content => Cow::Borrowed(digest),
            _ => Cow::Owned(Digest::of(content).to_string()),
        }
    }
}

pub(crate) fn decode(bytes: &[u8], known: &Known<'_>) -> Result<(Bundle, Digest), BundleError> {
    let mut entries = archive::read(bytes)?.into_iter();
    let digest = next(&mut entries, archive::DIGEST)?;
    let manifest_bytes = next(&mut entries, archive::MANIFEST)?;
    let name = Digest::of(&manifest_bytes);
    if name.to_string().as_bytes() != &*digest {
        return Err(damaged("its digest does not fit its manifest".to_owned()));
    }
    check_format(&manifest_bytes)?;
    let manifest: Manifest = parse(archive::MANIFEST, &manifest_bytes)?;
    let entries = entries.as_slice();
    check_digests(&manifest, entries, known)?;
    let model = model(entries)?;
    let plan: Plan = one_way(entries, 1, Manifest::PLAN)?;
    polc_plan::validate(&model, &plan).map_err(|cause| BundleError::Invalid(cause.to_string()))?;
    let programs = entries.iter().skip(2);
    let programs: Vec<Vec<u8>> = programs.map(|(_, content)| content.to_vec()).collect();
    if programs.len() != plan.classes.len() {
        return Err(damaged(
            "it has not one program for each class of its plan".to_owned(),
        ));
    }
    // There is one manifest for these entries.
    let again = Manifest {
        format: FORMAT_VERSION,
        package: model.package.clone(),
        kernel: KERNEL.to_owned(),
        compiler: manifest.compiler.clone(),
        entries: manifest.entries.clone(),
    };
    if *json(&again)? != *manifest_bytes || manifest.entries.len() != programs.len() + 2 {
        return Err(BundleError::not_as_written());
    }
    let bundle = Bundle {
        compiler: manifest.compiler,
        model,
        plan,
        programs,
    };
    Ok((bundle, name))
}

/// Whether the entries are what the manifest says.
fn check_digests(
    manifest: &Manifest,
    entries: &[archive::Entry<'_>],
    known: &Known<'_>,
) -> Result<(), BundleError> {
    let names = entries.iter().map(|(name, _)| &**name);
    let expected = Manifest::names(entries.len().saturating_sub(2));
    if !names.eq(expected.iter().map(String::as_str)) {
        return Err(damaged(
            "its entries are not those of a bundle, in their order".to_owned(),
        ));
    }
    for (name, content) in entries {
        let expected = manifest.entries.get(&**name).map(String::as_str);
        if expected != Some(&known.digest(name, content)) {
            return Err(damaged(format!("`{name}` does not fit its digest")));
        }
    }
    Ok(())
}

/// What the first entry says.
fn model(entries: &[archive::Entry<'_>]) -> Result<Model, BundleError> {
    let model: Model = one_way(entries, 0, Manifest::MODEL)?;
    polc_model::validate::validate(&model)
        .map_err(|cause| BundleError::Invalid(cause.to_string()))?;
    // A node compiles further classes of this Model by itself, so nothing may be in it that the
    // compiler would have refused.
    match polc_plan::unsupported(&model).first() {
        Some(unsupported) => Err(BundleError::Invalid(unsupported.to_string())),
        None => Ok(model),
    }
}

/// The value of the entry at this position, with this name. There is one way to write each value.
fn one_way<T: Serialize + DeserializeOwned>(
    entries: &[archive::Entry<'_>],
    position: usize,
    wanted: &str,
) -> Result<T, BundleError> {
    let content = match entries.get(position) {
        Some((name, content)) if name == wanted => content,
        Some((name, _)) => return Err(misplaced(name, wanted)),
        None => return Err(missing(wanted)),
    };
    let value: T = parse(wanted, content)?;
    let mut rest = Expected(content);
    match serde_json::to_writer(&mut rest, &value) {
        Ok(()) if rest.0 == b"\n" => Ok(value),
        _ => Err(BundleError::not_as_written()),
    }
}

/// What is still to be written, which must be this.
struct Expected<'a>(&'a [u8]);

impl Write for Expected<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self
            .0
            .strip_prefix(bytes)
            .ok_or(io::ErrorKind::InvalidData)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn misplaced(name: &str, wanted: &str) -> BundleError {
    damaged(format!("it holds `{name}` where `{wanted}` belongs"))
}

fn missing(wanted: &str) -> BundleError {
    damaged(format!("`{wanted}` is missing"))
}

/// The content of the next entry, which has this name.
fn next<'a>(
    entries: &mut impl Iterator<Item = archive::Entry<'a>>,
    wanted: &str,
) -> Result<Cow<'a, [u8]>, BundleError> {
    match entries.next() {
        Some((name, content)) if name == wanted => Ok(content),
        Some((name, _)) => Err(misplaced(&name, wanted)),
        None => Err(missing(wanted)),
    }
}

/// Asks for the format before anything else, which may look different in another format.
fn check_format(manifest: &[u8]) -> Result<(), BundleError> {
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    match parse(archive::MANIFEST, manifest)? {
        Format { format } if format > FORMAT_VERSION => Err(BundleError::TooNew(format)),
        Format { format } if format < FORMAT_VERSION => Err(BundleError::TooOld(format)),
        Format { .. } => Ok(()),
    }
}

fn parse<T: DeserializeOwned>(name: &str, bytes: &[u8]) -> Result<T, BundleError> {
    // Once for all of it: quicker than for each string.
    let text = std::str::from_utf8(bytes)
        .map_err(|cause| BundleError::Invalid(format!("`{name}`: {cause}")))?;
    serde_json::from_str(text).map_err(|cause| BundleError::Invalid(format!("`{name}`: {cause}")))
}

fn damaged(what: String) -> BundleError {
    BundleError::Damaged(what)
}
