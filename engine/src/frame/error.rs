//! What can be wrong with a frame.

/// Why a frame cannot be read. Says where, never what it holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// It ends too early.
    #[error("it ends within its {part}")]
    Truncated {
        /// What was being read.
        part: &'static str,
    },
    /// `header_len` is below 20, or the header's fields do not fit into it.
    #[error("its header says that it is {len} bytes long, which its fields contradict")]
    HeaderLen {
        /// The length it states.
        len: u16,
    },
    /// The security byte is not 0, 1 or 2.
    #[error("its security byte is {byte}; 0, 1 and 2 are known")]
    Security {
        /// The byte.
        byte: u8,
    },
    /// A field of the header has no value that it may have.
    #[error("its field {field} cannot be read")]
    Field {
        /// The field's name.
        field: &'static str,
    },
    /// What should be base64 is not.
    #[error("it is not base64 after its prefix")]
    Base64,
    /// The payload's stated length differs from what is there.
    #[error("it states a payload of {stated} bytes and holds {held}")]
    PayloadLen {
        /// What it states.
        stated: usize,
        /// What follows.
        held: usize,
    },
    /// The compressed payload is damaged.
    #[error("its payload is not whole Brotli data")]
    Brotli,
    /// The payload is not the one that was framed.
    #[error("its checksum does not match its payload")]
    Checksum,
    /// The tokenizer's id after `#TK|` is not `C`, `O` or `L`.
    #[error("it names a tokenizer that is not known; C, O and L are")]
    Tokenizer,
    /// A token id that the tokenizer does not have, or that is cut short.
    #[error("its token {index} cannot be read")]
    Token {
        /// Which one, from 0.
        index: usize,
    },
}
