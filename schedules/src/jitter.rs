//! How much earlier a secret starts than another: stable per secret, so that a restart reshuffles
//! nothing, and written out here, so that a new compiler does not either.

/// A share of `most`, from 0 to `most`, that depends on `id` alone.
pub(crate) fn share(id: &str, most: i64) -> i64 {
    let most = i128::from(most.max(0));
    let share = (i128::from(hash(id)) * (most + 1)) >> 64;
    // Never larger than `most`, which is an i64.
    i64::try_from(share).unwrap_or(0)
}

/// FNV-1a, then the finaliser of `SplitMix64`, because FNV leaves the upper bits of short texts alike.
fn hash(id: &str) -> u64 {
    let mixed = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn shares_are_the_same_for_ever() {
        let of = |id| share(id, 259_200_000);
        assert_eq!(
            (of("production/a"), of("production/b")),
            (211_596_510, 33_974_336)
        );
    }

    #[test]
    fn shares_are_spread_evenly() {
        let mut tenths = [0; 10];
        for number in 0..10_000 {
            let share = share(&format!("production/secret-{number}"), 999);
            tenths[usize::try_from(share / 100).unwrap()] += 1;
        }
        assert!(
            tenths.iter().all(|count| (850..1150).contains(count)),
            "{tenths:?}"
        );
        assert_eq!(share("any", 0), 0);
    }
}
