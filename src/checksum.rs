//! SHA-256 sums as text.

use sha2::{Digest, Sha256};

/// The sum of bytes.
pub(crate) fn of(bytes: &[u8]) -> String {
    text(Sha256::new_with_prefix(bytes))
}

/// A sum in hexadecimal digits.
pub(crate) fn text(sum: Sha256) -> String {
    sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Adds grey values, bit by bit, by way of a buffer that is used again and again.
pub(crate) fn add_greys(sum: &mut Sha256, greys: &[f32], buffer: &mut Vec<u8>) {
    for greys in greys.chunks(1 << 14) {
        buffer.clear();
        buffer.extend(greys.iter().flat_map(|grey| grey.to_le_bytes()));
        sum.update(buffer.as_slice());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_standard() {
        // By GNU sha256sum: printf abc | sha256sum
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of(b"abc"), abc);
        let mut sum = Sha256::new();
        add_greys(&mut sum, &[1.5, -2.0], &mut Vec::new());
        assert_eq!(text(sum), of(&[1.5f32.to_le_bytes(), (-2.0f32).to_le_bytes()].concat()));
    }
}
