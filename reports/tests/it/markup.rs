//! A strict reader of the markup that the renderers write.
//!
//! It knows the elements and attributes the renderers use and nothing else. Input that reached the output unescaped
//! would show up as an unknown element, an unknown attribute or an unbalanced tag.

const ELEMENTS: &str = "a b body button caption circle code dd desc details div dl dt footer g h1 h2 h3 head header \
    html input label li link main meta nav p path rect script section span strong style summary svg table tbody td \
    text thead th time title tr ul";
const ATTRIBUTES: &str = "aria-hidden aria-label aria-labelledby aria-live aria-pressed autocomplete charset class \
    content cx cy d data-fold data-name data-verdict datetime fill fill-opacity font-family font-size font-weight \
    height hidden href http-equiv id lang name open paint-order placeholder preserveAspectRatio r role rowspan rx \
    scope stroke stroke-dasharray stroke-opacity stroke-width style tabindex text-anchor type viewBox width x xmlns y";
const VOID: &str = "input link meta";

/// The text of the document, references resolved, without the contents of `style` and `script`.
///
/// # Errors
///
/// What is wrong with the markup, and where.
pub(crate) fn read(document: &str) -> Result<String, String> {
    let known = |list: &str, word: &str| list.split_whitespace().any(|entry| entry == word);
    let mut text = String::new();
    let mut stack: Vec<&str> = Vec::new();
    let mut rest = document.strip_prefix("<!DOCTYPE html>").unwrap_or(document);
    while let Some(start) = rest.find('<') {
        text += &unescape(&rest[..start])?;
        let tag = &rest[start + 1..];
        if let Some(close) = tag.strip_prefix('/') {
            let (name, after) = close.split_once('>').ok_or("an end tag without its end")?;
            if stack.pop() != Some(name) {
                return Err(format!("`</{name}>` closes nothing near `{}`", near(rest)));
            }
            rest = after;
            continue;
        }
        let length = tag
            .find(|c: char| !c.is_ascii_alphanumeric())
            .ok_or("a tag without its end")?;
        let name = &tag[..length];
        if !known(ELEMENTS, name) {
            return Err(format!("unknown element near `{}`", near(rest)));
        }
        let mut inside = &tag[length..];
        let closed = loop {
            inside = inside.trim_start();
            if let Some(after) = inside.strip_prefix("/>") {
                rest = after;
                break true;
            }
            if let Some(after) = inside.strip_prefix('>') {
                rest = after;
                break known(VOID, name);
            }
            let length = inside
                .find(|c: char| "=> /".contains(c))
                .ok_or("an attribute without its end")?;
            if !known(ATTRIBUTES, &inside[..length]) {
                return Err(format!("unknown attribute near `{}`", near(inside)));
            }
            inside = &inside[length..];
            if let Some(value) = inside.strip_prefix("=\"") {
                let (value, after) = value.split_once('"').ok_or("a value without its end")?;
                unescape(value)?;
                inside = after;
            }
        };
        if name == "style" || name == "script" {
            let end = rest
                .find(&format!("</{name}>"))
                .ok_or("styles or script without end")?;
            rest = &rest[end..];
        }
        if !closed {
            stack.push(name);
        }
    }
    if !stack.is_empty() {
        return Err(format!("never closed: {stack:?}"));
    }
    Ok(text + &unescape(rest)?)
}

fn unescape(text: &str) -> Result<String, String> {
    if let Some(bad) = text.chars().find(|c| c.is_control() && *c != '\n') {
        return Err(format!("control character {bad:?} near `{}`", near(text)));
    }
    if text.contains(['<', '>']) {
        return Err(format!("a bracket in text near `{}`", near(text)));
    }
    let mut parts = text.split('&');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, after) = part
            .split_once(';')
            .ok_or_else(|| format!("a bare ampersand near `{}`", near(part)))?;
        plain.push(match name {
            "amp" | "#38" => '&',
            "lt" | "#60" => '<',
            "gt" | "#62" => '>',
            "quot" | "#34" => '"',
            "#39" => '\'',
            other => return Err(format!("unknown reference `&{other};`")),
        });
        plain += after;
    }
    Ok(plain)
}

fn near(text: &str) -> String {
    text.chars().take(60).collect()
}

#[test]
fn the_reader_finds_what_is_wrong() {
    assert_eq!(read("<p class=\"x\">a &lt; b</p>").as_deref(), Ok("a < b"));
    for bad in [
        "<p onclick=\"x\"></p>",
        "<x></x>",
        "<p>",
        "<p></b>",
        "a & b",
        "a &bogus; b",
        "\u{1b}",
        "a > b",
    ] {
        assert!(read(bad).is_err(), "{bad:?} was accepted");
    }
}
