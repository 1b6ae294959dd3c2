//! Which house a model is of, by its name.

/// Parts of model names, in lower case, and the provider they tell; the first match counts.
const TABLE: &[(&str, &str)] = &[
    ("claude", "anthropic"),
    ("anthropic", "anthropic"),
    ("deepseek", "deepseek"),
    ("gemini", "google"),
    ("gemma", "google"),
    ("palm", "google"),
    ("bison", "google"),
    ("google", "google"),
    ("llama", "meta"),
    ("meta", "meta"),
    ("mistral", "mistral"),
    ("mixtral", "mistral"),
    ("codestral", "mistral"),
    ("ministral", "mistral"),
    ("pixtral", "mistral"),
    ("devstral", "mistral"),
    ("magistral", "mistral"),
    ("qwen", "qwen"),
    ("qwq", "qwen"),
    ("grok", "xai"),
    ("xai", "xai"),
    ("x-ai", "xai"),
    ("command", "cohere"),
    ("cohere", "cohere"),
    ("aya", "cohere"),
    ("nova", "amazon"),
    ("titan", "amazon"),
    ("amazon", "amazon"),
    ("gpt", "openai"),
    ("chatgpt", "openai"),
    ("openai", "openai"),
    ("davinci", "openai"),
    ("babbage", "openai"),
    ("dall", "openai"),
    ("whisper", "openai"),
    ("text-embedding", "openai"),
    ("codex", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
];

/// The provider of a model: openai, anthropic, google, meta, mistral, deepseek, qwen, xai, cohere, amazon, or unknown.
///
/// A name's words (what stands between `/`, `.`, `:`, `-`, `_` and the like) are compared with the beginnings in the table, the last path
/// segment first, so that a proxy's prefix (`openrouter/anthropic/claude-sonnet-4`, `us.anthropic.claude-3`) does not hide the model.
#[must_use]
pub fn provider(model: &str) -> &'static str {
    let by_name = |part: &str| {
        TABLE.iter().find(|(start, _)| {
            // Compared in place: this is on the path of every message and must not allocate.
            let words = |c: char| !c.is_ascii_alphanumeric();
            word_starts(part, words).any(|at| {
                part.as_bytes()
                    .get(at..at + start.len())
                    .is_some_and(|word| word.eq_ignore_ascii_case(start.as_bytes()))
            })
        })
    };
    model.rsplit('/').find_map(by_name).map_or("unknown", |(_, provider)| provider)
}

fn word_starts(text: &str, separator: impl Fn(char) -> bool) -> impl Iterator<Item = usize> {
    let mut inside = false;
    text.char_indices().filter_map(move |(at, char)| {
        let starts = !inside && !separator(char);
        inside = !separator(char);
        starts.then_some(at)
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn models_are_told_by_their_names() {
        for (model, provider) in [
            ("gpt-4o", "openai"),
            ("GPT-4o-mini", "openai"),
            ("o3-mini", "openai"),
            ("chatgpt-4o-latest", "openai"),
            ("ft:gpt-4o:acme::abc", "openai"),
            ("openai/gpt-oss-120b", "openai"),
            ("text-embedding-3-small", "openai"),
            ("claude-3-5-sonnet", "anthropic"),
            ("us.anthropic.claude-sonnet-4-20250514-v1:0", "anthropic"),
            ("openrouter/anthropic/claude-opus-4", "anthropic"),
            ("gemini-1.5-pro", "google"),
            ("models/gemma-2-9b", "google"),
            ("meta-llama/Llama-3.1-70B-Instruct", "meta"),
            ("mistral-large-latest", "mistral"),
            ("open-mixtral-8x22b", "mistral"),
            ("deepseek-r1-distill-llama-70b", "deepseek"),
            ("Qwen/Qwen2.5-72B", "qwen"),
            ("grok-2", "xai"),
            ("command-r-plus", "cohere"),
            ("amazon.nova-pro-v1:0", "amazon"),
            ("acme/frontier-9", "unknown"),
            ("demo1", "unknown"),
            ("", "unknown"),
            ("é-ü", "unknown"),
        ] {
            assert_eq!(super::provider(model), provider, "{model}");
        }
    }
}
