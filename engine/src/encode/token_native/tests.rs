#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::sync::{Arc, LazyLock};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use proptest::prelude::*;

use super::{MAX_RUN, NoLlama3, STEP, Tokenizers, longest_run, read_ids, write_ids};
use crate::config::{ConfigError, Tokenizer};
use crate::encode::DecodeError;
use crate::frame::FrameError;

const ALL: [Tokenizer; 3] = [Tokenizer::Cl100k, Tokenizer::O200k, Tokenizer::Llama3];
const NO_LIMIT: usize = usize::MAX;

/// A file of the form and size of Llama 3's, with other tokens: every byte, every pair, and as many triples as still fit.
fn file() -> Vec<u8> {
    let bytes = || 0..=u8::MAX;
    let singles = bytes().map(|a| vec![a]);
    let pairs = bytes().flat_map(|a| bytes().map(move |b| vec![a, b]));
    let triples =
        bytes().flat_map(|a| bytes().flat_map(move |b| bytes().map(move |c| vec![c, b, a])));
    let tokens = singles.chain(pairs).chain(triples).take(128_000);
    let lines = tokens.zip(0..).map(|(token, rank)| format!("{} {rank}\n", STANDARD.encode(token)));
    lines.collect::<String>().into_bytes()
}

static TOKENIZERS: LazyLock<Tokenizers> =
    LazyLock::new(|| Tokenizers::new(Some(Arc::from(file()))).unwrap());

fn encode(tokenizer: Tokenizer, text: &str) -> Vec<u32> {
    TOKENIZERS.encode(tokenizer, text).unwrap().unwrap()
}

fn decode(tokenizer: Tokenizer, ids: &[u32], limit: usize) -> Result<Vec<u8>, DecodeError> {
    TOKENIZERS.decode(tokenizer, ids, limit)
}

#[test]
fn ids_are_those_of_the_reference() {
    let vectors = include_str!("../../../tests/vectors/interop.jsonl");
    let mut seen = 0;
    for line in vectors.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        for (letter, tokenizer, byte) in
            [("C", Tokenizer::Cl100k, "00"), ("O", Tokenizer::O200k, "01")]
        {
            let Some(theirs) = line["token_native"][letter]["binary_hex"].as_str() else {
                continue;
            };
            let text = line["text"].as_str().unwrap();
            let ids = write_ids(&encode(tokenizer, text));
            let ours = ids.iter().map(|byte| format!("{byte:02x}"));
            assert_eq!(
                ours.fold(byte.to_owned(), |hex, byte| hex + &byte),
                theirs,
                "{}",
                line["name"]
            );
            let back = decode(tokenizer, &read_ids(&ids).unwrap(), text.len()).unwrap();
            assert_eq!(back, text.as_bytes());
            seen += 1;
        }
    }
    assert_eq!(seen, 36);
}

/// Text with what tokenizers treat apart: white space, digits, special tokens, marks, signs over several bytes.
fn text() -> impl Strategy<Value = String> {
    let parts = prop_oneof![
        any::<String>(),
        "[ \t\r\n\u{a0}\u{2003}]{0,40}",
        "[0-9\u{660}\u{bd}]{0,12}",
        "[\u{300}\u{200d}😀漢é!/'\"{}:,]{0,20}",
        Just("<|endoftext|>".to_owned()),
        Just("<|eot_id|>".to_owned()),
        Just("<|fim_prefix|".to_owned()),
        Just("I've he'll 's".to_owned()),
    ];
    prop::collection::vec(parts, 0..8).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn any_text_comes_back(text in text()) {
        for tokenizer in ALL {
            let ids = read_ids(&write_ids(&encode(tokenizer, &text))).unwrap();
            prop_assert_eq!(decode(tokenizer, &ids, text.len()).unwrap(), text.as_bytes());
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(ids) = read_ids(&bytes) {
            prop_assert!(ids.len() <= bytes.len());
            for tokenizer in ALL {
                if let Ok(text) = decode(tokenizer, &ids, 4096) {
                    prop_assert!(text.len() <= 4096);
                }
            }
        }
    }
}

#[test]
fn special_tokens_are_one_id_each() {
    for (tokenizer, text, id) in [
        (Tokenizer::Cl100k, "<|endoftext|>", 100_257),
        (Tokenizer::Cl100k, "<|fim_suffix|>", 100_260),
        (Tokenizer::O200k, "<|endofprompt|>", 200_018),
        (Tokenizer::Llama3, "<|begin_of_text|>", 128_000),
        (Tokenizer::Llama3, "<|reserved_special_token_3|>", 128_005),
        (Tokenizer::Llama3, "<|end_header_id|>", 128_007),
        (Tokenizer::Llama3, "<|reserved_special_token_4|>", 128_008),
        (Tokenizer::Llama3, "<|eot_id|>", 128_009),
        (Tokenizer::Llama3, "<|reserved_special_token_250|>", 128_255),
    ] {
        assert_eq!(encode(tokenizer, text), [id], "{text}");
        assert_eq!(decode(tokenizer, &[id], NO_LIMIT).unwrap(), text.as_bytes());
    }
}

#[test]
fn a_text_that_the_tokenizer_cannot_take_is_left_to_another_algorithm() {
    let million = 1_000_000;
    for text in ["a".repeat(million), " ".repeat(million), " ".repeat(million) + "x"] {
        for tokenizer in ALL {
            if let Some(ids) = TOKENIZERS.encode(tokenizer, &text).unwrap() {
                assert!(decode(tokenizer, &ids, text.len()).unwrap() == text.as_bytes());
            }
        }
    }
    let spaces = TOKENIZERS.encode(Tokenizer::O200k, &" ".repeat(million)).unwrap();
    assert_eq!(spaces, None, "tiktoken refuses them");
    let run = "a".repeat(MAX_RUN);
    assert!(TOKENIZERS.encode(Tokenizer::Cl100k, &run).unwrap().is_some());
    assert_eq!(TOKENIZERS.encode(Tokenizer::Cl100k, &(run + "a")).unwrap(), None);
}

#[test]
fn runs_end_at_white_space_and_digits() {
    for (text, run) in [
        ("", 0),
        ("ab", 2),
        ("ab cde", 3),
        ("12345", 0),
        ("  x", 2),
        ("é!7😀", 4),
        ("a1\u{a0}\n2", 3),
    ] {
        assert_eq!(longest_run(text), run, "{text:?}");
    }
}

#[test]
fn the_limit_holds_while_decoding() {
    // One id for 128 spaces: three bytes on the wire.
    let spaces = encode(Tokenizer::Cl100k, &" ".repeat(128));
    assert_eq!(spaces.len(), 1);
    let bomb = spaces.repeat(1_000_000);
    assert_eq!(decode(Tokenizer::Cl100k, &bomb, 1000), Err(DecodeError::TooLong));
    assert_eq!(decode(Tokenizer::Cl100k, &bomb[..8], 1023), Err(DecodeError::TooLong));
    assert_eq!(decode(Tokenizer::Cl100k, &bomb[..8], 1024).unwrap(), [b' '; 1024]);
    assert_eq!(decode(Tokenizer::Cl100k, &[], 0), Ok(Vec::new()));
}

#[test]
fn an_unknown_or_cut_id_is_named_by_its_place() {
    let damaged = |index| DecodeError::Frame(FrameError::Token { index });
    for (tokenizer, unknown) in
        [(Tokenizer::Cl100k, 100_256), (Tokenizer::O200k, u32::MAX), (Tokenizer::Llama3, 128_256)]
    {
        for index in [0, 3, STEP, STEP + 1] {
            let mut ids = vec![5; STEP * 2];
            ids[index] = unknown;
            assert_eq!(decode(tokenizer, &ids, NO_LIMIT), Err(damaged(index)));
        }
    }
    assert_eq!(read_ids(&[1, 2, 0x80]), Err(damaged(2)));
    assert_eq!(read_ids(&[0xff, 0xff, 0xff, 0xff, 0x7f, 1]), Err(damaged(0)));
    assert_eq!(read_ids(&[]), Ok(Vec::new()));
}

#[test]
fn without_its_file_llama_3_is_refused() {
    let none = Tokenizers::new(None).unwrap();
    assert_eq!(none.encode(Tokenizer::Llama3, "a"), Err(NoLlama3));
    assert_eq!(none.decode(Tokenizer::Llama3, &[1], 9), Err(DecodeError::NoLlama3));
}

#[test]
fn a_file_that_is_not_llama_3s_is_refused_at_its_line() {
    let good = String::from_utf8(file()).unwrap();
    let with = |line: usize, text: &str| {
        let mut lines: Vec<&str> = good.lines().collect();
        lines[line - 1] = text;
        lines.join("\n")
    };
    for (file, line) in [
        (String::new(), 1),
        ("not a tokenizer".to_owned(), 1),
        (with(7, "!!!! 6"), 7),
        (with(7, "Bg=="), 7),
        (with(7, "Bg== six"), 7),
        (with(7, "Bg== -6"), 7),
        (with(7, " 6"), 7),
        (with(7, "Bg== 5"), 7),
        (with(7, "BQ== 6"), 7),
        (with(128_000, "AAAAAA== 128000"), 128_000),
        (with(7, "BgYGBg== 6"), 128_001),
        (good.lines().take(100_256).collect::<Vec<_>>().join("\n"), 100_257),
        (good.clone() + "AAAAAA== 128000\n", 128_001),
    ] {
        let refused = Tokenizers::new(Some(Arc::from(file.into_bytes())));
        assert!(
            matches!(refused, Err(ConfigError::Llama3 { line: at }) if at == line),
            "{line}: {refused:?}"
        );
    }
    let no_last_line_feed = good.trim_end().replace('\n', "\r\n");
    assert!(Tokenizers::new(Some(Arc::from(no_last_line_feed.into_bytes()))).is_ok());
}
