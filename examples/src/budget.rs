//! Bytes that may be in memory at once.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What a permit of the semaphore stands for: permits are counted in 32 bits.
const UNIT: usize = 1 << 12;

/// A number of bytes, part of which is taken and given back.
#[derive(Clone)]
pub(crate) struct Budget {
    units: Arc<Semaphore>,
    all: u32,
}

/// Bytes that are taken until this is dropped.
#[derive(Debug)]
pub(crate) struct Taken {
    units: OwnedSemaphorePermit,
}

impl Taken {
    /// Takes the bytes of another one over.
    pub(crate) fn add(&mut self, more: Self) {
        self.units.merge(more.units);
    }
}

impl Budget {
    pub(crate) fn new(bytes: usize) -> Self {
        let all = u32::try_from(bytes / UNIT).unwrap_or(u32::MAX).max(1);
        Self {
            units: Arc::new(Semaphore::new(all as usize)),
            all,
        }
    }

    /// Takes bytes, if so many are left.
    pub(crate) fn try_take(&self, bytes: usize) -> Option<Taken> {
        let units = Arc::clone(&self.units).try_acquire_many_owned(self.units(bytes)?);
        units.ok().map(|units| Taken { units })
    }

    /// Waits until so many bytes are left and takes them; `None` when that will never be.
    pub(crate) async fn take(&self, bytes: usize) -> Option<Taken> {
        let units = Arc::clone(&self.units)
            .acquire_many_owned(self.units(bytes)?)
            .await;
        units.ok().map(|units| Taken { units })
    }

    fn units(&self, bytes: usize) -> Option<u32> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).ok()?;
        (units <= self.all).then_some(units)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_comes_back() {
        let budget = Budget::new(10 * UNIT);
        let most = budget.try_take(9 * UNIT).unwrap();
        assert!(budget.try_take(UNIT + 1).is_none());
        drop(most);
        assert!(budget.try_take(10 * UNIT).is_some());
        assert!(
            budget.try_take(10 * UNIT + 1).is_none(),
            "more than there ever is"
        );
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert!(runtime.block_on(budget.take(10 * UNIT + 1)).is_none());
        assert!(runtime.block_on(budget.take(usize::MAX)).is_none());
    }
}
