//! Who says a text, by its place in the payload and the roles around it.
//!
//! A text in the payload can lie about it: what a tool returns may hold an object that calls itself a system message. So the operator is
//! believed only where a call of a model has him, and whatever stands within a tool's words is the tool's.

use super::Speaker;
use super::names::Names;
use crate::json::Text;

impl Speaker {
    /// Whoever may speak.
    pub(super) const ALL: [Self; 5] =
        [Self::Operator, Self::User, Self::Assistant, Self::Tool, Self::Unknown];

    /// By the value of a member `role`.
    pub(super) fn of_role(role: &Text<'_>) -> Self {
        // Longer than the longest, however it is escaped.
        if role.raw().len() > 6 * "assistant".len() {
            return Self::Unknown;
        }
        match &*role.unescaped() {
            "system" | "developer" => Self::Operator,
            "user" | "human" => Self::User,
            "assistant" | "agent" | "model" | "ai" => Self::Assistant,
            "tool" | "function" => Self::Tool,
            _ => Self::Unknown,
        }
    }

    /// By the value of a member `type`: `tool_result`, `mcp_tool_result`, `function_call_output` and the like.
    pub(super) fn of_type(kind: &Text<'_>) -> Self {
        if kind.raw().ends_with("tool_result") || kind.raw().ends_with("_call_output") {
            Self::Tool
        } else {
            Self::Unknown
        }
    }

    /// By the names under which a value stands, from the outermost object inwards; items of arrays have none.
    #[inline]
    pub(super) fn of_place(
        mut names: impl DoubleEndedIterator<Item = Names> + ExactSizeIterator + Clone,
    ) -> Self {
        if names.clone().next_back() == Some(Names::FUNCTION_RESPONSE) {
            return Self::Tool;
        }
        if names.len() > 2 {
            // As most are.
            return Self::Unknown;
        }
        match (names.next(), names.next()) {
            (Some(name), None) if name.meets(Names::OPERATORS) => Self::Operator,
            (Some(Names::RESULT), Some(name)) if name.meets(Names::OF_TOOLS) => Self::Tool,
            (Some(Names::PARAMS), Some(Names::ARGUMENTS)) => Self::Assistant,
            _ => Self::Unknown,
        }
    }

    /// Whose text it is that stands in the words of `self` as those of `inner`.
    pub(super) fn quoting(self, inner: Self) -> Self {
        match (self, inner) {
            (Self::Tool, _) | (_, Self::Tool) => Self::Tool,
            (Self::Unknown, other) | (other, Self::Unknown) => other,
            (Self::Operator, inner) => inner,
            (outer, _) => outer,
        }
    }

    /// Of two things said of the same object: what both say.
    pub(super) fn or(self, second: Self) -> Self {
        match (self, second) {
            (first, second) if first == second => first,
            (Self::Tool, _) | (_, Self::Tool) => Self::Tool,
            _ => Self::Unknown,
        }
    }
}
