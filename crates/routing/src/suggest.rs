//! "Did you mean …": the nearest of the words that are known.

/// ` (did you mean "name"?)`, or nothing where no word is near.
pub(crate) fn did_you_mean<'w>(written: &str, known: impl IntoIterator<Item = &'w str>) -> String {
    let reach = (written.chars().count() + 1) / 3;
    let nearest = known
        .into_iter()
        .map(|word| (distance(written, word), word))
        .filter(|(distance, _)| *distance <= reach.min(3))
        .min();
    nearest.map_or_else(String::new, |(_, word)| format!(" (did you mean \"{word}\"?)"))
}

/// How many letters must be changed, added, left out or swapped with their neighbour; case does not count.
fn distance(one: &str, other: &str) -> usize {
    const LONGEST: usize = 64;
    let letters =
        |text: &str| -> Vec<char> { text.chars().flat_map(char::to_lowercase).take(LONGEST).collect() };
    let (one, other) = (letters(one), letters(other));
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (row, letter) in one.iter().enumerate() {
        let mut now = vec![row + 1];
        for (column, against) in other.iter().enumerate() {
            let change = last[column] + usize::from(letter != against);
            let mut least = change.min(last[column + 1] + 1).min(now[column] + 1);
            let swapped = row > 0 && column > 0 && one[row - 1] == *against && *letter == other[column - 1];
            if swapped {
                least = least.min(before_last[column - 1] + 1);
            }
            now.push(least);
        }
        before_last = std::mem::replace(&mut last, now);
    }
    last[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_word_is_suggested_and_a_far_one_is_not() {
        let known = ["sources", "name", "calls_per_second", "burst"];
        assert_eq!(did_you_mean("source", known), " (did you mean \"sources\"?)");
        assert_eq!(did_you_mean("nmae", known), " (did you mean \"name\"?)");
        assert_eq!(
            did_you_mean("calls_per_secnod", known),
            " (did you mean \"calls_per_second\"?)"
        );
        assert_eq!(did_you_mean("Burst", known), " (did you mean \"burst\"?)");
        assert_eq!(did_you_mean("colour", known), "");
        assert_eq!(did_you_mean("", known), "");
    }
}
