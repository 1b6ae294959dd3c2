//! The handshake: HELLO, and what is answered to it.

use std::collections::BTreeMap;

use super::{End, Machine, Moment, Received, SessionError, State};
use crate::config::Tokenizer;
use crate::secure::{KeyMaterial, PublicKey, SecretKey};
use crate::session::capabilities::{
    Agreed, Algorithm, Capabilities, Compression, Encoding, VERSION,
};
use crate::session::handshake::{self, BLANK, KEY, PROOF};
use crate::session::keys::{Keys, Role};
use crate::session::message::{Body, Message, Rejection, RejectionCode};
use crate::session::seed::Seed;
use crate::session::state::Kind;

/// The longest session id that is taken from a peer, in bytes.
const LONGEST_ID: usize = 128;
/// How much of a peer's own words is kept, in bytes.
const LONGEST_WORDS: usize = 256;

/// Why a peer's terms are not taken, in words for the peer.
type Refusal = (RejectionCode, &'static str);

impl Machine {
    pub(super) fn hello(&mut self, seed: &Seed, now: Moment) -> Vec<u8> {
        let own = self.capabilities(seed);
        self.own = Some(own.clone());
        let body = Body::Hello(own);
        let mut hello = Message { session_id: None, body, timestamp: now.unix_ms }.write();
        if let Some(prover) = self.settings.protection.prover() {
            prover.prove(Kind::Hello, None, &mut hello);
        }
        self.hello = handshake::digest(&hello);
        self.handshake.clone_from(&hello);
        hello
    }

    /// What we say of ourselves, with a new key where we exchange keys.
    fn capabilities(&mut self, seed: &Seed) -> Capabilities {
        let protection = &self.settings.protection;
        let mut extensions = BTreeMap::new();
        if protection.exchanges() {
            let secret = SecretKey::from(seed.secret());
            extensions.insert(KEY.to_owned(), handshake::encoded(secret.public().as_bytes()));
            self.secret = Some(secret);
        }
        if protection.organisation().is_some() {
            extensions.insert(PROOF.to_owned(), BLANK.to_owned());
        }
        let (inflated, tokenizer, llama3) = self.engine.session_facts();
        let mut encodings = vec![Tokenizer::Cl100k, Tokenizer::O200k];
        encodings.extend(llama3.then_some(Tokenizer::Llama3));
        Capabilities {
            version: VERSION.to_owned(),
            agent_id: self.settings.agent_id.clone(),
            agent_type: self.settings.agent_type.clone(),
            compression: Compression {
                algorithms: self.settings.algorithms.clone(),
                max_payload: u64::try_from(inflated).unwrap_or(u64::MAX),
                streaming: true,
                ml_routing: false,
                encodings: encodings.into_iter().map(Encoding::from).collect(),
                preferred_encoding: tokenizer.into(),
            },
            security: self.settings.screening.clone(),
            extensions,
        }
    }

    pub(super) fn on_hello(
        &mut self,
        raw: &[u8],
        peer: Capabilities,
        seed: &Seed,
        now: Moment,
    ) -> Result<Received, SessionError> {
        let digest = handshake::digest(raw);
        if self.state == State::Established {
            return if self.role == Role::Responder && self.hello == digest {
                Ok(Received::Answer(self.handshake.clone()))
            } else {
                Err(SessionError::Unexpected { kind: Kind::Hello, state: self.state })
            };
        }
        self.role = Role::Responder;
        self.hello = digest;
        let own = self.capabilities(seed);
        let prover = self.settings.protection.prover();
        let proof = peer.extensions.get(PROOF).map(String::as_str);
        let judged = if !own.is_compatible(&peer) {
            Err((RejectionCode::VersionMismatch, "only version 3 is spoken here"))
        } else if prover.is_some_and(|prover| !prover.holds(Kind::Hello, None, raw, proof)) {
            Err((RejectionCode::SecurityPolicy, "no proof of the organisation's key"))
        } else {
            self.judge(&own, &peer)
        };
        Ok(Received::Answer(match judged {
            Ok((agreed, exchanged)) => {
                self.id = seed.id();
                let accept = self.accept(own, now);
                self.establish(&accept, peer, agreed, exchanged, now);
                self.handshake.clone_from(&accept);
                accept
            }
            Err((code, words)) => {
                self.over(End::NotAgreed { code });
                self.reject(code, words, now)
            }
        }))
    }

    fn accept(&self, own: Capabilities, now: Moment) -> Vec<u8> {
        let mut accept = self.write(Body::Accept(own), now);
        if let Some(prover) = self.settings.protection.prover() {
            prover.prove(Kind::Accept, Some(&self.hello), &mut accept);
        }
        accept
    }

    fn reject(&self, code: RejectionCode, words: &str, now: Moment) -> Vec<u8> {
        let prover = self.settings.protection.prover();
        let proof = prover.is_some().then(|| BLANK.to_owned());
        let body = Body::Reject(Rejection { code, message: words.to_owned(), proof });
        let mut reject = Message { session_id: None, body, timestamp: now.unix_ms }.write();
        if let Some(prover) = prover {
            prover.prove(Kind::Reject, Some(&self.hello), &mut reject);
        }
        reject
    }

    /// REJECT to a HELLO that is not even looked at.
    pub(in crate::session) fn decline(
        &mut self,
        hello: &[u8],
        code: RejectionCode,
        words: &str,
        now: Moment,
    ) -> Vec<u8> {
        self.hello = handshake::digest(hello);
        self.over(End::NotAgreed { code });
        self.reject(code, words, now)
    }

    /// What is agreed with a peer of these terms, and what the key exchange gave.
    fn judge(
        &self,
        own: &Capabilities,
        peer: &Capabilities,
    ) -> Result<(Agreed, Option<KeyMaterial>), Refusal> {
        let protection = &self.settings.protection;
        if protection.organisation().is_some() && own.agent_id == peer.agent_id {
            // A message of ours that somebody sends back to us proves that we hold the key.
            return Err((RejectionCode::SecurityPolicy, "the agent ids are the same"));
        }
        let theirs = handshake::public_key(peer);
        let exchanged = match (&self.secret, theirs) {
            (Some(secret), Some(theirs)) => {
                let key = secret.session_key(&PublicKey::from(theirs));
                let unfit = (RejectionCode::SecurityPolicy, "the public key is unfit");
                Some(key.map_err(|_| unfit)?)
            }
            _ if protection.insists() => {
                return Err((RejectionCode::SecurityPolicy, "a key exchange is asked for"));
            }
            _ => None,
        };
        let none = (RejectionCode::NoCommonAlgorithm, "there is no algorithm that both read");
        let mut agreed = own.agree(peer).ok_or(none)?;
        if exchanged.is_some() {
            let reads = |side: &Capabilities| side.compression.algorithms.contains(&Algorithm::M2m);
            if !reads(own) || !reads(peer) {
                return Err(none);
            }
            // The only form that can be sealed.
            agreed.algorithm = Algorithm::M2m;
        }
        Ok((agreed, exchanged))
    }

    pub(super) fn on_accept(
        &mut self,
        raw: &[u8],
        session_id: Option<&str>,
        peer: Capabilities,
        now: Moment,
    ) -> Result<Received, SessionError> {
        let kind = Kind::Accept;
        let proof = peer.extensions.get(PROOF).map(String::as_str);
        let prover = self.settings.protection.prover();
        if prover.is_some_and(|prover| !prover.holds(kind, Some(&self.hello), raw, proof)) {
            self.unproven = true;
            return Err(SessionError::NotAuthentic { kind });
        }
        let id = session_id.filter(|id| !id.is_empty() && id.len() <= LONGEST_ID);
        let id = id.ok_or(SessionError::OtherSession { kind })?;
        let Some(own) = self.own.take() else {
            return Err(SessionError::Unexpected { kind, state: self.state });
        };
        let judged = if own.is_compatible(&peer) {
            self.judge(&own, &peer)
        } else {
            Err((RejectionCode::VersionMismatch, ""))
        };
        match judged {
            Ok((agreed, exchanged)) => {
                id.clone_into(&mut self.id);
                self.establish(raw, peer, agreed, exchanged, now);
                self.handshake = Vec::new();
            }
            Err((code, _)) => self.over(End::NotAgreed { code }),
        }
        Ok(Received::Noted)
    }

    pub(super) fn on_reject(
        &mut self,
        raw: &[u8],
        rejection: Rejection,
    ) -> Result<Received, SessionError> {
        let kind = Kind::Reject;
        let Rejection { code, mut message, proof } = rejection;
        let prover = self.settings.protection.prover();
        if prover
            .is_some_and(|prover| !prover.holds(kind, Some(&self.hello), raw, proof.as_deref()))
        {
            self.unproven = true;
            return Err(SessionError::NotAuthentic { kind });
        }
        message.truncate(message.floor_char_boundary(LONGEST_WORDS));
        self.over(End::Rejected { code, message });
        Ok(Received::Noted)
    }

    fn establish(
        &mut self,
        accept: &[u8],
        peer: Capabilities,
        agreed: Agreed,
        exchanged: Option<KeyMaterial>,
        now: Moment,
    ) {
        let organisation = self.settings.protection.organisation();
        let transcript = handshake::transcript(&self.hello, accept);
        self.keys = exchanged.map(|key| Keys::new(&key, organisation, &transcript, self.role));
        self.secret = None;
        self.peer = Some(peer);
        self.agreed = Some(agreed);
        self.enter(State::Established, now);
    }
}
