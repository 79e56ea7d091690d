//! A spare becomes the candidate of one rotation, or is found to be dead.

use super::Sitting;
use crate::journal::spares::{self, End};
use crate::journal::{Result, Tx};

impl Sitting {
    /// Whether it was still ready; then nobody else gets it.
    pub(super) async fn take_spare(&mut self, tx: &mut Tx, spare: &str) -> Result<bool> {
        let rotation = self.run.id.as_str().to_owned();
        if !spares::end(tx, spare, End::Taken, &rotation).await? {
            self.facts.spares.retain(|one| one != spare);
            return Ok(false);
        }
        self.facts.spares.clear();
        self.note("standby", End::Taken.word()).evidence = spare.to_owned();
        Ok(true)
    }

    /// It works no more: nobody is given it again.
    pub(super) async fn lose_spare(&mut self, tx: &mut Tx, spare: &str, why: &str) -> Result<()> {
        spares::end(tx, spare, End::Dead, why).await?;
        self.facts.spares.retain(|one| one != spare);
        let note = self.note("standby", End::Dead.word());
        (note.evidence, note.detail) = (spare.to_owned(), why.to_owned());
        Ok(())
    }
}
