//! Random numbers that a seed repeats.

/// A generator of the kind called SplitMix64: small, and even enough for choosing.
pub struct Random {
    state: u64,
}

impl Random {
    pub fn new(seed: u64) -> Random {
        Random { state: seed }
    }

    /// A seed that is another one each time.
    pub fn any_seed() -> u64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Random::new(since.expect("it is after 1970").as_nanos() as u64).next() % 1_000_000
    }

    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// One of these, if there are any.
    pub fn one_of<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        let at = self.next() as usize;
        (!all.is_empty()).then(|| all[at % all.len()])
    }

    /// A number below this one, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        self.next() as usize % end
    }

    /// A copy of one of these, if there are any.
    pub fn pick<'a, T: Clone + 'a>(&mut self, all: impl Iterator<Item = &'a T>) -> Option<T> {
        let all: Vec<&T> = all.collect();
        (!all.is_empty()).then(|| all[self.below(all.len())].clone())
    }

    /// Puts them in another order.
    pub fn shuffle<T>(&mut self, all: &mut [T]) {
        for at in (1..all.len()).rev() {
            all.swap(at, self.next() as usize % (at + 1));
        }
    }
}
