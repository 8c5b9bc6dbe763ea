//! Dates and times of day.

use super::scan::{before, char_at, digits, gap, letters, word_of};
use crate::case;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const SHORT_MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "Jun", "Jul", "Aug", "Sep", "Sept", "Oct", "Nov", "Dec"];
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
/// Words before a bare year, or before a month that is a word of its own as well.
const BEFORE_DATES: [&str; 26] = [
    "in", "since", "by", "until", "till", "from", "during", "before", "after", "between", "and", "to", "of", "early",
    "late", "mid", "around", "circa", "about", "year", "last", "next", "this", "on", "through", "ca",
];
const DAYS: std::ops::RangeInclusive<u32> = 1..=31;

/// A date in any of the forms that [`Pattern::Date`](super::Pattern::Date) shows.
pub fn date(text: &str, at: usize) -> Option<usize> {
    let c = char_at(text, at);
    if c.is_ascii_digit() {
        return in_figures(text, at)
            .or_else(|| day_and_name(text, at))
            .or_else(|| day_first(text, at))
            .or_else(|| century(text, at))
            .or_else(|| year(text, at));
    }
    if !c.is_uppercase() {
        return None;
    }
    if let Some(end) = one_of(text, at, &WEEKDAYS) {
        let next = gap(text, if char_at(text, end) == ',' { end + 1 } else { end });
        let rest = if next > end { month_first(text, next).or_else(|| day_first(text, next)) } else { None };
        return rest.or_else(|| (!names(text, at, end)).then_some(end));
    }
    named_in_figures(text, at).or_else(|| month_first(text, at))
}

/// Whether the day or month at `at..end` is part of a name, by the capital of the word behind it: `June Carter`, `Friday Night
/// Lights`. Behind a word that dates have before them it is none: `on Monday Anna left`.
fn names(text: &str, at: usize, end: usize) -> bool {
    let next = gap(text, end);
    let word = letters(text, next);
    let known =
        [MONTHS.as_slice(), &WEEKDAYS].concat().contains(&word) || super::super::is_function_word(&case::lower(word));
    next > end && word.len() > 1 && word.starts_with(char::is_uppercase) && !known && !after_date_word(text, at)
}

/// `Nov-21-2026`
fn named_in_figures(text: &str, at: usize) -> Option<usize> {
    let end = month(text, at)?;
    let sign = char_at(text, end);
    let (day, value) = digits(text, end + 1, 2).filter(|_| matches!(sign, '-' | '/'))?;
    let (end, year) = digits(text, day + 1, 4).filter(|_| char_at(text, day) == sign)?;
    (DAYS.contains(&value) && (1000..2200).contains(&year) && !char_at(text, end).is_alphanumeric()).then_some(end)
}

/// `21-Nov-2026`, `21/Nov/2026:10:30:00 +0200`
fn day_and_name(text: &str, at: usize) -> Option<usize> {
    let (end, value) = digits(text, at, 2)?;
    let sign = char_at(text, end);
    let month = month(text, end + 1).filter(|_| matches!(sign, '-' | '/') && DAYS.contains(&value))?;
    let (end, year) = digits(text, month + 1, 4).filter(|_| char_at(text, month) == sign)?;
    if !(1000..2200).contains(&year) || char_at(text, end).is_alphanumeric() {
        return None;
    }
    Some(if char_at(text, end) == ':' { clock(text, end + 1).unwrap_or(end) } else { end })
}

/// The end of `10:30`, `10:30:15.250` with a zone behind it: `Z`, `+02:00`, ` +0200`.
fn clock(text: &str, at: usize) -> Option<usize> {
    let two = |at: usize| digits(text, at, 2).filter(|(end, value)| end - at == 2 && *value < 60).map(|(end, _)| end);
    let mut end = two(at).filter(|end| char_at(text, *end) == ':').and_then(|end| two(end + 1))?;
    if let Some(seconds) = two(end + 1).filter(|_| char_at(text, end) == ':') {
        end = seconds;
        if matches!(char_at(text, end), '.' | ',') {
            end = super::scan::run(text, end + 1, 9, |c| c.is_ascii_digit());
        }
    }
    if char_at(text, end) == 'Z' {
        return Some(end + 1);
    }
    let zone = gap(text, end);
    if matches!(char_at(text, zone), '+' | '-' | '−') {
        let sign = zone + char_at(text, zone).len_utf8();
        let hours = digits(text, sign, 4).map(|(end, _)| end).filter(|end| matches!(end - sign, 2 | 4));
        let minutes = hours.filter(|hours| char_at(text, *hours) == ':').and_then(|hours| two(hours + 1));
        return minutes.or(hours).or(Some(end));
    }
    Some(end)
}

/// A time of day: `10:30`, `10:30:15`, `5 pm`, `5.30 p.m.`
pub fn time(text: &str, at: usize) -> Option<usize> {
    let (hour_end, hour) = digits(text, at, 2)?;
    let mut end = hour_end;
    let mut parts = 1;
    while parts < 3 && matches!(char_at(text, end), ':' | '.') {
        let Some((next, _)) = digits(text, end + 1, 2).filter(|(next, value)| next - end == 3 && *value < 60) else {
            break;
        };
        end = next;
        parts += 1;
    }
    let colon = char_at(text, hour_end) == ':' && parts > 1;
    let next = gap(text, end);
    let half = ["a.m.", "p.m.", "am", "pm"].into_iter().find(|half| {
        let there = text.get(next..next + half.len());
        there.is_some_and(|there| there.eq_ignore_ascii_case(half))
            && !char_at(text, next + half.len()).is_alphanumeric()
    });
    match half {
        Some(half) if (1..=12).contains(&hour) => Some(next + half.len()),
        _ => (colon && hour < 24 && !char_at(text, end).is_alphanumeric() && char_at(text, end) != ':').then_some(end),
    }
}

/// The end of one of `words` at `at`, with its capital.
fn one_of(text: &str, at: usize, words: &[&str]) -> Option<usize> {
    let word = letters(text, at);
    let end = at + word.len();
    (words.contains(&word) && !char_at(text, end).is_alphanumeric()).then_some(end)
}

fn month(text: &str, at: usize) -> Option<usize> {
    one_of(text, at, &MONTHS).or_else(|| {
        let end = one_of(text, at, &SHORT_MONTHS)?;
        Some(if char_at(text, end) == '.' { end + 1 } else { end })
    })
}

/// A year of four digits, and the era after it.
fn four_digits(text: &str, at: usize) -> Option<usize> {
    let (end, value) = digits(text, at, 4)?;
    let more = char_at(text, end);
    // Not the beginning of 1,905 or 1905.5 or 1905th.
    let goes_on = matches!(more, ',' | '.') && char_at(text, end + 1).is_ascii_digit();
    (end - at == 4 && (1000..2200).contains(&value) && !more.is_alphanumeric() && !goes_on).then(|| era(text, end))
}

/// The end of `BC`, `AD` and the like after `end`, else `end`.
fn era(text: &str, end: usize) -> usize {
    let next = gap(text, end);
    if next == end {
        return end;
    }
    one_of(text, next, &["BC", "AD", "BCE", "CE"]).unwrap_or(end)
}

/// `2026-11-21`, `21/11/2026`, `11/21/26`, `21.11.2026`
fn in_figures(text: &str, at: usize) -> Option<usize> {
    let (first_end, first) = digits(text, at, 4)?;
    let separator = char_at(text, first_end);
    if !matches!(separator, '-' | '/' | '.') {
        return None;
    }
    let (second_end, second) = digits(text, first_end + 1, 2)?;
    if char_at(text, second_end) != separator {
        return None;
    }
    let (end, third) = digits(text, second_end + 1, 4)?;
    let lengths = (first_end - at, end - second_end - 1);
    let valid = match lengths {
        (4, 1 | 2) => (1000..2200).contains(&first) && (1..=12).contains(&second) && DAYS.contains(&third),
        (1 | 2, 4 | 2) => {
            let day_and_month = DAYS.contains(&first) && DAYS.contains(&second) && first.min(second) <= 12;
            // Two digits of a year only with slashes: 1.2.34 may be anything.
            day_and_month && if lengths.1 == 4 { (1000..2200).contains(&third) } else { separator == '/' }
        }
        _ => false,
    };
    let goes_on = char_at(text, end) == separator && char_at(text, end + 1).is_ascii_digit();
    // 2026-11-21T10:30:00Z is one moment.
    if valid
        && lengths.0 == 4
        && char_at(text, end) == 'T'
        && let Some(end) = clock(text, end + 1)
    {
        return Some(end);
    }
    (valid && !char_at(text, end).is_alphanumeric() && !goes_on).then_some(end)
}

/// The end of a day at `at`, with `st` and the like.
fn day(text: &str, at: usize) -> Option<usize> {
    let (end, value) = digits(text, at, 2)?;
    let suffix = one_of(text, end, &["st", "nd", "rd", "th"]);
    (DAYS.contains(&value) && (suffix.is_some() || !char_at(text, end).is_alphanumeric()))
        .then(|| suffix.unwrap_or(end))
}

/// `21 November 2026`, `21st of May`, `3-5 June 1940`
fn day_first(text: &str, at: usize) -> Option<usize> {
    let mut end = day(text, at)?;
    if matches!(char_at(text, end), '-' | '–') {
        end = day(text, end + char_at(text, end).len_utf8())?;
    }
    // "21. November 2026": with its year, for "on page 21. November was cold" has none.
    if char_at(text, end) == '.' && gap(text, end + 1) > end + 1 {
        let end = month(text, gap(text, end + 1))?;
        return Some(with_year(text, end)).filter(|year| *year > end);
    }
    let next = gap(text, end);
    let next = word_of(text, next, &["of"]).map_or(next, |of| gap(text, of));
    let end = month(text, next).filter(|_| next > end)?;
    Some(with_year(text, end))
}

/// `November 21, 2026`, `November 2026`, `Nov. 21`, `May` where a word before it says that it is the month.
fn month_first(text: &str, at: usize) -> Option<usize> {
    let end = month(text, at)?;
    let next = gap(text, end);
    if next > end
        && let Some(day) = day(text, next)
        // "March 12,000" is no day.
        && !(char_at(text, day) == ',' && char_at(text, day + 1).is_ascii_digit())
    {
        return Some(with_year(text, day));
    }
    let whole = with_year(text, end);
    if whole > end {
        return Some(whole);
    }
    let ambiguous = matches!(text.get(at..end)?, "March" | "May" | "August" | "Mar" | "Jan" | "Jun");
    let alone = !ambiguous && MONTHS.contains(&text.get(at..end)?) && !names(text, at, end);
    (alone || after_date_word(text, at)).then_some(end)
}

/// The year after `end`, with or without a comma before it.
fn with_year(text: &str, end: usize) -> usize {
    let comma = if char_at(text, end) == ',' { end + 1 } else { end };
    let next = gap(text, comma);
    if next == comma {
        return end;
    }
    four_digits(text, next).unwrap_or(end)
}

/// `19th century`, `5th century BC`
fn century(text: &str, at: usize) -> Option<usize> {
    let (end, _) = digits(text, at, 2)?;
    let end = one_of(text, end, &["st", "nd", "rd", "th"])?;
    let next = if char_at(text, end) == '-' { end + 1 } else { gap(text, end) };
    let end = word_of(text, next, &["century", "centuries"]).filter(|_| next > end)?;
    Some(era(text, end))
}

/// `1990s`, `1939–45`, `44 BC`, and a bare year after a word or bracket that makes it one.
fn year(text: &str, at: usize) -> Option<usize> {
    let (end, value) = digits(text, at, 4)?;
    if let Some(decade) = one_of(text, end, &["s"]) {
        return ((1000..2200).contains(&value) && value % 10 == 0).then_some(decade);
    }
    let with_era = era(text, end);
    if with_era > end {
        return Some(with_era);
    }
    let end = four_digits(text, at)?;
    if matches!(char_at(text, end), '-' | '–' | '/') {
        let next = end + char_at(text, end).len_utf8();
        if let Some((to, _)) = digits(text, next, 4).filter(|(to, _)| matches!(to - next, 2 | 4))
            && !char_at(text, to).is_alphanumeric()
            && !matches!(char_at(text, to), '-' | '/')
        {
            return Some(to);
        }
    }
    (after_date_word(text, at) || matches!(before(text, at), '(' | '[' | '–')).then_some(end)
}

fn after_date_word(text: &str, at: usize) -> bool {
    let head = text.get(..at).unwrap_or_default();
    let head = head.strip_suffix('-').unwrap_or(head).trim_end_matches([' ', '\u{a0}']);
    let word = head.rsplit(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
    head.len() < at && BEFORE_DATES.iter().any(|known| word.eq_ignore_ascii_case(known))
}
