//! Names that no two tests share, and that tell whose leftovers they are.
//!
//! Test files and expectations say `sample-lab`. In what a test really makes, that word is replaced by a prefix of the
//! same length, so that columns stay where they are: `hlt`, the process id in five digits of base 36, and a counter in
//! two. A prefix whose process is gone marks the leftovers of a killed run.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

/// What stands for the prefix in test files and in what they expect.
pub const STAND_IN: &str = "sample-lab";

const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// A prefix that no other living test has.
pub fn unique() -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    assert!(count < 36 * 36, "more labs in one process than the prefix can count");
    of(std::process::id(), count)
}

fn of(pid: u32, count: u32) -> String {
    format!("hlt{}{}", base36::<5>(pid), base36::<2>(count))
}

/// Whether a name, or what it starts with, was made by a test whose process is gone.
pub fn is_leftover(name: &str) -> bool {
    owner(name).is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists())
}

/// The process id in a name that starts with a prefix.
fn owner(name: &str) -> Option<u32> {
    let digits = name.strip_prefix("hlt")?.get(..7)?;
    let own_form = digits.bytes().all(|byte| DIGITS.contains(&byte));
    let ends = name.as_bytes().get(STAND_IN.len()).is_none_or(|byte| !byte.is_ascii_alphanumeric());
    if !own_form || !ends {
        return None;
    }
    u32::from_str_radix(&digits[..5], 36).ok()
}

fn base36<const N: usize>(mut number: u32) -> String {
    let mut digits = [b'0'; N];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(number % 36) as usize];
        number /= 36;
    }
    String::from_utf8_lossy(&digits).into_owned()
}

/// Proves that a prefix can be read back, and that ordinary names are nobody's leftovers.
pub fn round_trip() {
    assert_eq!(of(4_194_304, 37), "hlt2hwcg11");
    assert_eq!(of(1, 0).len(), STAND_IN.len());
    assert_eq!(owner("hlt2hwcg11-web-1"), Some(4_194_304));
    assert_eq!(owner("hlt2hwcg11_default"), Some(4_194_304));
    for other in ["hlt", "hlt2hwcg111", "sample-lab-web", "hlt2hwcg1-web", "web"] {
        assert_eq!(owner(other), None, "{other}");
    }
    assert!(is_leftover(&of(4_194_305, 0)), "no process has a number above the kernel's limit");
    assert!(!is_leftover(&of(std::process::id(), 0)));
}
