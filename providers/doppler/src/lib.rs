//! Store `doppler`: configs of Doppler.
