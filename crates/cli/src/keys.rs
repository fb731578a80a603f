//! The keys of a command in words, for help, manual and completions.

use undulator::command::{Absent, Command, Key, Kind};

/// A heading and the keys under it.
pub type Group<'a> = (&'a str, Vec<&'a Key>);

/// The keys of a command by their groups, those without one first.
pub fn groups(command: &Command) -> Vec<Group<'_>> {
    let mut groups: Vec<Group> = vec![("", Vec::new())];
    for key in &command.keys {
        match groups.iter_mut().find(|(group, _)| *group == key.group) {
            Some((_, keys)) => keys.push(key),
            None => groups.push((key.group, vec![key])),
        }
    }
    groups.retain(|(_, keys)| !keys.is_empty());
    groups
}

/// A key as it is typed, with its default: `voxel=0.6`, `image=FILE`, `augment`.
pub fn usage(key: &Key) -> String {
    let name = key.name;
    match &key.kind {
        Kind::Flag => name.to_owned(),
        Kind::Image(Absent::Refused | Absent::Active) => format!("{name}=FILE"),
        Kind::Model | Kind::FileToOpen(_) | Kind::FileToSave(_) if key.default.is_empty() => format!("{name}=FILE"),
        Kind::Folder if key.default.is_empty() => format!("{name}=FOLDER"),
        Kind::Text if key.default.is_empty() => format!("{name}=TEXT"),
        _ => format!("{name}={}", key.default),
    }
}

/// What a key is for and what it takes, in one paragraph.
pub fn meaning(key: &Key) -> String {
    let mut words = vec![format!("{}.", key.label)];
    words.extend(Some(key.help.to_owned()).filter(|help| !help.is_empty()));
    words.extend(values(key).map(|values| format!("[{values}]")));
    words.join(" ")
}

/// What a key takes, if its usage does not say it already.
fn values(key: &Key) -> Option<String> {
    let unit = if key.unit.is_empty() { String::new() } else { format!(" {}", key.unit) };
    let or_none = |what: String| if key.optional { format!("{what}; optional") } else { what };
    Some(match &key.kind {
        Kind::Image(Absent::None) => "a TIFF file; none by default".to_owned(),
        Kind::Image(_) => "a TIFF file".to_owned(),
        Kind::Whole { least, most } if *most >= Key::MOST => format!("a whole number from {least} on{unit}"),
        Kind::Whole { least, most } => format!("{least} to {most}{unit}"),
        Kind::Number { least, most } => format!("{}{unit}", range(*least, *most)),
        Kind::Flag => "flag".to_owned(),
        Kind::Choice(choices) => choices.join(", "),
        Kind::ChoiceOrFile(choices, ending) => format!("{}, or a {ending} file", choices.join(", ")),
        Kind::Text => return None,
        Kind::Model => or_none("a model file or the name of a model".to_owned()),
        Kind::FileToOpen(ending) => or_none(format!("a {ending} file")),
        Kind::FileToSave(ending) => or_none(format!("a {ending} file to write")),
        Kind::Folder => or_none("a folder".to_owned()),
    })
}

/// A range of numbers. Ends that are there for form's sake are not shown as they are.
fn range(least: f64, most: f64) -> String {
    match (least, most < Key::LONGEST) {
        (least, false) if least > 0.0 && least < 1e-6 => "a number above 0".to_owned(),
        (least, false) => format!("a number from {least} on"),
        (least, true) if least > 0.0 && least < 1e-6 => format!("above 0 to {most}"),
        (least, true) => format!("{least} to {most}"),
    }
}

/// What the values of a key may be, as far as they are words: `interpolation=Linear`; the key alone where they are not.
pub fn completions(key: &Key) -> Vec<String> {
    let name = key.name;
    match &key.kind {
        Kind::Flag => vec![name.to_owned()],
        Kind::Choice(choices) | Kind::ChoiceOrFile(choices, _)
            if choices.iter().all(|choice| !choice.contains(' ')) =>
        {
            choices.iter().map(|choice| format!("{name}={choice}")).collect()
        }
        _ => vec![format!("{name}=")],
    }
}

/// The keys of a command as a help page has them.
pub fn help(command: &Command) -> String {
    let mut text = String::new();
    for (group, keys) in groups(command) {
        let heading = if group.is_empty() { "Keys (flags are given by name alone)" } else { group };
        text.push_str(&format!("\n{heading}:\n"));
        for key in keys {
            text.push_str(&entry(&usage(key), &meaning(key)));
        }
    }
    text.trim_start().to_owned()
}

const WIDTH: usize = 100;
const INDENT: usize = 26;

/// A word with its explanation beside it, or below it if the word is long.
fn entry(word: &str, explanation: &str) -> String {
    let mut lines = wrapped(explanation, WIDTH - INDENT).into_iter();
    let mut text = format!("  {word:<width$}", width = INDENT - 2);
    if word.chars().count() + 4 > INDENT {
        text.push('\n');
        text.push_str(&" ".repeat(INDENT));
    }
    text.push_str(&lines.next().unwrap_or_default());
    for line in lines {
        text.push_str(&format!("\n{:INDENT$}{line}", ""));
    }
    format!("{}\n", text.trim_end())
}

/// Breaks a text into lines of at most `width` characters.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_shown_as_they_are_typed() {
        let key = |key: Key| (usage(&key), meaning(&key));
        assert_eq!(
            key(Key::number("voxel", "Voxel size", 0.6, 0.1, 3.0).unit("µm").help("Edge.")),
            ("voxel=0.6".to_owned(), "Voxel size. Edge. [0.1 to 3 µm]".to_owned())
        );
        assert_eq!(usage(&Key::image("image", "Image", Absent::Active)), "image=FILE");
        assert_eq!(usage(&Key::image("reference", "Reference", Absent::None)), "reference=none");
        assert_eq!(usage(&Key::flag("augment", "Augmentation")), "augment");
    }

    #[test]
    fn long_words_stand_above_their_explanation() {
        let text = entry("a-key=that-is-longer-than-the-column", &"word ".repeat(40));
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert!(text.lines().skip(1).all(|line| line.starts_with(&" ".repeat(INDENT))), "{text}");
    }
}
