//! A command's name, options and documentation.

use super::{CommandError, Host, Options};

/// One command.
pub struct Command {
    /// Its name in a menu: `Compare Networks`.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// More about it, for a help page: paragraphs in Markdown, without headings. May be empty.
    pub help: &'static str,
    /// What it leaves behind, for a manual: images, rows and files.
    pub result: &'static str,
    /// Its options, in the order of a dialog.
    pub keys: Vec<Key>,
    /// Does the work. Images come from the host and go to it, rows go to [`Host::row`]; the answer is a sentence for the log.
    pub run: fn(&Options, &dyn Host) -> Result<String, CommandError>,
}

impl Command {
    /// Its name on the command line: `compare-networks`.
    pub fn slug(&self) -> String {
        self.name.to_lowercase().replace(' ', "-")
    }

    /// The option of that name.
    pub fn key(&self, name: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

/// One option of a command.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// What macros, scripts and the command line call it: one word in lower case.
    pub name: &'static str,
    /// What a dialog calls it, in sentence case, without unit.
    pub label: &'static str,
    /// A sentence or two, for a tool tip and the manual.
    pub help: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// The unit of a number; empty for none.
    pub unit: &'static str,
    /// Its value where none is given.
    pub default: String,
    /// The heading under which a dialog shows it; empty for none.
    pub group: &'static str,
    /// Whether only those who know what they do need it.
    pub advanced: bool,
    /// Whether a file, folder or model may stay empty, and the command works without the image.
    pub optional: bool,
    /// Whether a dialog remembers its value from one session to the next.
    pub remembered: bool,
    /// Whether a dialog shows a flag as set at first. Macros, scripts and the command line name what they want.
    pub set_in_dialogs: bool,
    /// What some of its values make of other options' defaults.
    pub presets: Vec<Preset>,
}

/// The values that an option takes.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// An image of the host, by name.
    Image(Absent),
    /// A whole number in a range, both ends included.
    Whole {
        /// The least.
        least: u64,
        /// The most.
        most: u64,
    },
    /// A finite number in a range, both ends included.
    Number {
        /// The least.
        least: f64,
        /// The most.
        most: f64,
    },
    /// Given or not; off by default.
    Flag,
    /// One of a few words, in whatever case.
    Choice(Vec<&'static str>),
    /// One of a few words, or a file with that ending.
    ChoiceOrFile(Vec<&'static str>, &'static str),
    /// Any text.
    Text,
    /// A model file, or the name of a model that the host knows.
    Model,
    /// A file to read, with its ending: `.json`.
    FileToOpen(&'static str),
    /// A file to write, with its ending.
    FileToSave(&'static str),
    /// A folder that exists.
    Folder,
}

/// What it means when an image is not named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// The image that the user looks at.
    Active,
    /// No image.
    None,
    /// An error.
    Refused,
}

/// What one value of an option makes of other options' defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct Preset {
    /// The value.
    pub value: &'static str,
    /// Keys and their other defaults.
    pub defaults: Vec<(&'static str, &'static str)>,
}

impl Key {
    /// The largest whole number that a macro's floating point holds exactly.
    pub const MOST: u64 = 1 << 53;
    /// The largest voxel, and more than any, whatever its unit.
    pub const LONGEST: f64 = 1e9;

    fn new(name: &'static str, label: &'static str, kind: Kind, default: impl ToString) -> Self {
        Self {
            name,
            label,
            help: "",
            kind,
            unit: "",
            default: default.to_string(),
            group: "",
            advanced: false,
            optional: false,
            remembered: false,
            set_in_dialogs: false,
            presets: Vec::new(),
        }
    }

    /// An image. One that may be absent has the default `active` or `none`.
    pub fn image(name: &'static str, label: &'static str, absent: Absent) -> Self {
        let default = match absent {
            Absent::Active => "active",
            Absent::None => "none",
            Absent::Refused => "",
        };
        Self::new(name, label, Kind::Image(absent), default)
    }

    /// A whole number between `least` and `most`.
    pub fn whole(name: &'static str, label: &'static str, default: u64, least: u64, most: u64) -> Self {
        Self::new(name, label, Kind::Whole { least, most }, default)
    }

    /// A number between `least` and `most`.
    pub fn number(name: &'static str, label: &'static str, default: f64, least: f64, most: f64) -> Self {
        Self::new(name, label, Kind::Number { least, most }, default)
    }

    /// A flag, off by default.
    pub fn flag(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Kind::Flag, false)
    }

    /// One of a few words; the first is the default.
    pub fn choice(name: &'static str, label: &'static str, choices: &[&'static str]) -> Self {
        Self::new(name, label, Kind::Choice(choices.to_vec()), choices[0])
    }

    /// One of a few words, of which the first is the default, or a file with that ending.
    pub fn choice_or_file(
        name: &'static str,
        label: &'static str,
        choices: &[&'static str],
        ending: &'static str,
    ) -> Self {
        Self::new(name, label, Kind::ChoiceOrFile(choices.to_vec(), ending), choices[0])
    }

    /// Any text.
    pub fn text(name: &'static str, label: &'static str, default: &'static str) -> Self {
        Self::new(name, label, Kind::Text, default)
    }

    /// A model, by file or by name.
    pub fn model(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Kind::Model, "")
    }

    /// A file to read.
    pub fn file_to_open(name: &'static str, label: &'static str, ending: &'static str) -> Self {
        Self::new(name, label, Kind::FileToOpen(ending), "")
    }

    /// A file to write.
    pub fn file_to_save(name: &'static str, label: &'static str, ending: &'static str) -> Self {
        Self::new(name, label, Kind::FileToSave(ending), "")
    }

    /// A folder that exists.
    pub fn folder(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Kind::Folder, "")
    }

    /// Sets the help text.
    pub fn help(self, help: &'static str) -> Self {
        Self { help, ..self }
    }

    /// Sets the unit.
    pub fn unit(self, unit: &'static str) -> Self {
        Self { unit, ..self }
    }

    /// Sets the heading under which it is shown.
    pub fn group(self, group: &'static str) -> Self {
        Self { group, ..self }
    }

    /// Shown among the advanced options.
    pub fn advanced(self) -> Self {
        Self { advanced: true, ..self }
    }

    /// A file, folder or model that may stay empty, or an image that need not be open.
    pub fn optional(self) -> Self {
        Self { optional: true, ..self }
    }

    /// Remembered by dialogs.
    pub fn remembered(self) -> Self {
        Self { remembered: true, ..self }
    }

    /// A flag that dialogs show as set at first.
    pub fn set_in_dialogs(self) -> Self {
        Self { set_in_dialogs: true, ..self }
    }

    /// `value` gives other options other defaults.
    pub fn preset(mut self, value: &'static str, defaults: &[(&'static str, &'static str)]) -> Self {
        self.presets.push(Preset { value, defaults: defaults.to_vec() });
        self
    }
}
