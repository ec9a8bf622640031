//! Whether what is read next is in a cache of this core already.

use std::arch::asm;

/// Places that are tried.
const PLACES: usize = 4;

/// Fewer bytes are not worth the time that trying takes.
const LEAST: usize = 64 << 10;

/// Bytes of a page, at least.
const PAGE: usize = 4096;

/// Ticks of the time stamp counter that loads side by side take at most where all are from a cache. On a processor of 2.6 ticks a
/// nanosecond they take 52 to 156 from the second and third level, and 360 to 900 from the memory; others count 2 to 4.5.
const TICKS: u32 = 160;

/// Whether `bytes` are, as far as a few places tell. None is, where there are few.
pub(super) fn in_cache(bytes: &[u8]) -> bool {
    if bytes.len() < LEAST {
        return false;
    }
    let places: [*const u8; PLACES] = std::array::from_fn(|place| {
        let at = bytes.len() * (2 * place + 1) / (2 * PLACES);
        let byte = &raw const bytes[at];
        // Elsewhere in its page, for what the translation of its address takes.
        let other = if byte.addr() % PAGE < PAGE / 2 {
            at + PAGE / 2
        } else {
            at - PAGE / 2
        };
        std::hint::black_box(bytes[other]);
        byte
    });
    let [one, two, three, four] = places;
    let (before, after): (u32, u32);
    // SAFETY: reads a byte at each of four places inside `bytes`; `lfence` and `rdtsc` are of every processor here, and change
    // the registers named.
    unsafe {
        asm!(
            "lfence",
            "rdtsc",
            "mov {before:e}, eax",
            "lfence",
            "movzx eax, byte ptr [{one}]",
            "movzx eax, byte ptr [{two}]",
            "movzx eax, byte ptr [{three}]",
            "movzx eax, byte ptr [{four}]",
            "lfence",
            "rdtsc",
            one = in(reg) one,
            two = in(reg) two,
            three = in(reg) three,
            four = in(reg) four,
            before = out(reg) before,
            out("eax") after,
            out("edx") _,
            options(readonly, nostack, preserves_flags),
        );
    }
    after.wrapping_sub(before) <= TICKS
}

#[cfg(test)]
mod tests {
    use super::{LEAST, in_cache};

    /// Which it is depends on the machine; it reads inside, wherever pages begin.
    #[test]
    fn every_length_is_tried() {
        let bytes = vec![1; LEAST + 4096];
        assert!(!in_cache(&bytes[..LEAST - 1]));
        for from in (0..4096).step_by(61) {
            in_cache(&bytes[from..][..LEAST]);
        }
    }
}
