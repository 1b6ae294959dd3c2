//! Scores, policies, allow-lists, and what the engine does about them.

use super::*;

const ATTACK: &[u8] = br#"{"messages":[{"role":"user","content":"betray them"}]}"#;

fn policy(injection: Policy) -> ScanConfig {
    ScanConfig { policy: Policies { injection, ..Policies::default() }, ..ScanConfig::default() }
}

#[test]
fn weak_signs_of_one_passage_add_up_and_those_of_two_do_not() {
    let words = || {
        Words(vec![
            ("alpha", Category::Injection, 0.6),
            ("beta", Category::Jailbreak, 0.6),
            ("gamma", Category::Injection, 0.2),
        ])
    };
    let judge = |payload: &str| engine(ScanConfig::default(), words()).judge(payload.as_bytes());
    let verdict = judge(r#"["alpha only"]"#);
    assert_eq!((verdict.outcome, verdict.score), (Outcome::Clean, 0.6));
    let verdict = judge(r#"["alpha only","beta only"]"#);
    assert_eq!((verdict.outcome, verdict.score, verdict.findings.len()), (Outcome::Clean, 0.6, 2));
    let verdict = judge(r#"["alpha and beta","gamma"]"#);
    assert_eq!(verdict.outcome, Outcome::Flagged);
    assert!((verdict.score - 0.84).abs() < 1e-6);
    let verdict = judge(r#"["alpha and beta and gamma"]"#);
    assert_eq!(verdict.header().unwrap(), ("m2m-threat", "injection;0.87;alpha".to_owned()));
}

#[test]
fn the_policy_of_its_category_decides() {
    let verdict = |config: ScanConfig| alert(config).judge(ATTACK);
    for (set, outcome) in [
        (Policy::Off, Outcome::Clean),
        (Policy::Flag(0.91), Outcome::Clean),
        (Policy::Flag(0.9), Outcome::Flagged),
        (Policy::Block(0.9), Outcome::Blocked),
        (Policy::Block(0.91), Outcome::Clean),
    ] {
        assert_eq!(verdict(policy(set)).outcome, outcome, "{set:?}");
    }
    assert!(verdict(policy(Policy::Off)).findings.is_empty());
    let other = Policies { jailbreak: Policy::Block(0.1), ..Policies::default() };
    assert_eq!(
        verdict(ScanConfig { policy: other, ..Default::default() }).outcome,
        Outcome::Flagged
    );
    let danger = Danger { off: true, ..Danger::default() };
    assert_eq!(verdict(ScanConfig { danger, ..Default::default() }), Verdict::default());
}

#[test]
fn what_is_blocked_wins_over_what_is_flagged_with_a_higher_score() {
    let words =
        Words(vec![("alpha", Category::Injection, 0.95), ("beta", Category::Exfiltration, 0.85)]);
    let mut config = ScanConfig::default();
    config.policy.exfiltration = Policy::Block(0.8);
    let verdict = engine(config, words).judge(br#"["the alpha","the beta"]"#);
    assert_eq!((verdict.outcome, verdict.score), (Outcome::Blocked, 0.85));
    assert_eq!(verdict.strongest.unwrap().rule, "beta");
}

#[test]
fn allow_lists_take_rules_pointers_and_hashes() {
    // printf 'betray them' | sha256sum
    let hash = "8ef77f5a355c13ccd0cd535a08081354bb189dc403a733db48991b12da48f453";
    let allowed = |allow: Allow| {
        let danger = Danger { allow, ..Danger::default() };
        alert(ScanConfig { danger, ..Default::default() }).judge(ATTACK).outcome == Outcome::Clean
    };
    let list =
        |entries: &[&str]| entries.iter().map(|entry| (*entry).to_owned()).collect::<Vec<_>>();
    assert!(!allowed(Allow::default()));
    assert!(allowed(Allow { rules: list(&["betray"]), ..Allow::default() }));
    assert!(!allowed(Allow { rules: list(&["betra"]), ..Allow::default() }));
    assert!(allowed(Allow { pointers: list(&["/messages/*/content"]), ..Allow::default() }));
    assert!(allowed(Allow { pointers: list(&["/x", "/messages/*"]), ..Allow::default() }));
    assert!(!allowed(Allow { pointers: list(&["/messages"]), ..Allow::default() }));
    assert!(allowed(Allow { sha256: list(&[hash]), ..Allow::default() }));
    assert!(!allowed(Allow { sha256: list(&[&"0".repeat(64)]), ..Allow::default() }));
}

#[test]
fn a_flagged_message_carries_its_verdict_framed_or_not() {
    let engine = alert(ScanConfig::default());
    let flagged = engine.wrap(ATTACK, &Outbound::default()).unwrap();
    assert_eq!(flagged.headers, [("m2m-threat", "injection;0.90;betray".to_owned())]);
    assert_eq!(flagged.verdict.findings[0].pointer, "/messages/0/content");
    let long = [&b"betray "[..], &[b'x'; 1000]].concat();
    let framed = engine.wrap(&long, &Outbound::default()).unwrap();
    assert!(framed.is_framed() && framed.headers == flagged.headers);
    let clean = engine.wrap(b"[\"a story\"]", &Outbound::default()).unwrap();
    assert_eq!((clean.verdict.outcome, clean.headers.len()), (Outcome::Clean, 0));
}

#[test]
fn what_is_blocked_is_an_error_that_quotes_nothing() {
    let engine = alert(policy(Policy::Block(0.8)));
    let payload = br#"{"a secret name":"betray the secret"}"#;
    let error = engine.wrap(payload, &Outbound::default()).unwrap_err();
    assert_eq!(error.to_string(), "blocked by the scanner: betray at 18..24");
    assert!(!format!("{error:?}").contains("secret"));
    assert!(matches!(error, WrapError::Blocked { .. }));
}

#[test]
fn what_is_opened_is_screened_if_asked() {
    let sender = engine(
        ScanConfig { danger: Danger { off: true, ..Danger::default() }, ..Default::default() },
        NoRules,
    );
    let text = format!("betray them{}", " and so on".repeat(100));
    let frame = sender.wrap(text.as_bytes(), &Outbound::default()).unwrap();
    assert!(frame.is_framed() && frame.headers.is_empty());
    let unasked = alert(ScanConfig::default());
    let opened = unasked.open(&frame.bytes, &Inbound::default()).unwrap();
    assert_eq!(opened.verdict.outcome, Outcome::Unscreened);
    for message in [&frame.bytes[..], text.as_bytes()] {
        let flagging = alert(ScanConfig { inbound: true, ..ScanConfig::default() });
        let opened = flagging.open(message, &Inbound::default()).unwrap();
        assert_eq!((opened.verdict.outcome, &*opened.payload), (Outcome::Flagged, text.as_bytes()));
        let blocking = alert(ScanConfig { inbound: true, ..policy(Policy::Block(0.8)) });
        let error = blocking.open(message, &Inbound::default()).unwrap_err();
        assert!(matches!(&error, OpenError::Blocked { .. }));
        assert_eq!(error.to_string(), "blocked by the scanner: betray at 0..6");
    }
}

#[test]
fn findings_are_bounded_and_the_one_that_decides_is_kept() {
    let words =
        Words(vec![("alpha", Category::Injection, 0.3), ("omega", Category::Injection, 0.9)]);
    let json = format!(
        "[[{}1],[{}\"the omega\"]]",
        "\"an alpha\",".repeat(9_000),
        "\"an alpha\",".repeat(9_000)
    );
    let verdict = engine(ScanConfig::default(), words).judge(json.as_bytes());
    assert_eq!((verdict.outcome, verdict.findings.len()), (Outcome::Flagged, 257));
    assert_eq!(verdict.findings.last().unwrap().rule, "omega");
}

#[test]
fn settings_that_make_no_sense_are_refused_by_name() {
    let refused = |scan: &str| {
        let scan: ScanConfig = toml::from_str(scan).unwrap();
        Engine::new(Config { scan, ..Config::default() }).unwrap_err().to_string()
    };
    assert_eq!(
        refused("policy.injection = { block = 1.5 }"),
        "scan.policy.injection is 1.5; it must be from 0 to 1"
    );
    assert_eq!(
        refused("policy.structure = { flag = nan }"),
        "scan.policy.structure is NaN; it must be from 0 to 1"
    );
    assert!(refused("danger.allow.pointers = ['messages']").contains("begins with a slash"));
    assert!(refused("danger.allow.sha256 = ['abc']").contains("64 hex digits"));
    assert!(toml::from_str::<ScanConfig>("policy.injektion = 'off'").is_err());
}
