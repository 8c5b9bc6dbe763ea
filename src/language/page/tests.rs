use super::*;

/// What a source shows.
fn shown(source: &str) -> String {
    Page::read(source).text(source).to_string()
}

/// The blocks of the article.
fn kept(source: &str) -> Vec<String> {
    let page = Page::read(source);
    page.article(source).into_iter().map(|bytes| page.text(source)[bytes].to_string()).collect()
}

const ARTICLE: [&str; 3] = [
    "The city council voted on Tuesday to close the old harbour bridge for repairs. Engineers found cracks in May.",
    "The bridge carries about 12,000 cars a day, and traffic will be sent through the tunnel until it is open again.",
    "Nobody was hurt.",
];

#[test]
fn html_is_read_as_what_it_shows() {
    for (source, expected) in [
        ("<p class=\"a\">Hi&nbsp;you</p>", "Hi\u{a0}you"),
        ("<p>One &amp; two</p><p>Three<br>four</p>", "One & two\n\nThree\n\nfour"),
        ("<!doctype html><title>T</title><script>if (a<b) {}</script><p>Text &#8364;5</p>", "T\n\nText €5"),
        ("<div><!-- no --><b>B</b>old\n   text</div>", "Bold text"),
        ("<p>a &unknown; b & c < d</p>", "a &unknown; b & c < d"),
        ("<p hidden>no</p><p>yes</p><style>x</style>", "yes"),
        ("<p>a</p><script>no</Script><p>b</p>", "a\n\nb"),
        ("<div hidden><div>no</div><pre>no</pre></div><pre>a  <b>b\n c</b></pre> d  e", "a  b\n c\n\nd e"),
    ] {
        assert_eq!(shown(source).trim_end(), expected, "{source}");
    }
}

#[test]
fn what_only_has_signs_like_markup_is_plain() {
    for source in [
        "a < b and c > d",
        "Use <b> for bold.",
        "if (x<y) { return; }",
        "2 * 3 * 4 = 24",
        "a_b and c_d",
        "# 1 is best",
        "List<String>",
    ] {
        assert_eq!(shown(source), source);
    }
}

#[test]
fn markdown_is_read_as_what_it_shows() {
    for (source, expected) in [
        ("The [Apollo 11](https://example.org/a_(b)) mission landed.", "The Apollo 11 mission landed."),
        (
            "# Title\n\nThe **bridge** is `old`, and user_name is 2*3.",
            "Title\n\nThe bridge is old, and user_name is 2*3.",
        ),
        ("See ![a picture](/a.png)[here](#b).\n\n```\ncode();\n```\nDone.", "See here.\n\nDone."),
        ("- [One](/1)\n- Two\n\n> Quoted *words* \\*x\\*", "One\n\nTwo\n\nQuoted words *x*"),
    ] {
        assert_eq!(shown(source).trim_end(), expected, "{source}");
    }
}

#[test]
fn places_are_those_of_the_source() {
    let source = "<p>The <b>bridge</b> &amp; the t&ouml;wn&nbsp;hall.</p><p>It is <i>old</i>.</p>";
    let page = Page::read(source);
    let text = page.text(source);
    for (part, expected) in [
        ("The bridge", "The <b>bridge"),
        ("bridge & the", "bridge</b> &amp; the"),
        ("&", "&amp;"),
        ("hall.", "hall."),
        ("It is old.", "It is <i>old</i>."),
    ] {
        let at = text.find(part).unwrap();
        assert_eq!(&source[page.place(at..at + part.len())], expected);
    }
    let source = "Ein **Wort** und [ein Ort](https://example.org/x).";
    let page = Page::read(source);
    let at = page.text(source).find("Wort und ein Ort").unwrap();
    assert_eq!(&source[page.place(at..at + 16)], "Wort** und [ein Ort");
}

#[test]
fn furniture_is_no_article() {
    for (before, after) in [
        ("Menu\nHome\nNews\nSport\n\n", ""),
        (
            "We use cookies to improve your experience.\nAccept all\n\n",
            "\n\n© 2026 Example Media. All rights reserved.",
        ),
        (
            "Share\nFacebook\nEmail\n\n",
            "\n\nComments (2)\nanna: I said so last year, and nobody listened to me.\nReply",
        ),
        ("By Maria Kern\nUpdated 3 hours ago\n\n", "\n\n$64.99 $89.99 You save 28%\nAdd to cart"),
        (
            "The bridge in May. Photo: R. Osei\n\n",
            "\n\nRelated articles\nThe village that moved twice\nFive ways to save energy",
        ),
        ("Home | News | Sport\n\n", "\n\nSign up to our newsletter for the stories that matter, in your inbox."),
    ] {
        let source = format!("{before}{}{after}", ARTICLE.join("\n\n"));
        assert_eq!(kept(&source), ARTICLE, "{before}");
    }
}

#[test]
fn elements_around_the_article_are_left_out() {
    let article = ARTICLE.map(|p| format!("<p>{p}</p>")).concat();
    for around in [
        "<nav>You can read all of the news of the day here, as it comes in.</nav>",
        "<div class=\"site-sidebar\">The storm has closed the ports of the north for a third day.</div>",
        "<div id='comments'><p>I have lived here for all of my life, and nothing has changed.</p></div>",
        "<figure><figcaption>The bridge is seen from the north side of the harbour.</figcaption></figure>",
        "<p><a href='/x'>The farmers of the valley count the cost of a dry spring.</a></p>",
        "<footer><p>The Example is a paper of the town, and it is printed every day.</p></footer>",
    ] {
        assert_eq!(kept(&format!("{around}{article}")), ARTICLE, "{around}");
        assert_eq!(kept(&format!("<article>{article}</article>{around}")), ARTICLE, "{around}");
    }
}

#[test]
fn no_text_is_emptied_and_no_poor_text_is_thinned() {
    for source in [
        "Menu\nHome\nNews",
        "We use cookies.",
        "© 2026 Example Media",
        "Buy milk\nBuy bread\nCall Anna",
        "Anna: yes\nBob: no\nAnna: well, maybe\nBob: fine then",
        "<nav>Home</nav>",
        "One short line",
        "",
    ] {
        let page = Page::read(source);
        assert_eq!(page.article(source).is_empty(), page.text(source).trim().is_empty(), "{source}");
    }
    assert_eq!(kept("Anna: yes\nBob: no\nAnna: well, maybe\nBob: fine then").len(), 4);
    let transcript = "Chair: so we have to look at the budget for the next year\nAnna: yes and I think that it is too small for us\n\
        Bob: The money for the library was spent in May. So there is none left for the new roof of the hall.\n\
        Chair: well then\nAnna: um it is not as if we did not know that before";
    assert_eq!(kept(transcript).len(), 5);
    let plain = ARTICLE.join("\n");
    assert_eq!(kept(&plain), ARTICLE);
    let japanese = "橋は火曜日に閉鎖された。市は来年の春までに修理する予定である。\n\nけが人はいない。";
    assert_eq!(kept(japanese).len(), 2);
}

#[test]
fn damaged_markup_is_read_in_linear_time() {
    for part in
        ["<p>", "</p>", "<", "<a href='", "&amp", "&#x", "[a](", "![", "**", "](/", "<div class=x>", "a</b></i></p>"]
    {
        let source = format!("<p>x</p>{}", part.repeat(100_000 / part.len()));
        let page = Page::read(&source);
        for block in page.article(&source) {
            let place = page.place(block.clone());
            assert!(source.get(place).is_some() && page.text(&source).get(block).is_some());
        }
        let source = format!("[x](/y) {}", part.repeat(20_000 / part.len()));
        let page = Page::read(&source);
        assert!(page.article(&source).into_iter().all(|block| source.get(page.place(block)).is_some()));
    }
}
