//! Bytes as lower-case hexadecimal digits.

use std::fmt::Write;

/// Two digits a byte.
pub fn encode(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to text cannot fail");
        text
    })
}

/// The bytes that these digits stand for; `None` if they are not digits of just `N` bytes.
pub fn decode<const N: usize>(digits: &str) -> Option<[u8; N]> {
    if digits.len() != N * 2 {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(bytes)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_read_back_from_their_digits() {
        let digits = encode(&[0, 10, 255]);
        assert_eq!(digits, "000aff");
        assert_eq!(decode(&digits), Some([0, 10, 255]));
        assert_eq!(decode::<2>(&digits), None);
        assert_eq!(decode::<1>("+1"), None);
        assert_eq!(decode::<1>("é"), None);
    }
}
