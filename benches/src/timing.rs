//! What the timings share.

/// Bytes of different images that a cold run goes through: more than the caches hold.
pub const COLD_INPUT: usize = 128 << 20;

/// Bytes of different outputs that a cold run goes through.
pub const COLD_OUTPUT: usize = 64 << 20;

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
