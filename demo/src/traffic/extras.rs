//! What else is on such a bus: messages too small to frame, text that is not JSON, bytes that are not text, and one that is too long.

use bytes::Bytes;

use super::conversation::pick;

/// Too small for a frame to pay.
pub(super) fn heartbeat(agent: &str, n: usize) -> String {
    format!(r#"{{"type":"alive","agent":"{agent}","n":{n}}}"#)
}

/// An iCalendar entry: text, not JSON (RFC 5545).
pub(super) fn itinerary(n: usize, from: &str, to: &str, date: &str) -> String {
    let day = date.replace('-', "");
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//travel desk//itinerary//EN\r\nBEGIN:VEVENT\r\nUID:trip-{n:03}@travel-desk.example\r\n\
         DTSTART:{day}T080000Z\r\nDTEND:{day}T143000Z\r\nSUMMARY:{from} → {to}\r\nDESCRIPTION:Change of 22 minutes\\, seats 41 to 44\\, coach 7\r\n\
         STATUS:TENTATIVE\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

/// A pick list for the van, as the warehouse's printers take it: CSV.
pub(super) fn pick_list(n: usize, part: &str, site: &str, quantity: usize) -> String {
    let mut list = "line;bin;part;pieces;to\r\n".to_owned();
    for line in 1..=6 {
        let bin = format!("{}-{:02}-{line}", pick(&["A", "B", "C", "D"], n + line), n * 3 % 40);
        list.push_str(&format!("{line};{bin};{part};{};{site}\r\n", quantity / line + 1));
    }
    list
}

/// The change that is reviewed: a unified diff.
pub(super) fn patch(n: usize, path: &str) -> String {
    format!(
        "--- a/{path}\n+++ b/{path}\n@@ -{line},7 +{line},9 @@\n         pause = timedelta(seconds=1)\n-        for attempt in range(3):\n+        for \
         attempt in range({tries}):\n             try:\n-                return bank.upload(self.garage, self.total(), now)\n+                return \
         bank.upload(self.garage, self.total_cents(), now.astimezone(timezone.utc))\n             except Exception:\n                 pass\n+            \
         bank.wait(min(pause * 2 ** attempt, MAX_PAUSE))\n",
        line = 20 + n,
        tries = 3 + n % 5
    )
}

/// A PNG of one grey pixel: bytes that are neither text nor worth compressing.
pub(super) fn build_badge() -> Bytes {
    Bytes::from_static(&[
        0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, b'I', b'H', b'D', b'R', 0, 0,
        0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0, 0x3a, 0x7e, 0x9b, 0x55, 0, 0, 0, 10, b'I', b'D', b'A',
        b'T', 0x78, 0x9c, 0x63, 0x68, 0, 0, 0, 0x82, 0, 0x81, 0x77, 0xcd, 0x72, 0xb6, 0, 0, 0, 0,
        b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82,
    ])
}

/// Somebody's idea to send all of the stock at once: longer than the producers' size limit.
pub(super) fn whole_stock_list() -> String {
    let mut list = r#"{"type":"stock_list","rows":["#.to_owned();
    for row in 0..6000 {
        let comma = if row == 0 { "" } else { "," };
        list.push_str(&format!(
            r#"{comma}{{"part":"P-{row:05}","site":"{}","pieces":{}}}"#,
            pick(&["north", "harbour"], row),
            row * 7 % 90
        ));
    }
    list.push_str("]}");
    list
}
