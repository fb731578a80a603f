//! The commands as rows of texts.

use undulator::command::{Command, Key, Kind};

/// A row for each command, followed by rows for its keys and their presets: `undulator.Native` says what is in them.
pub fn rows(commands: &[Command]) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for command in commands {
        rows.push(["command", command.name, command.summary, command.help].map(str::to_owned).to_vec());
        for key in &command.keys {
            rows.push(row(key));
            for preset in &key.presets {
                let defaults: Vec<String> =
                    preset.defaults.iter().map(|(key, value)| format!("{key}={value}")).collect();
                rows.push(["preset", key.name, preset.value, &defaults.join("\n")].map(str::to_owned).to_vec());
            }
        }
    }
    rows
}

fn row(key: &Key) -> Vec<String> {
    let (kind, choices, ending) = match &key.kind {
        Kind::Image(_) => ("image", &[][..], ""),
        Kind::Whole { .. } => ("whole", &[][..], ""),
        Kind::Number { .. } => ("number", &[][..], ""),
        Kind::Flag => ("flag", &[][..], ""),
        Kind::Choice(choices) => ("choice", &choices[..], ""),
        Kind::ChoiceOrFile(choices, ending) => ("choice-or-file", &choices[..], *ending),
        Kind::Text => ("text", &[][..], ""),
        Kind::Model => ("model", &[][..], ".zip"),
        Kind::FileToOpen(ending) => ("file-to-open", &[][..], *ending),
        Kind::FileToSave(ending) => ("file-to-save", &[][..], *ending),
        Kind::Folder => ("folder", &[][..], ""),
    };
    let (least, most) = match key.kind {
        Kind::Whole { least, most } => (least.to_string(), most.to_string()),
        Kind::Number { least, most } => (least.to_string(), most.to_string()),
        _ => Default::default(),
    };
    let flags = [
        ("advanced", key.advanced),
        ("optional", key.optional),
        ("remembered", key.remembered),
        ("set-in-dialogs", key.set_in_dialogs),
    ];
    let flags: Vec<&str> = flags.iter().filter(|(_, set)| *set).map(|(flag, _)| *flag).collect();
    let (flags, choices) = (flags.join(" "), choices.join("\n"));
    let row = ["key", key.name, key.label, key.help, kind, key.unit, &key.default, &least, &most, ending, key.group];
    row.into_iter().chain([flags.as_str(), &choices]).map(str::to_owned).collect()
}
