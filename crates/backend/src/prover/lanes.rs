//! BLAKE3 of eight inputs of equal length at once.
//!
//! Leaves of a Merkle tree are short, so hashing them one by one leaves most of a vector unit idle. Here each word of
//! the compression function is a vector with one lane per input. Source: the BLAKE3 paper, sections 2.1 to 2.4.
//! The tests compare with the `blake3` crate, which hashes everything else.

/// Inputs hashed at once.
pub(super) const LANES: usize = 8;

/// One word of each input.
#[derive(Clone, Copy)]
struct Word([u32; LANES]);

impl Word {
    #[inline(always)]
    fn splat(value: u32) -> Self {
        Self([value; LANES])
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(std::array::from_fn(|l| self.0[l].wrapping_add(other.0[l])))
    }
    #[inline(always)]
    fn xor_rotate<const N: u32>(self, other: Self) -> Self {
        Self(std::array::from_fn(|l| (self.0[l] ^ other.0[l]).rotate_right(N)))
    }
    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        Self(std::array::from_fn(|l| self.0[l] ^ other.0[l]))
    }
}

const IV: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];
const CHUNK_START: u32 = 1;
const CHUNK_END: u32 = 2;
const PARENT: u32 = 4;
const ROOT: u32 = 8;
/// 64-bit words of a block and of a chunk.
const BLOCK: usize = 8;
const CHUNK: usize = 128;
/// Message words in the order of each round.
const SCHEDULE: [[usize; 16]; 7] = {
    const PERMUTATION: [usize; 16] = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];
    let mut out = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]; 7];
    let mut round = 1;
    while round < 7 {
        let mut i = 0;
        while i < 16 {
            out[round][i] = out[round - 1][PERMUTATION[i]];
            i += 1;
        }
        round += 1;
    }
    out
};

/// Chaining values, one lane per input.
type Chain = [Word; 8];

#[inline(always)]
fn mix(v: &mut [Word; 16], [a, b, c, d]: [usize; 4], x: Word, y: Word) {
    v[a] = v[a].add(v[b]).add(x);
    v[d] = v[d].xor_rotate::<16>(v[a]);
    v[c] = v[c].add(v[d]);
    v[b] = v[b].xor_rotate::<12>(v[c]);
    v[a] = v[a].add(v[b]).add(y);
    v[d] = v[d].xor_rotate::<8>(v[a]);
    v[c] = v[c].add(v[d]);
    v[b] = v[b].xor_rotate::<7>(v[c]);
}

#[inline(never)]
fn compress(chain: &mut Chain, message: &[Word; 16], counter: u32, bytes: u32, flags: u32) {
    let w = Word::splat;
    let [h0, h1, h2, h3, h4, h5, h6, h7] = *chain;
    let tail = [w(counter), w(0), w(bytes), w(flags)];
    let mut v =
        [h0, h1, h2, h3, h4, h5, h6, h7, w(IV[0]), w(IV[1]), w(IV[2]), w(IV[3]), tail[0], tail[1], tail[2], tail[3]];
    for s in &SCHEDULE {
        mix(&mut v, [0, 4, 8, 12], message[s[0]], message[s[1]]);
        mix(&mut v, [1, 5, 9, 13], message[s[2]], message[s[3]]);
        mix(&mut v, [2, 6, 10, 14], message[s[4]], message[s[5]]);
        mix(&mut v, [3, 7, 11, 15], message[s[6]], message[s[7]]);
        mix(&mut v, [0, 5, 10, 15], message[s[8]], message[s[9]]);
        mix(&mut v, [1, 6, 11, 12], message[s[10]], message[s[11]]);
        mix(&mut v, [2, 7, 8, 13], message[s[12]], message[s[13]]);
        mix(&mut v, [3, 4, 9, 14], message[s[14]], message[s[15]]);
    }
    for i in 0..8 {
        chain[i] = v[i].xor(v[i + 8]);
    }
}

/// A 64-bit word of each input.
pub(super) type Long = [u64; LANES];
/// A digest of each input.
pub(super) type Digests = [[u8; 32]; LANES];

fn chunk(load: &impl Fn(usize) -> Long, start: usize, end: usize, root: bool) -> Chain {
    let mut chain = IV.map(Word::splat);
    let blocks = (end - start).div_ceil(BLOCK);
    for b in 0..blocks {
        let words = start + b * BLOCK..(start + (b + 1) * BLOCK).min(end);
        let mut message = [Word::splat(0); 16];
        for (i, at) in words.clone().enumerate() {
            let long = load(at);
            message[2 * i] = Word(long.map(|x| x as u32));
            message[2 * i + 1] = Word(long.map(|x| (x >> 32) as u32));
        }
        let mut flags = if b == 0 { CHUNK_START } else { 0 };
        if b + 1 == blocks {
            flags |= CHUNK_END | if root { ROOT } else { 0 };
        }
        compress(&mut chain, &message, (start / CHUNK) as u32, 8 * words.len() as u32, flags);
    }
    chain
}

fn subtree(load: &impl Fn(usize) -> Long, start: usize, end: usize, root: bool) -> Chain {
    let chunks = (end - start).div_ceil(CHUNK);
    if chunks <= 1 {
        return chunk(load, start, end, root);
    }
    // The left part is the largest power of two of chunks that leaves something for the right.
    let middle = start + CHUNK * (chunks.next_power_of_two() / 2);
    let (left, right) = (subtree(load, start, middle, false), subtree(load, middle, end, false));
    let mut message = [Word::splat(0); 16];
    message[..8].copy_from_slice(&left);
    message[8..].copy_from_slice(&right);
    let mut chain = IV.map(Word::splat);
    compress(&mut chain, &message, 0, 64, PARENT | if root { ROOT } else { 0 });
    chain
}

/// Digests of inputs of `words` 64-bit words in little-endian order; `load(i)` gives word `i` of every input.
pub(super) fn hash(words: usize, load: impl Fn(usize) -> Long) -> Digests {
    let chain = subtree(&load, 0, words, true);
    std::array::from_fn(|lane| {
        let mut digest = [0; 32];
        for (bytes, word) in digest.chunks_exact_mut(4).zip(&chain) {
            bytes.copy_from_slice(&word.0[lane].to_le_bytes());
        }
        digest
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_blake3() {
        for words in [1, 4, 7, 8, 9, 16, 127, 128, 129, 135, 256, 257, 384, 700, 1025] {
            let inputs: Vec<Vec<u64>> = (0..LANES as u64)
                .map(|l| (0..words as u64).map(|i| (i * 8 + l).wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect())
                .collect();
            let digests = hash(words, |i| std::array::from_fn(|l| inputs[l][i]));
            for (input, digest) in inputs.iter().zip(digests) {
                let bytes: Vec<u8> = input.iter().flat_map(|x| x.to_le_bytes()).collect();
                assert_eq!(digest, *blake3::hash(&bytes).as_bytes(), "{words} words");
            }
        }
    }
}
