//! The messages of a SentencePiece model, in the wire format of Protocol Buffers: fields one behind the other, each with its number and the
//! kind of its value. Fields that are not asked for are skipped.

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub enum Held<'a> {
    /// A whole number, or true and false.
    Number(u64),
    /// Four bytes: a float's.
    Four([u8; 4]),
    /// A text, bytes, or a message.
    Bytes(&'a [u8]),
}

/// The fields of a message, in order; the last is `None` where the bytes end inside of one.
pub struct Fields<'a>(pub &'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Option<(u64, Held<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Option<(u64, Held<'a>)> {
        let tag = self.number()?;
        let held = match tag & 7 {
            0 => Held::Number(self.number()?),
            1 => Held::Bytes(self.take(8)?),
            2 => {
                let len = self.number()?;
                Held::Bytes(self.take(usize::try_from(len).ok()?)?)
            }
            5 => Held::Four(self.take(4)?.try_into().ok()?),
            _ => return None,
        };
        Some((tag >> 3, held))
    }

    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }

    /// Seven bits in each byte, the lowest first.
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_until_the_bytes_end() {
        let bytes = [0x08, 0x96, 0x01, 0x12, 2, b'o', b'k', 0x1d, 0, 0, 0x80, 0x3f];
        let all: Vec<_> = Fields(&bytes).collect::<Option<_>>().unwrap();
        assert!(matches!(all[0], (1, Held::Number(150))));
        assert!(matches!(all[1], (2, Held::Bytes(b"ok"))));
        assert!(matches!(all[2], (3, Held::Four(four)) if f32::from_le_bytes(four) == 1.0));
        for end in 1..bytes.len() {
            let whole = Fields(&bytes[..end]).all(|field| field.is_some());
            assert_eq!(whole, [3, 7].contains(&end), "{end} bytes");
        }
        // A length beyond the end, a number without one, and a kind that nobody writes any more.
        for wrong in [&[0x12, 200][..], &[0x08, 0xff, 0xff], &[0xff; 20], &[0x0b]] {
            assert!(Fields(wrong).any(|field| field.is_none()), "{wrong:?}");
        }
    }
}
