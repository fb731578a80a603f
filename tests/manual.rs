//! README's table of commands and docs/commands.md, made from the schema. With `UNDULATOR_WRITE_MANUAL=1` this test writes
//! them; otherwise it fails when they are not what it would write.

use std::{env, fmt::Write, fs, path::Path};

use undulator::command::{self, Absent, Command, Key, Kind};

const BEGIN: &str = "<!-- commands: made from the schema by tests/manual.rs -->\n";
const END: &str = "<!-- end of commands -->";

/// A key as a macro has it, with its default: `rate=0.001`, or `residual` for a flag.
fn usage(key: &Key) -> String {
    match &key.kind {
        Kind::Flag => format!("`{}`", key.name),
        Kind::Choice(choices) | Kind::ChoiceOrFile(choices, _) => {
            let others: Vec<String> = choices[1..].iter().map(|choice| format!("`{choice}`")).collect();
            format!("`{}={}` ({})", key.name, choices[0], others.join(", "))
        }
        _ => format!("`{}={}`", key.name, key.default),
    }
}

fn readme_table() -> String {
    let mut table = "| command | keys (defaults) | result |\n| --- | --- | --- |\n".to_owned();
    for Command { name, keys, result, .. } in command::all() {
        let keys: Vec<String> = keys.iter().map(usage).collect();
        writeln!(table, "| `Undulator {name}...` | {} | {result} |", keys.join(" ")).unwrap();
    }
    table
}

/// The values that a key takes, in words.
fn values(key: &Key) -> String {
    let unit = if key.unit.is_empty() { String::new() } else { format!(" {}", key.unit) };
    match &key.kind {
        Kind::Image(Absent::Active) => "an image; the active one by default".to_owned(),
        Kind::Image(Absent::None) => "an image; none by default".to_owned(),
        Kind::Image(Absent::Refused) => "an image".to_owned(),
        Kind::Whole { most, .. } if *most >= Key::MOST => "a whole number".to_owned(),
        Kind::Whole { least, most } => format!("{least} to {most}{unit}"),
        Kind::Number { least, most } => format!("{least} to {most}{unit}"),
        Kind::Flag => "flag".to_owned(),
        Kind::Choice(choices) => choices.join(", "),
        Kind::ChoiceOrFile(choices, ending) => format!("{}, or a {ending} file", choices.join(", ")),
        Kind::Text => "text".to_owned(),
        Kind::Model => "a model file or name".to_owned(),
        Kind::FileToOpen(ending) => format!("a {ending} file"),
        Kind::FileToSave(ending) => format!("a {ending} file to write"),
        Kind::Folder => "a folder".to_owned(),
    }
}

fn page() -> String {
    let mut page = "# Commands\n\nMade from the schema in `src/command/` by `tests/manual.rs`. Macros, scripts and the command line \
                    share these keys; the command line names the commands in lower case, `undulator compare-networks`.\n"
        .to_owned();
    for command in command::all() {
        let Command { name, summary, help, result, keys, .. } = command;
        write!(page, "\n## {name}\n\n{summary}\n\n{help}\n\nResult: {result}.\n").unwrap();
        if !keys.is_empty() {
            page.push_str("\n| key | meaning | values | default |\n| --- | --- | --- | --- |\n");
        }
        for key in keys {
            let meaning = format!("{}. {}", key.label, key.help);
            let default = if key.default.is_empty() { String::new() } else { format!("`{}`", key.default) };
            writeln!(page, "| `{}` | {} | {} | {default} |", key.name, meaning.trim(), values(key)).unwrap();
        }
    }
    page
}

fn check(file: &str, wanted: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if env::var_os("UNDULATOR_WRITE_MANUAL").is_some() {
        fs::write(&path, wanted).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == wanted,
        "{file} is not what the schema says: UNDULATOR_WRITE_MANUAL=1 cargo test --release --test manual"
    );
}

#[test]
fn the_readme_lists_every_command_and_key() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("README.md has the mark before the table");
    let (_, after) = rest.split_once(END).expect("README.md has the mark after the table");
    check("README.md", &format!("{before}{BEGIN}\n{}\n{END}{after}", readme_table()));
}

#[test]
fn the_manual_explains_every_key() {
    check("docs/commands.md", &page());
}
