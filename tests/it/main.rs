//! Integration tests: one binary, one module per part of the product.

// `cfg(test)` always holds here; it tells the linter that these modules may unwrap.
#[cfg(test)]
mod acting;
#[cfg(test)]
mod architecture;
#[cfg(test)]
#[cfg(feature = "aws")]
mod aws;
#[cfg(test)]
#[cfg(feature = "azure")]
mod azure;
#[cfg(test)]
mod consumers;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod docs;
#[cfg(test)]
#[cfg(feature = "doppler")]
mod doppler;
#[cfg(test)]
mod existing;
#[cfg(test)]
mod faults;
#[cfg(test)]
#[cfg(feature = "github")]
mod github;
#[cfg(test)]
#[cfg(feature = "google")]
mod google;
#[cfg(test)]
#[cfg(feature = "http")]
mod http;
#[cfg(test)]
#[cfg(any(
    feature = "jwt",
    feature = "mysql",
    feature = "postgres",
    feature = "redis",
    feature = "ssh"
))]
mod issuers;
#[cfg(test)]
mod journal;
#[cfg(test)]
#[cfg(feature = "kubernetes")]
mod kubernetes;
#[cfg(test)]
mod project;
#[cfg(test)]
mod reading;
#[cfg(test)]
mod servers;
#[cfg(test)]
#[cfg(feature = "systemd")]
mod systemd;
#[cfg(test)]
#[cfg(feature = "vault")]
mod vault;
#[cfg(test)]
mod walks;
