#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use hkdf::Hkdf;
use sha2::Sha256;

use super::super::*;
use super::{hex, hex32};

const MASTER: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn material(text: &str) -> KeyMaterial {
    KeyMaterial::from_hex(text).unwrap()
}

/// What the reference implementation derived.
fn vector() -> serde_json::Value {
    include_str!("../../../tests/vectors/interop.jsonl")
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .find(|vector| vector["name"] == "keys")
        .unwrap()
}

fn expected(vector: &serde_json::Value, name: &str) -> KeyMaterial {
    material(vector[name].as_str().unwrap())
}

#[test]
fn the_hierarchy_is_the_references() {
    let vector = vector();
    let master = expected(&vector, "master_hex");
    let keys = Hierarchy::new(master, vector["org"].as_str().unwrap()).unwrap();
    assert_eq!(keys.org(), expected(&vector, "org_key"));
    assert_eq!(keys.shared(), expected(&vector, "shared"));
    assert_eq!(keys.agent("agent-001").unwrap(), expected(&vector, "agent-001"));
    for purpose in Purpose::ALL {
        let name = format!("agent-001/{}", purpose.name());
        assert_eq!(keys.agent_for("agent-001", purpose).unwrap(), expected(&vector, &name));
    }
    let session = expected(&vector, "session agent-002,agent-001,s1");
    assert_eq!(keys.session("agent-002", "agent-001", "s1").unwrap(), session);
    assert_eq!(keys.session("agent-001", "agent-002", "s1").unwrap(), session);
}

#[test]
fn the_exchange_is_the_references() {
    let vector = &vector()["x25519"];
    let a = SecretKey::from(&expected(vector, "secret_a"));
    let b = SecretKey::from(&expected(vector, "secret_b"));
    assert_eq!(a.public().to_string(), vector["public_a"].as_str().unwrap());
    assert_eq!(b.public().to_string(), vector["public_b"].as_str().unwrap());
    assert_eq!(a.agree(&b.public()).unwrap(), expected(vector, "shared_secret"));
    let session = expected(vector, "session_key m2m-session-v1");
    assert_eq!(a.session_key(&b.public()).unwrap(), session);
    assert_eq!(b.session_key(&a.public()).unwrap(), session);
}

/// RFC 7748, section 6.1.
#[test]
fn rfc_7748_exchange() {
    let alice = SecretKey::from(&material(
        "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
    ));
    let bob = SecretKey::from(&material(
        "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
    ));
    let (alices, bobs) = (alice.public(), bob.public());
    assert_eq!(
        alices.to_string(),
        "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
    );
    assert_eq!(
        bobs.to_string(),
        "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
    );
    let shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
    assert_eq!(alice.agree(&bobs).unwrap(), material(shared));
    assert_eq!(bob.agree(&alices).unwrap(), material(shared));
}

/// RFC 7748, section 5.2: the two single vectors, and one and a thousand rounds of the iterated one.
#[test]
fn rfc_7748_function() {
    for (scalar, point, product) in [
        (
            "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
        ),
        (
            "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
            "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
            "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
        ),
    ] {
        let shared =
            SecretKey::from(&material(scalar)).agree(&PublicKey::from_hex(point).unwrap()).unwrap();
        assert_eq!(shared, material(product));
    }
    let nine = "0900000000000000000000000000000000000000000000000000000000000000";
    let (mut k, mut u) = (hex32(nine), hex32(nine));
    for round in 1..=1000 {
        // Past the check for one's own public key, which the first round would not pass.
        let next = x25519_dalek::x25519(k, u);
        (k, u) = (next, k);
        if round == 1 {
            assert_eq!(
                k,
                hex32("422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079")
            );
        }
    }
    assert_eq!(k, hex32("684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"));
}

/// The points of low order, in the encodings that libsodium refuses, give everybody the same secret.
#[test]
fn public_keys_of_low_order_are_refused() {
    let secret = SecretKey::from(&material(MASTER));
    for point in [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ] {
        for high in [0, 0x80] {
            let mut bytes = hex32(point);
            bytes[31] |= high;
            assert_eq!(secret.agree(&bytes.into()).unwrap_err(), ExchangeError::LowOrder);
            assert!(secret.session_key(&bytes.into()).is_err());
        }
    }
    assert_eq!(secret.agree(&secret.public()).unwrap_err(), ExchangeError::Own);
}

/// RFC 5869, appendix A.1 to A.3; [`KeyMaterial::derive`] is the case without salt.
#[test]
fn rfc_5869() {
    let range = |range: std::ops::RangeInclusive<u8>| range.collect::<Vec<u8>>();
    let check = |salt: Option<&[u8]>, ikm: &[u8], info: &[u8], okm: &str| {
        let mut out = vec![0; hex(okm).len()];
        Hkdf::<Sha256>::new(salt, ikm).expand(info, &mut out).unwrap();
        assert_eq!(out, hex(okm));
    };
    check(
        Some(&range(0..=0x0c)),
        &[0x0b; 22],
        &range(0xf0..=0xf9),
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    );
    check(
        Some(&range(0x60..=0xaf)),
        &range(0..=0x4f),
        &range(0xb0..=0xff),
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
    );
    check(
        None,
        &[0x0b; 22],
        &[],
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
    );
    let mut out = [0; 32];
    Hkdf::<Sha256>::new(None, &hex32(MASTER)).expand(b"path", &mut out).unwrap();
    assert_eq!(material(MASTER).derive(b"path"), KeyMaterial::from(out));
}

#[test]
fn no_two_purposes_and_no_two_names_have_the_same_key() {
    let keys = Hierarchy::new(material(MASTER), "org").unwrap();
    let mut all = vec![material(MASTER), keys.org(), keys.shared()];
    for agent in ["a", "b", "session", "identity"] {
        all.push(keys.agent(agent).unwrap());
        all.extend(Purpose::ALL.map(|purpose| keys.agent_for(agent, purpose).unwrap()));
        all.push(keys.session(agent, "c", "identity").unwrap());
    }
    all.push(Hierarchy::new(material(MASTER), "org2").unwrap().org());
    for (at, key) in all.iter().enumerate() {
        assert!(!all[at + 1..].contains(key), "key {at} stands twice");
    }
}

#[test]
fn ids_that_would_name_another_path_are_refused() {
    let keys = Hierarchy::new(material(MASTER), "org").unwrap();
    let long = "x".repeat(129);
    for id in ["", "a/b", "a:b", "é", "a b", "a\n", long.as_str()] {
        assert!(Hierarchy::new(material(MASTER), id).is_err(), "{id:?}");
        assert_eq!(keys.agent(id).unwrap_err(), IdError::Form { what: "agent" });
        assert!(keys.agent_for(id, Purpose::Session).is_err());
        assert!(keys.session("a", id, "s").is_err() && keys.session(id, "a", "s").is_err());
        assert_eq!(keys.session("a", "b", id).unwrap_err(), IdError::Form { what: "session" });
    }
    assert!(keys.agent(&long[1..]).is_ok());
    let reserved = IdError::Reserved { id: "shared".to_owned() };
    assert_eq!(keys.agent("shared").unwrap_err(), reserved);
    assert_eq!(keys.session("a", "shared", "s").unwrap_err(), reserved);
}

#[test]
fn texts_that_are_no_key_are_refused_without_being_shown() {
    assert_eq!(material(&format!(" {MASTER}\r\n")), material(MASTER));
    assert_eq!(material(&MASTER.to_uppercase()), material(MASTER));
    assert_eq!(*material(MASTER).to_hex(), MASTER);
    let error = KeyMaterial::from_hex(&MASTER[1..]).unwrap_err();
    assert_eq!(error, KeyError::Len { len: 63 });
    assert_eq!(error.to_string(), "a key is 64 hexadecimal digits, and this has 63 characters");
    let error = KeyMaterial::from_hex(&MASTER.replace("1f", "1x")).unwrap_err();
    assert_eq!(error, KeyError::Digit { at: 64 });
    assert_eq!(KeyMaterial::from_hex(&"é".repeat(64)).unwrap_err(), KeyError::Digit { at: 1 });
    assert!(PublicKey::from_hex("").is_err());
}

#[test]
fn debug_shows_no_secret() {
    let secret = SecretKey::from(&material(MASTER));
    let keys = Hierarchy::new(material(MASTER), "org").unwrap();
    let shown = format!("{:?} {:?} {secret:?} {keys:#?}", material(MASTER), keys.shared());
    assert!(shown.contains("redacted") && !shown.contains("1, 2") && !shown.contains("0102"));
    assert!(!shown.contains(&*keys.shared().to_hex()));
}

#[test]
fn new_keys_differ() {
    let (a, b) = (KeyMaterial::generate().unwrap(), KeyMaterial::generate().unwrap());
    assert!(a != b && a != KeyMaterial::from([0; 32]));
    let (a, b) = (SecretKey::generate().unwrap(), SecretKey::generate().unwrap());
    assert_eq!(a.session_key(&b.public()).unwrap(), b.session_key(&a.public()).unwrap());
}
