//! Where the bytes of a text came from.

use std::ops::Range;

/// Maps ranges of a text to the ranges of the text that it was made from. Empty, it maps each to itself.
#[derive(Debug, Default, Clone)]
pub(in crate::scan) struct Origins {
    /// In the order of both texts.
    pieces: Vec<Piece>,
    /// The length of the text that it was made from.
    end: usize,
}

#[derive(Debug, Clone, Copy)]
struct Piece {
    /// Where it begins in the text made.
    to: usize,
    /// Where it begins in the text it was made from.
    from: usize,
    /// Byte for byte in the same places, up to the next piece; otherwise it stands for all up to the next piece's origin.
    aligned: bool,
}

impl Origins {
    pub(super) fn clear(&mut self) {
        self.pieces.clear();
        self.end = 0;
    }

    /// From `to` on, each byte comes from the one at the same distance from `from`.
    pub(super) fn aligned(&mut self, to: usize, from: usize) {
        let follows = self.pieces.last().is_some_and(|last| {
            last.aligned && to.checked_sub(last.to) == from.checked_sub(last.from)
        });
        if !follows {
            self.pieces.push(Piece { to, from, aligned: true });
        }
    }

    /// From `to` on, what comes stands for what begins at `from`.
    pub(super) fn replaced(&mut self, to: usize, from: usize) {
        self.pieces.push(Piece { to, from, aligned: false });
    }

    /// The text that it was made from is over.
    pub(super) fn finish(&mut self, len: usize) {
        self.end = len;
    }

    /// The range that `range` came from.
    pub(in crate::scan) fn of(&self, range: &Range<usize>) -> Range<usize> {
        if self.pieces.is_empty() {
            return range.clone();
        }
        let start = self.start(range.start);
        let end = if range.end > range.start { self.end(range.end - 1) } else { start };
        start..end.max(start)
    }

    /// Tells where bytes that stand as they stood are in the text made; it has to be asked in their order.
    pub(in crate::scan) fn onward(&self) -> impl FnMut(usize) -> usize {
        let (mut pieces, mut here) = (self.pieces.iter().peekable(), None);
        move |from| {
            while let Some(next) = pieces.next_if(|next| next.from <= from) {
                here = Some(next);
            }
            here.map_or(from, |piece| piece.to + (from - piece.from))
        }
    }

    fn piece(&self, to: usize) -> (Option<&Piece>, Option<&Piece>) {
        let next = self.pieces.partition_point(|piece| piece.to <= to);
        (next.checked_sub(1).and_then(|last| self.pieces.get(last)), self.pieces.get(next))
    }

    fn start(&self, to: usize) -> usize {
        match self.piece(to).0 {
            Some(piece) if piece.aligned => (piece.from + (to - piece.to)).min(self.end),
            Some(piece) => piece.from,
            None => to.min(self.end),
        }
    }

    /// The end of what the byte at `last` came from.
    fn end(&self, last: usize) -> usize {
        match self.piece(last) {
            (Some(piece), _) if piece.aligned => (piece.from + (last - piece.to) + 1).min(self.end),
            (Some(_), Some(next)) => next.from,
            (Some(_), None) => self.end,
            (None, _) => (last + 1).min(self.end),
        }
    }
}
