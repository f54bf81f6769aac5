//! Sizes for people.

/// Bytes in about three digits, for what moves.
pub fn about_bytes(n: u64) -> String {
    let units = [("GB", 1_000_000_000_u64), ("MB", 1_000_000), ("kB", 1_000)];
    for (name, size) in units {
        if n >= size {
            return match n / size {
                0..10 => format!("{}.{} {name}", n / size, n % size * 10 / size),
                whole => format!("{whole} {name}"),
            };
        }
    }
    format!("{n} B")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_as_long_as_people_need_them() {
        assert_eq!(about_bytes(1_234_567), "1.2 MB");
        assert_eq!(about_bytes(45_600), "45 kB");
        assert_eq!(about_bytes(999), "999 B");
    }
}
