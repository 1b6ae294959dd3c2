#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::super::KeyMaterial;
use super::super::seal::{self, Forged};
use super::{hex, hex32};

/// RFC 4231, sections 4.2 to 4.8 (without 4.6, which cuts the tag off).
#[test]
fn rfc_4231() {
    let long = [0xaa; 131];
    for (key, data, tag) in [
        (
            &[0x0b; 20][..],
            b"Hi There".to_vec(),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        ),
        (
            b"Jefe",
            b"what do ya want for nothing?".to_vec(),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            &[0xaa; 20],
            vec![0xdd; 50],
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
        ),
        (
            &(1..=25).collect::<Vec<u8>>(),
            vec![0xcd; 50],
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
        ),
        (
            &long,
            b"Test Using Larger Than Block-Size Key - Hash Key First".to_vec(),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
        (
            &long,
            b"This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.".to_vec(),
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
        ),
    ] {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(&data);
        mac.verify_slice(&hex(tag)).unwrap();
        if key.len() <= KeyMaterial::LEN {
            // A shorter key is one that zeros follow.
            let mut bytes = [0; KeyMaterial::LEN];
            bytes[..key.len()].copy_from_slice(key);
            let key = KeyMaterial::from(bytes);
            assert_eq!(seal::sign(&key, [&data[..]]), hex32(tag));
            let (a, b) = data.split_at(data.len() / 2);
            assert_eq!(seal::verify(&key, [a, b], &hex(tag)), Ok(()));
        }
    }
}

#[test]
fn a_tag_is_right_as_a_whole_or_not_at_all() {
    let key = KeyMaterial::from([7; 32]);
    let tag = seal::sign(&key, [&b"data"[..]]);
    for at in 0..tag.len() * 8 {
        let mut other = tag;
        other[at / 8] ^= 1 << (at % 8);
        assert_eq!(seal::verify(&key, [&b"data"[..]], &other), Err(Forged));
    }
    for len in 0..tag.len() {
        assert_eq!(seal::verify(&key, [&b"data"[..]], &tag[..len]), Err(Forged));
    }
}

/// RFC 8439, section 2.8.2.
#[test]
fn rfc_8439() {
    let key: Vec<u8> = (0x80..=0x9f).collect();
    let key = KeyMaterial::from(<[u8; 32]>::try_from(key).unwrap());
    let nonce: [u8; 12] = hex("070000004041424344454647").try_into().unwrap();
    let headers = hex("50515253c0c1c2c3c4c5c6c7");
    let text = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
    let mut buffer = text.to_vec();
    let tag = seal::seal(&key, &nonce, &headers, &mut buffer).unwrap();
    assert_eq!(
        buffer,
        hex("d31a8d34648e60db7b86afbc53ef7ec2 a4aded51296e08fea9e2b5a736ee62d6
             3dbea45e8ca9671282fafb69da92728b 1a71de0a9e060b2905d6a5b67ecd3b36
             92ddbd7f2d778b8c9803aee328091b58 fab324e4fad675945585808b4831d7bc
             3ff4def08e4b7a9de576d26586cec64b 6116")
    );
    assert_eq!(tag.to_vec(), hex("1ae10b594f09e26a7e902ecbd0600691"));
    let sealed = buffer.clone();
    assert_eq!(seal::unseal(&key, &nonce, b"other", &mut buffer, &tag), Err(Forged));
    assert_eq!(buffer, sealed, "nothing is decrypted before the tag is right");
    assert_eq!(seal::unseal(&key, &nonce, &headers, &mut buffer, &tag), Ok(()));
    assert_eq!(buffer, text);
}
