//! Words that nothing divides, told apart: of all ways to split letters the likeliest, by how common its words are.

use aho_corasick::AhoCorasick;

/// The most common English words of messages, documents and commands, the commonest first.
const COMMON: &str = include_str!("common.txt");

/// The place in that list that stands for the words of rules.
const OF_RULES: usize = 500;

/// Words of rules that are rather two where nothing divides words.
const COMPOUNDS: [&[u8]; 2] = [b"codeblock", b"systemprompt"];

/// What the commonest word costs, in eighths of a bit, as all costs here.
const WORD: usize = 24;

/// Letters of a word that may well be part of another one.
const SHORT: usize = 3;

/// What a shorter one of the rules' words costs more.
const SHORT_WORD: usize = 24;

/// What a part that is no word costs, apart from its letters.
const UNKNOWN: usize = 112;

/// What each letter costs that is in no word.
const LETTER: usize = 28;

/// Finds words where no space divides them.
#[derive(Debug)]
pub(super) struct Splitter {
    finder: AhoCorasick,
    /// Of each word.
    costs: Vec<usize>,
}

impl Splitter {
    /// For common words and those of rules.
    pub(super) fn new<'w>(rules: impl Iterator<Item = &'w [u8]>) -> Option<Self> {
        let common = COMMON.split_ascii_whitespace().enumerate();
        let common =
            common.map(|(place, word)| (word.as_bytes(), WORD + eighths_of_bits(place + 2)));
        let is_one = |word: &&[u8]| word.len() > 1 && !COMPOUNDS.contains(word);
        let rules = rules.filter(is_one).map(|word| {
            let short = if word.len() < SHORT { SHORT_WORD } else { 0 };
            (word, WORD + eighths_of_bits(OF_RULES) + short)
        });
        let (words, costs): (Vec<_>, Vec<_>) = common.chain(rules).unzip();
        Some(Self { finder: AhoCorasick::new(words).ok()?, costs })
    }

    /// Where the parts of the likeliest split end, and whether they are words, from the last to the first.
    pub(super) fn ends(&self, letters: &[u8]) -> Vec<(usize, bool)> {
        let mut words = self.finder.find_overlapping_iter(letters).peekable();
        let mut last = Split::NOTHING;
        let mut best = vec![last];
        for end in 1..=letters.len() {
            let unknown = last.unknown.min((last.word.0 + UNKNOWN, end - 1));
            let mut split = Split { word: NONE, unknown: (unknown.0 + LETTER, unknown.1) };
            while let Some(word) = words.next_if(|word| word.end() == end) {
                let before = best.get(word.start()).map_or(NONE, Split::last).0;
                let cost = self.costs.get(word.pattern().as_usize()).unwrap_or(&NONE.0);
                split.word = split.word.min((before + cost, word.start()));
            }
            best.push(split);
            last = split;
        }
        let mut ends = Vec::new();
        let mut end = letters.len();
        while end > 0 {
            let Some(split) = best.get(end) else { break };
            ends.push((end, split.word < split.unknown));
            end = split.last().1;
        }
        ends
    }
}

/// The least costs of splitting the letters up to a place, and where the last part begins.
#[derive(Debug, Clone, Copy)]
struct Split {
    /// When it is a word.
    word: (usize, usize),
    /// When it is letters that are none.
    unknown: (usize, usize),
}

/// More than any split costs.
const NONE: (usize, usize) = (usize::MAX / 4, 0);

impl Split {
    const NOTHING: Self = Self { word: (0, 0), unknown: NONE };

    fn last(&self) -> (usize, usize) {
        self.word.min(self.unknown)
    }
}

/// The logarithm of a number, straight between powers of two.
fn eighths_of_bits(number: usize) -> usize {
    let bits = number.max(1).ilog2();
    8 * usize::try_from(bits).unwrap_or_default() + ((8 * number) >> bits) - 8
}
