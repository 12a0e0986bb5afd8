//! The BPF file system.
#![expect(unsafe_code, reason = "calls statfs(2) and mount(2)")]

use std::{ffi::CString, fs, io, mem::MaybeUninit, os::unix::ffi::OsStrExt as _, path::Path};

const BPF_FS_MAGIC: u64 = 0xcafe_4a11;

/// Mounts the BPF file system at `path` unless it is there already.
///
/// # Errors
/// What the kernel says.
pub fn ensure_bpffs(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)?;
    let target = CString::new(path.as_os_str().as_bytes())?;
    let mut stat = MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: the path is a C string, and `stat` has room.
    if unsafe { libc::statfs(target.as_ptr(), stat.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: written by the call that has just succeeded.
    if unsafe { stat.assume_init() }.f_type as u64 == BPF_FS_MAGIC {
        return Ok(());
    }
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
