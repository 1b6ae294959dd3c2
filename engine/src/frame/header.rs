//! The header of an M2M v1 frame: what anyone on the path may read.

use std::borrow::Cow;
use std::fmt;

use super::varint;
use super::{Flags, FrameError, provider};

/// Bytes of the fixed part.
const FIXED: usize = 20;

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

    fn from_byte(byte: u8) -> Self {
        let known = Self::KNOWN.iter().find(|(known, ..)| *known == byte);
        known.map_or(Self::Unknown(byte), |(_, schema, _)| *schema)
    }

    fn byte(self) -> u8 {
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

    fn byte(self) -> u8 {
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

    fn bits(self) -> u8 {
        match self {
            Self::System => 0,
            Self::User => 1,
            Self::Assistant => 2,
            Self::Tool => 3,
        }
    }

    fn from_bits(bits: u8) -> Self {
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
    packed: Cow<'a, [u8]>,
    count: usize,
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

    fn from_byte(byte: u8) -> Self {
        let known = Self::KNOWN.iter().find(|(known, _)| *known == byte);
        known.map_or(Self::Unknown, |(_, reason)| *reason)
    }

    fn byte(self) -> u8 {
        Self::KNOWN.iter().find(|(_, reason)| *reason == self).map_or(0xff, |(byte, _)| *byte)
    }
}

/// The variable header of a request.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Request<'a> {
    /// The model's name, at most 255 bytes.
    pub model: Cow<'a, str>,
    /// One for each message.
    pub roles: Roles<'a>,
    /// Bytes of text in all messages.
    pub content_hint: u32,
    /// The limit on completion tokens, if the request states one.
    pub max_tokens: Option<u32>,
    /// In US dollars. Every request that we write has one.
    pub est_cost_usd: Option<f32>,
}

/// The variable header of a response.
#[derive(Debug, Clone, PartialEq)]
pub struct Response<'a> {
    /// The response's id, at most 255 bytes.
    pub id: Cow<'a, str>,
    /// The model's name, at most 255 bytes.
    pub model: Cow<'a, str>,
    /// Why it ended.
    pub finish_reason: FinishReason,
    /// Tokens in.
    pub prompt_tokens: u32,
    /// Tokens out.
    pub completion_tokens: u32,
    /// Tokens in that came from a cache, if any.
    pub cached_tokens: Option<u32>,
    /// Tokens out that went into reasoning, if any.
    pub reasoning_tokens: Option<u32>,
    /// In US dollars, where the usage is known.
    pub est_cost_usd: Option<f32>,
}

/// The variable part of a header.
#[derive(Debug, Clone, PartialEq)]
pub enum Body<'a> {
    /// Schemas 1 and 4.
    Request(Request<'a>),
    /// Schemas 2, 5 and 0x10.
    Response(Response<'a>),
    /// All others: nothing is known.
    None,
}

/// A header; borrowed from the frame when it was read from one.
#[derive(Debug, Clone, PartialEq)]
pub struct Header<'a> {
    /// What the frame holds.
    pub schema: Schema,
    /// How it is secured.
    pub security: Security,
    /// Its flags.
    pub flags: Flags,
    /// What the schema adds.
    pub body: Body<'a>,
}

impl<'a> Header<'a> {
    pub(crate) fn new(flags: Flags, body: Body<'a>) -> Self {
        let schema = match body {
            Body::Request(_) => Schema::Request,
            Body::Response(_) => Schema::Response,
            Body::None => Schema::Custom,
        };
        Self { schema, security: Security::None, flags, body }
    }

    /// The header of bytes of which nothing is known.
    pub(crate) fn custom() -> Self {
        Self::new(Flags::default(), Body::None)
    }

    /// The model's name, `""` where there is none.
    #[must_use]
    pub fn model(&self) -> &str {
        match &self.body {
            Body::Request(request) => &request.model,
            Body::Response(response) => &response.model,
            Body::None => "",
        }
    }

    /// Whose model it is: `openai`, `anthropic`, `google`, `meta`, `mistral`, `deepseek`, `qwen`, `xai`, `cohere`, `amazon` or `unknown`.
    #[must_use]
    pub fn provider(&self) -> &'static str {
        provider(self.model())
    }

    /// The estimated cost in US dollars, if the header has one.
    #[must_use]
    pub fn est_cost_usd(&self) -> Option<f32> {
        match &self.body {
            Body::Request(request) => request.est_cost_usd,
            Body::Response(response) => response.est_cost_usd,
            Body::None => None,
        }
    }

    /// An upper bound of the written length.
    pub(crate) fn max_len(&self) -> usize {
        FIXED
            + match &self.body {
                // Lengths, 32-bit varints of at most five bytes, a cost.
                Body::Request(r) => 1 + r.model.len() + 5 + r.roles.packed.len() + 5 + 5 + 4,
                Body::Response(r) => 2 + r.id.len() + r.model.len() + 1 + 4 * 5 + 4,
                Body::None => 0,
            }
    }

    /// Whether its length fits the two bytes that the format has for it.
    pub(crate) fn fits(&self) -> bool {
        self.max_len() <= usize::from(u16::MAX)
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0, 0, self.schema.byte(), self.security.byte()]);
        out.extend_from_slice(&self.flags.bits().to_le_bytes());
        out.extend_from_slice(&[0; 12]);
        match &self.body {
            Body::Request(request) => request.write(out),
            Body::Response(response) => response.write(out),
            Body::None => {}
        }
        let len = u16::try_from(out.len() - start).unwrap_or(u16::MAX);
        if let Some(place) = out.get_mut(start..start + 2) {
            place.copy_from_slice(&len.to_le_bytes());
        }
    }
}

impl Request<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        write_short(out, &self.model);
        varint::write(out, u32::try_from(self.roles.len()).unwrap_or(u32::MAX));
        out.extend_from_slice(&self.roles.packed);
        varint::write(out, self.content_hint);
        if let Some(max_tokens) = self.max_tokens {
            varint::write(out, max_tokens);
        }
        if let Some(cost) = self.est_cost_usd {
            out.extend_from_slice(&cost.to_le_bytes());
        }
    }
}

impl Response<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        write_short(out, &self.id);
        write_short(out, &self.model);
        out.push(self.finish_reason.byte());
        varint::write(out, self.prompt_tokens);
        varint::write(out, self.completion_tokens);
        for tokens in [self.cached_tokens, self.reasoning_tokens].into_iter().flatten() {
            varint::write(out, tokens);
        }
        if let Some(cost) = self.est_cost_usd {
            out.extend_from_slice(&cost.to_le_bytes());
        }
    }
}

fn write_short(out: &mut Vec<u8>, text: &str) {
    debug_assert!(text.len() <= 255, "cut where it is read from JSON");
    out.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(text.as_bytes());
}

/// The header at the front of what follows a frame's prefix, and its length in bytes.
pub(super) fn read(after_prefix: &[u8]) -> Result<(Header<'_>, usize), FrameError> {
    const PART: &str = "header";
    let fixed = after_prefix.first_chunk::<FIXED>().ok_or(FrameError::Truncated { part: PART })?;
    let [len0, len1, schema, security, f0, f1, f2, f3, ..] = *fixed;
    let stated = u16::from_le_bytes([len0, len1]);
    let len = usize::from(stated);
    if len < FIXED {
        return Err(FrameError::HeaderLen { len: stated });
    }
    let schema = Schema::from_byte(schema);
    let security = [Security::None, Security::Hmac, Security::Aead]
        .into_iter()
        .find(|mode| mode.byte() == security)
        .ok_or(FrameError::Security { byte: security })?;
    let flags = Flags::from_bits(u32::from_le_bytes([f0, f1, f2, f3]));
    let variable = after_prefix.get(FIXED..len).ok_or(FrameError::Truncated { part: PART })?;
    let mut fields = Fields { rest: variable, len: stated };
    let body = match schema {
        Schema::Request | Schema::EmbeddingRequest => Body::Request(fields.request(flags)?),
        Schema::Response | Schema::EmbeddingResponse | Schema::Error => {
            Body::Response(fields.response(flags)?)
        }
        Schema::StreamChunk | Schema::Custom | Schema::Unknown(_) => Body::None,
    };
    Ok((Header { schema, security, flags, body }, len))
}

/// Reads the fields of a variable header one after the other. What follows the last known field is left for extensions.
struct Fields<'a> {
    rest: &'a [u8],
    len: u16,
}

impl<'a> Fields<'a> {
    fn request(&mut self, flags: Flags) -> Result<Request<'a>, FrameError> {
        let model = self.short("model")?;
        let count = self.varint("msg_count")?;
        let count = usize::try_from(count).map_err(|_| self.too_long())?;
        let packed = self.bytes(count.div_ceil(4))?;
        let content_hint = self.varint("content_hint")?;
        let max_tokens = self.varint_if(flags.contains(Flags::MAX_TOKENS), "max_tokens")?;
        Ok(Request {
            model,
            roles: Roles { packed: Cow::Borrowed(packed), count },
            content_hint,
            max_tokens,
            est_cost_usd: if self.rest.is_empty() { None } else { Some(self.f32()?) },
        })
    }

    fn response(&mut self, flags: Flags) -> Result<Response<'a>, FrameError> {
        let id = self.short("id")?;
        let model = self.short("model")?;
        let finish_reason = FinishReason::from_byte(self.byte()?);
        let prompt_tokens = self.varint("prompt_tokens")?;
        let completion_tokens = self.varint("completion_tokens")?;
        let cached_tokens =
            self.varint_if(flags.contains(Flags::CACHED_TOKENS), "cached_tokens")?;
        let reasoning_tokens =
            self.varint_if(flags.contains(Flags::REASONING_TOKENS), "reasoning_tokens")?;
        let est_cost_usd = if flags.contains(Flags::COST) { Some(self.f32()?) } else { None };
        Ok(Response {
            id,
            model,
            finish_reason,
            prompt_tokens,
            completion_tokens,
            cached_tokens,
            reasoning_tokens,
            est_cost_usd,
        })
    }

    fn too_long(&self) -> FrameError {
        FrameError::HeaderLen { len: self.len }
    }

    fn bytes(&mut self, count: usize) -> Result<&'a [u8], FrameError> {
        let (bytes, rest) = self.rest.split_at_checked(count).ok_or_else(|| self.too_long())?;
        self.rest = rest;
        Ok(bytes)
    }

    fn byte(&mut self) -> Result<u8, FrameError> {
        let (byte, rest) = self.rest.split_first().ok_or_else(|| self.too_long())?;
        self.rest = rest;
        Ok(*byte)
    }

    fn short(&mut self, field: &'static str) -> Result<Cow<'a, str>, FrameError> {
        let len = self.byte()?;
        let bytes = self.bytes(usize::from(len))?;
        let text = simdutf8::basic::from_utf8(bytes).map_err(|_| FrameError::Field { field })?;
        Ok(Cow::Borrowed(text))
    }

    fn varint(&mut self, field: &'static str) -> Result<u32, FrameError> {
        let (value, rest) = varint::read(self.rest).ok_or(FrameError::Field { field })?;
        self.rest = rest;
        Ok(value)
    }

    fn varint_if(&mut self, present: bool, field: &'static str) -> Result<Option<u32>, FrameError> {
        present.then(|| self.varint(field)).transpose()
    }

    fn f32(&mut self) -> Result<f32, FrameError> {
        let (bytes, rest) = self.rest.split_first_chunk::<4>().ok_or_else(|| self.too_long())?;
        self.rest = rest;
        Ok(f32::from_le_bytes(*bytes))
    }
}
