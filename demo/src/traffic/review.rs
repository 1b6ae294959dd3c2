//! A code review on Gemini: reads a change, runs its tests, comments where it matters.

use serde_json::{Value, json};

use super::conversation::{Agent, Api, Conversation, pick, schema};
use super::{Message, extras};

pub(super) const MODEL: &str = "gemini-2.0-flash";

const SYSTEM: &str = "You review changes to a service that settles payments for parking garages. Look for what breaks in production: lost \
updates, unbounded queues, time zones, money in floating point, errors that are swallowed, tests that cannot fail. Do not comment on what \
the formatter decides. Read a file before you write about it; quote the line. Say how bad it is (blocker, should fix, thought) and \
propose the change in code. When nothing is wrong, say so in one sentence and approve.";

const FILES: [&str; 6] = [
    "settlement/ledger.py",
    "settlement/retry.py",
    "gates/session_store.py",
    "tariff/rounding.py",
    "export/bank_file.py",
    "tests/test_ledger.py",
];
const TOPICS: [&str; 6] = [
    "Settle sessions that cross midnight into both days",
    "Retry the bank upload with a growing pause",
    "Keep open sessions in the store instead of in memory",
    "Round half to even, once, at the end",
    "Write the bank file in batches of 500",
    "Test the ledger against a day with a clock change",
];

fn agent() -> Agent {
    let path = ("path", "string", "Path from the root of the repository");
    Agent {
        name: "review",
        api: Api::ChatCompletions,
        model: MODEL,
        system: SYSTEM,
        tools: vec![
            (
                "list_changes",
                "Files of a change with the lines added and removed.",
                schema([("change", "integer", "Number of the change")]),
            ),
            ("read_file", "A file as it is after the change, with line numbers.", schema([path])),
            (
                "run_tests",
                "Runs the tests that cover a path and gives their output.",
                schema([path]),
            ),
            (
                "comment",
                "Comments on a line of the change.",
                schema([
                    path,
                    ("line", "integer", "Line after the change"),
                    ("severity", "string", "blocker, should-fix or thought"),
                    ("text", "string", "Markdown"),
                ]),
            ),
        ],
    }
}

/// The review of that number.
pub(super) fn conversation(n: usize) -> Vec<Message> {
    let (change, path, topic) = (4100 + n * 7, pick(&FILES, n), pick(&TOPICS, n));
    let other = pick(&FILES, n + 2);
    let mut talk = Conversation::new(agent(), n);
    talk.attach(extras::heartbeat("review", n));

    talk.ask(&format!("Review change {change}: \"{topic}\". It goes out with tonight's release if nothing blocks it."));
    talk.call("list_changes", json!({ "change": change }), &changes(n, change, topic));
    talk.attach(extras::patch(n, path));
    talk.call("read_file", json!({ "path": path }), &file(n, path));
    talk.call("read_file", json!({ "path": other }), &file(n + 2, other));
    let third = pick(&FILES, n + 3);
    talk.call("read_file", json!({ "path": third }), &file(n + 3, third));
    talk.call("run_tests", json!({ "path": path }), &tests(n, path));
    let text = "`except Exception: pass` hides a failed upload: the batch counts as settled and is never sent again.\n\n```python\n\
                except UploadError as error:\n    log.warning(\"upload of %s failed\", batch.id, exc_info=error)\n    raise\n```";
    let comment = json!({ "path": path, "line": 18 + n, "severity": "blocker", "text": text });
    talk.call(
        "comment",
        comment,
        &json!({ "comment": 90_000 + n * 3, "status": "published", "thread": "open" }),
    );
    if n.is_multiple_of(4) {
        talk.attach(extras::build_badge());
    }
    talk.answer(&format!(
        "One blocker in {path}, line {}: a failed upload is swallowed, so a batch can be lost while it counts as settled. The rest is \
         sound: amounts stay in cents, the pause grows and has an upper bound, and the new test fails without the change. Not approved \
         for tonight; the fix is three lines and is in my comment.",
        18 + n
    ));
    talk.into_messages()
}

fn changes(n: usize, change: usize, topic: &str) -> Value {
    let files = (0..4).map(|i| {
        json!({ "path": pick(&FILES, n + i), "added": (n * 7 + i * 19) % 120 + 3, "removed": (n * 5 + i * 11) % 60, "renamed": false })
    });
    json!({
        "change": change, "title": topic, "base": format!("{:07x}", 0x00a1_b2c3 + n * 4111), "files": files.collect::<Vec<_>>(),
        "checks": [{ "name": "lint", "state": "success" }, { "name": "types", "state": "success" }, { "name": "unit", "state": "pending" }],
    })
}

fn file(n: usize, path: &str) -> Value {
    let limit = 200 + n * 50;
    let lines = [
        format!("\"\"\"Part of the settlement service: {path}.\"\"\""),
        String::new(),
        "from datetime import datetime, timedelta, timezone".to_owned(),
        "from decimal import ROUND_HALF_EVEN, Decimal".to_owned(),
        String::new(),
        format!("BATCH_LIMIT = {limit}"),
        format!("MAX_PAUSE = timedelta(seconds={})", 30 + n * 5),
        String::new(),
        "class Batch:".to_owned(),
        "    \"\"\"Sessions that are settled together; all of them or none.\"\"\"".to_owned(),
        String::new(),
        "    def __init__(self, garage: str, sessions: list[Session]) -> None:".to_owned(),
        "        if len(sessions) > BATCH_LIMIT:".to_owned(),
        "            raise ValueError(f\"{len(sessions)} sessions in one batch; the limit is {BATCH_LIMIT}\")".to_owned(),
        "        self.garage = garage".to_owned(),
        "        self.sessions = sorted(sessions, key=lambda session: session.left_at)".to_owned(),
        String::new(),
        "    def total_cents(self) -> int:".to_owned(),
        "        exact = sum((session.rate * session.hours for session in self.sessions), Decimal(0))".to_owned(),
        "        return int((exact * 100).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))".to_owned(),
        String::new(),
        "    def settle(self, bank: Bank, now: datetime) -> Receipt:".to_owned(),
        "        pause = timedelta(seconds=1)".to_owned(),
        format!("        for attempt in range({}):", 3 + n % 5),
        "            try:".to_owned(),
        "                return bank.upload(self.garage, self.total_cents(), now.astimezone(timezone.utc))".to_owned(),
        "            except Exception:".to_owned(),
        "                pass".to_owned(),
        "            bank.wait(min(pause * 2 ** attempt, MAX_PAUSE))".to_owned(),
        "        return Receipt(self.garage, settled=True)".to_owned(),
    ];
    let numbered =
        lines.iter().enumerate().map(|(number, line)| format!("{:>4}  {line}\n", number + 1));
    json!({ "path": path, "lines": lines.len(), "content": numbered.collect::<String>() })
}

fn tests(n: usize, path: &str) -> Value {
    let names = [
        "crosses_midnight",
        "clock_change",
        "empty_batch",
        "full_batch",
        "upload_fails_once",
        "rounds_half_to_even",
    ];
    let lines = names.iter().enumerate().map(|(i, name)| {
        let state = if (n + i) % 11 == 4 { "FAILED" } else { "PASSED" };
        format!(
            "tests/test_{}.py::test_{name} {state} [{:>3} ms]\n",
            pick(&["ledger", "retry", "rounding"], n + i),
            3 + (n * 7 + i * 5) % 40
        )
    });
    json!({ "path": path, "command": "pytest -q", "exit_code": i32::from((0..6).any(|i| (n + i) % 11 == 4)), "output": lines.collect::<String>() })
}
