//! A travel desk on gpt-4o: looks for trains, checks the travel policy, holds rooms.

use serde_json::{Value, json};

use super::conversation::{Agent, Api, Conversation, pick, schema};
use super::{Message, extras};

pub(super) const MODEL: &str = "gpt-4o";

const SYSTEM: &str = "You are the travel desk of a mid-sized engineering firm. You plan trips by rail first and by air only where rail \
takes more than six hours. Before you propose anything you read the travel policy for the traveller's grade, and you never hold a seat \
or a room that the policy does not allow.\n\nRules:\n1. Times are local to the place they belong to. Say so when two zones are involved.\n\
2. Prices are in euros, taxes included. Name the cheapest and the fastest option, and say in one sentence why you recommend which.\n\
3. Leave at least fifteen minutes for every change, forty where the station has to be changed.\n4. Hold, never buy. A person confirms.\n\
5. If a tool fails, say what you tried and what is missing. Do not guess times or prices.";

const PLACES: [&str; 8] =
    ["Hamburg", "Lyon", "Vienna", "Utrecht", "Milan", "Basel", "Brussels", "Turin"];
const PURPOSES: [&str; 5] = [
    "a two-day workshop at a customer's plant",
    "the acceptance test of a filling line",
    "a trade fair, with samples to carry",
    "a supplier audit that starts at nine in the morning",
    "a project kick-off; four people travel together",
];

fn agent() -> Agent {
    let trip = [
        ("from", "string", "Station or city of departure"),
        ("to", "string", "Station or city of arrival"),
        ("date", "string", "Day of departure, ISO 8601"),
        ("travellers", "integer", "How many people travel"),
    ];
    Agent {
        name: "travel",
        api: Api::ChatCompletions,
        model: MODEL,
        system: SYSTEM,
        tools: vec![
            (
                "search_trains",
                "Finds rail connections with changes, duration and fares for one day.",
                schema(trip),
            ),
            (
                "travel_policy",
                "Reads the rules for a grade: classes, limits for a night, who has to approve.",
                schema([
                    ("grade", "string", "Grade of the traveller, A to E"),
                    ("country", "string", "ISO 3166 code"),
                ]),
            ),
            (
                "search_rooms",
                "Finds hotels near a place with rates, distance and cancellation terms.",
                schema([
                    ("near", "string", "Address or city"),
                    ("check_in", "string", "ISO 8601"),
                    ("nights", "integer", "1 to 14"),
                ]),
            ),
            (
                "hold",
                "Holds an offer for 24 hours without payment.",
                schema([
                    ("offer", "string", "Id of the offer"),
                    ("note", "string", "For the person who confirms"),
                ]),
            ),
        ],
    }
}

/// The trip of that number.
pub(super) fn conversation(n: usize) -> Vec<Message> {
    let (from, to) = (pick(&PLACES, n), pick(&PLACES, n * 3 + 1));
    let to = if from == to { "Cologne" } else { to };
    let (day, people) = (3 + n * 2 % 24, 1 + n % 4);
    let date = format!("2026-12-{day:02}");
    let mut talk = Conversation::new(agent(), n);
    talk.max_tokens = 700;
    talk.attach(extras::heartbeat("travel", n));

    talk.ask(&format!(
        "{people} of us have to go from {from} to {to} on {date} for {}. We would like to arrive the evening before and be back \
         home the day after. Grade {}. What do you propose?",
        pick(&PURPOSES, n),
        pick(&["B", "C", "D"], n)
    ));
    let search = json!({ "from": from, "to": to, "date": date, "travellers": people });
    talk.call("search_trains", search, &trains(n, from, to, &date));
    let back = format!("2026-12-{:02}", day + 3);
    let search = json!({ "from": to, "to": from, "date": back, "travellers": people });
    talk.call("search_trains", search, &trains(n + 40, to, from, &back));
    talk.call(
        "travel_policy",
        json!({ "grade": pick(&["B", "C", "D"], n), "country": "DE" }),
        &policy(n),
    );
    talk.call("search_rooms", json!({ "near": to, "check_in": date, "nights": 2 }), &rooms(n, to));
    talk.answer(&format!(
        "I recommend the second connection: {from} to {to} with one change of 22 minutes, {} euros for all of you in second class, \
         which the policy allows without approval. The cheapest is {} euros less but changes stations at night. For the two nights \
         the hotel nearest to the site is 9 euros below the limit. Shall I hold both until tomorrow noon?",
        148 * people,
        31 * people
    ));
    talk.ask("Yes, hold both. One of us is vegetarian, and we need a quiet room to take a call at six in the evening.");
    let note = format!("{people} travellers, quiet room, one vegetarian breakfast");
    talk.call(
        "hold",
        json!({ "offer": format!("rail-{n:03}-2"), "note": note }),
        &held(n, "rail", 2),
    );
    if n % 3 == 1 {
        talk.attach(extras::itinerary(n, from, to, &date));
    }
    talk.call(
        "hold",
        json!({ "offer": format!("room-{n:03}-1"), "note": note }),
        &held(n, "room", 1),
    );
    talk.answer("Both are held for 24 hours; a person at the desk will confirm or release them. The itinerary is in your inbox.");
    talk.into_messages()
}

fn trains(n: usize, from: &str, to: &str, date: &str) -> Value {
    let connections = (0..7).map(|i| {
        let (hour, minute) = (6 + i * 2, (n * 7 + i * 13) % 60);
        let change = pick(&["Frankfurt", "Mannheim", "Zurich", "Paris", "Munich"], n + i);
        json!({
            "offer": format!("rail-{n:03}-{i}"),
            "departure": format!("{date}T{hour:02}:{minute:02}:00+01:00"),
            "arrival": format!("{date}T{:02}:{:02}:00+01:00", hour + 6, (minute * 3 + 4) % 60),
            "legs": [
                { "train": format!("IC {}", 2000 + n * 17 + i), "from": from, "to": change, "platform": (n + i) % 18 + 1 },
                { "train": format!("EC {}", 100 + n * 5 + i), "from": change, "to": to, "platform": (n * 3 + i) % 12 + 1 },
            ],
            "change_minutes": 16 + (n + i * 5) % 30,
            "fares": { "second": 117 + (n * 11 + i * 31) % 90, "first": 188 + (n * 13 + i * 37) % 140, "currency": "EUR" },
            "seats_left": { "second": (n * 29 + i * 7) % 80, "first": (n * 5 + i * 3) % 24 },
            "refundable": i.is_multiple_of(2),
        })
    });
    json!({ "from": from, "to": to, "date": date, "connections": connections.collect::<Vec<_>>() })
}

fn policy(n: usize) -> Value {
    json!({
        "grade": pick(&["B", "C", "D"], n), "valid_from": "2026-07-01",
        "rail": { "class": "second", "first_allowed_from_hours": 5, "seat_reservation": "always" },
        "air": { "allowed_from_rail_hours": 6, "class": "economy", "approval": "head of department" },
        "hotel": { "limit_per_night_eur": 130 + n % 4 * 10, "breakfast": "included where offered", "cancellation": "until 18:00" },
        "notes": "Above a limit by at most ten per cent: the traveller gives a reason. Above that: approval before the offer is held.",
    })
}

fn rooms(n: usize, near: &str) -> Value {
    let hotels = (0..6).map(|i| {
        json!({
            "offer": format!("room-{n:03}-{i}"),
            "hotel": format!("{} {near}", pick(&["Station Hotel", "Hotel at the Market", "River House", "Old Mill Inn"], n + i)),
            "distance_m": 180 + (n * 90 + i * 260) % 2400, "rate_eur": 96 + (n * 7 + i * 9) % 70,
            "breakfast": i % 3 != 2, "quiet_side": (n + i).is_multiple_of(2),
            "cancellation": pick(&["free until 18:00 on the day of arrival", "free until the day before", "not refundable"], i),
        })
    });
    json!({ "near": near, "nights": 2, "hotels": hotels.collect::<Vec<_>>() })
}

fn held(n: usize, kind: &str, i: usize) -> Value {
    json!({
        "offer": format!("{kind}-{n:03}-{i}"), "status": "held", "reference": format!("H{:06}", 400_000 + n * 97 + i),
        "expires_in_hours": 24, "payment": "none",
    })
}
