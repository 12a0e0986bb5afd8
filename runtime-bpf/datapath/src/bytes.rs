//! Reading packets and comparing addresses in ways that the verifier and the BPF back end like.

use core::mem::MaybeUninit;

use aya_ebpf::{helpers::generated::bpf_skb_load_bytes, programs::TcContext};
use polc_abi::key::Address;

/// Bytes of the link header in front of every packet that the hooks see.
pub const LINK_HEADER: u32 = 14;

/// Types that any bytes of a packet may be read as.
///
/// # Safety
/// `repr(C)` or an array, without padding, and valid for every bit pattern.
pub unsafe trait Header: Copy {}
// SAFETY: integers.
unsafe impl<const N: usize> Header for [u8; N] {}

/// Reads from the packet, wherever in the buffer it lies. `None` beyond its end.
#[inline(always)]
pub fn load<T: Header>(ctx: &TcContext, offset: u32) -> Option<T> {
    let mut value = MaybeUninit::<T>::uninit();
    // SAFETY: the helper writes all of `value` or fails.
    let failed = unsafe {
        bpf_skb_load_bytes(
            ctx.skb.skb.cast(),
            offset,
            value.as_mut_ptr().cast(),
            size_of::<T>() as u32,
        )
    };
    // SAFETY: written, and any bytes are a `T`.
    (failed == 0).then(|| unsafe { value.assume_init() })
}

/// A big-endian number out of a header.
#[inline(always)]
pub const fn be16(high: u8, low: u8) -> u16 {
    (high as u16) << 8 | low as u16
}

/// Whether two addresses in map memory are equal. Never a call to `memcmp`, which BPF has not got,
/// and never a branch for each byte, which would double the verifier's work sixteen times.
///
/// # Safety
/// Both are aligned to eight bytes.
#[inline(always)]
pub unsafe fn same(left: &Address, right: &Address) -> bool {
    let (left, right) = (left.as_ptr().cast::<u64>(), right.as_ptr().cast::<u64>());
    // SAFETY: sixteen bytes each, aligned by the caller's promise.
    let difference =
        unsafe { (left.read() ^ right.read()) | (left.add(1).read() ^ right.add(1).read()) };
    difference == 0
}
