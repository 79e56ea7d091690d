//! Watchers of seams: one that records, one that dies.

use keywheel::seam::{Seam, Seams, Watch};
use std::sync::{Arc, Mutex, PoisonError};

/// Records every seam once, in order, and dies at the first passing of one of them.
#[derive(Default)]
pub(crate) struct Watcher {
    dies_at: Option<Seam>,
    passed: Mutex<Vec<Seam>>,
}

impl Watcher {
    /// Lives for ever.
    pub(crate) fn recording() -> Arc<Self> {
        Arc::default()
    }

    /// Dies at this seam.
    pub(crate) fn dying_at(seam: &Seam) -> Arc<Self> {
        Arc::new(Self {
            dies_at: Some(seam.clone()),
            passed: Mutex::default(),
        })
    }

    pub(crate) fn seams(self: &Arc<Self>) -> Seams {
        Seams::watched(Arc::<Self>::clone(self))
    }

    /// What it has passed.
    pub(crate) fn passed(&self) -> Vec<Seam> {
        self.passed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Watch for Watcher {
    fn goes_on(&self, seam: &Seam) -> bool {
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        if !passed.contains(seam) {
            passed.push(seam.clone());
        }
        self.dies_at.as_ref() != Some(seam)
    }
}
