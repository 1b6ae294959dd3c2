#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that panics has failed")]

use m2m_engine::bus::headers::Header;
use m2m_engine::bus::{Address, Envelope};
use m2m_engine::{Engine, Outbound};

use super::{Plan, Rest, Route, compile, explain};
use crate::Config;
use crate::counters::Counters;
use crate::facts::Reader;
use crate::names::NameError;
use crate::reason::Reason;

const BUSES: &str = "[buses.m]\nurl = 'memory://m'\n[buses.n]\nurl = 'nats://h'\n[buses.k]\nurl = 'kafka://h'\n[buses.r]\nurl = 'amqp://h'\n";

fn config(route: &str) -> Config {
    let text = format!(
        "{BUSES}[[routes]]\nname = 'r'\nfrom = {{ bus = 'm', subject = 's', queue_group = 'g' }}\n{route}"
    );
    Config::parse("bridge.toml", &text).unwrap()
}

fn route(text: &str) -> Route {
    compile(&config(text)).unwrap().remove(0)
}

fn problems(text: &str) -> String {
    compile(&config(text)).err().unwrap().to_string()
}

fn message(payload: &[u8]) -> Envelope {
    let address = Address { name: "agents.in".to_owned(), exchange: String::new() };
    Envelope { address, payload: Some(payload.to_vec().into()), ..Envelope::default() }
}

fn framed(payload: &[u8]) -> Envelope {
    let engine = Engine::new(m2m_engine::Config {
        framing: m2m_engine::Framing::Always,
        ..m2m_engine::Config::default()
    });
    message(&engine.unwrap().wrap(payload, &Outbound::to("agents.in")).unwrap().bytes)
}

fn plan(route: &Route, envelope: &Envelope) -> (Plan, Counters) {
    let counters = Counters::default();
    (route.plan(&Reader::new().unwrap(), envelope, &counters), counters)
}

fn names(plan: &Plan) -> Vec<&str> {
    plan.to.iter().map(|outgoing| outgoing.address.name.as_str()).collect()
}

/// Whether a condition holds for a message.
fn holds(condition: &str, envelope: &Envelope) -> bool {
    let route = route(&format!(
        "to = [{{ when = \"{condition}\", bus = 'm', subject = 'x' }}]\notherwise = 'drop'"
    ));
    let (plan, counters) = plan(&route, envelope);
    assert_eq!(counters.snapshot().condition_errors, 0, "{condition}");
    !plan.to.is_empty()
}

const REQUEST: &[u8] = br#"{"model":"gpt-4o","max_tokens":900,"stream":true,"tools":[{"type":"function"}],
    "messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"What is the capital of Peru, and why?"}]}"#;
const RESPONSE: &[u8] = br#"{"id":"chatcmpl-7","model":"claude-3-5-sonnet","usage":{"prompt_tokens":12,"completion_tokens":3},
    "choices":[{"message":{"role":"assistant","content":"Lima."},"finish_reason":"stop"}]}"#;

#[test]
fn conditions_see_the_scanners_verdict() {
    let engine = Engine::new(m2m_engine::Config::default()).unwrap();
    let sent = |payload: &[u8]| {
        let wrapped = engine.wrap(payload, &Outbound::to("agents.in")).unwrap();
        let headers = wrapped.headers.into_iter();
        let headers = headers.map(|(name, value)| Header::text(name, value)).collect();
        Envelope { headers, ..message(&wrapped.bytes) }
    };
    // Broken JSON is flagged whatever the rules are.
    let flagged = sent(b"{\"model\":\"gpt-4o\",}");
    assert!(holds("headers['m2m-threat'] != ''", &flagged));
    assert!(holds("headers['m2m-threat'].startsWith('malformed;0.80;')", &flagged));
    assert!(holds("headers['m2m-threat'] == ''", &sent(REQUEST)));
}

#[test]
fn conditions_see_the_facts_of_frames_and_of_plain_json() {
    for envelope in [framed(REQUEST), message(REQUEST)] {
        for condition in [
            "provider == 'openai' && model == 'gpt-4o' && schema == 'request'",
            "model.startsWith('gpt-') && model.matches('^gpt-[0-9]')",
            "roles == ['system', 'user'] && 'user' in roles && !('tool' in roles)",
            "roles.exists(r, r == 'system') && roles.all(r, size(r) > 3)",
            "msg_count == 2 && max_tokens == 900 && content_hint > 40",
            "est_cost_usd > 0.0 && est_cost_usd < 1",
            "has_tools && stream && has_system_prompt && !has_images",
            "security == 'none'",
            "subject == 'agents.in' && topic == subject && routing_key == subject && exchange == ''",
        ] {
            assert!(holds(condition, &envelope), "{condition}");
        }
    }
    assert!(holds("framed && size > 100", &framed(REQUEST)));
    assert!(holds("!framed && form == 'plain'", &message(REQUEST)));
    for envelope in [framed(RESPONSE), message(RESPONSE)] {
        let condition = "schema == 'response' && provider == 'anthropic' && prompt_tokens == 12 && finish_reason == 'stop' && has_usage";
        assert!(holds(condition, &envelope));
    }
}

#[test]
fn absent_facts_are_empty() {
    for payload in [b"".as_slice(), b"\xff\xfe", b"plain text"] {
        let condition = "provider == '' && model == '' && roles == [] && msg_count == 0 && est_cost_usd == 0.0 && !has_tools && !stream";
        assert!(holds(condition, &message(payload)));
    }
    assert!(holds("size == 0 && key == ''", &Envelope::default()));
}

#[test]
fn headers_are_read_without_regard_to_case_the_first_of_several_and_empty_when_absent() {
    let mut envelope = message(b"x");
    envelope.headers = vec![
        Header::text("Tenant", "acme"),
        Header::text("tenant", "other"),
        Header::bytes("raw", vec![0xff]),
    ];
    envelope.properties.content_type = Some("application/json".to_owned());
    envelope.key = Some("k1".into());
    assert!(holds("headers['tenant'] == 'acme' && headers.tenant == 'acme'", &envelope));
    assert!(holds(
        "headers['none'] == '' && !('none' in headers) && 'TENANT' in headers",
        &envelope
    ));
    assert!(holds("headers['raw'] == '' && 'raw' in headers", &envelope));
    assert!(holds("headers['content-type'] == 'application/json'", &envelope));
    assert!(holds("key == 'k1'", &envelope));
}

#[test]
fn an_error_is_false_and_counted() {
    let route = route(
        "to = [{ when = \"int(headers['n']) > 3\", bus = 'm', subject = 'x' }]\notherwise = 'drop'",
    );
    let (unmatched, counters) = plan(&route, &message(b"x"));
    assert_eq!(unmatched, Plan::default());
    let counted = counters.snapshot();
    assert_eq!((counted.condition_errors, counted.unmatched), (1, 1));
    let mut envelope = message(b"x");
    envelope.headers.push(Header::text("n", "4"));
    assert_eq!(names(&plan(&route, &envelope).0), ["x"]);
    // A damaged header has no facts.
    let damaged = &framed(REQUEST).payload.unwrap()[..30];
    let route = self::route(
        "to = [{ when = \"model == ''\", bus = 'm', subject = 'x' }]\notherwise = 'drop'",
    );
    let (plan, counters) = plan(&route, &message(damaged));
    assert_eq!((names(&plan), counters.snapshot().condition_errors), (vec!["x"], 1));
}

#[test]
fn the_first_match_or_all_of_them_or_otherwise() {
    let to = "to = [{ when = 'size > 1', bus = 'm', subject = 'a' }, { when = 'size > 2', bus = 'm', subject = 'b' }]\n";
    let first = route(&format!("{to}otherwise = {{ bus = 'm', subject = 'c' }}"));
    let all = route(&format!("{to}match = 'all'\notherwise = {{ bus = 'm', subject = 'c' }}"));
    for (payload, of_first, of_all) in [
        (b"abc".as_slice(), vec!["a"], vec!["a", "b"]),
        (b"ab", vec!["a"], vec!["a"]),
        (b"a", vec!["c"], vec!["c"]),
    ] {
        assert_eq!(names(&plan(&first, &message(payload)).0), of_first);
        assert_eq!(names(&plan(&all, &message(payload)).0), of_all);
    }
    let nack = route(&format!("{to}otherwise = 'nack'"));
    assert_eq!(plan(&nack, &message(b"")).0.rest, Rest::Nack);
    let dead = route(&format!(
        "{to}otherwise = 'dead-letter'\ndead_letter = {{ bus = 'm', subject = 'd' }}"
    ));
    assert_eq!(plan(&dead, &message(b"")).0.rest, Rest::DeadLetter(Reason::Unmatched));
}

#[test]
fn names_and_keys_are_rendered_from_facts() {
    let route = route(
        "to = [{ bus = 'r', exchange = 'x.{{ provider }}', routing_key = \"{{ model | replace('.', '-') }}.{{ headers['tenant'] }}\", \
         key = '{{ headers.conversation }}' }]",
    );
    let mut envelope = framed(REQUEST);
    envelope.headers.push(Header::text("Tenant", "acme"));
    let rendered = plan(&route, &envelope).0.to.remove(0);
    assert_eq!(
        rendered.address,
        Address { name: "gpt-4o.acme".to_owned(), exchange: "x.openai".to_owned() }
    );
    assert_eq!(rendered.key, Some(None));
    envelope.headers.push(Header::text("conversation", "c7"));
    assert_eq!(plan(&route, &envelope).0.to.remove(0).key, Some(Some("c7".into())));
}

#[test]
fn a_rendered_name_is_input_from_outside() {
    let route = route("to = [{ bus = 'n', subject = \"a.{{ headers['x'] }}\" }]");
    for (value, expected) in [
        ("", NameError::EmptyToken),
        ("b..c", NameError::EmptyToken),
        ("*", NameError::Wildcard),
        (">", NameError::Wildcard),
        ("$SYS", NameError::Dollar),
        ("b\r\nPUB c", NameError::Space),
    ] {
        let mut envelope = message(b"x");
        envelope.headers.push(Header::text("x", value));
        let rest = plan(&route, &envelope).0.rest;
        assert_eq!(rest, Rest::DeadLetter(Reason::Name(expected)), "{value:?}");
    }
}

#[test]
fn problems_are_all_reported_with_lines_and_suggestions() {
    for (text, expected) in [
        (
            "to = [{ when = \"provder == 'x'\", bus = 'm', subject = 'x' }]\notherwise = 'drop'",
            "bridge.toml:12: `when`: no message has a `provder`; did you mean `provider`?",
        ),
        (
            "to = [{ when = \"roles.exists(r, r == q)\", bus = 'm', subject = 'x' }]\notherwise = 'drop'",
            "no message has a `q`",
        ),
        (
            "to = [{ when = \"size >\", bus = 'm', subject = 'x' }]\notherwise = 'drop'",
            "bridge.toml:12: `when` is not CEL",
        ),
        (
            "to = [{ when = \"true || size > 'x'\", bus = 'm', subject = 'x' }]\notherwise = 'drop'",
            "`when` can never hold",
        ),
        (
            "to = [{ when = 'model', bus = 'm', subject = 'x' }]\notherwise = 'drop'",
            "got 'string', want 'bool'",
        ),
        (
            "to = [{ when = 'lower(model) == model', bus = 'm', subject = 'x' }]\notherwise = 'drop'",
            "Undeclared reference to 'lower'",
        ),
        (
            "to = [{ when = 'has(headers.x)', bus = 'm', subject = 'x' }]\notherwise = 'drop'",
            "write `'x' in headers`",
        ),
        (
            "to = [{ when = 'framed', bus = 'm', subject = 'x' }]",
            "what becomes of a message that no condition accepts?",
        ),
        ("to = [{ bus = 'm', subject = 'x' }]\notherwise = 'drop'", "`otherwise` is never reached"),
        ("to = [{ bus = 'm', subject = 'x' }, { bus = 'm', subject = 'y' }]", "never reached"),
        (
            "to = [{ when = 'framed', bus = 'm', subject = 'x' }]\notherwise = 'dead-letter'",
            "needs a `dead_letter` destination",
        ),
        ("to = [{ bus = 'mm', subject = 'x' }]", "no bus is called `mm`; did you mean `m`?"),
        (
            "to = [{ bus = 'k', subject = 'x' }]",
            "`subject` does not go with a Kafka destination; it takes topic, key",
        ),
        (
            "to = [{ bus = 'k', topic = 'a.{{ modle }}' }]",
            "`topic`: no message has a `modle`; did you mean `model`?",
        ),
        ("to = [{ bus = 'k', topic = 'a.{{ model | lowr }}' }]", "filter lowr is unknown"),
        ("to = [{ bus = 'k', topic = 'a.{{ model' }]", "is not a template"),
        ("to = [{ bus = 'k', topic = 'a b' }]", "white space"),
        ("to = [{ bus = 'n', subject = 'a.*' }]", "wildcard"),
        ("to = [{ bus = 'r', queue = 'q', routing_key = 'k' }]", "say either `queue`"),
        ("to = []", "`to` is empty"),
        ("lanes = 0\nto = [{ bus = 'm', subject = 'x' }]", "`lanes` must be from 1 to 1024"),
    ] {
        let message = problems(text);
        assert!(message.contains(expected), "{text}\n{message}");
    }
}

#[test]
fn sources_take_the_keys_of_their_broker() {
    for (from, expected) in [
        ("{ bus = 'n', stream = 's' }", "a JetStream source needs `durable`"),
        ("{ bus = 'n', queue_group = 's' }", "needs `subject` or `stream`"),
        (
            "{ bus = 'n', stream = 's', durable = 'd', queue_group = 'g' }",
            "`queue_group` does not go with a JetStream source",
        ),
        ("{ bus = 'k', topic = 't' }", "a Kafka source needs `group`"),
        ("{ bus = 'k', group = 'g' }", "needs `topic`, `topics` or `pattern`"),
        ("{ bus = 'r', topic = 't' }", "an AMQP source needs `queue`"),
    ] {
        let text = format!(
            "{BUSES}[[routes]]\nname = 'r'\nto = [{{ bus = 'm', subject = 'x' }}]\nfrom = {from}"
        );
        let message =
            compile(&Config::parse("bridge.toml", &text).unwrap()).err().unwrap().to_string();
        assert!(
            message.contains(expected) && message.contains("bridge.toml:12: "),
            "{from}\n{message}"
        );
    }
}

#[test]
fn a_route_is_explained_in_words() {
    let text = format!(
        "{BUSES}[[routes]]\nname = 'fast'\nfrom = {{ bus = 'n', subject = 'a.>', queue_group = 'g' }}\n\
         to = [{{ when = \"provider == 'openai'\", bus = 'k', topic = 'openai' }}]\notherwise = 'drop'\n\
         [[routes]]\nname = 'safe'\nfrom = {{ bus = 'n', stream = 'A', durable = 'd' }}\nto = [{{ bus = 'n', core = true, subject = 'b' }}]\n\
         [[routes]]\nname = 'sure'\nfrom = {{ bus = 'r', queue = 'q' }}\nto = [{{ bus = 'r', exchange = 'e', routing_key = 'k' }}]\ndead_letter = {{ bus = 'n', subject = 'd' }}\n"
    );
    let config = Config::parse("bridge.toml", &text).unwrap();
    let words = explain(&config, &compile(&config).unwrap()).to_string();
    for expected in [
        "from core subject a.> on n, as one of queue group g",
        "topic openai on k, when provider == 'openai'",
        "otherwise acknowledged, counted as unmatched, and gone",
        "WARNING: core NATS cannot redeliver",
        "from JetStream stream A on n, by durable consumer d",
        "WARNING: core NATS cannot confirm: what goes to n",
        "to exchange e with routing key 'k' on r",
        "dead letters to JetStream subject d on n",
        "at least once: acknowledged to r after every destination's broker has confirmed",
    ] {
        assert!(words.contains(expected), "{expected}\n{words}");
    }
}
