//! The loop guard: a header that lists the routes behind a message.

use m2m_engine::bus::Envelope;
use m2m_engine::bus::headers::Header;

use crate::dead_letter;
use crate::reason::Reason;

/// Lists the hops behind a message, oldest first, comma-separated: bridge, slash, route.
pub(crate) const HEADER: &str = "m2m-route";

/// The hops behind a message, this one included.
///
/// # Errors
/// When `hop` is among them, or `limit` of them lie behind: the message is not to go on.
pub(crate) fn pass(envelope: &Envelope, hop: &str, limit: usize) -> Result<String, Reason> {
    let mut hops: Vec<&str> = envelope
        .headers
        .iter()
        .filter(|header| is_guard(header))
        .filter_map(Header::as_text)
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .filter(|hop| !hop.is_empty())
        .collect();
    if hops.contains(&hop) {
        return Err(Reason::Loop { hop: hop.to_owned() });
    }
    if hops.len() >= limit {
        return Err(Reason::TooManyHops { hops: hops.len(), limit });
    }
    hops.push(hop);
    Ok(hops.join(","))
}

/// Sets the header.
pub(crate) fn set(envelope: &mut Envelope, hops: String) {
    clear(envelope);
    envelope.headers.push(Header::text(HEADER, hops));
}

fn clear(envelope: &mut Envelope) {
    envelope.headers.retain(|header| !is_guard(header));
}

/// Lets a dead letter begin anew: forgets the hops behind it, and what its last death was called. Without the latter the guard would
/// be forgotten at every later hop too.
pub(crate) fn redrive(envelope: &mut Envelope) {
    clear(envelope);
    dead_letter::revive(envelope);
}

fn is_guard(header: &Header) -> bool {
    header.name.eq_ignore_ascii_case(HEADER)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

    use super::*;

    fn behind(hops: &[&str]) -> Envelope {
        let headers = hops.iter().map(|hops| Header::text("M2M-Route", *hops)).collect();
        Envelope { headers, ..Envelope::default() }
    }

    #[test]
    fn hops_add_up_however_they_are_listed() {
        assert_eq!(pass(&behind(&[]), "b/r", 8).unwrap(), "b/r");
        let envelope = &mut behind(&["a/1, a/2", "c/1"]);
        let hops = pass(envelope, "b/r", 8).unwrap();
        assert_eq!(hops, "a/1,a/2,c/1,b/r");
        set(envelope, hops);
        assert_eq!(envelope.headers, [Header::text(HEADER, "a/1,a/2,c/1,b/r")]);
    }

    #[test]
    fn the_same_route_of_the_same_bridge_is_a_loop_another_is_none() {
        let seen = behind(&["edge/in,core/in"]);
        assert_eq!(pass(&seen, "core/in", 8), Err(Reason::Loop { hop: "core/in".to_owned() }));
        assert!(pass(&seen, "core/out", 8).is_ok());
        assert!(pass(&seen, "far/in", 8).is_ok());
    }

    #[test]
    fn the_limit_counts_the_hops_behind() {
        assert!(pass(&behind(&["a/1"]), "b/r", 2).is_ok());
        let hops = behind(&["a/1,a/2"]);
        assert_eq!(pass(&hops, "b/r", 2), Err(Reason::TooManyHops { hops: 2, limit: 2 }));
    }
}
