//! Reads HTML as what it shows: a single pass over tags, without building a tree.

use super::shown::Shown;

/// Elements that begin and end a block.
const BLOCKS: &str = " address article aside blockquote body br caption center dd details dialog div dl dt fieldset figcaption figure \
    footer form h1 h2 h3 h4 h5 h6 head header hr html legend li main menu nav ol option p pre section summary table tbody td tfoot th \
    thead title tr ul ";
const INLINE: &str = " a abbr b cite code em font i img mark q s small span strong sub sup time u var ";
const VOID: &str = " area base br col embed hr img input link meta source track wbr ";
/// Elements of which nothing is shown.
const HIDDEN: &str =
    " audio button canvas head iframe input math noscript object script select style svg template textarea video ";
/// Elements around what is not the article.
const FURNITURE: &str = " aside dialog figcaption figure footer menu nav ";
/// Words of classes, ids and roles that say the same.
const MARKS: &str = " ad ads advert advertisement banner breadcrumb breadcrumbs byline caption comment comments consent contentinfo \
    cookie cookies copyright footer gdpr menu nav navbar navigation newsletter outbrain pagination popup price promo promoted \
    related replies respond share sharing sidebar social sponsored subscribe taboola toolbar ";

fn among(list: &str, name: &str) -> bool {
    !name.is_empty() && list.split(' ').any(|known| known == name)
}

/// A tag: its name in lower case, whether it closes, its attributes, and where it ends.
struct Tag<'a> {
    name: String,
    closes: bool,
    attributes: &'a str,
    end: usize,
}

/// The tag at `at`, where a `<` stands.
fn tag(source: &str, at: usize) -> Option<Tag<'_>> {
    let rest = source.get(at + 1..)?;
    let closes = rest.starts_with('/');
    let from = at + 1 + usize::from(closes);
    let name: String = source.get(from..)?.chars().take(20).take_while(char::is_ascii_alphanumeric).collect();
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let mut quote = None;
    let inside = from + name.len();
    for (k, b) in source.as_bytes().get(inside..)?.iter().enumerate() {
        match (quote, *b) {
            (None, b'>') => {
                let attributes = source.get(inside..inside + k)?;
                return Some(Tag { name: name.to_ascii_lowercase(), closes, attributes, end: inside + k + 1 });
            }
            (None, b'"' | b'\'') => quote = Some(*b),
            (Some(open), b) if open == b => quote = None,
            (None, b'<') => return None,
            _ => {}
        }
        if k > 2_000 {
            return None;
        }
    }
    None
}

/// Whether a text is HTML: it begins with a tag that closes later, or has three closing tags.
pub fn is_html(source: &str) -> bool {
    let known = |tag: &Tag<'_>| among(BLOCKS, &tag.name) || among(INLINE, &tag.name);
    let trimmed = source.trim_start();
    let start = source.len() - trimmed.len();
    let lower: String = trimmed.chars().take(15).collect::<String>().to_ascii_lowercase();
    if lower.starts_with("<!doctype html") || lower.starts_with("<html") {
        return true;
    }
    let first = trimmed.starts_with('<').then(|| tag(source, start)).flatten().filter(known);
    if let Some(first) = first
        && (among(VOID, &first.name) || source.contains(&format!("</{}", first.name)))
    {
        return true;
    }
    let closing = source.match_indices("</").take(200).filter_map(|(at, _)| tag(source, at)).filter(known);
    closing.take(3).count() == 3
}

/// An element that is open.
struct Open {
    name: String,
    /// Nothing in it is shown, because of it or of an element around it.
    hidden: bool,
    /// White space in it is shown as it stands, likewise.
    pre: bool,
    /// Where the text of its furniture begins.
    furniture: Option<usize>,
    link: Option<usize>,
}

/// Whether attributes say that an element is no part of the article, or is not shown.
fn marks(name: &str, attributes: &str) -> (bool, bool) {
    let lower = attributes.to_ascii_lowercase();
    let bare = lower.replace(' ', "");
    let hidden = lower.split_whitespace().any(|part| part == "hidden")
        || bare.contains("display:none")
        || bare.contains("aria-hidden=\"true\"");
    if matches!(name, "html" | "body" | "main" | "article") {
        return (false, hidden);
    }
    let mut furniture = false;
    for key in ["class=", "id=", "role="] {
        let Some((_, rest)) = lower.split_once(key) else { continue };
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''));
        let value = match quote {
            Some(quote) => rest.get(1..).and_then(|rest| rest.split(quote).next()),
            None => rest.split_whitespace().next(),
        };
        furniture |=
            value.unwrap_or_default().split(|c: char| !c.is_ascii_alphanumeric()).any(|word| among(MARKS, word));
    }
    (furniture, hidden)
}

/// What HTML shows.
pub fn read(source: &str) -> Shown {
    let mut shown = Shown::default();
    let mut open: Vec<Open> = Vec::new();
    let mut at = 0;
    while let Some(c) = source.get(at..).and_then(|rest| rest.chars().next()) {
        let rest = source.get(at..).unwrap_or_default();
        if rest.starts_with("<!--") {
            at = rest.find("-->").map_or(source.len(), |end| at + end + 3);
        } else if rest.starts_with("<!") || rest.starts_with("<?") {
            at = rest.find('>').map_or(source.len(), |end| at + end + 1);
        } else if let Some(tag) = (c == '<').then(|| tag(source, at)).flatten() {
            at = tag.end;
            if among(BLOCKS, &tag.name) {
                shown.blank_line(at);
            }
            match tag.closes {
                true => close(&mut shown, &mut open, &tag),
                false => at = begin(source, &shown, &mut open, &tag),
            }
        } else {
            let (hidden, pre) = open.last().map_or((false, false), |element| (element.hidden, element.pre));
            at = match entity(rest) {
                Some((character, length)) => {
                    if !hidden {
                        shown.replace(character, at..at + length);
                    }
                    at + length
                }
                None => {
                    let spaced = shown.text.is_empty() || shown.text.ends_with(char::is_whitespace);
                    match c.is_whitespace() {
                        _ if hidden => {}
                        true if pre => shown.copy(rest.get(..c.len_utf8()).unwrap_or_default(), at),
                        true if spaced => {}
                        true => shown.replace(' ', at..at + c.len_utf8()),
                        false => shown.copy(rest.get(..c.len_utf8()).unwrap_or_default(), at),
                    }
                    at + c.len_utf8()
                }
            };
        }
    }
    let end = shown.text.len();
    open.iter().for_each(|element| leave(&mut shown, element, end));
    shown
}

/// Opens an element; gives where to go on.
fn begin(source: &str, shown: &Shown, open: &mut Vec<Open>, tag: &Tag<'_>) -> usize {
    if matches!(tag.name.as_str(), "script" | "style" | "textarea") {
        let rest = source.get(tag.end..).unwrap_or_default();
        let closes = |at: &usize| {
            let name = rest.get(at + 2..at + 2 + tag.name.len());
            name.is_some_and(|name| name.eq_ignore_ascii_case(&tag.name))
        };
        let close = rest.match_indices("</").map(|(at, _)| at).find(closes);
        return close.map_or(source.len(), |at| tag.end + at);
    }
    if among(VOID, &tag.name) || tag.attributes.ends_with('/') || open.len() > 500 {
        return tag.end;
    }
    let (marked, hidden) = marks(&tag.name, tag.attributes);
    let here = shown.text.len();
    let around = open.last();
    open.push(Open {
        hidden: hidden || among(HIDDEN, &tag.name) || around.is_some_and(|element| element.hidden),
        pre: tag.name == "pre" || around.is_some_and(|element| element.pre),
        furniture: (marked || among(FURNITURE, &tag.name)).then_some(here),
        link: (tag.name == "a").then_some(here),
        name: tag.name.clone(),
    });
    tag.end
}

/// Closes an element and what is open inside of it.
fn close(shown: &mut Shown, open: &mut Vec<Open>, tag: &Tag<'_>) {
    let end = shown.text.len();
    if let Some(from) = open.iter().rposition(|element| element.name == tag.name) {
        open.drain(from..).for_each(|element| leave(shown, &element, end));
    }
}

fn leave(shown: &mut Shown, element: &Open, end: usize) {
    shown.furniture.extend(element.furniture.filter(|from| *from < end).map(|from| from..end));
    shown.links.extend(element.link.filter(|from| *from < end).map(|from| from..end));
}

/// The character of an entity at the beginning of `text`, and the entity's length.
fn entity(text: &str) -> Option<(char, usize)> {
    let inside = text.strip_prefix('&')?;
    let end = inside.bytes().take(12).position(|b| b == b';')?;
    let name = inside.get(..end)?;
    let c = match name.strip_prefix('#') {
        Some(number) => {
            let hex = number.strip_prefix(['x', 'X']);
            let code = hex.map_or_else(|| number.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok())?;
            char::from_u32(code).filter(|c| !c.is_control())?
        }
        None => match name {
            "nbsp" => '\u{a0}',
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            "ndash" => '–',
            "mdash" => '—',
            "hellip" => '…',
            "lsquo" => '‘',
            "rsquo" => '’',
            "ldquo" => '“',
            "rdquo" => '”',
            "laquo" => '«',
            "raquo" => '»',
            "copy" => '©',
            "euro" => '€',
            "pound" => '£',
            "middot" => '·',
            "bull" => '•',
            "deg" => '°',
            "eacute" => 'é',
            "auml" => 'ä',
            "ouml" => 'ö',
            "uuml" => 'ü',
            "szlig" => 'ß',
            "shy" => '\u{ad}',
            _ => return None,
        },
    };
    Some((c, end + 2))
}
