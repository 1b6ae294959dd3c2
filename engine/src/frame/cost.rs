//! What a call is estimated to cost.

use serde::Deserialize;

const BUILT_IN: &str = include_str!("cost.toml");

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Price {
    /// US cents for 1,000 prompt tokens.
    r#in: f32,
    /// US cents for 1,000 completion tokens.
    out: f32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Model {
    prefix: String,
    r#in: f32,
    out: f32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    #[serde(default)]
    default: Option<Price>,
    #[serde(default)]
    model: Vec<Model>,
}

/// Prices by model.
#[derive(Debug)]
pub struct Prices {
    models: Vec<Model>,
    default: Price,
}

impl Prices {
    /// The built-in list, after the user's own lines (TOML of the same form; `default` replaces the built-in one).
    ///
    /// # Errors
    /// When the user's list is not of that form.
    pub fn new(own: Option<&str>) -> Result<Self, toml::de::Error> {
        let own: List = toml::from_str(own.unwrap_or_default())?;
        let built_in: List = toml::from_str(BUILT_IN)?;
        let default = own.default.or(built_in.default).unwrap_or(Price { r#in: 0.0, out: 0.0 });
        let mut models = own.model;
        models.extend(built_in.model);
        for model in &mut models {
            model.prefix.make_ascii_lowercase();
        }
        Ok(Self { models, default })
    }

    /// The estimate in US dollars, in the reference implementation's order of f32 operations, so that its bytes come out the same.
    #[must_use]
    #[expect(
        clippy::as_conversions,
        clippy::cast_precision_loss,
        reason = "an estimate in f32, as the format has it"
    )]
    pub fn estimate(&self, model: &str, prompt_tokens: u32, completion_tokens: u32) -> f32 {
        let starts = |prefix: &str| {
            model
                .as_bytes()
                .get(..prefix.len())
                .is_some_and(|s| s.eq_ignore_ascii_case(prefix.as_bytes()))
        };
        let price = self
            .models
            .iter()
            .find(|entry| starts(&entry.prefix))
            .map_or(self.default, |entry| Price { r#in: entry.r#in, out: entry.out });
        let prompt = (prompt_tokens as f32 / 1000.0) * price.r#in;
        let completion = (completion_tokens as f32 / 1000.0) * price.out;
        (prompt + completion) / 100.0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use super::Prices;

    #[test]
    fn the_first_matching_prefix_counts() {
        let prices = Prices::new(None).unwrap();
        assert_eq!(prices.estimate("GPT-4o-mini-2024", 1000, 1000), (0.015 + 0.06) / 100.0);
        assert_eq!(prices.estimate("gpt-4", 1000, 0), 0.03);
        assert_eq!(prices.estimate("nobody's", 1000, 1000), (0.1 + 0.3) / 100.0);
    }

    #[test]
    fn a_users_lines_come_first() {
        let own = "default = { in = 7.0, out = 7.0 }\n[[model]]\nprefix = \"GPT-4o\"\nin = 100.0\nout = 0.0\n";
        let prices = Prices::new(Some(own)).unwrap();
        assert_eq!(prices.estimate("gpt-4o-mini", 1000, 1000), 1.0);
        assert_eq!(prices.estimate("o3-mini", 1000, 0), 0.11 / 100.0);
        assert_eq!(prices.estimate("nobody's", 1000, 0), 0.07);
        assert!(Prices::new(Some("[[model]]\nprefx = \"a\"")).is_err());
    }
}
