//! Formats of strings as regular expressions. Each takes a part of what the format allows, and nothing that validators refuse:
//! for writing, that is enough.

/// A part that dates have: what a month allows, leap years included.
const DATE: &str = concat!(
    r"(?:[0-9]{4}-(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])",
    r"|[0-9]{4}-(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)",
    r"|[0-9]{4}-02-(?:0[1-9]|1[0-9]|2[0-8])",
    r"|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)",
);
/// Without leap seconds: only some minutes have them.
const TIME: &str = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?(?:Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])";
const LABEL: &str = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?";
const BYTE: &str = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
const IN_PATH: &str = r"(?:[a-zA-Z0-9\-._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})";

/// The formats that there are.
pub const NAMES: [&str; 10] =
    ["date-time", "date", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uuid", "uri"];

/// The expression of a format, for whole strings, in the syntax of `regex-syntax`; none where it is not known.
pub fn expression(name: &str) -> Option<String> {
    Some(match name {
        "date" => format!("^{DATE}$"),
        "time" => format!("^{TIME}$"),
        "date-time" => format!("^{DATE}T{TIME}$"),
        "duration" => duration(),
        "email" => {
            const ATOM: &str = "[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]+";
            format!(r"^{ATOM}(?:\.{ATOM})*@(?:{LABEL}\.)+{LABEL}$")
        }
        "hostname" => format!(r"^{LABEL}(?:\.{LABEL}){{0,3}}$"),
        "ipv4" => format!(r"^(?:{BYTE}\.){{3}}{BYTE}$"),
        "ipv6" => "^(?:[0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}$".into(),
        "uuid" => "^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$".into(),
        "uri" => format!(
            r"^[a-zA-Z][a-zA-Z0-9+.-]*:(?://{LABEL}(?:\.{LABEL})*(?::[0-9]{{1,5}})?(?:/{IN_PATH}*)*|{IN_PATH}+)(?:\?{IN_PATH}*)?(?:#{IN_PATH}*)?$"
        ),
        _ => return None,
    })
}

/// Years to seconds, largest first and none twice, or weeks.
fn duration() -> String {
    let ladder = |units: &[char]| {
        let steps = (0..units.len()).map(|first| {
            let mut rest = String::new();
            for unit in units[first + 1..].iter().rev() {
                rest = format!("(?:[0-9]+{unit}{rest})?");
            }
            format!("[0-9]+{}{rest}", units[first])
        });
        format!("(?:{})", steps.collect::<Vec<_>>().join("|"))
    };
    let (date, time) = (ladder(&['Y', 'M', 'D']), ladder(&['H', 'M', 'S']));
    format!("^P(?:{date}(?:T{time})?|T{time}|[0-9]+W)$")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_an_expression_that_can_be_read() {
        for name in NAMES {
            let expression = expression(name).unwrap();
            regex_syntax::parse(&expression).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        assert_eq!(expression("color"), None);
    }
}
