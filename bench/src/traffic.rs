//! Agent traffic from a seed: conversations that grow turn by turn, with tool calls, answers and small events.

mod text;

use fastrand::Rng;
use serde_json::{Value, json};

use crate::data::{Kind, Message};
use text::Speaker;

/// Messages of so many conversations, in the order in which several agents at once would send them.
#[must_use]
pub fn generate(seed: u64, conversations: usize) -> Vec<Message> {
    let mut rng = Rng::with_seed(seed);
    let mut lanes: Vec<_> =
        (0..conversations).map(|_| conversation(&mut rng).into_iter()).collect();
    let mut messages = Vec::new();
    // Eight conversations are under way at a time, and any of them may speak next.
    while !lanes.is_empty() {
        let lane = rng.usize(..lanes.len().min(8));
        match lanes[lane].next() {
            Some(message) => messages.push(message),
            None => drop(lanes.remove(lane)),
        }
    }
    messages
}

fn conversation(rng: &mut Rng) -> Vec<Message> {
    let mut speaker = Speaker::new(rng.fork());
    let model = rng.choice(["gpt-4o", "gpt-4o-mini", "claude-3-5-sonnet", "o3-mini"]).unwrap();
    let mut history = vec![json!({"role": "system", "content": speaker.paragraph(8..40)})];
    let tools: Vec<Value> = (0..rng.usize(0..6)).map(|_| tool(&mut speaker, rng)).collect();
    let mut messages = Vec::new();
    let mut push = |kind, value: Value| messages.push(Message { kind, json: value.to_string() });
    push(Kind::Events, event(&mut speaker, rng, "submitted"));
    // Most are short; some go on until a request carries tens of kilobytes.
    let turns = 1 + (rng.f64().powi(3) * 30.0) as usize;
    for _ in 0..turns {
        history.push(json!({"role": "user", "content": speaker.paragraph(1..6)}));
        push(Kind::Requests, request(model, &history, &tools));
        if !tools.is_empty() && rng.bool() {
            let call = rng.choice(&tools).unwrap()["function"]["name"].clone();
            let (id, arguments) = (id(rng, "call_", 24), speaker.arguments());
            let function = json!({"name": &call, "arguments": arguments.to_string()});
            let calls = json!([{"id": &id, "type": "function", "function": function}]);
            let asked = json!({"role": "assistant", "content": null, "tool_calls": calls});
            push(Kind::Responses, response(rng, model, &asked, &history));
            let params = json!({"name": &call, "arguments": arguments});
            let number = rng.u32(1..10_000);
            let method = "tools/call";
            push(
                Kind::ToolCalls,
                json!({"jsonrpc": "2.0", "id": number, "method": method, "params": params}),
            );
            let found = speaker.paragraph(1..12);
            let content = json!([{"type": "text", "text": &found}]);
            let result = json!({"content": content, "isError": false});
            push(Kind::ToolCalls, json!({"jsonrpc": "2.0", "id": number, "result": result}));
            history.push(asked);
            history.push(json!({"role": "tool", "tool_call_id": id, "content": found}));
            push(Kind::Requests, request(model, &history, &tools));
        }
        let said = json!({"role": "assistant", "content": speaker.paragraph(1..10)});
        push(Kind::Responses, response(rng, model, &said, &history));
        history.push(said);
        push(Kind::Events, event(&mut speaker, rng, "working"));
    }
    push(Kind::Events, event(&mut speaker, rng, "completed"));
    messages
}

fn request(model: &str, history: &[Value], tools: &[Value]) -> Value {
    let mut request = json!({"model": model, "messages": history, "temperature": 0.2});
    if !tools.is_empty() {
        request["tools"] = json!(tools);
        request["tool_choice"] = json!("auto");
    }
    request
}

fn response(rng: &mut Rng, model: &str, said: &Value, history: &[Value]) -> Value {
    let (prompt, completion) = (json!(history).to_string().len() / 4, rng.u32(20..600));
    let finish = if said.get("tool_calls").is_some() { "tool_calls" } else { "stop" };
    json!({
        "id": id(rng, "chatcmpl-", 29),
        "object": "chat.completion",
        "created": 1_760_000_000 + rng.u32(..10_000_000),
        "model": model,
        "choices": [{"index": 0, "message": said, "logprobs": null, "finish_reason": finish}],
        "usage": {"prompt_tokens": prompt, "completion_tokens": completion, "prompt_tokens_details": {"cached_tokens": 0}},
        "system_fingerprint": id(rng, "fp_", 10),
    })
}

fn event(speaker: &mut Speaker, rng: &mut Rng, state: &str) -> Value {
    let text = speaker.sentence();
    let parts = json!([{"kind": "text", "text": text}]);
    let message = json!({"role": "agent", "messageId": id(rng, "msg-", 32), "parts": parts});
    let status = json!({"state": state, "message": message});
    json!({"kind": "status-update", "taskId": id(rng, "task-", 32), "status": status, "final": state == "completed"})
}

fn tool(speaker: &mut Speaker, rng: &mut Rng) -> Value {
    let names: Vec<String> = (0..rng.usize(1..5)).map(|_| speaker.name()).collect();
    let members = names
        .iter()
        .map(|name| (name.clone(), json!({"type": "string", "description": speaker.sentence()})));
    let properties: serde_json::Map<_, _> = members.collect();
    let parameters = json!({"type": "object", "properties": properties, "required": names});
    let (name, description) = (speaker.name(), speaker.paragraph(1..4));
    json!({"type": "function", "function": {"name": name, "description": description, "parameters": parameters}})
}

fn id(rng: &mut Rng, prefix: &str, len: usize) -> String {
    prefix.chars().chain((0..len).map(|_| rng.alphanumeric())).collect()
}
