//! Hooking programs to interfaces, so that they stay when the agent goes.
//!
//! Where the kernel has tcx (6.6), a hook is a pinned link. A restarted agent updates the link to
//! its own program, which happens between two packets. Before tcx, a hook is a clsact filter with
//! a fixed priority and handle, which a restarted agent replaces in place.
//!
//! polc's programs go first. Whatever they let through, programs behind them still see.

use std::path::Path;

use aya::{
    programs::{
        LinkOrder, ProgramError, SchedClassifier, TcAttachType,
        links::{FdLink, PinnedLink},
        tc::{NlOptions, SchedClassifierLink, TcAttachOptions, TcHandle, qdisc_add_clsact},
    },
    sys::SyscallError,
    util::KernelVersion,
};
use clap::ValueEnum;
use serde::Deserialize;

use crate::{
    Error,
    datapath::Datapath,
    pins::Pins,
    sys::{link, probe},
};

/// Where a program of the datapath belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HookPoint {
    /// What an endpoint sends.
    FromEndpoint,
    /// What is about to enter an endpoint.
    ToEndpoint,
    /// What comes from other machines.
    FromUplink,
    /// What goes to other machines.
    ToUplink,
}

impl HookPoint {
    /// The program's name.
    #[must_use]
    pub const fn program(self) -> &'static str {
        match self {
            Self::FromEndpoint => "from_endpoint",
            Self::ToEndpoint => "to_endpoint",
            Self::FromUplink => "from_uplink",
            Self::ToUplink => "to_uplink",
        }
    }

    const fn attach_type(self) -> TcAttachType {
        match self {
            Self::FromEndpoint | Self::FromUplink => TcAttachType::Ingress,
            Self::ToEndpoint | Self::ToUplink => TcAttachType::Egress,
        }
    }
}

/// A hook that should be there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hook {
    /// Which program.
    pub point: HookPoint,
    /// The interface's name.
    pub interface: String,
    /// Its index.
    pub ifindex: u32,
}

impl Hook {
    /// Whether it is at an uplink.
    #[must_use]
    pub const fn is_at_uplink(&self) -> bool {
        matches!(self.point, HookPoint::FromUplink | HookPoint::ToUplink)
    }
}

/// How this kernel keeps hooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mechanism {
    /// Pinned tcx links, since Linux 6.6
    Tcx,
    /// clsact filters
    Clsact,
}

/// Priority and handle of clsact filters: fixed, so that they are found again. The handle is
/// `polc` in a way that one can remember, and the priority the first there is.
const PRIORITY: u16 = 1;
const HANDLE: TcHandle = TcHandle::new(0, 0x706f);

impl Mechanism {
    /// What this kernel has: tried out, as distributions move features to older versions.
    #[must_use]
    pub fn probe() -> Self {
        match probe::tcx() {
            Ok(true) => Self::Tcx,
            Ok(false) => Self::Clsact,
            // Somebody without the right to ask gets told so by what comes next.
            Err(_) => match KernelVersion::current() {
                Ok(version) if version >= KernelVersion::new(6, 6, 0) => Self::Tcx,
                _ => Self::Clsact,
            },
        }
    }

    /// Makes sure that the hook runs this datapath's program. Whether it is new.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn attach(self, datapath: &mut Datapath, pins: &Pins, hook: &Hook) -> Result<bool, Error> {
        let program = datapath.program(hook.point.program())?;
        let result = match self {
            Self::Tcx => attach_tcx(program, pins, hook),
            Self::Clsact => attach_clsact(program, hook),
        };
        result.map_err(|cause| Error::Attach {
            hook: hook.point.program(),
            interface: hook.interface.clone(),
            cause,
        })
    }

    /// Removes a hook.
    ///
    /// # Errors
    /// What the kernel says; not that there is none.
    pub fn detach(self, pins: &Pins, hook: &Hook) -> Result<(), Error> {
        match self {
            Self::Tcx => {
                let pin = pins.link(hook.point.program(), hook.ifindex);
                link::detach(&pin).map_err(Error::file(pin))
            }
            Self::Clsact => {
                // Dropping the link removes the filter; a filter that is not there is fine.
                drop(existing_filter(hook));
                Ok(())
            }
        }
    }
}

/// Removes links whose interface is gone.
///
/// # Errors
/// The pins cannot be read.
pub fn sweep_links(pins: &Pins, is_wanted: impl Fn(&str) -> bool) -> Result<(), Error> {
    let directory = pins.links();
    for pin in crate::pins::entries(&directory).map_err(Error::file(&directory))? {
        let name = pin.file_name().and_then(|name| name.to_str()).unwrap_or("");
        if !is_wanted(name) {
            link::detach(&pin).map_err(Error::file(&pin))?;
        }
    }
    Ok(())
}

fn attach_tcx(program: &mut SchedClassifier, pins: &Pins, hook: &Hook) -> Result<bool, String> {
    let pin = pins.link(hook.point.program(), hook.ifindex);
    if pin.exists() {
        match update_link(program, &pin)? {
            Updated::Yes => return Ok(false),
            // The index is another's now.
            Updated::InterfaceIsGone => link::detach(&pin).map_err(chain)?,
        }
    }
    let id = program
        .attach_with_options(
            &hook.interface,
            hook.point.attach_type(),
            TcAttachOptions::TcxOrder(LinkOrder::first()),
        )
        .map_err(chain)?;
    let link = program.take_link(id).map_err(chain)?;
    FdLink::try_from(link)
        .map_err(chain)?
        .pin(&pin)
        .map_err(chain)?;
    Ok(true)
}

/// What came of moving a link to another program.
enum Updated {
    Yes,
    /// The link hangs in the air.
    InterfaceIsGone,
}

/// After an error the link is what it was: it is all that closes its interface, and stays.
fn update_link(program: &mut SchedClassifier, pin: &Path) -> Result<Updated, String> {
    let link = FdLink::from(PinnedLink::from_pin(pin).map_err(chain)?);
    let link = SchedClassifierLink::try_from(link).map_err(chain)?;
    let id = match program.attach_to_link(link) {
        Err(ProgramError::SyscallError(SyscallError { io_error, .. }))
            if io_error.raw_os_error() == Some(libc::ENOLINK) =>
        {
            return Ok(Updated::InterfaceIsGone);
        }
        id => id.map_err(chain)?,
    };
    // Ours only for the update: the pin keeps it.
    drop(program.take_link(id).map_err(chain)?);
    Ok(Updated::Yes)
}

fn attach_clsact(program: &mut SchedClassifier, hook: &Hook) -> Result<bool, String> {
    // Fails when there is one already, and then attaching says what is really wrong.
    let _ = qdisc_add_clsact(&hook.interface);
    let options = NlOptions {
        priority: PRIORITY,
        handle: HANDLE,
        classid: None,
    };
    let attached = program.attach_with_options(
        &hook.interface,
        hook.point.attach_type(),
        TcAttachOptions::Netlink(options),
    );
    let (id, is_new) = match attached {
        Ok(id) => (id, true),
        Err(_) => {
            let link = existing_filter(hook).ok_or("no such interface")?;
            (program.attach_to_link(link).map_err(chain)?, false)
        }
    };
    // A filter is removed with its link; this one is to stay.
    std::mem::forget(program.take_link(id).map_err(chain)?);
    Ok(is_new)
}

fn existing_filter(hook: &Hook) -> Option<SchedClassifierLink> {
    SchedClassifierLink::attached(
        &hook.interface,
        hook.point.attach_type(),
        PRIORITY,
        HANDLE,
        None,
    )
    .ok()
}

/// An error with everything that caused it, in one line.
fn chain(error: impl std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
