//! Exchange and routing key as one text.

/// The same for the sender of a message and for who gets it, and different for each pair: what the exchange's own name has of slashes
/// is written `%2F`. On the default exchange it begins with a slash.
pub(crate) fn of(exchange: &str, routing_key: &str) -> String {
    if exchange.contains(['/', '%']) {
        let exchange = exchange.replace('%', "%25").replace('/', "%2F");
        return format!("{exchange}/{routing_key}");
    }
    format!("{exchange}/{routing_key}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_pairs_share_a_text() {
        assert_eq!(of("agents", "planner.a/b"), "agents/planner.a/b");
        assert_eq!(of("", "queue"), "/queue");
        let alike = [("a/b", "c"), ("a", "b/c"), ("a%2Fb", "c"), ("", "a/b/c")];
        let texts = alike.map(|(exchange, key)| of(exchange, key));
        for (at, text) in texts.iter().enumerate() {
            assert!(!texts.iter().skip(at + 1).any(|other| other == text), "{texts:?}");
        }
    }
}
