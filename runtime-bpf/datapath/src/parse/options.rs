//! IPv4 options: which way a packet goes is the routes' business and not its sender's.

use aya_ebpf::programs::TcContext;
use polc_abi::verdict::DropReason;

use crate::{bytes::load, packet::Packet};

/// Bytes that a header has room for: so many options, when each is a `NO_OPERATION`.
const ROOM: u32 = 40;

const END_OF_OPTIONS: u8 = 0;
const NO_OPERATION: u8 = 1;
const LOOSE_SOURCE_ROUTE: u8 = 131;
const STRICT_SOURCE_ROUTE: u8 = 137;

/// Refuses source routes, by which a packet goes on from its destination to places that policy was
/// never asked about, and options that cannot be followed to their end, as nobody can say what is in
/// them. The options are between `at` and `end`.
///
/// Where it is, it keeps in the packet memory: the verifier forgets what goes there, and so does not
/// follow every way through the options on its own.
#[inline(always)]
pub fn check(ctx: &TcContext, packet: &mut Packet, at: u32, end: u32) -> Result<(), DropReason> {
    let cursor = &raw mut packet.cursor;
    // SAFETY: this CPU's packet memory. Volatile, or it would be kept in a register.
    unsafe { cursor.write_volatile(at) };
    for _ in 0..ROOM {
        // SAFETY: as above.
        let at = unsafe { cursor.read_volatile() };
        if at >= end {
            break;
        }
        let [kind]: [u8; 1] = load(ctx, at).ok_or(DropReason::Malformed)?;
        let length = match kind {
            END_OF_OPTIONS => break,
            NO_OPERATION => 1,
            LOOSE_SOURCE_ROUTE | STRICT_SOURCE_ROUTE => return Err(DropReason::Malformed),
            _ => {
                let [length]: [u8; 1] = load(ctx, at + 1).ok_or(DropReason::Malformed)?;
                if at + 1 >= end || length < 2 {
                    return Err(DropReason::Malformed);
                }
                u32::from(length)
            }
        };
        if at + length > end {
            return Err(DropReason::Malformed);
        }
        // SAFETY: as above.
        unsafe { cursor.write_volatile(at + length) };
    }
    Ok(())
}
