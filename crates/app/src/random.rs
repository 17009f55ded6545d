//! Randomness: the only way for it to enter.

use std::sync::{Arc, Mutex, PoisonError};

use crate::AppError;

/// A source of random bytes.
#[derive(Debug, Clone)]
pub enum Random {
    /// The operating system's generator.
    System,
    /// The same bytes for the same seed: for demo data and tests, never for keys that protect something.
    Seeded(Arc<Mutex<u64>>),
}

impl Random {
    /// A source that gives the same bytes for the same seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self::Seeded(Arc::new(Mutex::new(seed)))
    }

    /// `N` random bytes.
    ///
    /// # Errors
    /// [`AppError::Random`] when the operating system gives none.
    pub fn bytes<const N: usize>(&self) -> Result<[u8; N], AppError> {
        let mut bytes = [0; N];
        match self {
            #[expect(clippy::disallowed_methods, reason = "this is where randomness enters")]
            Self::System => getrandom::fill(&mut bytes).map_err(|error| AppError::Random(error.to_string()))?,
            Self::Seeded(state) => {
                let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
                for chunk in bytes.chunks_mut(8) {
                    chunk.copy_from_slice(&split_mix(&mut state).to_le_bytes()[..chunk.len()]);
                }
            }
        }
        Ok(bytes)
    }

    /// A random number below `bound`, close enough to even for jitter and demo data.
    pub fn below(&self, bound: u64) -> Result<u64, AppError> {
        Ok(u64::from_le_bytes(self.bytes()?) % bound.max(1))
    }
}

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
