//! The values that a header's fields can have.

use std::borrow::Cow;
use std::fmt;

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// 1: a chat completion request, and any JSON that is nothing else.
    Request,
    /// 2: a chat completion response.
    Response,
    /// 3: a chunk of a streamed response.
    StreamChunk,
    /// 4: an embedding request.
    EmbeddingRequest,
    /// 5: an embedding response.
    EmbeddingResponse,
    /// 0x10: an error.
    Error,
    /// 0xFE: bytes that are not JSON.
    Custom,
    /// 0xFF, and every number that is not known.
    Unknown(u8),
}

impl Schema {
    const KNOWN: [(u8, Self, &'static str); 7] = [
        (0x01, Self::Request, "request"),
        (0x02, Self::Response, "response"),
        (0x03, Self::StreamChunk, "stream_chunk"),
        (0x04, Self::EmbeddingRequest, "embedding_request"),
        (0x05, Self::EmbeddingResponse, "embedding_response"),
        (0x10, Self::Error, "error"),
        (0xfe, Self::Custom, "custom"),
    ];

    pub(super) fn from_byte(byte: u8) -> Self {
        let known = Self::KNOWN.iter().find(|(known, ..)| *known == byte);
        known.map_or(Self::Unknown(byte), |(_, schema, _)| *schema)
    }

    pub(super) fn byte(self) -> u8 {
        match self {
            Self::Unknown(byte) => byte,
            known => Self::KNOWN.iter().find(|(_, k, _)| *k == known).map_or(0xff, |(b, ..)| *b),
        }
    }

    /// The name that route conditions use: `request`, `response`, `stream_chunk`, `embedding_request`, `embedding_response`, `error`,
    /// `custom` or `unknown`.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::KNOWN.iter().find(|(_, known, _)| *known == self).map_or("unknown", |(.., name)| name)
    }
}

/// How a frame is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Security {
    /// 0: not at all.
    #[default]
    None,
    /// 1: signed with HMAC-SHA256.
    Hmac,
    /// 2: encrypted with ChaCha20-Poly1305, the header authenticated.
    Aead,
}

impl Security {
    /// `none`, `hmac` or `aead`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Hmac => "hmac",
            Self::Aead => "aead",
        }
    }

    pub(super) fn byte(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Hmac => 1,
            Self::Aead => 2,
        }
    }
}

impl fmt::Display for Security {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Who speaks in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// 0: `system` or `developer`.
    System,
    /// 1
    User,
    /// 2
    Assistant,
    /// 3: `tool`, and every other role, for which the format has no number.
    Tool,
}

impl Role {
    const ALL: [Self; 4] = [Self::System, Self::User, Self::Assistant, Self::Tool];

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "developer" => Some(Self::System),
            name => Self::ALL.into_iter().find(|role| role.name() == name),
        }
    }

    /// `system`, `user`, `assistant` or `tool`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }

    pub(super) fn bits(self) -> u8 {
        match self {
            Self::System => 0,
            Self::User => 1,
            Self::Assistant => 2,
            Self::Tool => 3,
        }
    }

    pub(super) fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::System,
            1 => Self::User,
            2 => Self::Assistant,
            _ => Self::Tool,
        }
    }
}

/// The roles of a request's messages, two bits each, from the low bits up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Roles<'a> {
    pub(super) packed: Cow<'a, [u8]>,
    pub(super) count: usize,
}

impl Roles<'_> {
    /// How many messages there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are no messages.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The roles, in the order of the messages.
    pub fn iter(&self) -> impl Iterator<Item = Role> + '_ {
        self.packed
            .iter()
            .flat_map(|byte| [0, 2, 4, 6].map(|shift| Role::from_bits(byte >> shift)))
            .take(self.count)
    }

    pub(crate) fn push(&mut self, role: Role) {
        let packed = self.packed.to_mut();
        let shift = (self.count % 4) * 2;
        if shift == 0 {
            packed.push(0);
        }
        if let Some(last) = packed.last_mut() {
            *last |= role.bits() << shift;
        }
        self.count += 1;
    }
}

/// Why a response ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    /// 0
    Stop,
    /// 1: the limit on tokens was met.
    Length,
    /// 2
    ToolCalls,
    /// 3
    ContentFilter,
    /// 0xFF: none of these, or none at all.
    Unknown,
}

impl FinishReason {
    const KNOWN: [(u8, Self); 4] =
        [(0, Self::Stop), (1, Self::Length), (2, Self::ToolCalls), (3, Self::ContentFilter)];

    /// `stop`, `length`, `tool_calls`, `content_filter` or `unknown`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
            Self::Unknown => "unknown",
        }
    }

    pub(crate) fn from_name(name: &str) -> Self {
        let known = Self::KNOWN.iter().find(|(_, reason)| reason.name() == name);
        known.map_or(Self::Unknown, |(_, reason)| *reason)
    }

    pub(super) fn from_byte(byte: u8) -> Self {
        let known = Self::KNOWN.iter().find(|(known, _)| *known == byte);
        known.map_or(Self::Unknown, |(_, reason)| *reason)
    }

    pub(super) fn byte(self) -> u8 {
        Self::KNOWN.iter().find(|(_, reason)| *reason == self).map_or(0xff, |(byte, _)| *byte)
    }
}
