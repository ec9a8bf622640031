//! The order of batches.

/// In which order batches arrive. Within a batch the sources keep their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// In the order of the sources.
    #[default]
    Kept,
    /// As they are finished: one slow image holds up only its own batch.
    AsCompleted,
}
