//! Named random streams: the only source of randomness in cfx.
//!
//! A stream is a ChaCha12 generator whose 256-bit key is a hash of the root seed and a path of names. Streams with
//! different paths are independent; a stream never depends on time, threads, or the order in which work is done.

use super::hash::{Hash, Hasher};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;

/// A place in the tree of random streams. Cheap to copy; draws nothing itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream(Hash);

impl Stream {
    /// Returns the root of all streams of an experiment.
    pub fn root(seed: u64) -> Self {
        Stream(Hasher::new("cfx.stream.1").int(seed).finish())
    }

    /// Returns the stream named by a hash, such as that of a cell's operation and coordinates.
    pub fn from_hash(hash: Hash) -> Self {
        Stream(Hasher::new("cfx.stream.cell.1").hash(&hash).finish())
    }

    /// Returns the stream below this one with the given name: a purpose such as `"initialisation"` or `"order"`.
    pub fn named(&self, name: &str) -> Self {
        Stream(Hasher::new("cfx.stream.name.1").hash(&self.0).text(name).finish())
    }

    /// Returns the stream below this one with the given number: an epoch, a chain, a fold.
    pub fn numbered(&self, n: u64) -> Self {
        Stream(Hasher::new("cfx.stream.number.1").hash(&self.0).int(n).finish())
    }

    /// Returns a generator that starts at the beginning of this stream.
    pub fn rng(&self) -> ChaCha12Rng {
        ChaCha12Rng::from_seed(self.0.0)
    }

    /// Returns the hash that names the stream.
    pub fn hash(&self) -> Hash {
        self.0
    }
}
