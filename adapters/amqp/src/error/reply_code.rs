//! Sorts lapin's errors, above all by the reply codes of AMQP 0-9-1 (its specification, section 1.2).

use lapin::ErrorKind;
use lapin::protocol::{AMQPError, AMQPErrorKind, AMQPHardError, AMQPSoftError};
use m2m_engine::error::Transience;

/// Whether the same operation can succeed on a new channel or connection.
pub(crate) fn transience(error: &lapin::Error) -> Transience {
    match error.kind() {
        ErrorKind::ProtocolError(error) => of_reply(error),
        ErrorKind::InvalidProtocolVersion(_)
        | ErrorKind::SerialisationError(_)
        | ErrorKind::AuthProviderError(_)
        | ErrorKind::FutureCompleted
        | ErrorKind::NoDefaultRuntime => Transience::Permanent,
        // I/O, heartbeats, channels that are no longer open, and what later versions of lapin add.
        _ => Transience::Transient,
    }
}

fn of_reply(error: &AMQPError) -> Transience {
    use AMQPErrorKind::{Hard, Soft};
    match error.kind() {
        _ if passes(error.get_message().as_str()) => Transience::Transient,
        Soft(
            AMQPSoftError::CONTENTTOOLARGE
            | AMQPSoftError::NOROUTE
            | AMQPSoftError::ACCESSREFUSED
            | AMQPSoftError::NOTFOUND
            | AMQPSoftError::PRECONDITIONFAILED,
        )
        | Hard(
            AMQPHardError::INVALIDPATH | AMQPHardError::NOTALLOWED | AMQPHardError::NOTIMPLEMENTED,
        ) => Transience::Permanent,
        Soft(AMQPSoftError::NOCONSUMERS | AMQPSoftError::RESOURCELOCKED)
        | Hard(
            AMQPHardError::CONNECTIONFORCED
            | AMQPHardError::FRAMEERROR
            | AMQPHardError::SYNTAXERROR
            | AMQPHardError::COMMANDINVALID
            | AMQPHardError::CHANNELERROR
            | AMQPHardError::UNEXPECTEDFRAME
            | AMQPHardError::RESOURCEERROR
            | AMQPHardError::INTERNALERROR,
        ) => Transience::Transient,
    }
}

/// RabbitMQ uses the permanent codes for some states that pass, too; only its text tells them apart.
fn passes(text: &str) -> bool {
    const PASSING: [&str; 6] = [
        "is down",                  // 404 a queue's node, 530 a virtual host
        "is stopped by supervisor", // 404 a queue
        "in exclusive use",         // 403 another consumer has the queue for itself
        "is reached",               // 530 a limit of connections
        "timed out",                // 406 a delivery was not acknowledged in time
        "unknown delivery tag",     // 406 acknowledged on another channel than it came on
    ];
    PASSING.iter().any(|passing| text.contains(passing))
}

/// The length of the payload and the server's `max_message_size`, where the error is about them.
pub(crate) fn message_size(error: &lapin::Error) -> Option<(usize, usize)> {
    let ErrorKind::ProtocolError(error) = error.kind() else { return None };
    let text = error.get_message().as_str();
    // "PRECONDITION_FAILED - message size 2000 is larger than configured max size 1000"
    let (_, sizes) = text.split_once("message size ")?;
    let (len, limit) = sizes.split_once(" is larger than ")?;
    Some((len.parse().ok()?, limit.rsplit(' ').next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replied(code: u16, text: &str) -> lapin::Error {
        let error = AMQPError::from_id(code, text.into()).expect("a code of AMQP");
        ErrorKind::ProtocolError(error).into()
    }

    #[test]
    fn reply_codes_are_sorted() {
        for code in [311, 312, 402, 403, 404, 406, 530, 540] {
            assert_eq!(transience(&replied(code, "")), Transience::Permanent, "{code}");
        }
        for code in [313, 320, 405, 501, 502, 503, 504, 505, 506, 541] {
            assert_eq!(transience(&replied(code, "")), Transience::Transient, "{code}");
        }
    }

    #[test]
    fn passing_states_under_permanent_codes_are_transient() {
        for (code, text) in [
            (
                404,
                "NOT_FOUND - home node 'rabbit@a' of durable queue 'q' in vhost '/' is down or inaccessible",
            ),
            (403, "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use"),
            (530, "NOT_ALLOWED - access to vhost '/' refused for user 'u': vhost '/' is down"),
            (
                406,
                "PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out. Timeout value used: 1800000 ms.",
            ),
            (406, "PRECONDITION_FAILED - unknown delivery tag 1"),
        ] {
            assert_eq!(transience(&replied(code, text)), Transience::Transient, "{text}");
        }
    }

    #[test]
    fn a_lost_connection_is_transient_and_a_frame_that_cannot_be_written_is_not() {
        let lost = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        assert_eq!(transience(&lost.into()), Transience::Transient);
        assert_eq!(transience(&ErrorKind::FutureCompleted.into()), Transience::Permanent);
    }

    #[test]
    fn the_size_limit_is_read_from_the_reply() {
        let text =
            "PRECONDITION_FAILED - message size 2000 is larger than configured max size 1000";
        assert_eq!(message_size(&replied(406, text)), Some((2000, 1000)));
        let text = "PRECONDITION_FAILED - message size 536870913 is larger than max size 536870912";
        assert_eq!(message_size(&replied(406, text)), Some((536_870_913, 536_870_912)));
        assert_eq!(
            message_size(&replied(406, "PRECONDITION_FAILED - unknown delivery tag 1")),
            None
        );
    }
}
