//! The members' names that say who speaks, or whose doubles would say two things to two readers.

use crate::json::Text;

/// The lists of a model call whose items are remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    Messages,
    Input,
    Contents,
    Tools,
}

impl List {
    pub(super) const COUNT: usize = 4;

    pub(super) fn index(self) -> usize {
        match self {
            Self::Messages => 0,
            Self::Input => 1,
            Self::Contents => 2,
            Self::Tools => 3,
        }
    }
}

/// A set of names; the empty one for a name that does not matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Names(u32);

impl Names {
    pub(super) const ROLE: Self = Self(1);
    pub(super) const TYPE: Self = Self(1 << 1);
    pub(super) const RESULT: Self = Self(1 << 2);
    pub(super) const PARAMS: Self = Self(1 << 3);
    pub(super) const ARGUMENTS: Self = Self(1 << 4);
    const CONTENT: Self = Self(1 << 5);
    const CONTENTS: Self = Self(1 << 6);
    const STRUCTURED_CONTENT: Self = Self(1 << 7);
    const MESSAGES: Self = Self(1 << 8);
    const INPUT: Self = Self(1 << 9);
    const SYSTEM: Self = Self(1 << 10);
    const INSTRUCTIONS: Self = Self(1 << 11);
    const SYSTEM_INSTRUCTION: Self = Self(1 << 12);
    const TOOLS: Self = Self(1 << 13);
    const RESOURCES: Self = Self(1 << 14);
    const PROMPTS: Self = Self(1 << 15);
    /// Under which Gemini's messages have what a function gave.
    pub(super) const FUNCTION_RESPONSE: Self = Self(1 << 16);
    const MODEL: Self = Self(1 << 17);
    const NAME: Self = Self(1 << 18);
    const TEXT: Self = Self(1 << 19);
    const METHOD: Self = Self(1 << 20);
    const ID: Self = Self(1 << 21);
    const FUNCTION: Self = Self(1 << 22);
    const TOOL_CALLS: Self = Self(1 << 23);
    const TOOL_CALL_ID: Self = Self(1 << 24);
    const TOOL_CHOICE: Self = Self(1 << 25);
    const PARTS: Self = Self(1 << 26);
    const MAX_TOKENS: Self = Self(1 << 27);

    /// Under which a call of a model has its conversation: OpenAI's and Anthropic's, OpenAI's responses, Gemini's.
    pub(super) const CONVERSATIONS: Self =
        Self(Self::MESSAGES.0 | Self::INPUT.0 | Self::CONTENTS.0);
    /// Under which it has what the operator says, beside its conversation.
    pub(super) const OPERATORS: Self =
        Self(Self::SYSTEM.0 | Self::INSTRUCTIONS.0 | Self::SYSTEM_INSTRUCTION.0);
    /// Under which MCP's results have what tools say, and what their servers say of them.
    pub(super) const OF_TOOLS: Self = Self(
        Self::CONTENT.0
            | Self::CONTENTS.0
            | Self::STRUCTURED_CONTENT.0
            | Self::TOOLS.0
            | Self::RESOURCES.0
            | Self::PROMPTS.0
            | Self::INSTRUCTIONS.0,
    );

    /// The name's own set.
    pub(super) fn of(key: &Text<'_>) -> Self {
        // Longer than the longest, however it is escaped.
        if key.raw().len() > 6 * "system_instruction".len() {
            return Self::default();
        }
        if key.is_escaped() {
            Self::of_plain(key.unescaped().as_bytes())
        } else {
            Self::of_plain(key.raw().as_bytes())
        }
    }

    fn of_plain(name: &[u8]) -> Self {
        match name {
            b"role" => Self::ROLE,
            b"type" => Self::TYPE,
            b"result" => Self::RESULT,
            b"params" => Self::PARAMS,
            b"arguments" => Self::ARGUMENTS,
            b"content" => Self::CONTENT,
            b"contents" => Self::CONTENTS,
            b"structuredContent" => Self::STRUCTURED_CONTENT,
            b"messages" => Self::MESSAGES,
            b"input" => Self::INPUT,
            b"system" => Self::SYSTEM,
            b"instructions" => Self::INSTRUCTIONS,
            b"systemInstruction" | b"system_instruction" => Self::SYSTEM_INSTRUCTION,
            b"tools" => Self::TOOLS,
            b"resources" => Self::RESOURCES,
            b"prompts" => Self::PROMPTS,
            b"functionResponse" | b"function_response" => Self::FUNCTION_RESPONSE,
            b"model" => Self::MODEL,
            b"name" => Self::NAME,
            b"text" => Self::TEXT,
            b"method" => Self::METHOD,
            b"id" => Self::ID,
            b"function" => Self::FUNCTION,
            b"tool_calls" => Self::TOOL_CALLS,
            b"tool_call_id" => Self::TOOL_CALL_ID,
            b"tool_choice" => Self::TOOL_CHOICE,
            b"parts" => Self::PARTS,
            b"max_tokens" => Self::MAX_TOKENS,
            _ => Self::default(),
        }
    }

    /// The list of that name.
    pub(super) fn list(self) -> Option<List> {
        match self {
            Self::MESSAGES => Some(List::Messages),
            Self::INPUT => Some(List::Input),
            Self::CONTENTS => Some(List::Contents),
            Self::TOOLS => Some(List::Tools),
            _ => None,
        }
    }

    /// Whether they have one in common.
    pub(super) fn meets(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    pub(super) fn add(&mut self, others: Self) {
        self.0 |= others.0;
    }
}
