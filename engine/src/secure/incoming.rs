//! Step 4 on the way in: what is demanded of a message, and the tag before everything else.

use std::borrow::Cow;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use subtle::ConstantTimeEq as _;

use super::closing::closing;
use super::keyring::{Key, Keyring, Mode};
use super::policy::PolicyError;
use super::replay::{Arrival, Refused};
use super::seal::{self, AEAD_TAG, Forged, HMAC_TAG, NONCE};
use super::stamp::{self, Of, Stamp};
use super::{Guard, Policy};
use crate::bus::headers;
use crate::encode::Coding;
use crate::flow::{Inbound, OpenError};
use crate::frame::{self, Form, Held};

/// A secured frame, of which nothing but the fixed part of its header was looked at.
#[derive(Debug)]
pub(crate) struct Sealed<'a> {
    pub(crate) mode: Mode,
    pub(crate) coding: Coding,
    /// What follows the prefix.
    pub(crate) bytes: Cow<'a, [u8]>,
    pub(crate) headers_len: usize,
}

fn header<'a>(inbound: &Inbound<'a>, name: &str) -> Option<&'a str> {
    let found = inbound.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| *value)
}

impl Guard {
    /// Refuses forms that cannot be secured, if messages must be.
    pub(crate) fn admit_form(&self, form: Form) -> Result<(), PolicyError> {
        match form {
            _ if !self.requires() => Ok(()),
            Form::Plain => Err(PolicyError::Plain),
            Form::TokenNative => Err(PolicyError::TokenNative),
            Form::Brotli => Err(PolicyError::BrotliText),
            Form::M2m | Form::M2mText => Ok(()),
        }
    }

    /// Checks the tag, then the stamp, and only then looks at what is in the frame.
    pub(crate) fn open<'a>(
        &self,
        sealed: Sealed<'a>,
        inbound: &Inbound<'_>,
    ) -> Result<Held<'a>, OpenError> {
        let keys = self.keys();
        let (found, minimum) = (sealed.mode, self.config.minimum.unwrap_or(keys.active().mode()));
        if self.requires() && found < minimum {
            return Err(PolicyError::TooWeak { found, minimum }.into());
        }
        let coding = sealed.coding;
        let authenticated = unsealed(sealed, &keys, header(inbound, headers::KEY_ID));
        let Authenticated { key, closing, body } =
            authenticated.map_err(|Forged| OpenError::Authentication)?;
        if self.stamps() {
            match header(inbound, headers::STAMP) {
                Some(value) => {
                    let stamp = Stamp::read(value, key, Of::Frame { closing: &closing });
                    let stamp = stamp.map_err(|Forged| OpenError::Authentication)?;
                    if self.config.bind_destination {
                        self.check_place(&stamp, key, inbound)?;
                    }
                    self.check_time(&stamp, inbound)?;
                }
                None if self.requires() => return Err(PolicyError::NoStamp.into()),
                None => {}
            }
        }
        Ok(frame::held(coding, body)?)
    }

    /// Judges a null payload, which has nothing but its stamp to speak for it.
    pub(crate) fn open_null(&self, inbound: &Inbound<'_>) -> Result<(), OpenError> {
        let danger = &self.config.danger;
        if danger.policy != Policy::Require || danger.allow_tombstones {
            return Ok(());
        }
        let value = header(inbound, headers::STAMP).ok_or(PolicyError::Tombstone)?;
        let keys = self.keys();
        let mut candidates = keys.candidates(header(inbound, headers::KEY_ID));
        let read = candidates.find_map(|key| Some((Stamp::read(value, key, Of::Null).ok()?, key)));
        let (stamp, key) = read.ok_or(OpenError::Authentication)?;
        self.check_place(&stamp, key, inbound)?;
        self.check_time(&stamp, inbound)
    }

    fn check_place(
        &self,
        stamp: &Stamp,
        key: &Key,
        inbound: &Inbound<'_>,
    ) -> Result<(), OpenError> {
        match stamp.place {
            Some(place) => {
                let here = stamp::place(key, inbound.source, inbound.key);
                if bool::from(place.ct_eq(&here)) { Ok(()) } else { Err(OpenError::Elsewhere) }
            }
            None if self.requires() => Err(PolicyError::Unbound.into()),
            None => Ok(()),
        }
    }

    fn check_time(&self, stamp: &Stamp, inbound: &Inbound<'_>) -> Result<(), OpenError> {
        let Some(window) = self.window.as_ref().filter(|_| !inbound.stored) else {
            return Ok(());
        };
        let arrival = Arrival {
            sent: (stamp.time, stamp.id),
            now: stamp::millis(inbound.time.ok_or(OpenError::TimeMissing)?),
            identity: inbound.identity,
            redelivered: inbound.redelivered,
        };
        let admitted = window.lock().unwrap_or_else(PoisonError::into_inner).admit(&arrival);
        admitted.map_err(|refused| match refused {
            Refused::Repeated => {
                self.repeated.fetch_add(1, Ordering::Relaxed);
                OpenError::Repeated
            }
            Refused::Stale { age, window } => OpenError::Stale { age, window },
            Refused::Early { ahead } => OpenError::Early { ahead },
        })
    }
}

/// A frame whose tag was right.
struct Authenticated<'a, 'k> {
    key: &'k Key,
    /// What the frame is known by.
    closing: Vec<u8>,
    /// The length, the checksum and the payload.
    body: Cow<'a, [u8]>,
}

fn unsealed<'a, 'k>(
    sealed: Sealed<'a>,
    keys: &'k Keyring,
    id: Option<&str>,
) -> Result<Authenticated<'a, 'k>, Forged> {
    let Sealed { mode, bytes, headers_len, .. } = sealed;
    let mut candidates = keys.candidates(id).filter(|key| key.mode() == mode);
    match mode {
        Mode::Hmac => {
            let (signed, tag) = bytes.split_last_chunk::<HMAC_TAG>().ok_or(Forged)?;
            let body = headers_len..signed.len();
            let key = candidates
                .find(|key| seal::verify(&key.material, [signed], tag).is_ok())
                .filter(|_| body.start <= body.end)
                .ok_or(Forged)?;
            Ok(Authenticated { key, closing: tag.to_vec(), body: part(bytes, body) })
        }
        Mode::Aead => {
            let (headers, rest) = bytes.split_at_checked(headers_len).ok_or(Forged)?;
            let (nonce, rest) = rest.split_first_chunk::<NONCE>().ok_or(Forged)?;
            let (encrypted, tag) = rest.split_last_chunk::<AEAD_TAG>().ok_or(Forged)?;
            let mut body = encrypted.to_vec();
            let key = candidates
                .find(|key| seal::unseal(&key.material, nonce, headers, &mut body, tag).is_ok())
                .ok_or(Forged)?;
            let closing = closing(nonce, tag).to_vec();
            Ok(Authenticated { key, closing, body: Cow::Owned(body) })
        }
    }
}

fn part(bytes: Cow<'_, [u8]>, range: std::ops::Range<usize>) -> Cow<'_, [u8]> {
    match bytes {
        Cow::Borrowed(bytes) => Cow::Borrowed(bytes.get(range).unwrap_or_default()),
        Cow::Owned(mut bytes) => {
            bytes.truncate(range.end);
            bytes.drain(..range.start.min(bytes.len()));
            Cow::Owned(bytes)
        }
    }
}
