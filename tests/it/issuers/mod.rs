//! Issuers that honour credentials, real ones: whole rotations, and loads of clients that miss nothing meanwhile.

#[cfg(feature = "aws")]
mod aws;
#[cfg(any(feature = "jwt", feature = "ssh"))]
mod holder;
#[cfg(feature = "jwt")]
mod jwt;
#[cfg(any(
    feature = "aws",
    feature = "mysql",
    feature = "postgres",
    feature = "redis"
))]
mod load;
#[cfg(feature = "mysql")]
mod mariadb;
#[cfg(feature = "mysql")]
mod mariadb_turns;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "postgres")]
mod postgres_load;
#[cfg(feature = "postgres")]
mod postgres_sessions;
#[cfg(feature = "postgres")]
mod postgres_used;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "ssh")]
mod ssh;
