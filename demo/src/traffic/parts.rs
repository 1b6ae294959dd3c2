//! A parts warehouse on Claude: keeps shelves filled, moves stock between sites, drafts orders that people sign.

use serde_json::{Value, json};

use super::conversation::{Agent, Api, Conversation, pick, schema};
use super::{Message, extras};

pub(super) const MODEL: &str = "claude-3-5-sonnet-latest";

const SYSTEM: &str = "You run replenishment for three warehouses of spare parts: north, harbour and airport. You see stock, open orders \
and the last twelve months of withdrawals. You may move stock between sites on your own. Orders to suppliers you only draft: a buyer signs \
them.\n\nA part is critical when its stock is below the demand of its lead time plus the safety stock. Treat critical parts first. Prefer a \
transfer to an order when another site keeps more than eight weeks of demand after giving. Round orders up to whole packs. Explain every \
quantity by the figures that you used, in one line each, so that a person can check it without opening another system.";

const PARTS: [(&str, &str, usize); 8] = [
    ("BRG-6204-2RS", "deep groove ball bearing, sealed, 20x47x14 mm", 10),
    ("VLV-DN25-PN16", "ball valve, stainless, DN25, PN16", 4),
    ("SNS-PT100-4W", "temperature probe, PT100, four wires, 150 mm", 5),
    ("BLT-HTD8M-1200", "timing belt, HTD 8M, 1200 mm", 2),
    ("FLT-HEPA-H13", "filter cartridge, H13, 305x610x292 mm", 1),
    ("RLY-24DC-2CO", "plug-in relay, 24 V DC, two changeover contacts", 20),
    ("GSK-EPDM-DN50", "flat gasket, EPDM, DN50", 50),
    ("MTR-BLDC-250W", "brushless motor, 250 W, with encoder", 1),
];
const SITES: [&str; 3] = ["north", "harbour", "airport"];

fn agent() -> Agent {
    let part = ("part", "string", "Part number");
    Agent {
        name: "parts",
        api: Api::Messages,
        model: MODEL,
        system: SYSTEM,
        tools: vec![
            ("stock_level", "Stock, reservations and bins of a part at all sites.", schema([part])),
            (
                "demand_history",
                "Withdrawals of a part, week by week.",
                schema([part, ("weeks", "integer", "How many weeks back, 4 to 52")]),
            ),
            (
                "transfer",
                "Moves stock between two sites with the next van.",
                schema([
                    part,
                    ("from", "string", "Giving site"),
                    ("to", "string", "Taking site"),
                    ("quantity", "integer", "Pieces"),
                ]),
            ),
            (
                "draft_order",
                "Drafts a purchase order for a buyer to sign.",
                schema([
                    part,
                    ("quantity", "integer", "Pieces, a multiple of the pack"),
                    ("reason", "string", "For the buyer"),
                ]),
            ),
        ],
    }
}

/// The replenishment run of that number.
pub(super) fn conversation(n: usize) -> Vec<Message> {
    let (part, description, pack) = pick(&PARTS, n);
    let (site, giver) = (pick(&SITES, n), pick(&SITES, n + 1));
    let mut talk = Conversation::new(agent(), n);
    talk.attach(extras::heartbeat("parts", n));
    if n == 2 {
        talk.attach(extras::whole_stock_list());
    }

    talk.ask(&format!(
        "{part} ({description}) went below its reorder point at {site} this morning: {} pieces left. Find out whether it is critical \
         and bring it back to ten weeks of demand.",
        n % 5 + 1
    ));
    talk.call("stock_level", json!({ "part": part }), &stock(n, part));
    talk.call("demand_history", json!({ "part": part, "weeks": 26 }), &demand(n, part));
    let (substitute, ..) = pick(&PARTS, n + 3);
    talk.call("stock_level", json!({ "part": substitute }), &stock(n + 3, substitute));
    let quantity = pack * (2 + n % 3);
    let move_it = json!({ "part": part, "from": giver, "to": site, "quantity": quantity });
    let moved = json!({
        "transfer": format!("T{:05}", 7000 + n * 11), "status": "planned", "van": "16:30", "from": giver, "to": site, "quantity": quantity,
        "stock_after": { site: quantity + n % 5 + 1, giver: 40 + n % 7 },
    });
    talk.call("transfer", move_it, &moved);
    if n % 4 == 3 {
        // A long plan is asked for: what it may cost sends it past a person.
        talk.max_tokens = 4096;
        talk.ask(
            "Also write the replenishment plan of this part for the next two quarters, all sites, with the figures behind each order, \
             as the buyers' meeting wants it.",
        );
    }
    let order = json!({ "part": part, "quantity": quantity * 4, "reason": "ten weeks of demand after the transfer" });
    talk.call("draft_order", order, &draft(n, part, quantity * 4));
    talk.attach(extras::pick_list(n, part, site, quantity));
    talk.answer(&format!(
        "{part} was critical at {site}: demand of its lead time is {} pieces, its safety stock {pack}. {quantity} pieces come from {giver} \
         with the van at 16:30, which leaves {giver} with more than eight weeks. For the rest I drafted an order of {} pieces ({} packs of \
         {pack}); a buyer has to sign it.",
        quantity + n % 4,
        quantity * 4,
        quantity * 4 / pack
    ));
    talk.into_messages()
}

fn stock(n: usize, part: &str) -> Value {
    let sites = SITES.iter().enumerate().map(|(i, site)| {
        let bins = (0..3).map(|bin| {
            json!({
                "bin": format!("{}-{:02}-{}", pick(&["A", "B", "C", "D"], n + bin), (n * 3 + i * 7 + bin) % 40, bin + 1),
                "pieces": (n * 13 + i * 29 + bin * 11) % 45, "counted": format!("2026-{:02}-{:02}", 1 + (n + i) % 11, 1 + bin * 9),
            })
        });
        json!({
            "site": site, "on_hand": (n * 17 + i * 31) % 90 + 2, "reserved": (n + i * 3) % 9, "reorder_point": 12 + n % 6,
            "safety_stock": 8, "bins": bins.collect::<Vec<_>>(),
            "open_orders": [{ "order": format!("P{:05}", 31_000 + n * 13 + i), "pieces": 20, "due": format!("2026-12-{:02}", 2 + i * 6) }],
        })
    });
    json!({ "part": part, "unit": "piece", "lead_time_days": 9 + n % 20, "sites": sites.collect::<Vec<_>>() })
}

fn demand(n: usize, part: &str) -> Value {
    let weeks = (0..26).map(|week| {
        let at = |site: usize| (n * 3 + week * 7 + site * 5) % 11;
        json!({ "week": format!("2026-W{:02}", 21 + week), "north": at(0), "harbour": at(1), "airport": at(2) })
    });
    json!({ "part": part, "weeks": weeks.collect::<Vec<_>>(), "outliers_removed": n % 2 })
}

fn draft(n: usize, part: &str, quantity: usize) -> Value {
    let price = 4.2 + f64::from(u32::try_from(n * 37 % 400).unwrap_or_default()) / 10.0;
    let scales = [1_u32, 2, 5]
        .map(|times| json!({ "from_packs": times * 10, "discount_percent": times * 2 }));
    json!({
        "draft": format!("D{:05}", 52_000 + n * 7), "part": part, "quantity": quantity, "unit_price_eur": price, "price_scales": scales,
        "supplier": "framework agreement 2026", "delivery": "free to dock 3, weekdays before noon", "signature": "pending",
    })
}
