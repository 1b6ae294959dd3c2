//! Who comes to terms with whom.

use super::*;
use crate::session::{Algorithm, Compression, Encoding, RejectionCode};

fn shake(a: &mut Machine, b: &mut Machine, now: Moment) -> (Vec<u8>, Vec<u8>) {
    let hello = a.connect(&seed(), now).unwrap();
    let accept = answer(b.receive(&hello, &seed(), now).unwrap());
    a.receive(&accept, &seed(), now).ok();
    (hello, accept)
}

#[test]
fn payloads_go_both_ways_in_every_protection_and_every_algorithm() {
    for protection in [Protection::Off, Protection::Prefer, Protection::Encrypted, organisation()] {
        let encrypted = !matches!(protection, Protection::Off);
        for first in [Algorithm::M2m, Algorithm::Brotli, Algorithm::None, Algorithm::TokenNative] {
            let now = moment();
            let mut settings = settings("a", protection.clone());
            settings.algorithms.sort_by_key(|algorithm| *algorithm != first);
            let mut a = machine_of(settings, now);
            let mut b = machine("b", protection.clone(), now);
            shake(&mut a, &mut b, now);
            assert_eq!(a.is_encrypted(), encrypted);
            assert_eq!(
                a.agreed().unwrap().algorithm,
                if encrypted { Algorithm::M2m } else { first }
            );
            for payload in PAYLOADS {
                let data = a.send(payload, now).unwrap();
                assert_eq!(
                    b.receive(&data, &seed(), now).unwrap(),
                    Received::Payload(payload.to_vec())
                );
                let data = b.send(payload, now).unwrap();
                assert_eq!(
                    a.receive(&data, &seed(), now).unwrap(),
                    Received::Payload(payload.to_vec())
                );
            }
        }
    }
}

#[test]
fn who_comes_to_terms_with_whom() {
    let other = || Protection::Authenticated(KeyMaterial::from([8; 32]));
    let policy = RejectionCode::SecurityPolicy;
    // The answering side's end where it rejects; the other's where it cannot take the answer; whether there are keys where both agree.
    for (a, b, b_rejects, a_is_open, keys) in [
        (Protection::Off, Protection::Off, None, true, false),
        (Protection::Off, Protection::Prefer, None, true, false),
        (Protection::Prefer, Protection::Off, None, true, false),
        (Protection::Prefer, Protection::Encrypted, None, true, true),
        (Protection::Off, Protection::Encrypted, Some(policy), false, false),
        (Protection::Encrypted, Protection::Off, None, false, false),
        (Protection::Encrypted, organisation(), Some(policy), false, false),
        (organisation(), Protection::Encrypted, None, false, false),
        (organisation(), other(), Some(policy), false, false),
        (organisation(), organisation(), None, true, true),
    ] {
        let case = format!("{a:?} with {b:?}");
        let now = moment();
        let (mut a, mut b) = (machine("a", a, now), machine("b", b, now));
        shake(&mut a, &mut b, now);
        let rejected = b.end().map(|end| match end {
            End::NotAgreed { code } => *code,
            other => unreachable!("{other:?}"),
        });
        assert_eq!(rejected, b_rejects, "{case}");
        assert_eq!(a.state() == State::Established, a_is_open, "{case}: {a:?}");
        if a_is_open {
            assert_eq!((a.is_encrypted(), b.is_encrypted()), (keys, keys), "{case}");
        }
    }
}

#[test]
fn another_version_no_common_algorithm_and_our_own_id_are_rejected() {
    let now = moment();
    let rejected = |a: Settings, b: Settings, edit: fn(String) -> String| {
        let (mut a, mut b) = (machine_of(a, now), machine_of(b, now));
        let hello = String::from_utf8(a.connect(&seed(), now).unwrap()).unwrap();
        let reject = answer(b.receive(edit(hello).as_bytes(), &seed(), now).unwrap());
        a.receive(&reject, &seed(), now).unwrap();
        assert_eq!(a.state(), State::Closed);
        match a.end() {
            Some(End::Rejected { code, .. }) => *code,
            other => unreachable!("{other:?}"),
        }
    };
    let plain = |id| settings(id, Protection::Encrypted);
    let code = rejected(plain("a"), plain("b"), |hello| hello.replace("\"3.0\"", "\"9.0\""));
    assert_eq!(code, RejectionCode::VersionMismatch);
    let only =
        |id, algorithm| Settings { algorithms: vec![algorithm], ..settings(id, Protection::Off) };
    let code = rejected(only("a", Algorithm::M2m), only("b", Algorithm::Brotli), |hello| hello);
    assert_eq!(code, RejectionCode::NoCommonAlgorithm);
    // A key exchange is of no use without M2M v1.
    let brotli = |id| Settings { algorithms: vec![Algorithm::Brotli], ..plain(id) };
    assert_eq!(rejected(brotli("a"), brotli("b"), |hello| hello), RejectionCode::NoCommonAlgorithm);
    let code =
        rejected(settings("a", organisation()), settings("a", organisation()), |hello| hello);
    assert_eq!(code, RejectionCode::SecurityPolicy);
    // A point of low order, with which every exchange gives zeros.
    let code = rejected(plain("a"), plain("b"), |hello| {
        let at = hello.find("\"m2m-key\":\"").unwrap() + 11;
        format!("{}{}{}", &hello[..at], handshake_blank(), &hello[at + 44..])
    });
    assert_eq!(code, RejectionCode::SecurityPolicy);
}

fn handshake_blank() -> &'static str {
    crate::session::handshake::BLANK
}

#[test]
fn the_same_hello_again_gets_the_same_answer_and_another_answer_is_refused() {
    for protection in [Protection::Off, Protection::Encrypted, organisation()] {
        let Pair { mut a, mut b, hello, accept, now } = pair(&protection);
        assert_eq!(answer(b.receive(&hello, &seed(), now).unwrap()), accept);
        let mut twice = machine("b", protection.clone(), now);
        let second = answer(twice.receive(&hello, &seed(), now).unwrap());
        for again in [accept, second] {
            let result = a.receive(&again, &seed(), now);
            assert!(matches!(result, Err(SessionError::Unexpected { .. })), "{result:?}");
        }
        let data = b.send(b"{}", now).unwrap();
        assert_eq!(a.receive(&data, &seed(), now).unwrap(), Received::Payload(b"{}".to_vec()));
    }
}

#[test]
fn a_payload_that_the_peer_does_not_take_is_not_sent() {
    let now = moment();
    let only_text =
        Settings { algorithms: vec![Algorithm::None], ..settings("a", Protection::Off) };
    let (mut a, mut b) = (machine_of(only_text.clone(), now), machine_of(only_text, now));
    shake(&mut a, &mut b, now);
    assert!(matches!(a.send(b"\xff", now), Err(SessionError::NotText)));
    assert!(matches!(a.send(b"#TK|C|", now), Err(SessionError::NotText)), "others would decode it");
    let compression = Compression { max_payload: 3, ..a.peer().unwrap().compression.clone() };
    a.peer.as_mut().unwrap().compression = compression;
    assert!(matches!(a.send(b"four", now), Err(SessionError::PeerLimit { len: 4, limit: 3 })));
    a.send(b"six"[..3].as_ref(), now).unwrap();
}

#[test]
fn the_agreed_tokenizer_is_used_where_it_is_not_the_configured_one() {
    let now = moment();
    let first =
        Settings { algorithms: vec![Algorithm::TokenNative], ..settings("a", Protection::Off) };
    let (mut a, mut b) = (machine_of(first.clone(), now), machine_of(first, now));
    let hello = String::from_utf8(a.connect(&seed(), now).unwrap()).unwrap();
    let accept = answer(b.receive(hello.as_bytes(), &seed(), now).unwrap());
    let only_o = String::from_utf8(accept).unwrap().replace("\"Cl100kBase\",", "");
    a.receive(only_o.as_bytes(), &seed(), now).unwrap();
    assert_eq!(a.agreed().unwrap().encoding, Encoding::O200kBase);
    let data = String::from_utf8(a.send(b"Hello", now).unwrap()).unwrap();
    assert!(data.contains("\"algorithm\":\"tokennative\",\"content\":\"#TK|O|"), "{data}");
    assert_eq!(
        b.receive(data.as_bytes(), &seed(), now).unwrap(),
        Received::Payload(b"Hello".to_vec())
    );
}
