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

/// Where the stack is aligned, so that what is in it is read and written in whole words.
#[repr(C, align(8))]
pub struct Aligned<T>(pub MaybeUninit<T>);

/// Reads from the packet, wherever in the buffer it lies. `None` beyond its end.
#[inline(always)]
pub fn load<T: Header>(ctx: &TcContext, offset: u32) -> Option<T> {
    let mut value = Aligned(MaybeUninit::<T>::uninit());
    // SAFETY: the helper writes all of `value` or fails.
    let failed = unsafe {
        bpf_skb_load_bytes(
            ctx.skb.skb.cast(),
            offset,
            value.0.as_mut_ptr().cast(),
            size_of::<T>() as u32,
        )
    };
    // SAFETY: written, and any bytes are a `T`.
    (failed == 0).then(|| unsafe { value.0.assume_init() })
}

/// Reads an address from the packet to where it belongs. `None` beyond the packet's end, and then
/// what is there is zero.
#[inline(always)]
pub fn load_address(ctx: &TcContext, offset: u32, to: &mut Address) -> Option<()> {
    // SAFETY: the helper writes all of `to`.
    let failed = unsafe {
        bpf_skb_load_bytes(
            ctx.skb.skb.cast(),
            offset,
            to.as_mut_ptr().cast(),
            size_of::<Address>() as u32,
        )
    };
    (failed == 0).then_some(())
}

/// Writes an IPv4 address in its mapped form.
///
/// # Safety
/// `to` is aligned to eight bytes.
#[inline(always)]
pub unsafe fn set_ipv4(to: &mut Address, octets: [u8; 4]) {
    let to = to.as_mut_ptr().cast::<u64>();
    // SAFETY: sixteen bytes, aligned by the caller's promise.
    unsafe {
        to.write(0);
        to.add(1).write(mapped(octets));
    }
}

/// The second half of an IPv4 address's mapped form.
#[inline(always)]
fn mapped([a, b, c, d]: [u8; 4]) -> u64 {
    let mark = u64::from(u32::from_ne_bytes([0, 0, 0xff, 0xff]));
    u64::from(u32::from_ne_bytes([a, b, c, d])) << 32 | mark
}

/// Copies an address. As an array of bytes it would be copied byte by byte, and whoever reads it as
/// words soon after would wait for each of them.
///
/// # Safety
/// Both point at addresses that are aligned to eight bytes, and `to` may be written.
#[inline(always)]
pub unsafe fn copy(to: *mut Address, from: *const Address) {
    let (to, from) = (to.cast::<u64>(), from.cast::<u64>());
    // SAFETY: sixteen bytes each, aligned by the caller's promise.
    unsafe {
        to.write(from.read());
        to.add(1).write(from.add(1).read());
    }
}

/// Swaps two addresses.
///
/// # Safety
/// Both point at different addresses that are aligned to eight bytes and may be written.
#[inline(always)]
pub unsafe fn swap(left: *mut Address, right: *mut Address) {
    let (left, right) = (left.cast::<u64>(), right.cast::<u64>());
    // SAFETY: sixteen bytes each, aligned by the caller's promise.
    unsafe {
        let (first, second) = (left.read(), left.add(1).read());
        left.write(right.read());
        left.add(1).write(right.add(1).read());
        right.write(first);
        right.add(1).write(second);
    }
}

/// Makes a value in map memory zero, word by word: `memset` is a call and a loop over bytes.
///
/// # Safety
/// `T` is aligned to eight bytes, has a multiple of them, and is valid for zeros.
#[inline(always)]
pub unsafe fn zero<T>(value: &mut T) {
    let words = core::ptr::from_mut(value).cast::<u64>();
    let mut word = 0;
    while word < size_of::<T>() / size_of::<u64>() {
        // SAFETY: inside the value. Volatile, or it would become `memset` again.
        unsafe { words.add(word).write_volatile(0) };
        word += 1;
    }
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
