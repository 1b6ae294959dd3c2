//! A conversation as it crosses a bus: every request carries the whole history, as agents send it turn by turn.

use bytes::Bytes;
use serde_json::{Value, json};

use super::Message;

/// Whose API the bodies follow.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Api {
    /// Chat completions, as OpenAI and many others take them.
    ChatCompletions,
    /// Anthropic's messages.
    Messages,
}

/// An agent: what stays the same in all of its requests.
pub(super) struct Agent {
    pub(super) name: &'static str,
    pub(super) api: Api,
    pub(super) model: &'static str,
    pub(super) system: &'static str,
    /// Name, description and JSON schema of the arguments.
    pub(super) tools: Vec<(&'static str, &'static str, Value)>,
}

/// One conversation of an agent, and what it has put on the bus.
pub(super) struct Conversation {
    agent: Agent,
    /// Names it, and numbers its ids.
    number: usize,
    /// How long the model's answer may be.
    pub(super) max_tokens: u32,
    history: Vec<Value>,
    messages: Vec<Message>,
}

impl Conversation {
    pub(super) fn new(agent: Agent, number: usize) -> Self {
        Self { agent, number, max_tokens: 512, history: Vec::new(), messages: Vec::new() }
    }

    /// The messages, at the end.
    pub(super) fn into_messages(self) -> Vec<Message> {
        self.messages
    }

    /// Somebody asks: a request with all that was said before.
    pub(super) fn ask(&mut self, text: &str) {
        self.history.push(json!({ "role": "user", "content": text }));
        self.request();
    }

    /// The model calls a tool: its response, the MCP call, the MCP result, and the next request, which holds the result.
    pub(super) fn call(&mut self, tool: &str, arguments: Value, result: &Value) {
        let id = self.id();
        self.respond("", Some((&format!("call_{id}"), tool, &arguments)));
        self.publish(&json!({
            "jsonrpc": "2.0", "id": id, "method": "tools/call",
            "params": { "name": tool, "arguments": arguments, "_meta": { "progressToken": id } },
        }));
        let text = result.to_string();
        self.publish(&json!({
            "jsonrpc": "2.0", "id": id,
            "result": { "content": [{ "type": "text", "text": text }], "structuredContent": result, "isError": false },
        }));
        let call = format!("call_{id}");
        self.history.push(match self.agent.api {
            Api::ChatCompletions => {
                json!({ "role": "tool", "tool_call_id": call, "content": text })
            }
            Api::Messages => json!({
                "role": "user",
                "content": [{ "type": "tool_result", "tool_use_id": call, "content": text }],
            }),
        });
        self.request();
    }

    /// The model answers in words.
    pub(super) fn answer(&mut self, text: &str) {
        self.respond(text, None);
    }

    /// Something else goes over the same bus.
    pub(super) fn attach(&mut self, payload: impl Into<Bytes>) {
        let conversation = format!("{}.{:02}", self.agent.name, self.number);
        self.messages.push(Message { conversation, payload: payload.into() });
    }

    fn publish(&mut self, body: &Value) {
        self.attach(body.to_string());
    }

    /// Differs for every message that needs one, and is the same in every run.
    fn id(&self) -> usize {
        self.number * 1000 + self.messages.len()
    }

    fn request(&mut self) {
        let Agent { api, model, system, tools, .. } = &self.agent;
        let messages = &self.history;
        let body = match api {
            Api::ChatCompletions => {
                let tools = tools.iter().map(|(name, description, parameters)| {
                    let function = json!({ "name": name, "description": description, "parameters": parameters });
                    json!({ "type": "function", "function": function })
                });
                let system = json!({ "role": "system", "content": system });
                let messages: Vec<&Value> = [&system].into_iter().chain(messages).collect();
                json!({
                    "model": model, "messages": messages, "tools": tools.collect::<Vec<_>>(), "tool_choice": "auto",
                    "temperature": 0.2, "max_completion_tokens": self.max_tokens,
                })
            }
            Api::Messages => {
                let tools = tools.iter().map(|(name, description, parameters)| {
                    json!({ "name": name, "description": description, "input_schema": parameters })
                });
                json!({
                    "model": model, "max_tokens": self.max_tokens, "system": system, "messages": messages,
                    "tools": tools.collect::<Vec<_>>(), "temperature": 0.2,
                })
            }
        };
        self.publish(&body);
    }

    /// The model's response, kept in the history.
    fn respond(&mut self, text: &str, call: Option<(&str, &str, &Value)>) {
        let (id, model) = (self.id(), self.agent.model);
        let input: usize = self.history.iter().map(|message| message.to_string().len() / 4).sum();
        let output = 12 + text.len() / 4;
        match self.agent.api {
            Api::ChatCompletions => {
                let calls = call.map(|(id, tool, arguments)| {
                    let function = json!({ "name": tool, "arguments": arguments.to_string() });
                    json!([{ "id": id, "type": "function", "function": function }])
                });
                let message = match calls {
                    None => json!({ "role": "assistant", "content": text }),
                    Some(calls) => {
                        json!({ "role": "assistant", "content": null, "tool_calls": calls })
                    }
                };
                let finish = if call.is_some() { "tool_calls" } else { "stop" };
                self.publish(&json!({
                    "id": format!("chatcmpl-{}-{id:06}", self.agent.name), "object": "chat.completion",
                    "created": 1_780_000_000 + id, "model": model,
                    "choices": [{ "index": 0, "message": message, "logprobs": null, "finish_reason": finish }],
                    "usage": { "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output },
                }));
                self.history.push(message);
            }
            Api::Messages => {
                let content = match call {
                    None => json!([{ "type": "text", "text": text }]),
                    Some((id, tool, arguments)) => {
                        json!([{ "type": "tool_use", "id": id, "name": tool, "input": arguments }])
                    }
                };
                let stop = if call.is_some() { "tool_use" } else { "end_turn" };
                self.publish(&json!({
                    "id": format!("msg_{}_{id:06}", self.agent.name), "type": "message", "role": "assistant",
                    "model": model, "content": content, "stop_reason": stop, "stop_sequence": null,
                    "usage": { "input_tokens": input, "output_tokens": output },
                }));
                self.history.push(json!({ "role": "assistant", "content": content }));
            }
        }
    }
}

/// The JSON schema of arguments that are all required.
pub(super) fn schema<const N: usize>(arguments: [(&str, &str, &str); N]) -> Value {
    let properties: serde_json::Map<String, Value> = arguments
        .iter()
        .map(|(name, kind, description)| {
            ((*name).to_owned(), json!({ "type": kind, "description": description }))
        })
        .collect();
    let required = arguments.map(|(name, ..)| name);
    json!({ "type": "object", "properties": properties, "required": required.as_slice(), "additionalProperties": false })
}

/// The element at `index`, counted round and round.
pub(super) fn pick<T: Copy>(from: &[T], index: usize) -> T {
    #[expect(
        clippy::indexing_slicing,
        reason = "the remainder is below the length of a list that is written out"
    )]
    from[index % from.len()]
}
