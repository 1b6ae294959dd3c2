//! The 32 flags of a frame. Bits 0 to 15 mean one thing on requests and another on responses.

/// A set of flags. Equal bits of requests and responses share a value: which names apply is told by the header's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(u32);

impl std::ops::BitOrAssign for Flags {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl Flags {
    /// Request: a system (or developer) message.
    pub const SYSTEM_PROMPT: Self = Self(1);
    /// Request: `tools` or `functions`.
    pub const TOOLS: Self = Self(1 << 1);
    /// Request: `tool_choice` or `function_call`.
    pub const TOOL_CHOICE: Self = Self(1 << 2);
    /// Request: a content part of type `image_url`.
    pub const IMAGES: Self = Self(1 << 3);
    /// Request: `stream` is true.
    pub const STREAM: Self = Self(1 << 4);
    /// Request: `response_format`.
    pub const RESPONSE_FORMAT: Self = Self(1 << 5);
    /// Request: `max_tokens` or `max_completion_tokens`, a number.
    pub const MAX_TOKENS: Self = Self(1 << 6);
    /// Request: `reasoning_effort`.
    pub const REASONING_EFFORT: Self = Self(1 << 7);
    /// Request: `service_tier`.
    pub const SERVICE_TIER: Self = Self(1 << 8);
    /// Request: `seed`.
    pub const SEED: Self = Self(1 << 9);
    /// Request: `logprobs`.
    pub const LOGPROBS: Self = Self(1 << 10);
    /// Request: `user`.
    pub const USER: Self = Self(1 << 11);
    /// Request: `temperature`.
    pub const TEMPERATURE: Self = Self(1 << 12);
    /// Request: `top_p`.
    pub const TOP_P: Self = Self(1 << 13);
    /// Request: `stop`.
    pub const STOP: Self = Self(1 << 14);

    /// Response: the first choice calls tools.
    pub const TOOL_CALLS: Self = Self(1);
    /// Response: the first choice is a refusal.
    pub const REFUSAL: Self = Self(1 << 1);
    /// Response: it ended because content was filtered.
    pub const CONTENT_FILTERED: Self = Self(1 << 2);
    /// Response: `usage`.
    pub const USAGE: Self = Self(1 << 3);
    /// Response: it ended because of its length.
    pub const TRUNCATED: Self = Self(1 << 4);
    /// Response: tokens came from a cache.
    pub const CACHED_TOKENS: Self = Self(1 << 5);
    /// Response: tokens went into reasoning.
    pub const REASONING_TOKENS: Self = Self(1 << 6);
    /// Response: the header holds a cost.
    pub const COST: Self = Self(1 << 7);

    /// Any: the payload is compressed with Brotli.
    pub const COMPRESSED: Self = Self(1 << 24);
    /// Any: reserved for extensions.
    pub const EXTENSIONS: Self = Self(1 << 25);

    /// A request's flags under the names that route conditions use.
    pub const OF_REQUESTS: [(&'static str, Self); 15] = [
        ("has_system_prompt", Self::SYSTEM_PROMPT),
        ("has_tools", Self::TOOLS),
        ("has_tool_choice", Self::TOOL_CHOICE),
        ("has_images", Self::IMAGES),
        ("stream", Self::STREAM),
        ("has_response_format", Self::RESPONSE_FORMAT),
        ("has_max_tokens", Self::MAX_TOKENS),
        ("has_reasoning_effort", Self::REASONING_EFFORT),
        ("has_service_tier", Self::SERVICE_TIER),
        ("has_seed", Self::SEED),
        ("has_logprobs", Self::LOGPROBS),
        ("has_user", Self::USER),
        ("has_temperature", Self::TEMPERATURE),
        ("has_top_p", Self::TOP_P),
        ("has_stop", Self::STOP),
    ];

    /// A response's flags under the names that route conditions use.
    pub const OF_RESPONSES: [(&'static str, Self); 8] = [
        ("has_tool_calls", Self::TOOL_CALLS),
        ("has_refusal", Self::REFUSAL),
        ("content_filtered", Self::CONTENT_FILTERED),
        ("has_usage", Self::USAGE),
        ("truncated", Self::TRUNCATED),
        ("has_cached_tokens", Self::CACHED_TOKENS),
        ("has_reasoning_tokens", Self::REASONING_TOKENS),
        ("has_cost", Self::COST),
    ];

    /// The flag that a member of a request sets by being there, whatever its value.
    pub(crate) fn of_request_member(name: &str) -> Self {
        match name {
            "tools" | "functions" => Self::TOOLS,
            "tool_choice" | "function_call" => Self::TOOL_CHOICE,
            "response_format" => Self::RESPONSE_FORMAT,
            "reasoning_effort" => Self::REASONING_EFFORT,
            "service_tier" => Self::SERVICE_TIER,
            "seed" => Self::SEED,
            "logprobs" => Self::LOGPROBS,
            "user" => Self::USER,
            "temperature" => Self::TEMPERATURE,
            "top_p" => Self::TOP_P,
            "stop" => Self::STOP,
            _ => Self(0),
        }
    }

    pub(crate) fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The 32 bits, bit 0 the lowest.
    #[must_use]
    pub fn bits(self) -> u32 {
        self.0
    }

    /// Whether every flag of `other` is set.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(crate) fn set(&mut self, flag: Self, on: bool) {
        if on {
            self.0 |= flag.0;
        } else {
            self.0 &= !flag.0;
        }
    }
}
