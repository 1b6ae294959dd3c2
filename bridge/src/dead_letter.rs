//! Dead letters: the message as it came, with the reason in its headers.

use m2m_engine::bus::Envelope;
use m2m_engine::bus::headers::Header;

use crate::reason::Reason;

/// Why it was not delivered.
pub(crate) const REASON: &str = "m2m-dead-letter-reason";
/// The bus and the address that it came from.
const SOURCE: &str = "m2m-dead-letter-source";
/// The bridge and the route that gave it up.
const ROUTE: &str = "m2m-dead-letter-route";

/// What the three are called once the message is driven again.
const REVIVED: [(&str, &str); 3] = [
    (REASON, "m2m-redriven-reason"),
    (SOURCE, "m2m-redriven-source"),
    (ROUTE, "m2m-redriven-route"),
];

/// The longest reason in bytes: brokers bound their headers.
const LONGEST: usize = 512;

/// Says in its headers why `envelope`, which came from `bus`, was not delivered by `hop`.
pub(crate) fn mark(envelope: &mut Envelope, reason: &Reason, bus: &str, hop: &str) {
    let address = &envelope.address;
    let source = match address.exchange.as_str() {
        "" => format!("{bus}/{}", address.name),
        exchange => format!("{bus}/{exchange}/{}", address.name),
    };
    envelope.headers.retain(|header| !REVIVED.iter().any(|(name, _)| is(header, name)));
    for (name, value) in [(REASON, reason.to_string()), (SOURCE, source), (ROUTE, hop.to_owned())] {
        envelope.headers.push(Header::text(name, one_line(&value)));
    }
}

/// Renames the headers that [`mark`] set, so that they are kept and mean nothing to the next route.
pub(super) fn revive(envelope: &mut Envelope) {
    for (name, revived) in REVIVED {
        if envelope.header(name).is_some() {
            envelope.headers.retain(|header| !is(header, revived));
        }
        for header in envelope.headers.iter_mut().filter(|header| is(header, name)) {
            revived.clone_into(&mut header.name);
        }
    }
}

fn is(header: &Header, name: &str) -> bool {
    header.name.eq_ignore_ascii_case(name)
}

/// What a broker's error says may hold line feeds, which no header may.
fn one_line(text: &str) -> String {
    let mut line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.truncate(line.floor_char_boundary(LONGEST));
    line
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

    use m2m_engine::bus::Address;

    use super::*;

    #[test]
    fn a_dead_letter_says_why_and_can_be_driven_again() {
        let mut envelope = Envelope {
            address: Address { name: "orders".to_owned(), exchange: "x".to_owned() },
            headers: vec![Header::text("tenant", "acme")],
            ..Envelope::default()
        };
        let refused = |error: &str| Reason::Refused { error: error.to_owned() };
        mark(&mut envelope, &refused("first"), "rabbit", "edge/r");
        mark(
            &mut envelope,
            &refused(&format!("no\r\n{}", "ü".repeat(LONGEST))),
            "rabbit",
            "edge/r",
        );
        let reason = envelope.header(REASON).unwrap().to_owned();
        assert!(reason.contains("no  ü") && !reason.contains("first") && reason.len() <= LONGEST);
        assert_eq!(envelope.header(SOURCE), Some("rabbit/x/orders"));
        assert_eq!(envelope.header(ROUTE), Some("edge/r"));
        assert_eq!(envelope.headers.len(), 4);
        for _ in 0..2 {
            revive(&mut envelope);
            assert_eq!(envelope.header(REASON), None);
        }
        assert_eq!(envelope.header("m2m-redriven-reason"), Some(reason.as_str()));
        assert_eq!(envelope.header("tenant"), Some("acme"));
        assert_eq!(envelope.headers.len(), 4);
    }
}
