//! The BPF file system.
#![expect(unsafe_code, reason = "calls statfs(2) and mount(2)")]

use std::{ffi::CString, fs, io, mem::MaybeUninit, os::unix::ffi::OsStrExt as _, path::Path};

/// File systems that the agent asks about, by the number that statfs(2) says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileSystem {
    /// Where programs and maps are pinned.
    Bpf,
    /// The hierarchy of cgroup v2.
    Cgroup2,
}

impl FileSystem {
    const fn magic(self) -> u64 {
        match self {
            Self::Bpf => 0xcafe_4a11,
            Self::Cgroup2 => 0x6367_7270,
        }
    }

    /// Whether what is at `path` is such a file system.
    ///
    /// # Errors
    /// Nothing is there, or it may not be looked at.
    pub fn is_at(self, path: &Path) -> io::Result<bool> {
        let path = CString::new(path.as_os_str().as_bytes())?;
        let mut stat = MaybeUninit::<libc::statfs>::uninit();
        // SAFETY: the path is a C string, and `stat` has room.
        if unsafe { libc::statfs(path.as_ptr(), stat.as_mut_ptr()) } != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: written by the call that has just succeeded.
        Ok(unsafe { stat.assume_init() }.f_type as u64 == self.magic())
    }
}

/// Mounts the BPF file system at `path` unless it is there already.
///
/// # Errors
/// What the kernel says.
pub fn ensure_bpffs(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)?;
    if FileSystem::Bpf.is_at(path)? {
        return Ok(());
    }
    let target = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: C strings, and no data.
    let failed = unsafe {
        libc::mount(
            c"bpf".as_ptr(),
            target.as_ptr(),
            c"bpf".as_ptr(),
            libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC,
            c"mode=0700".as_ptr().cast(),
        )
    };
    if failed == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
