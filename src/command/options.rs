//! The values of a command's options: all of them, checked against its schema.

use std::{collections::BTreeMap, fmt::Display, path::PathBuf, str::FromStr};

use super::{Absent, Code, Command, CommandError, Key, Kind};

/// The values of a command's options. Every key has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options(BTreeMap<&'static str, String>);

impl Options {
    /// Checks what was given, and fills in the defaults; those of a chosen preset go before the others.
    ///
    /// # Errors
    /// [`Code::Option`] for a key that is unknown or given twice, and for a value that the key does not take.
    pub fn read(command: &Command, given: &[(String, String)]) -> Result<Self, CommandError> {
        let mut values = BTreeMap::new();
        for (name, value) in given {
            let key = command.key(name).ok_or_else(|| unknown(command, name))?;
            if values.insert(key.name, key.check(value)?).is_some() {
                return Err(CommandError::new(Code::Option, format!("{name} is given twice")).advice("give it once"));
            }
        }
        let chosen = |key: &Key| values.get(key.name).cloned().unwrap_or_else(|| key.default.clone());
        let presets: Vec<_> = (command.keys.iter())
            .flat_map(|key| key.presets.iter().filter(|preset| preset.value == chosen(key)))
            .flat_map(|preset| preset.defaults.iter().copied())
            .collect();
        for (name, value) in presets {
            values.entry(name).or_insert_with(|| value.to_owned());
        }
        for key in &command.keys {
            if !values.contains_key(key.name) {
                values.insert(key.name, key.check(&key.default)?);
            }
        }
        Ok(Self(values))
    }

    /// The value of a key of the command's schema, as text.
    ///
    /// # Panics
    /// When the schema has no such key.
    pub fn text(&self, key: &str) -> &str {
        self.0.get(key).unwrap_or_else(|| panic!("the schema has no key {key}"))
    }

    /// The value of a key whose kind has been checked: a number, a flag.
    ///
    /// # Panics
    /// When the schema has no such key, or its kind is not `T`'s.
    pub fn get<T: FromStr>(&self, key: &str) -> T {
        let value = self.text(key);
        value.parse().unwrap_or_else(|_| panic!("{key}={value} was checked for another kind"))
    }

    /// The value of a key as one of the core's types.
    ///
    /// # Errors
    /// [`Code::Option`] when it cannot be read as one.
    pub fn parse<T: FromStr<Err: Display>>(&self, key: &'static str) -> Result<T, CommandError> {
        let value = self.text(key);
        value.parse().map_err(|error: T::Err| CommandError::option(key, value, error))
    }

    /// A file or folder; `None` where it stayed empty.
    pub fn path(&self, key: &str) -> Option<PathBuf> {
        Some(self.text(key)).filter(|path| !path.is_empty()).map(PathBuf::from)
    }
}

fn unknown(command: &Command, name: &str) -> CommandError {
    let known: Vec<String> = (command.keys.iter())
        .map(|key| if key.kind == Kind::Flag { key.name.to_owned() } else { format!("{}=", key.name) })
        .collect();
    let advice = match known.is_empty() {
        true => "it takes no options".to_owned(),
        false => format!("its options are {}", known.join(", ")),
    };
    CommandError::new(Code::Option, format!("{} has no option {name:?}", command.name)).advice(advice)
}

impl Key {
    /// The value in the form that commands take.
    ///
    /// # Errors
    /// [`Code::Option`], with what is possible.
    pub fn check(&self, value: &str) -> Result<String, CommandError> {
        let refused = |rule: String| Err(CommandError::option(self.name, value, rule));
        match &self.kind {
            Kind::Whole { least, most } => match value.parse::<f64>() {
                // A macro may write 1e3 or 10.0.
                Ok(number) if number.fract() == 0.0 && (*least as f64..=*most as f64).contains(&number) => {
                    Ok((number as u64).to_string())
                }
                _ => refused(format!("{} is a whole number from {least} to {most}", self.label)),
            },
            Kind::Number { least, most } => match value.parse::<f64>() {
                Ok(number) if (least..=most).contains(&&number) => Ok(value.to_owned()),
                _ => refused(format!("{} is a number from {least} to {most}", self.label)),
            },
            Kind::Flag => match value {
                "true" | "false" => Ok(value.to_owned()),
                _ => refused("it is switched on by its name alone".to_owned()),
            },
            Kind::Choice(choices) => match chosen(choices, value) {
                Some(choice) => Ok(choice.to_owned()),
                None => refused(format!("choose one of {}", choices.join(", "))),
            },
            Kind::ChoiceOrFile(choices, ending) => match chosen(choices, value) {
                Some(choice) => Ok(choice.to_owned()),
                None if value.to_lowercase().ends_with(ending) => Ok(value.to_owned()),
                None => refused(format!("choose one of {}, or a file whose name ends in {ending}", choices.join(", "))),
            },
            Kind::Image(Absent::Refused) if value.is_empty() => Err(self.missing("name an image")),
            Kind::Model | Kind::FileToOpen(_) | Kind::FileToSave(_) if value.trim().is_empty() && !self.optional => {
                Err(self.missing("name a file"))
            }
            Kind::Folder if value.trim().is_empty() && !self.optional => Err(self.missing("name a folder")),
            _ => Ok(value.to_owned()),
        }
    }

    fn missing(&self, advice: &str) -> CommandError {
        let label = self.label;
        CommandError::new(Code::Option, format!("{label} ({}) is missing", self.name)).advice(advice)
    }
}

fn chosen<'a>(choices: &[&'a str], value: &str) -> Option<&'a str> {
    choices.iter().copied().find(|choice| choice.eq_ignore_ascii_case(value))
}
