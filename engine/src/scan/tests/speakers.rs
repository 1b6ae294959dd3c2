//! Who is taken to say what.

use super::*;

/// Who says the string that stands at `pointer`.
fn who(json: &str, pointer: &str) -> String {
    let findings = engine(ScanConfig::default(), Who).judge(json.as_bytes()).findings;
    let finding = findings.iter().find(|finding| finding.pointer == pointer);
    finding.unwrap_or_else(|| panic!("nothing at {pointer}: {findings:?}")).rule.clone()
}

#[test]
fn roles_say_who_speaks_wherever_they_stand_in_a_message() {
    for (role, speaker) in [
        ("system", "Operator"),
        ("developer", "Operator"),
        ("user", "User"),
        ("assistant", "Assistant"),
        ("agent", "Assistant"),
        ("tool", "Tool"),
        ("function", "Tool"),
        ("critic", "Unknown"),
    ] {
        let before = format!(r#"{{"messages":[{{"role":"{role}","content":"some text"}}]}}"#);
        assert_eq!(who(&before, "/messages/0/content"), speaker);
        let behind = format!(
            r#"{{"messages":[{{"content":[{{"text":"some text"}}],"\u0072ole":"{role}"}}]}}"#
        );
        assert_eq!(who(&behind, "/messages/0/content/0/text"), speaker);
    }
}

#[test]
fn each_api_has_its_own_places() {
    for (json, pointer, speaker) in [
        (r#"{"system":"some text","messages":[]}"#, "/system", "Operator"),
        (r#"{"system":[{"text":"some text"}],"messages":[]}"#, "/system/0/text", "Operator"),
        (r#"{"instructions":"some text","input":"more text"}"#, "/instructions", "Operator"),
        (r#"{"instructions":"some text","input":"more text"}"#, "/input", "Unknown"),
        (
            r#"{"systemInstruction":{"parts":[{"text":"some text"}]},"contents":[]}"#,
            "/systemInstruction/parts/0/text",
            "Operator",
        ),
        (
            r#"{"messages":[{"role":"user","content":[{"type":"tool_result","content":"some text"}]}]}"#,
            "/messages/0/content/0/content",
            "Tool",
        ),
        (
            r#"{"messages":[{"role":"user","content":[{"content":"some text","type":"tool_result"}]}]}"#,
            "/messages/0/content/0/content",
            "Tool",
        ),
        (
            r#"{"input":[{"type":"function_call_output","output":"some text"}]}"#,
            "/input/0/output",
            "Tool",
        ),
        (
            r#"{"contents":[{"role":"user","parts":[{"functionResponse":{"response":{"a":"some text"}}}]}]}"#,
            "/contents/0/parts/0/functionResponse/response/a",
            "Tool",
        ),
        (
            r#"{"choices":[{"message":{"content":"some text","role":"assistant"}}]}"#,
            "/choices/0/message/content",
            "Assistant",
        ),
        (
            r#"{"messages":[{"role":"assistant","tool_calls":[{"function":{"arguments":"some text"}}]}]}"#,
            "/messages/0/tool_calls/0/function/arguments",
            "Assistant",
        ),
        (
            r#"{"jsonrpc":"2.0","result":{"content":[{"type":"text","text":"some text"}]}}"#,
            "/result/content/0/text",
            "Tool",
        ),
        (
            r#"{"jsonrpc":"2.0","result":{"tools":[{"description":"some text"}]}}"#,
            "/result/tools/0/description",
            "Tool",
        ),
        (
            r#"{"jsonrpc":"2.0","params":{"name":"f","arguments":{"path":"some text"}}}"#,
            "/params/arguments/path",
            "Assistant",
        ),
        (
            r#"{"params":{"message":{"parts":[{"text":"some text"}],"role":"user"}}}"#,
            "/params/message/parts/0/text",
            "User",
        ),
        (
            r#"{"result":{"status":{"message":{"role":"agent","parts":[{"text":"some text"}]}}}}"#,
            "/result/status/message/parts/0/text",
            "Assistant",
        ),
        (r#"{"event":"some text"}"#, "/event", "Unknown"),
    ] {
        assert_eq!(who(json, pointer), speaker, "{json}");
    }
}

#[test]
fn nobody_becomes_the_operator_by_saying_so() {
    for (json, pointer, speaker) in [
        // Within what a tool, a user or nobody said.
        (
            r#"{"messages":[{"role":"tool","content":{"role":"system","text":"some text"}}]}"#,
            "/messages/0/content/text",
            "Tool",
        ),
        (
            r#"{"messages":[{"content":{"role":"system","text":"some text"},"role":"tool"}]}"#,
            "/messages/0/content/text",
            "Tool",
        ),
        (
            r#"{"messages":[{"role":"user","content":[{"role":"system","text":"some text"}]}]}"#,
            "/messages/0/content/0/text",
            "User",
        ),
        (
            r#"{"result":{"content":{"messages":[{"role":"system","content":"some text"}]}}}"#,
            "/result/content/messages/0/content",
            "Tool",
        ),
        (
            r#"{"data":{"messages":[{"role":"system","content":"some text"}]}}"#,
            "/data/messages/0/content",
            "Unknown",
        ),
        // Outside of a call.
        (r#"{"role":"system","content":"some text"}"#, "/content", "Unknown"),
        (r#"{"system":"some text"}"#, "/system", "Unknown"),
        (r#"{"instructions":"some text","name":"soup"}"#, "/instructions", "Unknown"),
        // Two roles: readers differ in which counts.
        (
            r#"{"messages":[{"role":"user","role":"system","content":"some text"}]}"#,
            "/messages/0/content",
            "Unknown",
        ),
        (
            r#"{"messages":[{"role":"system","role":"tool","content":"some text"}]}"#,
            "/messages/0/content",
            "Tool",
        ),
        // A document that does not end has not said all.
        (
            r#"{"messages":[{"role":"system","content":"some text"}],"#,
            "/messages/0/content",
            "Unknown",
        ),
    ] {
        assert_eq!(who(json, pointer), speaker, "{json}");
    }
}

#[test]
fn who_comes_too_late_is_not_believed() {
    let many = "[\"some text\"],".repeat(70_000);
    let json =
        format!(r#"{{"messages":[{{"role":"system","content":"the first"}}],"x":[{many}0]}}"#);
    let scan = ScanConfig {
        limits: StructureLimits { array: 1 << 20, ..Default::default() },
        ..Default::default()
    };
    let findings = engine(scan, Who).judge(json.as_bytes()).findings;
    assert_eq!(
        (findings[0].pointer.as_str(), findings[0].rule.as_str()),
        ("/messages/0/role", "Unknown")
    );
    assert_eq!(
        (findings[1].pointer.as_str(), findings[1].rule.as_str()),
        ("/messages/0/content", "Unknown")
    );
}
