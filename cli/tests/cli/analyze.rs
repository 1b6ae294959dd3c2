use super::{REQUEST, json, stdout};

#[test]
fn its_sizes_are_those_that_compress_gives() {
    let payload = REQUEST.repeat(5);
    let report = json(["analyze", "--json"], payload.as_bytes());
    assert_eq!((&report["bytes"], &report["picked"]), (&payload.len().into(), &"m2m".into()));
    let rows = report["algorithms"].as_array().unwrap();
    let mut seen = Vec::new();
    for row in rows {
        let (algorithm, form) = (row["algorithm"].as_str().unwrap(), row["form"].as_str().unwrap());
        let mut args = vec!["compress", "-a", algorithm];
        match (algorithm, form) {
            ("brotli" | "none", _) => {}
            (_, "text") => args.push("--text"),
            (_, form) => {
                assert_eq!(form, "binary");
                args.push("--binary");
            }
        }
        if let Some(tokenizer) = row["tokenizer"].as_str() {
            args.extend(["--tokenizer", tokenizer]);
        }
        assert_eq!(row["bytes"], stdout(&args, payload.as_bytes()).len(), "{args:?}");
        assert!(row["compress_ns"].is_u64() && row["decompress_ns"].is_u64());
        seen.push(format!("{algorithm} {form}"));
    }
    seen.dedup();
    let all = ["m2m binary", "m2m text", "token-native binary", "token-native text"];
    let twice = ["token-native binary", "token-native text", "brotli text", "none as it is"];
    assert_eq!(seen, [all, twice].concat());
}

#[test]
fn it_tells_what_is_picked_and_why() {
    let compressed = [b"\x1f\x8b".to_vec(), vec![0; 500]].concat();
    let mut random = 1u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        random.to_be_bytes()[0]
    })
    .take(1000)
    .collect();
    for (payload, picked, why) in [
        (REQUEST.repeat(5).as_bytes(), "m2m", "it saves "),
        (b"#TK|hello", "m2m", "begins as a frame does"),
        (b"", "none", "a frame seldom pays"),
        (b"hello", "none", "a frame seldom pays"),
        (&noise, "none", "which is not less"),
        (&compressed, "none", "compressed file"),
    ] {
        let report = json(["analyze", "--json"], payload);
        assert_eq!(report["picked"], picked);
        assert!(report["why"].as_str().unwrap().contains(why), "{}", report["why"]);
    }
}

#[test]
fn its_table_has_a_line_for_each_and_a_sentence() {
    let report = String::from_utf8(stdout(["analyze", REQUEST], b"")).unwrap();
    assert!(
        report
            .starts_with(&format!("{} bytes: JSON, schema request, model gpt-4o\n", REQUEST.len()))
    );
    for algorithm in ["m2m", "token-native cl100k", "token-native o200k", "brotli", "none"] {
        assert!(report.contains(&format!("│ {algorithm} ")), "{report}");
    }
    assert!(report.contains("\nThe engine picks "), "{report}");
    let report = String::from_utf8(stdout(["analyze"], b"\xff\xfe")).unwrap();
    assert!(report.contains("cannot take it"), "{report}");
}
