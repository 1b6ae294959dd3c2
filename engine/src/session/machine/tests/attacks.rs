//! Somebody in the middle.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::*;
use crate::session::handshake::{BLANK, KEY, PROOF};

/// Everything that can be changed, one at a time.
fn edits(message: &[u8]) -> Vec<(String, Vec<u8>)> {
    let text = String::from_utf8(message.to_vec()).unwrap();
    let mut edited = Vec::new();
    for at in 0..message.len() {
        for bit in 0..7 {
            let mut flipped = message.to_vec();
            flipped[at] ^= 1 << bit;
            edited.push((format!("bit {bit} of byte {at}"), flipped));
        }
    }
    for (from, to) in [("\"m2m\",", ""), (PROOF, "m2m-prof"), (KEY, "m2m-kez"), ("\"a\"", "\"z\"")]
    {
        if text.contains(from) {
            edited.push((format!("{from} to {to}"), text.replace(from, to).into_bytes()));
        }
    }
    edited
}

#[test]
fn with_the_organisations_key_nothing_of_the_handshake_can_be_changed() {
    let now = moment();
    let mut a = machine("a", organisation(), now);
    let hello = a.connect(&seed(), now).unwrap();
    for (what, edited) in edits(&hello) {
        let mut b = machine("b", organisation(), now);
        // Refused as no message, or answered by REJECT.
        drop(b.receive(&edited, &seed(), now));
        assert_ne!(b.state(), State::Established, "HELLO with {what}");
    }
    let mut b = machine("b", organisation(), now);
    let accept = answer(b.receive(&hello, &seed(), now).unwrap());
    for (what, edited) in edits(&accept) {
        assert!(a.receive(&edited, &seed(), now).is_err(), "ACCEPT with {what}");
        assert_eq!(a.state(), State::HelloSent, "ACCEPT with {what}");
    }
    a.receive(&accept, &seed(), now).unwrap();
    let ping = a.ping(now).unwrap();
    assert!(matches!(b.receive(&ping, &seed(), now).unwrap(), Received::Answer(_)));
}

/// The message with the key in it swapped for `key`.
fn swapped(message: &[u8], key: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(message.to_vec()).unwrap();
    let at = text.find(KEY).unwrap() + KEY.len() + 3;
    format!("{}{}{}", &text[..at], STANDARD.encode(key), &text[at + BLANK.len()..]).into_bytes()
}

#[test]
fn a_man_in_the_middle_who_swaps_keys_reads_along_without_the_organisations_key_and_fails_with_it()
{
    let now = moment();
    let public = |machine: &Machine| *machine.secret.as_ref().unwrap().public().as_bytes();
    // Without: he talks to both, each of whom believes to talk to the other.
    let mut a = machine("a", Protection::Encrypted, now);
    let mut b = machine("b", Protection::Encrypted, now);
    let hello = a.connect(&seed(), now).unwrap();
    let mut to_b = machine("a", Protection::Encrypted, now);
    let his_hello = to_b.connect(&seed(), now).unwrap();
    let mut to_a = machine("b", Protection::Encrypted, now);
    let his_accept = answer(to_a.receive(&hello, &seed(), now).unwrap());
    let accept = answer(b.receive(&his_hello, &seed(), now).unwrap());
    to_b.receive(&accept, &seed(), now).unwrap();
    a.receive(&his_accept, &seed(), now).unwrap();
    let secret = a.send(b"secret", now).unwrap();
    assert_eq!(to_a.receive(&secret, &seed(), now).unwrap(), Received::Payload(b"secret".to_vec()));

    // With: his keys in their messages are found out, by both.
    let his = public(&{
        let mut his = machine("m", Protection::Encrypted, now);
        his.connect(&seed(), now).unwrap();
        his
    });
    let mut a = machine("a", organisation(), now);
    let hello = a.connect(&seed(), now).unwrap();
    let mut b = machine("b", organisation(), now);
    let reject = answer(b.receive(&swapped(&hello, &his), &seed(), now).unwrap());
    assert_eq!(
        b.end(),
        Some(&End::NotAgreed { code: crate::session::RejectionCode::SecurityPolicy })
    );
    // It rejects another HELLO than the one that was sent, which is no reason to give up.
    assert!(matches!(a.receive(&reject, &seed(), now), Err(SessionError::NotAuthentic { .. })));
    let mut b = machine("b", organisation(), now);
    let accept = answer(b.receive(&hello, &seed(), now).unwrap());
    let result = a.receive(&swapped(&accept, &his), &seed(), now);
    assert!(matches!(result, Err(SessionError::NotAuthentic { kind: Kind::Accept })), "{result:?}");
    assert_eq!(a.state(), State::HelloSent);
    a.receive(&accept, &seed(), now).unwrap();
    assert_eq!(a.state(), State::Established);
}

#[test]
fn an_answer_to_another_hello_is_refused() {
    let now = moment();
    let mut a = machine("a", organisation(), now);
    a.connect(&seed(), now).unwrap();
    let Pair { accept, .. } = pair(&organisation());
    assert!(matches!(a.receive(&accept, &seed(), now), Err(SessionError::NotAuthentic { .. })));
}

#[test]
fn messages_of_another_session_are_refused_whatever_id_they_bear() {
    for protection in [Protection::Off, Protection::Encrypted, organisation()] {
        let Pair { mut b, a: ours, now, .. } = pair(&protection);
        let Pair { a: mut other, .. } = pair(&protection);
        for message in
            [other.send(b"{}", now).unwrap(), other.ping(now).unwrap(), other.close(now).unwrap()]
        {
            let result = b.receive(&message, &seed(), now);
            assert!(matches!(result, Err(SessionError::OtherSession { .. })), "{result:?}");
            let text = String::from_utf8(message).unwrap().replace(other.id(), ours.id());
            if b.is_encrypted() {
                let result = b.receive(text.as_bytes(), &seed(), now);
                assert!(matches!(result, Err(SessionError::NotAuthentic { .. })), "{result:?}");
            }
        }
        assert_eq!(b.state(), State::Established);
    }
}

#[test]
fn with_keys_nothing_is_taken_twice_sent_back_or_changed() {
    let Pair { mut a, mut b, now, .. } = pair(&Protection::Encrypted);
    let data = a.send(b"{\"n\":1}", now).unwrap();
    let (ping, late) = (a.ping(now).unwrap(), a.send(b"late", now).unwrap());
    for message in [&data, &ping, &late] {
        let result = a.receive(message, &seed(), now);
        assert!(matches!(result, Err(SessionError::NotAuthentic { .. })), "sent back: {result:?}");
    }
    for message in [&data, &ping] {
        for (what, edited) in edits(message) {
            // A time stamp is nobody's business, and white space and case of a member that is passed over say nothing.
            if let Ok(received) = b.receive(&edited, &seed(), now) {
                let text = String::from_utf8_lossy(&edited).into_owned();
                let stamp = text.find("\"timestamp\"").unwrap();
                let sent = String::from_utf8_lossy(message).into_owned();
                assert_eq!(text[..stamp], sent[..stamp], "{what}");
                assert!(matches!(received, Received::Payload(_) | Received::Answer(_)));
                // It counts as the message now.
                let again = b.receive(message, &seed(), now);
                assert!(matches!(again, Err(SessionError::Repeated { .. })), "{again:?}");
                break;
            }
        }
    }
    assert_eq!(b.receive(&late, &seed(), now).unwrap(), Received::Payload(b"late".to_vec()));
    assert!(matches!(b.receive(&late, &seed(), now), Err(SessionError::Repeated { counter: 2 })));
}

#[test]
fn with_keys_a_plain_payload_is_refused() {
    let Pair { mut a, mut b, now, .. } = pair(&Protection::Encrypted);
    let Pair { a: mut plain, .. } = pair(&Protection::Off);
    for algorithm in crate::encode::Algorithm::ALL.map(crate::session::Algorithm::from) {
        plain.agreed.as_mut().unwrap().algorithm = algorithm;
        let text = String::from_utf8(plain.send(b"hello", now).unwrap()).unwrap();
        let text = text.replace(plain.id(), b.id());
        let counted = text.replace("\"content\"", "\"counter\":5,\"content\"");
        for message in [text, counted] {
            let result = b.receive(message.as_bytes(), &seed(), now);
            assert!(matches!(result, Err(SessionError::NotAuthentic { .. })), "{result:?}");
        }
    }
    let data = a.send(b"hello", now).unwrap();
    assert!(b.receive(&data, &seed(), now).is_ok());
}

#[test]
fn secrets_are_not_printed() {
    let Pair { a, .. } = pair(&organisation());
    let printed = format!("{a:?} {:?} {:?} {:?}", a.keys, a.settings, seed());
    for secret in ["[7, 7", "0707", "BwcH"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}
