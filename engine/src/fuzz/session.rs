use std::sync::Arc;
use std::time::Instant;

use crate::flow::Engine;
use crate::secure::KeyMaterial;
use crate::session::{self, Driver, Machine, Moment, Protection, Received, Seed, Settings};

/// Two agents with a session between them, and one that has said HELLO.
fn agents(protection: &Protection, engine: &Arc<Engine>, now: Moment) -> Option<[Machine; 3]> {
    let agent = |id: &str| {
        let settings = Settings::new(id).with_protection(protection.clone());
        Machine::new(Arc::new(settings), Arc::clone(engine), now)
    };
    let seed = |byte| Seed::new(KeyMaterial::from([byte; 32]), [byte; 16]);
    let (mut a, mut b, mut c) = (agent("a"), agent("b"), agent("c"));
    let hello = a.connect(&seed(1), now).ok()?;
    if let Received::Answer(accept) = b.receive(&hello, &seed(2), now).ok()? {
        a.receive(&accept, &seed(3), now).ok()?;
    }
    c.connect(&seed(4), now).ok()?;
    Some([a, b, c])
}

/// Whatever comes for a session is a message that is read and written alike, or refused; without the key it changes nothing and gives no payload.
///
/// # Panics
/// When that does not hold.
pub fn session(engine: &Arc<Engine>, data: &[u8]) {
    if let Ok(message) = session::Message::read(data) {
        let written = message.write();
        let again = session::Message::read(&written);
        // A time or a share that is not a number equals nothing.
        assert!(
            again.is_ok_and(
                |again| again == message || format!("{again:?}") == format!("{message:?}")
            )
        );
    }
    let now = Moment { instant: Instant::now(), unix_ms: 0 };
    let seed = Seed::new(KeyMaterial::from([9; 32]), [9; 16]);
    let authenticated = Protection::Authenticated(KeyMaterial::from([7; 32]));
    for protection in [Protection::Off, Protection::Encrypted, authenticated] {
        let Some(machines) = agents(&protection, engine, now) else {
            unreachable!("two agents of the same settings do not come to terms")
        };
        for mut machine in machines {
            let before = machine.state();
            let received = machine.receive(data, &seed, now);
            if matches!(protection, Protection::Authenticated(_)) {
                assert_eq!(machine.state(), before, "moved without the key");
                assert!(received.is_err(), "taken without the key");
            }
            if received.is_err() {
                assert_eq!(machine.state(), before, "refused, and moved");
            }
        }
        let settings = Arc::new(Settings::new("d").with_protection(protection));
        let mut driver = Driver::new(settings, Arc::clone(engine));
        let incoming = session::Incoming { reply_to: Some("a"), correlation: None };
        if driver.receive(data, incoming, true, &seed, now).is_err() {
            assert!(
                matches!(driver.poll(now), session::Action::Wait(None)),
                "refused, and answered"
            );
        }
    }
}
