//! Expected text with wildcards.

/// Whether `printed` is what `expected` says: `[..]` is any text in a line, a line `...` any lines.
pub(super) fn matches(expected: &str, printed: &str) -> bool {
    let expected: Vec<_> = expected.lines().map(str::trim_end).collect();
    let printed: Vec<_> = printed.lines().map(str::trim_end).collect();
    lines(&expected, &printed)
}

fn lines(expected: &[&str], printed: &[&str]) -> bool {
    match expected.split_first() {
        None => printed.is_empty(),
        Some((&"...", rest)) => (0..=printed.len()).any(|skipped| lines(rest, &printed[skipped..])),
        Some((first, rest)) => printed
            .split_first()
            .is_some_and(|(line, others)| line_matches(first, line) && lines(rest, others)),
    }
}

fn line_matches(expected: &str, line: &str) -> bool {
    let Some((before, after)) = expected.split_once("[..]") else {
        return expected == line;
    };
    let Some(rest) = line.strip_prefix(before) else {
        return false;
    };
    (0..=rest.len())
        .filter(|at| rest.is_char_boundary(*at))
        .any(|at| line_matches(after, &rest[at..]))
}

#[test]
fn wildcards_match_what_they_should() {
    assert!(matches("a [..] c\n...\nend", "a b c\nx\ny\nend"));
    assert!(matches("...", ""));
    assert!(matches("[..]", "anything"));
    assert!(!matches("a [..] c", "a b d"));
    assert!(!matches("a", "a\nb"));
    assert!(!matches("a\n...\nend", "a\nx"));
}
