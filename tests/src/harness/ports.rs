//! Free loopback ports that stay free while a broker is down.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// Below the ports that Linux (32768 up) and macOS (49152 up) give to outgoing connections: a client that keeps trying to
/// reach a stopped broker could otherwise be given the broker's own port, and hold it, or even connect to itself.
const FIRST: u32 = 15_000;
const COUNT: u32 = 15_000;

/// A port that nothing listens on and that this process has not handed out before.
pub(super) fn free() -> io::Result<u16> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Processes start apart, so that two test runs on one machine seldom try the same port.
    let start = std::process::id().wrapping_mul(331);
    (0..COUNT)
        .filter_map(|_| {
            let step = start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
            u16::try_from(FIRST + step % COUNT).ok()
        })
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .ok_or_else(|| io::ErrorKind::AddrInUse.into())
}
