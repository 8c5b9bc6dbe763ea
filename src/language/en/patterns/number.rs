//! Numbers in digits and in words, and sums of money.

use super::scan::{before, char_at, gap, letters, run, word_of};

const SCALES: [&str; 5] = ["hundred", "thousand", "million", "billion", "trillion"];
/// Scales written right after the digits of a sum of money.
const SHORT_SCALES: [&str; 6] = ["k", "m", "mn", "b", "bn", "tn"];
const UNITS: [&str; 18] = [
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
/// Units of measurement that are written right after the digits.
const MEASURES: [&str; 36] = [
    "km", "m", "cm", "mm", "nm", "kg", "g", "mg", "t", "lb", "lbs", "oz", "ft", "mi", "mph", "kmh", "l", "ml", "ha",
    "kb", "mb", "gb", "tb", "khz", "mhz", "ghz", "hz", "kw", "mw", "gw", "w", "v", "h", "s", "ms", "px",
];
const CURRENCY_WORDS: [&str; 41] = [
    "dollar",
    "dollars",
    "euro",
    "euros",
    "pound",
    "pounds",
    "yen",
    "cent",
    "cents",
    "pence",
    "penny",
    "rupee",
    "rupees",
    "ruble",
    "rubles",
    "rouble",
    "roubles",
    "franc",
    "francs",
    "krona",
    "kronor",
    "krone",
    "kroner",
    "peso",
    "pesos",
    "yuan",
    "lira",
    "guineas",
    "shillings",
    "guilders",
    "crown",
    "crowns",
    "rand",
    "baht",
    "dinar",
    "dinars",
    "dirham",
    "dirhams",
    "zloty",
    "forint",
    "shekels",
];
const CURRENCY_CODES: [&str; 19] = [
    "USD", "EUR", "GBP", "JPY", "CNY", "CHF", "CAD", "AUD", "NZD", "INR", "RUB", "SEK", "NOK", "DKK", "BRL", "MXN",
    "ZAR", "KRW", "SGD",
];

fn is_symbol(c: char) -> bool {
    matches!(c, '$' | '€' | '£' | '¥' | '₹' | '₩' | '₽' | '₺' | '₪' | '฿' | '₫' | '₴' | '¢')
}

/// What the digits at a place are.
pub struct Digits {
    pub end: usize,
    /// Not so in `1.2.3`, `B-52b` and the like.
    pub is_number: bool,
}

/// Digits with groups and decimals, without sign and what follows: `12,000.5`. No number where they go on like a version
/// or an address.
fn plain(text: &str, at: usize) -> Option<Digits> {
    let is_digit = |c: char| c.is_ascii_digit();
    let mut end = run(text, at, 64, is_digit);
    if end == at {
        return None;
    }
    let first = end - at;
    if let Some(grouped) = (first <= 3).then(|| groups(text, end)).flatten() {
        end = grouped;
    }
    let dotted = text.get(at..end).is_some_and(|so_far| so_far.contains('.'));
    let mark = char_at(text, end);
    if mark == '.' && !dotted && is_digit(char_at(text, end + 1)) {
        end = run(text, end + 1, 64, is_digit);
    } else if mark == ',' {
        // A decimal comma has one or two figures behind it, and is no list of numbers.
        let decimals = run(text, end + 1, 64, is_digit);
        let list = char_at(text, decimals) == ',' && is_digit(char_at(text, decimals + 1));
        let grouped = before(text, at) == ',' || text.get(at..end).is_some_and(|so_far| so_far.contains(','));
        if matches!(decimals - end - 1, 1 | 2) && !list && !grouped {
            end = decimals;
        }
    }
    if matches!(char_at(text, end), '.' | ':' | '/') && is_digit(char_at(text, end + 1)) {
        let end = run(text, end, 64, |c| is_digit(c) || matches!(c, '.' | ':' | '/'));
        return Some(Digits { end, is_number: false });
    }
    Some(Digits { end, is_number: true })
}

/// Where the groups of figures end that begin with a sign at `at`: `,000`, `'000`, ` 000` (no plain space), `.000.000` and
/// `,00,000` as in India.
fn groups(text: &str, at: usize) -> Option<usize> {
    let is_digit = |c: char| c.is_ascii_digit();
    let sign = char_at(text, at);
    if !matches!(sign, ',' | '.' | '\'' | '’' | '\u{a0}' | '\u{202f}' | '\u{2009}') {
        return None;
    }
    let mut end = at;
    let mut lengths = Vec::new();
    while char_at(text, end) == sign && lengths.len() < 8 {
        let from = end + sign.len_utf8();
        let next = run(text, from, 4, is_digit);
        if !matches!(next - from, 2 | 3) || next - from == 2 && sign != ',' {
            break;
        }
        lengths.push((next - from, next));
        end = next;
    }
    // Groups of two come before one of three.
    let last = lengths.iter().rposition(|(n, _)| *n == 3)?;
    let alike = lengths.iter().take(last).all(|(n, _)| *n == lengths[0].0);
    let whole = if alike { last + 1 } else { lengths.iter().take_while(|(n, _)| *n == 3).count() };
    let end = lengths.get(whole.checked_sub(1)?)?.1;
    // "1.234" is a decimal, "192.168.100.200" an address.
    let decimals = char_at(text, end) == ',' && is_digit(char_at(text, end + 1));
    (sign != '.' || whole == 2 || decimals).then_some(end)
}

/// A telephone number: a plus and 8 to 15 figures in groups, `(555) 010-9999`, `555-010-9999`, or 9 to 12 figures in groups with a nought
/// before them, `0800 555 111`.
pub fn phone(text: &str, at: usize) -> Option<usize> {
    let first = char_at(text, at);
    if !(first == '+' || first == '(' || first.is_ascii_digit()) || first == '+' && before(text, at).is_alphanumeric() {
        return None;
    }
    let mut end = at + usize::from(first == '+');
    let mut groups: Vec<usize> = Vec::new();
    loop {
        let open = usize::from(char_at(text, end) == '(');
        let digits = run(text, end + open, 15, |c| c.is_ascii_digit());
        if digits == end + open || open == 1 && char_at(text, digits) != ')' {
            break;
        }
        groups.push(digits - end - open);
        end = digits + open;
        let gap = run(text, end, 1, |c| matches!(c, ' ' | '-' | '.' | '\u{a0}'));
        let next = char_at(text, gap);
        if !(next.is_ascii_digit() || next == '(') || gap == end && open == 0 || groups.len() > 6 {
            break;
        }
        end = gap;
    }
    let total: usize = groups.iter().sum();
    let whole = !char_at(text, end).is_alphanumeric();
    let local = groups == [3, 3, 4] && (first == '(' || !text.get(at..end)?.contains(' '));
    // No other number begins with a nought and goes on in groups.
    let national = first == '0'
        && groups.iter().all(|n| *n > 1)
        && groups.len() > 1
        && (groups.len() > 2 || groups.first() > Some(&3))
        && (9..=12).contains(&total)
        && !text.get(at..end)?.contains('.');
    (whole && (national || first == '+' && (8..=15).contains(&total) && groups.len() > 1 || local)).then_some(end)
}

/// A number in digits, with its sign, per cent and scale: `-1,200.5`, `4 %`, `3 million`, `21st`, `5km` (without the unit).
pub fn number(text: &str, at: usize) -> Option<Digits> {
    let signed = matches!(char_at(text, at), '-' | '+' | '−') && matches!(before(text, at), ' ' | '(' | '\n' | '\t');
    let from = if signed { at + char_at(text, at).len_utf8() } else { at };
    let Digits { end, is_number } = plain(text, from)?;
    if !is_number {
        return Some(Digits { end, is_number });
    }
    let glued = letters(text, end);
    if !glued.is_empty() {
        let after = end + glued.len();
        let alone = !char_at(text, after).is_alphanumeric();
        let ordinal = matches!(glued, "st" | "nd" | "rd" | "th");
        if alone && ordinal {
            return Some(Digits { end: after, is_number: true });
        }
        let measure = MEASURES.iter().any(|unit| glued.eq_ignore_ascii_case(unit));
        // "5km" is a number and a unit; "3D" and "9a" are names.
        return Some(Digits { end: if alone && measure { end } else { after }, is_number: alone && measure });
    }
    let mut end = end;
    let next = gap(text, end);
    if char_at(text, next) == '%' {
        return Some(Digits { end: next + 1, is_number: true });
    }
    if let Some(percent) = word_of(text, next, &["percent"]) {
        return Some(Digits { end: percent, is_number: true });
    }
    if let Some(per) = word_of(text, next, &["per"])
        && let Some(cent) = word_of(text, gap(text, per), &["cent"])
    {
        return Some(Digits { end: cent, is_number: true });
    }
    if next > end {
        end = word_of(text, next, &SCALES).unwrap_or(end);
    }
    Some(Digits { end, is_number: true })
}

/// A number in words: `two`, `twenty-one`, `one hundred and five`. `one` alone is a pronoun more often than a number.
pub fn in_words(text: &str, at: usize) -> Option<usize> {
    let word = |at: usize| -> Option<usize> {
        if let Some(end) = word_of(text, at, &TENS) {
            let unit = (char_at(text, end) == '-')
                .then(|| word_of(text, end + 1, &UNITS).or(word_of(text, end + 1, &["one"])));
            return Some(unit.flatten().unwrap_or(end));
        }
        word_of(text, at, &UNITS)
    };
    let scale = |at: usize| {
        let next = gap(text, at);
        if next > at { word_of(text, next, &SCALES) } else { None }
    };
    let mut end = match word_of(text, at, &["one"]) {
        Some(one) => scale(one)?,
        None => word(at)?,
    };
    loop {
        if let Some(next) = scale(end) {
            end = next;
            continue;
        }
        // "two hundred and five", but not "two and five".
        let scaled = text.get(at..end).is_some_and(|so_far| SCALES.iter().any(|scale| so_far.ends_with(scale)));
        let next = gap(text, end);
        let and = word_of(text, next, &["and"]).map_or(next, |and| gap(text, and));
        match word(and).or_else(|| word_of(text, and, &["one"])) {
            Some(more) if scaled && and > end => end = more,
            _ => return Some(end),
        }
    }
}

/// A sum of money: a symbol or code before a number, or a currency's symbol, code or name after one.
pub fn money(text: &str, at: usize) -> Option<usize> {
    // US$, HK$, R$
    let prefix = run(text, at, 3, |c| c.is_ascii_uppercase());
    let amount = if is_symbol(char_at(text, prefix)) && (prefix == at || char_at(text, prefix) == '$') {
        Some(gap(text, prefix + char_at(text, prefix).len_utf8()))
    } else {
        let code = text.get(at..prefix).filter(|code| CURRENCY_CODES.contains(code));
        code.filter(|_| gap(text, prefix) > prefix).map(|_| gap(text, prefix))
    };
    if let Some(from) = amount {
        let Digits { end, is_number } = plain(text, from)?;
        if !is_number {
            return None;
        }
        let next = gap(text, end);
        let scale = if next > end { word_of(text, next, &SCALES) } else { word_of(text, end, &SHORT_SCALES) };
        let end = scale.or_else(|| word_of(text, next, &["mn", "bn", "tn"])).unwrap_or(end);
        // "$5 million dollars" is one sum; "$9a" is none.
        let named = word_of(text, gap(text, end), &["dollars"]);
        return named.or((!char_at(text, end).is_alphanumeric()).then_some(end));
    }
    let end = number(text, at).filter(|n| n.is_number).map(|n| n.end).or_else(|| in_words(text, at))?;
    let next = gap(text, end);
    let symbol = char_at(text, next);
    if is_symbol(symbol) && symbol != '$' && !char_at(text, next + symbol.len_utf8()).is_ascii_digit() {
        return Some(next + symbol.len_utf8());
    }
    let code = letters(text, next);
    if next > end && CURRENCY_CODES.contains(&code) {
        return Some(next + code.len());
    }
    if next > end && matches!(code, "kr" | "zł" | "Kč" | "lei" | "Ft") {
        return Some(next + code.len());
    }
    // "20 dollars", "20 Canadian dollars", "20 US dollars"
    let adjective = if code.starts_with(char::is_uppercase) { gap(text, next + code.len()) } else { next };
    word_of(text, next, &CURRENCY_WORDS).or_else(|| word_of(text, adjective, &CURRENCY_WORDS)).filter(|_| next > end)
}
