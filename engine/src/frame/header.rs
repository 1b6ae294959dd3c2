//! The header of an M2M v1 frame: what anyone on the path may read.

mod read;
mod values;

use std::borrow::Cow;

pub(super) use read::{read, split};
pub use values::{FinishReason, Role, Roles, Schema, Security};

use super::{Flags, provider, varint};

/// Bytes of the fixed part.
const FIXED: usize = 20;

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

    /// How many bytes [`Header::write`] appends.
    pub(crate) fn len(&self) -> usize {
        FIXED
            + match &self.body {
                Body::Request(request) => request.len(),
                Body::Response(response) => response.len(),
                Body::None => 0,
            }
    }

    /// Whether its length fits the two bytes that the format has for it.
    pub(crate) fn fits(&self) -> bool {
        self.len() <= usize::from(u16::MAX)
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
    fn len(&self) -> usize {
        let numbers = [Some(count(&self.roles)), Some(self.content_hint), self.max_tokens];
        1 + self.model.len()
            + self.roles.packed.len()
            + varint_len(numbers)
            + self.est_cost_usd.map_or(0, |cost| cost.to_le_bytes().len())
    }

    fn write(&self, out: &mut Vec<u8>) {
        write_short(out, &self.model);
        varint::write(out, count(&self.roles));
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
    fn len(&self) -> usize {
        let numbers = [
            Some(self.prompt_tokens),
            Some(self.completion_tokens),
            self.cached_tokens,
            self.reasoning_tokens,
        ];
        1 + self.id.len()
            + 1
            + self.model.len()
            + 1
            + varint_len(numbers)
            + self.est_cost_usd.map_or(0, |cost| cost.to_le_bytes().len())
    }

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

fn count(roles: &Roles<'_>) -> u32 {
    u32::try_from(roles.len()).unwrap_or(u32::MAX)
}

fn varint_len<const N: usize>(numbers: [Option<u32>; N]) -> usize {
    numbers.into_iter().flatten().map(varint::len).sum()
}

fn write_short(out: &mut Vec<u8>, text: &str) {
    debug_assert!(text.len() <= 255, "cut where it is read from JSON");
    out.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(text.as_bytes());
}
