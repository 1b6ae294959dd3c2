//! One character's normal spelling.

use unicode_normalization::char::{decompose_compatible, is_combining_mark};

/// Hands on what `char` becomes: nothing when it is not seen, a space for any white space, else its compatibility decomposition
/// (Unicode NFKD) in lower case without marks, look-alikes of Latin letters as those letters.
pub(super) fn normal(char: char, mut each: impl FnMut(char)) {
    if char.is_ascii() {
        each(if char.is_whitespace() { ' ' } else { char.to_ascii_lowercase() });
        return;
    }
    if unseen(char) {
        return;
    }
    if char.is_whitespace() {
        each(' ');
        return;
    }
    if let Some(letter) = emblem(char).or_else(|| capital(char)) {
        each(letter);
        return;
    }
    if ('\u{ac00}'..='\u{d7a3}').contains(&char) {
        // Hangul would only fall into its parts.
        each(char);
        return;
    }
    for lower in char.to_lowercase() {
        decompose_compatible(lower, |part| {
            if !is_combining_mark(part) && !unseen(part) {
                part.to_lowercase().for_each(|part| like_latin(part, &mut each));
            }
        });
    }
}

/// Controls of direction and joining, fillers, variation selectors, tags: they change how a text is cut, not how it reads.
fn unseen(char: char) -> bool {
    matches!(char,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Letters in circles and squares and the halves of flags, which Unicode does not decompose.
fn emblem(char: char) -> Option<char> {
    let code = u32::from(char);
    let first = [0x1f150, 0x1f170, 0x1f1e6]
        .into_iter()
        .find(|first| (*first..first + 26).contains(&code))?;
    char::from_u32(u32::from(b'a') + code - first)
}

/// Greek capitals that look like another letter than their small ones do.
fn capital(char: char) -> Option<char> {
    Some(match char {
        'Ζ' => 'z',
        'Η' => 'h',
        'Μ' => 'm',
        'Ν' => 'n',
        'Υ' => 'y',
        _ => return None,
    })
}

fn like_latin(char: char, each: &mut impl FnMut(char)) {
    if char.is_ascii() {
        return each(char);
    }
    if let Some(letter) = look_alike(char) {
        return each(letter);
    }
    let mut buffer = [0; 4];
    let spelled: &str = char.encode_utf8(&mut buffer);
    let mut skeleton = unicode_security::skeleton(spelled).filter(|part| !is_combining_mark(*part));
    match (skeleton.next(), skeleton.next()) {
        (Some(one), None) => each(look_alike(one).unwrap_or(one).to_ascii_lowercase()),
        _ => each(char),
    }
}

/// Look-alikes that Unicode's table of confusables (UTS 39) leaves out, or sends to another letter than a reader would.
fn look_alike(char: char) -> Option<char> {
    Some(match char {
        'α' | 'ᴀ' => 'a',
        'ʙ' | 'в' | 'β' => 'b',
        'ᴄ' => 'c',
        'ᴅ' => 'd',
        'ε' | 'ᴇ' | 'є' | 'ꞓ' => 'e',
        'ꜰ' => 'f',
        'ɢ' | 'ɡ' => 'g',
        'ʜ' | 'н' => 'h',
        'ɪ' | 'ı' | 'ι' | 'і' => 'i',
        'ᴊ' => 'j',
        'κ' | 'к' | 'ĸ' | 'ᴋ' => 'k',
        'ʟ' => 'l',
        'ᴍ' | 'м' | 'ʍ' => 'm',
        'ɴ' | 'η' => 'n',
        'ᴏ' | 'ο' | 'о' => 'o',
        'ᴘ' | 'ρ' => 'p',
        'ʀ' | 'г' => 'r',
        'ꜱ' => 's',
        'ᴛ' | 'τ' | 'т' => 't',
        'ᴜ' | 'υ' => 'u',
        'ᴠ' | 'ν' => 'v',
        'ᴡ' | 'ω' | 'ѡ' => 'w',
        'х' | 'χ' => 'x',
        'ʏ' | 'у' | 'γ' => 'y',
        'ᴢ' => 'z',
        '‘' | '’' | '‚' | '‛' | '′' => '\'',
        '“' | '”' | '„' | '‟' | '″' | '«' | '»' => '"',
        '‐'..='―' | '−' => '-',
        _ => return None,
    })
}
