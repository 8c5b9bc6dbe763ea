use super::*;

/// What is found in a text, as `KIND text`.
fn found(text: &str) -> Vec<String> {
    patterns(text).into_iter().map(|(kind, bytes)| format!("{} {}", kind.name(), &text[bytes])).collect()
}

/// Each line is a text and what is found in it.
fn check(cases: &[(&str, &[&str])]) {
    for (text, expected) in cases {
        assert_eq!(found(text), *expected, "in {text:?}");
    }
}

#[test]
fn numbers() {
    check(&[
        ("It has 12,000 cars.", &["NUMBER 12,000"]),
        ("3.5 and 1,234,567.89 and 0", &["NUMBER 3.5", "NUMBER 1,234,567.89", "NUMBER 0"]),
        ("(-4.5 degrees) fell +3", &["NUMBER -4.5", "NUMBER +3"]),
        (
            "grew by 4 %, 12% and 3.5 percent, 7 per cent",
            &["NUMBER 4 %", "NUMBER 12%", "NUMBER 3.5 percent", "NUMBER 7 per cent"],
        ),
        ("3 million people, 2 hundred", &["NUMBER 3 million", "NUMBER 2 hundred"]),
        ("the 21st and 3rd", &["NUMBER 21st", "NUMBER 3rd"]),
        ("5km and 10 kg", &["NUMBER 5", "NUMBER 10"]),
        (
            "two of twenty-one; one hundred and five. One is two thousand",
            &["NUMBER two", "NUMBER twenty-one", "NUMBER one hundred and five", "NUMBER two thousand"],
        ),
        ("one of them, no one, tone, twofold", &[]),
        ("version 1.2.3, B52, 3D, COVID-19 and 192.168.0.1", &[]),
        ("1,23 4,567,8", &["NUMBER 1,23", "NUMBER 4,567", "NUMBER 8"]),
        ("10-20 people", &["NUMBER 10", "NUMBER 20"]),
    ]);
}

#[test]
fn numbers_in_the_notations_of_the_world() {
    check(&[
        ("1'000 people and 0,5 l", &["NUMBER 1'000", "NUMBER 0,5"]),
        ("12\u{a0}500 km, 3\u{202f}000\u{202f}000 t", &["NUMBER 12\u{a0}500", "NUMBER 3\u{202f}000\u{202f}000"]),
        ("1.234.567 Einwohner, 1.234,56 kg", &["NUMBER 1.234.567", "NUMBER 1.234,56"]),
        ("12,34,567 and 1,00,000 in India", &["NUMBER 12,34,567", "NUMBER 1,00,000"]),
        ("1’250’000 and 7,25 %", &["NUMBER 1’250’000", "NUMBER 7,25 %"]),
        ("3,5,7 and 192.168.100.200", &["NUMBER 3", "NUMBER 5", "NUMBER 7"]),
        (
            "R$ 12,50, 1.250,00 €, CHF 1'500, 300 kr",
            &["MONEY R$ 12,50", "MONEY 1.250,00 €", "MONEY CHF 1'500", "MONEY 300 kr"],
        ),
    ]);
}

#[test]
fn identifiers_are_no_numbers() {
    check(&[
        ("v1.2.3 and COVID-19, F-16", &[]),
        ("550e8400-e29b-41d4-a716-446655440000", &[]),
        ("ISO-8601, RFC:2616, x86-64, foo_2, H1N1-2009", &[]),
        ("sha-256 mid-1990s, No.5", &["NUMBER 256", "DATE 1990s", "NUMBER 5"]),
        ("ab12cd34-1234-5678 and A-1", &[]),
        (
            "+1 555 010 9999, (555) 010-9999 or 555-010-9999",
            &["PHONE +1 555 010 9999", "PHONE (555) 010-9999", "PHONE 555-010-9999"],
        ),
        ("call +44 (0)20 7946 0958 or +49-30-901820", &["PHONE +44 (0)20 7946 0958", "PHONE +49-30-901820"]),
        ("call 0800 555 111 or 020 7946 0958", &["PHONE 0800 555 111", "PHONE 020 7946 0958"]),
        (
            "+5 and 10-20 people, 100 200 3000",
            &["NUMBER +5", "NUMBER 10", "NUMBER 20", "NUMBER 100", "NUMBER 200", "NUMBER 3000"],
        ),
    ]);
}

#[test]
fn dates_of_logs_and_of_other_countries() {
    check(&[
        (
            "2026-11-21T10:30:00Z and 2026-11-21T10:30+02:00",
            &["DATE 2026-11-21T10:30:00Z", "DATE 2026-11-21T10:30+02:00"],
        ),
        ("2026-11-21T10:30:00.125 x", &["DATE 2026-11-21T10:30:00.125"]),
        ("Nov-21-2026 and 21/Nov/2026:10:30:00 +0200", &["DATE Nov-21-2026", "DATE 21/Nov/2026:10:30:00 +0200"]),
        ("21-Nov-2026, 3/May/1999", &["DATE 21-Nov-2026", "DATE 3/May/1999"]),
        (
            "21. November 2026 und Seite 21. November war kalt",
            &["DATE 21. November 2026", "NUMBER 21", "DATE November"],
        ),
    ]);
}

#[test]
fn names_of_days_and_months_may_be_part_of_a_name() {
    check(&[
        ("June Carter sang.", &[]),
        ("Friday Night Lights ran on NBC.", &[]),
        ("April Jones met August Wilson, Wednesday Addams.", &[]),
        ("In June Anna sang; on Friday Night Lights ran.", &["DATE June", "DATE Friday"]),
        (
            "June was cold. Monday, Tuesday and Sunday The bells rang.",
            &["DATE June", "DATE Monday", "DATE Tuesday", "DATE Sunday"],
        ),
        ("January 2020 and Friday 3 May", &["DATE January 2020", "DATE Friday 3 May"]),
    ]);
}

#[test]
fn addresses_among_words_without_spaces() {
    check(&[
        ("看https://example.com/a", &["URL https://example.com/a"]),
        ("참조https://example.com/a입니다", &["URL https://example.com/a"]),
        ("詳細は、https://example.com/b?q=1をご覧ください", &["URL https://example.com/b?q=1"]),
        ("见www.example.org。", &["URL www.example.org"]),
        ("https://zh.example.org/wiki/中文 ok", &["URL https://zh.example.org/wiki/中文"]),
        ("xhttps://example.com", &[]),
    ]);
}

#[test]
fn dates_and_times() {
    check(&[
        ("on 2026-11-21 and 21/11/2026, 11/21/26", &["DATE 2026-11-21", "DATE 21/11/2026", "DATE 11/21/26"]),
        (
            "21 November 2026, 21st of May, November 21, 2026.",
            &["DATE 21 November 2026", "DATE 21st of May", "DATE November 21, 2026"],
        ),
        ("Nov. 21 and Sept 2025", &["DATE Nov. 21", "DATE Sept 2025"]),
        ("He may march in May or since March. March on!", &["DATE May", "DATE March"]),
        ("On Tuesday, 3 June 1940 and Monday", &["DATE Tuesday, 3 June 1940", "DATE Monday"]),
        (
            "in 1905 and 1950; 1905 people; from 1939–45 (1871)",
            &["DATE 1905", "DATE 1950", "NUMBER 1905", "DATE 1939–45", "DATE 1871"],
        ),
        (
            "the 1990s, the 19th century, 5th century BC, 44 BC, AD 79",
            &["DATE 1990s", "DATE 19th century", "DATE 5th century BC", "DATE 44 BC", "NUMBER 79"],
        ),
        ("3-5 June 1940", &["DATE 3-5 June 1940"]),
        ("in March 12,000 came", &["DATE March", "NUMBER 12,000"]),
        ("at 10:30, 23:59:01, 5 pm and 5.30 p.m.", &["TIME 10:30", "TIME 23:59:01", "TIME 5 pm", "TIME 5.30 p.m."]),
        ("25:30 2026-13-40 99/99/2026", &["NUMBER 2026", "NUMBER 13", "NUMBER 40"]),
    ]);
}

#[test]
fn money() {
    check(&[
        (
            "$12, US$3.5 million, €1,200.50, £9bn, HK$ 5",
            &["MONEY $12", "MONEY US$3.5 million", "MONEY €1,200.50", "MONEY £9bn", "MONEY HK$ 5"],
        ),
        ("EUR 3.5 million or 20 USD", &["MONEY EUR 3.5 million", "MONEY 20 USD"]),
        (
            "20 dollars, 5 Canadian dollars, five pounds, 12 €",
            &["MONEY 20 dollars", "MONEY 5 Canadian dollars", "MONEY five pounds", "MONEY 12 €"],
        ),
        ("$ and $x and A5", &[]),
        ("20 people paid 3 yen.", &["NUMBER 20", "MONEY 3 yen"]),
    ]);
}

#[test]
fn addresses() {
    check(&[
        ("Write to a.b+c@example.co.uk.", &["EMAIL a.b+c@example.co.uk"]),
        ("(me@example.org), x@y, @name, a..b@example.org, a@b.c1", &["EMAIL me@example.org"]),
        ("See https://example.org/a(b)?q=1&r=2.", &["URL https://example.org/a(b)?q=1&r=2"]),
        ("(http://example.org/x), WWW.Example.com/y!", &["URL http://example.org/x", "URL WWW.Example.com/y"]),
        ("http://localhost:8000/ and www.x and https://", &["URL http://localhost:8000/"]),
        ("http://user@example.org/12:30", &["URL http://user@example.org/12:30"]),
    ]);
}

#[test]
fn nothing_is_cut_in_the_middle_of_a_character_and_time_is_linear() {
    for text in ["", "€", "£é", "−", "ü1", "½", "٣", "１２", "$１", "1\u{301}", "é@é.éé", "https://é.é/é", "May é"]
    {
        for (_, bytes) in patterns(text) {
            assert!(text.get(bytes).is_some());
        }
    }
    // Nothing here may be looked at again from every place in it.
    for part in ["a.", "1,234,", "www.", "1.", "$1", "x@", "two hundred and ", "http://", "1:2:", "May ", "21 of "] {
        let text = part.repeat(200_000 / part.len());
        for (_, bytes) in patterns(&text) {
            assert!(text.get(bytes).is_some());
        }
    }
}
