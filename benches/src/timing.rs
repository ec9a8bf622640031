//! What the timings share.

/// Bytes of different images that a cold run goes through: more than the caches hold.
pub const COLD_INPUT: usize = 128 << 20;

/// Bytes of different outputs that a cold run goes through.
pub const COLD_OUTPUT: usize = 64 << 20;

/// Images that [`frame`] takes in turn.
pub const FRAMES: usize = 64;

/// Bytes from one of them to the next.
pub const FRAME_STEP: usize = 7 * 3;

/// Image `at` of those that are repeated: as many as `pixels` hold where each begins [`FRAME_STEP`] behind the last. They share the
/// memory, and so the caches, but a processor that guesses branches cannot learn from one call what comes in the next.
pub fn frame(pixels: &[u8], image_bytes: usize, at: usize) -> &[u8] {
    let frames = (pixels.len() - image_bytes) / FRAME_STEP + 1;
    &pixels[at % frames * FRAME_STEP..][..image_bytes]
}

/// The time below which the fraction `share`, 0 to 1, of some times lie; 0 for none.
pub fn quantile(times: &[f64], share: f64) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len() as f64 * share) as usize;
    sorted.get(at).copied().unwrap_or(0.0)
}

/// The middle of some times; 0 for none.
pub fn median(times: &[f64]) -> f64 {
    quantile(times, 0.5)
}

/// Seconds that this thread has computed, which a busy machine hardly lengthens; where the system does not say, seconds that passed.
#[cfg(unix)]
pub fn thread_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// Seconds that this thread has computed, which a busy machine hardly lengthens; where the system does not say, seconds that passed.
#[cfg(not(unix))]
pub fn thread_seconds() -> f64 {
    static START: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    START.elapsed().as_secs_f64()
}
