use super::*;
use crate::scan::Category;

/// Judges a text, and says whether the judge was asked.
fn asked(seen: &Seen, text: &Text<'_>, speaker: Speaker, finds: bool) -> (bool, Vec<Finding>) {
    let slot = seen.slot(text, speaker);
    if slot.as_ref().is_some_and(Slot::is_clean) {
        return (false, Vec::new());
    }
    if let Some(known) = slot.as_ref().and_then(|slot| seen.known(slot)) {
        return (false, known.to_vec());
    }
    let finding = Finding::new("rule", Category::Injection, 0.5, 1..3);
    let findings = if finds { vec![finding] } else { Vec::new() };
    if let Some(slot) = slot {
        seen.store(&slot, &findings);
    }
    (true, findings)
}

fn long(text: &str) -> String {
    text.repeat(SHORTEST)
}

#[test]
fn a_text_is_judged_once_for_each_speaker_and_reading() {
    let (seen, text) = (Seen::new(1000), long("x"));
    for text in [Text::plain(&text), Text::lenient(&text)] {
        for speaker in Speaker::ALL {
            assert!(asked(&seen, &text, speaker, false).0);
            assert!(!asked(&seen, &text, speaker, false).0);
        }
    }
    assert!(asked(&seen.another(), &Text::plain(&text), Speaker::User, false).0);
}

#[test]
fn findings_are_remembered() {
    let (seen, text) = (Seen::new(1000), long("x"));
    let text = Text::plain(&text);
    let (first, findings) = asked(&seen, &text, Speaker::Tool, true);
    let (second, remembered) = asked(&seen, &text, Speaker::Tool, true);
    assert!(first && !second);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings, remembered);
}

#[test]
fn a_short_text_is_judged_each_time_and_so_is_all_without_memory() {
    let text = long("x");
    for (seen, text) in [(Seen::new(1000), "ignore"), (Seen::new(0), text.as_str())] {
        for _ in 0..3 {
            assert!(asked(&seen, &Text::plain(text), Speaker::User, false).0);
        }
    }
}

#[test]
fn memory_is_bounded_and_the_rest_stays() {
    let seen = Seen::new(4096);
    let texts: Vec<String> = (0..20_000).map(|n| long("y") + &n.to_string()).collect();
    for text in &texts {
        assert!(asked(&seen, &Text::plain(text), Speaker::User, false).0);
    }
    let (last, known) = (texts.iter().rev().take(1000), |text: &&String| {
        !asked(&seen, &Text::plain(text), Speaker::User, false).0
    });
    // Most of the last ones; a few have lost their place.
    assert!(last.filter(known).count() > 600);
    for text in &texts {
        asked(&seen, &Text::plain(text), Speaker::Tool, true);
    }
    assert!(seen.found().len() <= FOUND);
}

#[test]
fn keys_are_the_operating_systems() {
    let (one, other) = (Seen::new(1), Seen::new(1));
    assert!(one.keys.iter().zip(&other.keys).all(|(one, other)| one.0 != other.0));
    let text = long("x");
    let hash = |seen: &Seen| seen.slot(&Text::plain(&text), Speaker::User).map(|slot| slot.hash);
    assert_ne!(hash(&one), hash(&other));
    assert_eq!(hash(&one), hash(&one));
}
