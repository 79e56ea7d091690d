//! Other people's program as a witness of what is signed.

#[cfg(test)]
mod pyjwt;
