//! Sizes and times in words.

use std::time::Duration;

/// How many times smaller: `2.50x`, or `-` where nothing comes of it.
pub(crate) fn ratio(original: usize, compressed: usize) -> String {
    quotient(original, compressed).map_or("-".to_owned(), |ratio| format!("{ratio:.2}x"))
}

/// The part that was saved: `60.0%`, negative where it grew.
pub(crate) fn saved(original: usize, compressed: usize) -> String {
    quotient(compressed, original)
        .map_or("-".to_owned(), |left| format!("{:.1}%", (1.0 - left) * 100.0))
}

/// `None` by zero.
pub(crate) fn quotient(a: usize, b: usize) -> Option<f64> {
    // Payloads and frames are below 4 GiB.
    let float = |n: usize| u32::try_from(n).ok().map(f64::from);
    let (a, b) = (float(a)?, float(b)?);
    (b != 0.0).then_some(a / b)
}

/// `12.3 µs`, `4.56 ms`, `7.8 s`
pub(crate) fn time(duration: Duration) -> String {
    format!("{duration:.1?}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn nothing_is_divided_by_zero() {
        assert_eq!(super::ratio(100, 40), "2.50x");
        assert_eq!(super::saved(100, 40), "60.0%");
        assert_eq!(super::saved(100, 105), "-5.0%");
        assert_eq!(super::ratio(0, 0), "-");
        assert_eq!(super::saved(0, 42), "-");
    }
}
