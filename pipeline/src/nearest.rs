//! The names that a mistyped one probably means.

/// Up to three of `names` that are `name` with few slips of the keyboard, or begin with such a name
/// (`clip` and `clip-336`). A name that merely resembles another is not its misspelling.
pub(crate) fn nearest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let name = name.to_lowercase();
    let mut scored: Vec<(usize, usize, &str)> = names
        .into_iter()
        .filter_map(|other| {
            let lower = other.to_lowercase();
            let stem = lower.split('-').next().unwrap_or(&lower);
            let distance = strsim::osa_distance(&name, &lower).min(strsim::osa_distance(&name, stem));
            // One slip in a short name, one more for every six letters.
            (distance <= 1 + name.chars().count().saturating_sub(2) / 6).then_some((
                distance,
                lower.len(),
                other,
            ))
        })
        .collect();
    scored.sort_unstable();
    scored.dedup_by_key(|scored| scored.2);
    let best = scored.first().map(|best| best.0);
    scored.retain(|scored| Some(scored.0) == best);
    scored.into_iter().take(3).map(|(.., other)| other).collect()
}

/// The name that `name` is with one slip of the keyboard or another case. A digit is no slip: it
/// tells versions apart.
pub(crate) fn typo<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |name: &str| -> String {
        let letters = name.chars().filter(|letter| letter.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect()
    };
    let digits = |name: &str| -> String { name.chars().filter(char::is_ascii_digit).collect() };
    let wanted = plain(name);
    let mut best: Option<(usize, &str)> = None;
    for other in names {
        let distance = strsim::osa_distance(&wanted, &plain(other));
        let slip = distance == 0 || (distance == 1 && wanted.len() > 4);
        if slip && digits(name) == digits(other) && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, other));
        }
    }
    best.map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_near_and_another_model_is_not() {
        let presets = [
            "clip",
            "clip-336",
            "deit",
            "mobilenet",
            "mobilenet-v1",
            "mobilevit",
            "rt-detr",
        ];
        assert_eq!(nearest("mobilnet", presets), ["mobilenet", "mobilenet-v1"]);
        assert_eq!(nearest("clpi", presets), ["clip", "clip-336"]);
        assert_eq!(nearest("detr", presets), [""; 0]);
        let classes = ["DPT", "ViT", "PPDocLayoutV4", "Segformer"];
        assert_eq!(typo("VIT", classes), Some("ViT"));
        assert_eq!(typo("SegFormers", classes), Some("Segformer"));
        assert_eq!(typo("DepthPro", classes), None);
        assert_eq!(typo("PPDocLayoutV5", classes), None);
    }
}
