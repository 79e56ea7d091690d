//! The schedules that come with the product.

/// Name and TOML text of each preset.
pub fn presets() -> &'static [(&'static str, &'static str)] {
    &[
        ("production", include_str!("../presets/production.toml")),
        ("staging", include_str!("../presets/staging.toml")),
        ("development", include_str!("../presets/development.toml")),
    ]
}

#[cfg(test)]
mod tests {
    use super::presets;
    use crate::{PartialTiming, Span, Timing, check};

    #[test]
    fn every_preset_is_a_schedule_without_problems() {
        for ((name, text), days) in presets().iter().zip([30, 60, 90]) {
            let timing: Timing = toml::from_str(text).unwrap();
            assert_eq!(check(&timing), [], "{name}");
            assert_eq!(timing.every, Some(Span::days(days)), "{name}");
            let layer: PartialTiming = toml::from_str(text).unwrap();
            assert_eq!(layer.resolve().unwrap(), timing, "{name}");
        }
    }

    #[test]
    fn every_key_of_a_preset_is_explained() {
        for (name, text) in presets() {
            let keys = text
                .lines()
                .filter(|line| !line.is_empty() && !line.starts_with('#'));
            for line in keys {
                assert!(line.contains(" # "), "{name}: {line}");
            }
        }
    }
}
