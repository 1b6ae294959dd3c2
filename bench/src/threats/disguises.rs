//! The ways to spell a text otherwise that a reader, or a model, still understands.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};

/// A disguise: its name, and how it spells a text.
pub(super) type Disguise = (&'static str, fn(&str) -> String);

/// One or more of each kind that normalisation is to see through.
pub(super) const DISGUISES: [Disguise; 37] = [
    ("upper case", |text| text.to_ascii_uppercase()),
    ("aLtErNaTiNg case", alternating),
    ("full width", |text| shift(text, 0xfee0, '!', '~')),
    ("mathematical bold", |text| alphabet(text, 0x1d41a, 0x1d400)),
    ("circled letters", |text| alphabet(text, 0x24d0, 0x24b6)),
    ("combining marks", |text| between(text, &["\u{301}"])),
    ("zero-width characters in words", |text| {
        between(text, &["\u{200b}", "\u{200c}", "\u{200d}", "\u{2060}", "\u{feff}"])
    }),
    ("soft hyphen in words", |text| between(text, &["\u{ad}"])),
    ("bidirectional marks in words", |text| between(text, &["\u{200f}", "\u{200e}", "\u{61c}"])),
    ("bidirectional overrides and isolates in words", |text| {
        between(text, &["\u{202d}", "\u{202c}", "\u{2066}", "\u{2069}"])
    }),
    ("tag characters in words", |text| between(text, &["\u{e0061}"])),
    ("hidden in tag characters", |text| format!("Hello!{}", shift(text, 0xe0000, ' ', '~'))),
    ("Cyrillic look-alikes", |text| {
        swap(text, "aceopxyisjABCEHIKMOPTXSJ", "асеорхуіѕјАВСЕНІКМОРТХЅЈ")
    }),
    ("Greek look-alikes", |text| swap(text, "aiouvABEHIKMNOPTXYZ", "αιουνΑΒΕΗΙΚΜΝΟΡΤΧΥΖ")),
    ("Cyrillic, Greek and full width in turn", |text| {
        let turns = ["аceоpxyіs", "αсeορxyιs", "ａｃｅｏｐｘｙｉｓ"];
        let words = text.split(' ').zip(turns.iter().cycle());
        words.map(|(word, to)| swap(word, "aceopxyis", to)).collect::<Vec<_>>().join(" ")
    }),
    ("s p a c e s,  two between words", |text| spaced(text, " ", "  ")),
    ("s p a c e s, one between words too", |text| spaced(text, " ", " ")),
    ("h-y-p-h-e-n-s,  two spaces between words", |text| spaced(text, "-", "  ")),
    ("h-y-p-h-e-n-s", |text| spaced(text, "-", " ")),
    ("d.o.t.s", |text| spaced(text, ".", " ")),
    ("a*s*t*e*r*i*s*k*s", |text| spaced(text, "*", " ")),
    ("u_n_d_e_r_s_c_o_r_e_s,_between_words_too", |text| spaced(text, "_", "_")),
    ("w-, i-, d-, e-", |text| spaced(text, "- ", "   ")),
    ("runs of white space", |text| text.replace(' ', " \n\t ")),
    ("leet digits", |text| swap(text, "eoiastEOIAST", "301457301457")),
    ("leet digits and signs", |text| swap(text, "eolasgtbEOLASGTB", "301@$978301@$978")),
    ("base64", |text| BASE64_STANDARD.encode(text)),
    ("base64 in lines", |text| {
        let lines: Vec<String> =
            text.as_bytes().chunks(57).map(|line| BASE64_STANDARD.encode(line)).collect();
        lines.join("\r\n")
    }),
    ("base64 for URLs", |text| BASE64_URL_SAFE_NO_PAD.encode(text)),
    ("hex", |text| each(text, |out, byte| write!(out, "{byte:02x}"))),
    ("upper-case hex", |text| each(text, |out, byte| write!(out, "{byte:02X}"))),
    ("percent", |text| each(text, |out, byte| write!(out, "%{byte:02x}"))),
    ("percent, but for letters", |text| {
        each(text, |out, byte| {
            if byte.is_ascii_alphabetic() {
                write!(out, "{}", char::from(byte))
            } else {
                write!(out, "%{byte:02X}")
            }
        })
    }),
    ("HTML entities", |text| each(text, |out, byte| write!(out, "&#{byte};"))),
    ("hexadecimal HTML entities", |text| each(text, |out, byte| write!(out, "&#x{byte:X};"))),
    ("escapes of programs", |text| each(text, |out, byte| write!(out, "\\x{byte:02x}"))),
    ("JSON escapes", |text| {
        let escaped = each(text, |out, byte| write!(out, "\\u{byte:04x}"));
        format!("{{\"content\":\"{escaped}\"}}")
    }),
];

fn alternating(text: &str) -> String {
    let upper = |(at, char): (usize, char)| {
        if at % 2 == 0 { char.to_ascii_lowercase() } else { char.to_ascii_uppercase() }
    };
    text.chars().enumerate().map(upper).collect()
}

/// The characters from `first` to `last` as those `by` further on.
fn shift(text: &str, by: u32, first: char, last: char) -> String {
    let shifted = |char: char| {
        if (first..=last).contains(&char) {
            char::from_u32(u32::from(char) + by).unwrap_or(char)
        } else {
            char
        }
    };
    text.chars().map(shifted).collect()
}

/// The letters as those of an alphabet whose `a` and `A` are these.
fn alphabet(text: &str, lower: u32, upper: u32) -> String {
    let text = shift(text, lower - u32::from('a'), 'a', 'z');
    shift(&text, upper - u32::from('A'), 'A', 'Z')
}

/// One of `what`, in turn, after every letter that another one follows.
fn between(text: &str, what: &[&str]) -> String {
    let mut out = String::new();
    let mut what = what.iter().cycle();
    let mut rest = text.chars().peekable();
    while let Some(char) = rest.next() {
        out.push(char);
        if char.is_ascii_alphabetic() && rest.peek().is_some_and(char::is_ascii_alphabetic) {
            out.push_str(what.next().unwrap_or(&""));
        }
    }
    out
}

/// Each character of a word apart by `gap`, words by `divider`.
fn spaced(text: &str, gap: &str, divider: &str) -> String {
    let apart = |word: &str| word.chars().map(String::from).collect::<Vec<_>>().join(gap);
    text.split_whitespace().map(apart).collect::<Vec<_>>().join(divider)
}

fn swap(text: &str, from: &str, to: &str) -> String {
    let swapped = |char: char| {
        from.chars().zip(to.chars()).find(|(one, _)| *one == char).map_or(char, |(_, other)| other)
    };
    text.chars().map(swapped).collect()
}

fn each(text: &str, write: fn(&mut String, u8) -> std::fmt::Result) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        write(&mut out, byte).unwrap();
    }
    out
}
