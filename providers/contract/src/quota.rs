//! Limits that outside systems set on calls, as data: the engine keeps within them, all replicas together.

/// What is asked of a store, as far as its limits tell calls apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// [`inspect`](crate::SecretStore::inspect).
    Inspect,
    /// [`compose`](crate::SecretStore::compose).
    Compose,
    /// [`stage`](crate::SecretStore::stage).
    Stage,
    /// [`promote`](crate::SecretStore::promote).
    Promote,
    /// [`read`](crate::SecretStore::read).
    Read,
    /// [`list`](crate::SecretStore::list).
    List,
    /// [`find`](crate::SecretStore::find).
    Find,
    /// [`disable`](crate::SecretStore::disable), [`enable`](crate::SecretStore::enable) or
    /// [`destroy`](crate::SecretStore::destroy).
    End,
    /// [`discover`](crate::SecretStore::discover), one page.
    Discover,
}

/// A limit on calls. Whoever names it alike shares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// Whose calls count together: kind of store, account or project, region, kind of operation. Never a credential.
    pub name: String,
    /// Calls a minute that we allow ourselves: below what the system allows, for others call it too.
    pub per_minute: u32,
    /// Calls at once after a rest.
    pub burst: u32,
}

/// What one verb takes at most from one quota.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draw {
    /// From which.
    pub quota: Quota,
    /// Calls to the outside that the verb makes.
    pub calls: u32,
}
