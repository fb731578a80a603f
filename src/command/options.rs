//! The values of a command's options: all of them, checked against its schema.

use std::{collections::BTreeMap, fmt::Display, path::PathBuf, str::FromStr};

use super::{Absent, Code, Command, CommandError, Key, Kind, paths};

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
    /// The value in the form that commands take: numbers as they are parsed, choices as they are written in the schema,
    /// files and folders by their absolute paths.
    ///
    /// # Errors
    /// [`Code::Option`], with what is possible.
    pub fn check(&self, value: &str) -> Result<String, CommandError> {
        let refused = |rule: String| Err(CommandError::option(self.name, value, rule));
        match &self.kind {
            Kind::Whole { least, most } => match number(value) {
                // A macro may write 1e3 or 10.0.
                Some(number) if number.fract() == 0.0 && (*least as f64..=*most as f64).contains(&number) => {
                    Ok((number as u64).to_string())
                }
                _ => refused(self.range(value)),
            },
            Kind::Number { least, most } => match number(value) {
                Some(number) if (*least..=*most).contains(&number) => Ok(number.to_string()),
                _ => refused(self.range(value)),
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
                None if value.to_lowercase().ends_with(ending) || !paths::is_bare(value) => {
                    text(paths::to_open(value, ending), value)
                }
                None => refused(format!("choose one of {}, or a file whose name ends in {ending}", choices.join(", "))),
            },
            Kind::Image(Absent::Refused) if value.is_empty() => Err(self.missing("name an image")),
            Kind::Image(_) | Kind::Text => Ok(value.to_owned()),
            _ => self.check_path(value),
        }
    }

    fn check_path(&self, value: &str) -> Result<String, CommandError> {
        let folder = self.kind == Kind::Folder;
        if value.trim().is_empty() {
            return match self.optional {
                true => Ok(String::new()),
                false => Err(self.missing(if folder { "name a folder" } else { "name a file" })),
            };
        }
        match &self.kind {
            Kind::FileToSave(ending) => {
                let path = paths::to_save(value, ending);
                text(path.map_err(|rule| CommandError::option(self.name, value, rule))?, value)
            }
            Kind::FileToOpen(ending) => text(paths::to_open(value, ending), value),
            // The host knows models by name.
            Kind::Model if paths::is_bare(value) => Ok(value.to_owned()),
            Kind::Model => text(paths::to_open(value, MODEL), value),
            _ => text(paths::absolute(value), value),
        }
    }

    /// What a number may be, said of a value that it may not.
    fn range(&self, value: &str) -> String {
        let label = self.label;
        let with_point = value.replace(',', ".");
        if with_point != value && self.check(&with_point).is_ok() {
            return format!("write it with a point, {}={with_point}", self.name);
        }
        match &self.kind {
            Kind::Whole { least, most } => format!("{label} is a whole number from {least} to {most}"),
            Kind::Number { least, most } => format!("{label} is a number from {} to {}", short(*least), short(*most)),
            kind => unreachable!("{kind:?} is no number"),
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

/// The ending of model files.
pub(super) const MODEL: &str = ".zip";

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok()
}

/// A path as text. Paths are made of texts, but for a home folder whose name is none.
fn text(path: PathBuf, given: &str) -> Result<String, CommandError> {
    path.into_os_string().into_string().map_err(|path| {
        CommandError::new(Code::File, format!("{given} is {}, and a part of that path is not Unicode", path.display()))
            .advice("name another folder")
    })
}

/// A number as people write it: `0.001`, `1e-9`, `1e9`.
fn short(number: f64) -> String {
    let plain = number == 0.0 || (1e-4..1e6).contains(&number.abs());
    if plain { number.to_string() } else { format!("{number:e}") }
}

#[cfg(test)]
mod tests {
    use super::{super::Absent, *};

    fn refusal(key: &Key, value: &str) -> String {
        let error = key.check(value).unwrap_err();
        assert_eq!(error.code, Code::Option);
        error.to_string()
    }

    #[test]
    fn ranges_are_said_in_numbers_that_people_write() {
        let validation = Key::whole("validation", "Validation slices", 10, 0, 1 << 24);
        let words = "Validation slices is a whole number from 0 to 16777216";
        for value in ["-1", "1e300", "0.5", "-0.5", "", "ten", "0x10", "inf", "NaN"] {
            assert_eq!(refusal(&validation, value), format!("validation={value} is not possible: {words}"));
        }
        let rate = Key::number("rate", "Learning rate", 0.001, 1e-9, 1.0);
        for value in ["1e300", "-1", "0", "1e-300", "NaN", "fast"] {
            let words = "is not possible: Learning rate is a number from 1e-9 to 1";
            assert_eq!(refusal(&rate, value), format!("rate={value} {words}"));
        }
        assert_eq!(refusal(&rate, "0,01"), "rate=0,01 is not possible: write it with a point, rate=0.01");
        let voxel = Key::number("voxel", "Voxel size", 0.6, 1e-9, 1e9);
        assert!(refusal(&voxel, "1e10").ends_with("from 1e-9 to 1e9"));
        let long = refusal(&rate, &"9".repeat(300));
        assert!(long.len() < 200 && long.contains("999…"), "{long}");
        assert_eq!([" 1e3 ", "7.0"].map(|value| validation.check(value).unwrap()), ["1000", "7"]);
    }

    #[test]
    fn every_number_of_every_command_is_refused_out_of_range() {
        let numbers = super::super::all().iter().flat_map(|command| &command.keys);
        for key in numbers.filter(|key| matches!(key.kind, Kind::Whole { .. } | Kind::Number { .. })) {
            for value in ["-1e300", "1e300", "-5000", "1e", "1-2"] {
                let words = refusal(key, value);
                assert!(
                    words.starts_with(&format!("{}={value} is not possible: {} is a", key.name, key.label)),
                    "{words}"
                );
                assert!(words.len() < 150, "{words}");
            }
        }
    }

    #[test]
    fn paths_are_absolute_and_may_stay_empty_where_they_are_optional() {
        let here = std::env::current_dir().unwrap();
        let file = |name: &str| here.join(name).to_str().unwrap().to_owned();
        let model = Key::file_to_save("model", "Model file", ".zip");
        assert_eq!(model.check("mm").unwrap(), file("mm.zip"));
        assert!(refusal(&model, "mm.tif").contains("model=mm.tif is not possible: it ends in .tif"));
        assert!(refusal(&model, " ").contains("name a file"));
        assert_eq!(model.clone().optional().check("").unwrap(), "");
        assert_eq!(Key::model("model", "Model").check("sample-cathode").unwrap(), "sample-cathode");
        assert_eq!(Key::model("model", "Model").check("./mm").unwrap(), file("mm"));
        assert_eq!(Key::folder("folder", "Folder").check("here").unwrap(), file("here"));
        let transform = Key::choice_or_file("transform", "Transform", &["Rigid"], ".json");
        assert_eq!(transform.check("rigid").unwrap(), "Rigid");
        assert_eq!(transform.check("t.json").unwrap(), file("t.json"));
        // Images belong to the host.
        assert_eq!(Key::image("image", "Image", Absent::Active).check("~").unwrap(), "~");
    }
}
