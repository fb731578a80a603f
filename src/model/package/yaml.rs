//! The small part of YAML that packages need: block lists and maps of scalars, read with suspicion, and written.

use std::fmt::Write;

use saphyr_parser::{Event, Parser, ScalarStyle};

/// Real descriptions have some 10 kB.
pub const MOST_BYTES: usize = 256 << 10;
const MOST_DEPTH: usize = 32;
const MOST_NODES: usize = 20_000;

/// A YAML document. What a scalar means is for the reader to say.
#[derive(Clone, Debug, PartialEq)]
pub enum Yaml {
    /// Text in quotes, or without: then it may stand for a number, a truth value or nothing.
    Scalar {
        /// The text.
        text: String,
        /// Whether it stands in quotes.
        quoted: bool,
    },
    /// A list.
    List(Vec<Yaml>),
    /// A map, in its order.
    Map(Vec<(String, Yaml)>),
}

impl Yaml {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Scalar { text: text.into(), quoted: true }
    }

    pub fn integer(value: usize) -> Self {
        Self::Scalar { text: value.to_string(), quoted: false }
    }

    /// A number that YAML 1.1 and 1.2 both take for one: with a point, and a sign in its exponent.
    pub fn number(value: f64) -> Self {
        let mut text = format!("{value:?}");
        if let Some(at) = text.find('e') {
            let point = if text[..at].contains('.') { "" } else { ".0" };
            let sign = if text[at + 1..].starts_with('-') { "" } else { "+" };
            text = format!("{}{point}e{sign}{}", &text[..at], &text[at + 1..]);
        }
        Self::Scalar { text, quoted: false }
    }

    pub fn null() -> Self {
        Self::Scalar { text: "null".to_owned(), quoted: false }
    }

    pub fn map<const N: usize>(entries: [(&str, Yaml); N]) -> Self {
        Self::Map(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }

    /// The value of a map's key; `None` for whatever is not a map.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(entries) = self else { return None };
        entries.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The text of a scalar.
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Scalar { text, .. } = self { Some(text) } else { None }
    }

    /// Whether it is no value, written without quotes.
    pub fn is_null(&self) -> bool {
        let nothing = ["", "~", "null", "Null", "NULL"];
        matches!(self, Self::Scalar { text, quoted: false } if nothing.contains(&text.as_str()))
    }

    /// The value of a map's key, unless it is null: what a description may leave out, it may also say to be nothing.
    pub fn given(&self, key: &str) -> Option<&Self> {
        self.get(key).filter(|value| !value.is_null())
    }

    /// The finite number of a scalar.
    pub fn as_number(&self) -> Option<f64> {
        self.as_text()?.parse().ok().filter(|number: &f64| number.is_finite())
    }

    /// The whole number of a scalar, also of one written as `64.0`.
    pub fn as_whole(&self) -> Option<i64> {
        let whole = |number: &f64| number.fract() == 0.0 && number.abs() < 1e15;
        self.as_number().filter(whole).map(|number| number as i64)
    }

    /// The text of a map's key; empty where there is none.
    pub fn text_at(&self, key: &str) -> &str {
        self.get(key).and_then(Self::as_text).unwrap_or_default()
    }

    /// The items of the list that a map's key has; empty where there is none.
    pub fn list_at(&self, key: &str) -> &[Self] {
        if let Some(Self::List(items)) = self.get(key) { items } else { &[] }
    }
}

/// Reads one document.
///
/// # Errors
/// In words: for damaged YAML, anchors, aliases, tags, merge keys, keys that are not scalars or stand twice, several
/// documents, and for what is larger, deeper or more than a description needs.
pub fn read(bytes: &[u8]) -> Result<Yaml, String> {
    if bytes.len() > MOST_BYTES {
        return Err(format!("its description has {} bytes, more than {MOST_BYTES}", bytes.len()));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "its description is not UTF-8 text".to_owned())?;
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| format!("its description is not YAML: {error}"))?;
        builder.take(event).map_err(|what| format!("line {} of its description: {what}", span.start.line()))?;
    }
    builder.root.ok_or_else(|| "its description is empty".to_owned())
}

/// A list or map that is still open.
enum Open {
    List(Vec<Yaml>),
    Map(Vec<(String, Yaml)>, Option<String>),
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    root: Option<Yaml>,
    nodes: usize,
}

impl Builder {
    fn take(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Alias(_) => return Err("aliases are not allowed".to_owned()),
            Event::Scalar(text, style, anchor, tag) => {
                plain_node(anchor, tag.is_some())?;
                self.put(Yaml::Scalar { text: text.into_owned(), quoted: style != ScalarStyle::Plain })?;
            }
            Event::SequenceStart(anchor, tag) => {
                plain_node(anchor, tag.is_some())?;
                self.open(Open::List(Vec::new()))?;
            }
            Event::MappingStart(anchor, tag) => {
                plain_node(anchor, tag.is_some())?;
                self.open(Open::Map(Vec::new(), None))?;
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List(items)) => self.put(Yaml::List(items))?,
                Some(Open::Map(entries, None)) => self.put(Yaml::Map(entries))?,
                _ => return Err("a key has no value".to_owned()),
            },
            Event::DocumentStart(_) if self.root.is_some() => return Err("a second document begins".to_owned()),
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, open: Open) -> Result<(), String> {
        if self.open.len() >= MOST_DEPTH {
            return Err(format!("it is nested more than {MOST_DEPTH} deep"));
        }
        self.open.push(open);
        Ok(())
    }

    fn put(&mut self, value: Yaml) -> Result<(), String> {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            return Err(format!("it has more than {MOST_NODES} entries"));
        }
        match self.open.last_mut() {
            None => self.root = Some(value),
            Some(Open::List(items)) => items.push(value),
            Some(Open::Map(entries, key)) => match (key.take(), value) {
                (Some(name), value) => entries.push((name, value)),
                (None, Yaml::Scalar { text, .. }) => {
                    if text == "<<" || entries.iter().any(|(name, _)| *name == text) {
                        return Err(format!("the key {text:?} is a merge or stands twice"));
                    }
                    *key = Some(text);
                }
                (None, _) => return Err("a key is not a word".to_owned()),
            },
        }
        Ok(())
    }
}

fn plain_node(anchor: usize, tagged: bool) -> Result<(), String> {
    match (anchor, tagged) {
        (0, false) => Ok(()),
        (0, true) => Err("tags are not allowed".to_owned()),
        _ => Err("anchors are not allowed".to_owned()),
    }
}

/// Writes a document in blocks, lists of plain scalars in one line.
pub fn write(document: &Yaml) -> String {
    let mut out = String::new();
    block(document, 0, &mut out);
    out
}

fn block(value: &Yaml, indent: usize, out: &mut String) {
    match value {
        Yaml::Map(entries) if !entries.is_empty() => {
            for (at, (key, value)) in entries.iter().enumerate() {
                // The first entry may follow a dash.
                if at > 0 || out.is_empty() {
                    let _ = write!(out, "{:indent$}", "");
                }
                out.push_str(&scalar(key, true));
                out.push(':');
                nested(value, indent, out);
            }
        }
        Yaml::List(items) => {
            for item in items {
                let _ = write!(out, "{:indent$}- ", "");
                match item {
                    Yaml::Map(entries) if !entries.is_empty() => block(item, indent + 2, out),
                    _ => {
                        let _ = writeln!(out, "{}", inline(item));
                    }
                }
            }
        }
        _ => {
            let _ = writeln!(out, "{}", inline(value));
        }
    }
}

fn nested(value: &Yaml, indent: usize, out: &mut String) {
    let in_line = match value {
        Yaml::Scalar { .. } => true,
        Yaml::List(items) => items.iter().all(|item| matches!(item, Yaml::Scalar { .. })),
        Yaml::Map(entries) => entries.is_empty(),
    };
    if in_line {
        let _ = writeln!(out, " {}", inline(value));
        return;
    }
    out.push('\n');
    let indent = indent + 2;
    if matches!(value, Yaml::Map(_)) {
        let _ = write!(out, "{:indent$}", "");
    }
    block(value, indent, out);
}

fn inline(value: &Yaml) -> String {
    match value {
        Yaml::Scalar { text, quoted } => scalar(text, *quoted),
        Yaml::List(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Yaml::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| format!("{}: {}", scalar(key, true), inline(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

/// Text without quotes where every version of YAML reads the same, else in double quotes as in JSON.
fn scalar(text: &str, is_text: bool) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    let means_more = ["true", "false", "yes", "no", "on", "off", "y", "n", "null"];
    let bare = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(plain)
        && !means_more.contains(&text.to_ascii_lowercase().as_str());
    if bare || !is_text { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let document = Yaml::map([
            ("name", Yaml::text("a: \"b\" #c\nä")),
            ("yes", Yaml::text("no")),
            ("size", Yaml::map([("min", Yaml::integer(64)), ("step", Yaml::number(1e-7))])),
            ("list", Yaml::List(vec![Yaml::null(), Yaml::number(2.0), Yaml::text("x")])),
            (
                "maps",
                Yaml::List(vec![
                    Yaml::map([("a", Yaml::List(vec![Yaml::map([("b", Yaml::text(""))])])), ("c", Yaml::Map(vec![]))]),
                    Yaml::map([("d", Yaml::map([("e", Yaml::number(-1.5e30))]))]),
                ]),
            ),
        ]);
        let text = write(&document);
        let quoted_alike = |yaml: &Yaml| write(yaml);
        assert_eq!(quoted_alike(&read(text.as_bytes()).unwrap()), text, "{text}");
        assert!(text.contains("step: 1.0e-7\n") && text.contains("e: -1.5e+30\n"), "{text}");
        assert_eq!(read(text.as_bytes()).unwrap().get("name").unwrap().as_text(), Some("a: \"b\" #c\nä"));
    }

    #[test]
    fn what_no_description_needs_is_refused_by_name() {
        let deep = "[".repeat(100) + &"]".repeat(100);
        let many = format!("[{}]", "a,".repeat(30_000));
        let large = " ".repeat(MOST_BYTES + 1);
        for (document, reason) in [
            ("a: &x 1\nb: 2", "anchors"),
            ("a: *x", "unknown anchor"),
            ("a: !!python/object 1", "tags"),
            ("<<: {a: 1}", "merge"),
            ("a: 1\na: 2", "twice"),
            ("[a]: 1", "key"),
            ("--- 1\n--- 2", "second document"),
            ("a: [1", "not YAML"),
            ("", "empty"),
            (&deep, "deep"),
            (&many, "entries"),
            (&large, "bytes"),
        ] {
            let message = read(document.as_bytes()).unwrap_err();
            assert!(message.contains(reason), "{reason}: {message}");
        }
        assert!(read(b"a: \xff").unwrap_err().contains("UTF-8"));
        let laughs = "a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]";
        assert!(read(laughs.as_bytes()).unwrap_err().contains("line 1"));
    }
}
