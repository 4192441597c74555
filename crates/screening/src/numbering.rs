//! Numbers that cannot exist.

use call_model::E164;

/// The fewest digits of a number outside the North American Numbering Plan: a three-digit country code and the four
/// digits of the smallest national plans.
const DIGITS_MIN: u32 = 7;

/// Why a number cannot be anybody's.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Impossible {
    /// Too few digits for any numbering plan.
    #[error("{0} digits are too few for any numbering plan")]
    TooShort(u32),
    /// A number of the North American Numbering Plan has `1` and ten digits.
    #[error("a North American number has 11 digits, not {0}")]
    NanpLength(u32),
    /// An area code begins with 2 to 9 and does not end in 11.
    #[error("no North American area code is {0:03}")]
    NanpAreaCode(u16),
    /// An exchange begins with 2 to 9 and, outside toll-free area codes, does not end in 11.
    #[error("no North American exchange is {0:03}")]
    NanpExchange(u16),
}

/// Why this number cannot be anybody's, if so. Looks at its shape alone.
///
/// The North American plan is checked by NPA-NXX rules: `[2-9]XX` twice, neither of them `N11`; toll-free numbers do
/// have exchanges such as 411. 555-01XX, reserved for fiction, passes. Elsewhere only the length is checked, and
/// country codes that nobody has are let through (+999 among them, which test traffic uses): codes are given out
/// over the years, and an old table would refuse real callers. Such codes can go on the do-not-originate list.
#[must_use]
pub fn impossible(number: E164) -> Option<Impossible> {
    let digits = number.len();
    if !number.is_nanp() {
        return (digits < DIGITS_MIN).then_some(Impossible::TooShort(digits));
    }
    if digits != 11 {
        return Some(Impossible::NanpLength(digits));
    }
    let area = (number.value() / 10_000_000 % 1000) as u16;
    let exchange = (number.value() / 10_000 % 1000) as u16;
    if area < 200 || area % 100 == 11 {
        return Some(Impossible::NanpAreaCode(area));
    }
    let toll_free = matches!(area, 800 | 822 | 833 | 844 | 855 | 866 | 877 | 888);
    if exchange < 200 || (exchange % 100 == 11 && !toll_free) {
        return Some(Impossible::NanpExchange(exchange));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(text: &str) -> Option<Impossible> {
        impossible(E164::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn north_american_number_follows_the_plan() {
        assert_eq!(verdict("+12025550143"), None);
        assert_eq!(verdict("+1202555014"), Some(Impossible::NanpLength(10)));
        assert_eq!(verdict("+120255501433"), Some(Impossible::NanpLength(12)));
        assert_eq!(verdict("+11025550143"), Some(Impossible::NanpAreaCode(102)));
        assert_eq!(verdict("+10025550143"), Some(Impossible::NanpAreaCode(2)));
        assert_eq!(verdict("+19115550143"), Some(Impossible::NanpAreaCode(911)));
        assert_eq!(verdict("+12021550143"), Some(Impossible::NanpExchange(155)));
        assert_eq!(verdict("+12029110143"), Some(Impossible::NanpExchange(911)));
    }

    #[test]
    fn toll_free_number_may_have_an_exchange_that_ends_in_11() {
        assert_eq!(verdict("+18004110100"), None);
    }

    #[test]
    fn number_of_another_country_is_only_measured() {
        assert_eq!(verdict("+442079460150"), None);
        assert_eq!(verdict("+999000000000001"), None);
        assert_eq!(verdict("+6834000"), None);
        assert_eq!(verdict("+683400"), Some(Impossible::TooShort(6)));
    }
}
