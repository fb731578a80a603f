//! A package's metadata, for display.

use std::io::{Read, Seek};

use super::{
    Author, Citation, README, Reason,
    opened::{NO_TEST, Package, file_name},
    verify::Verification,
    yaml::Yaml,
};
use crate::{
    model::{Card, Loaded},
    picture::Picture,
};

const MOST_README_BYTES: u64 = 256 << 10;
const MOST_COVER_BYTES: u64 = 8 << 20;

const TOO_LONG: &str = "it was not run on its test image, which would take long: Verify does that";

/// What a package says of itself. Nothing in it is known to be true but what [`runs`](Self::runs) says.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The model's name.
    pub name: String,
    /// A sentence or two.
    pub description: String,
    /// The version of bioimage.io's specification that it follows.
    pub format: String,
    /// Who made it.
    pub authors: Vec<Author>,
    /// Its licence, as SPDX names it.
    pub licence: String,
    /// What to cite.
    pub cite: Vec<Citation>,
    /// Its README, in Markdown; empty for none.
    pub readme: String,
    /// Its cover, if it has one that can be shown.
    pub cover: Option<Picture>,
    /// What was trained on what; absent for models of other programs.
    pub card: Option<Card>,
    /// Whether it reproduces its test image, or why it cannot run here. Nothing is known of a network so large that the
    /// test would take long: that is left to [`verify`](crate::model::verify). Nor is anything known without a test image.
    pub runs: Result<Option<Verification>, String>,
    /// Why nothing is known of a model that may run.
    pub untried: Option<&'static str>,
}

impl Facts {
    /// Reads a package from memory or anything else that can be read at any place.
    ///
    /// # Errors
    /// In words: when it is no bioimage.io package.
    pub fn read(package: impl Read + Seek) -> Result<Self, String> {
        super::facts(package).map_err(|Reason(reason)| reason)
    }
}

impl<R: Read + Seek> Package<R> {
    /// The package's metadata for display, whether or not the model runs here.
    pub fn facts(&mut self) -> Facts {
        let readme = self.rdf.get("documentation").and_then(file_name).unwrap_or(README).to_owned();
        let readme = self.archive.read(&readme, MOST_README_BYTES).unwrap_or_default();
        let covers = self.rdf.list_at("covers").iter().filter_map(file_name);
        let cover = covers.map(str::to_owned).find(|name| name.to_ascii_lowercase().ends_with(".png"));
        let cover = cover.and_then(|name| self.archive.read(&name, MOST_COVER_BYTES).ok());
        let read = self.load();
        let card = match &read {
            Ok(Loaded::Own(model)) => Some(model.card.clone()),
            _ => None,
        };
        let untested = matches!(&read, Ok(Loaded::External(model)) if !model.has_test());
        let runs = read.and_then(|model| self.verify_if_quick(&model)).map_err(|Reason(reason)| reason);
        Facts {
            name: text(&self.rdf, "name"),
            description: text(&self.rdf, "description"),
            format: text(&self.rdf, "format_version"),
            authors: self.authors(),
            licence: text(&self.rdf, "license"),
            cite: self.citations(),
            readme: String::from_utf8_lossy(&readme).into_owned(),
            cover: cover.and_then(|bytes| Picture::from_png(&bytes)),
            card,
            untried: matches!(runs, Ok(None)).then_some(if untested { NO_TEST } else { TOO_LONG }),
            runs,
        }
    }

    fn authors(&self) -> Vec<Author> {
        let author = |yaml: &Yaml| Author { name: text(yaml, "name"), affiliation: text(yaml, "affiliation") };
        self.rdf.list_at("authors").iter().map(author).collect()
    }

    fn citations(&self) -> Vec<Citation> {
        let citation = |yaml: &Yaml| Citation { text: text(yaml, "text"), doi: text(yaml, "doi") };
        self.rdf.list_at("cite").iter().map(citation).collect()
    }
}

fn text(yaml: &Yaml, key: &str) -> String {
    super::credits::clean_text(yaml.text_at(key))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::tests::{package_of, zip};
    use super::*;
    use crate::model::{Credits, Packaging};

    #[test]
    fn a_package_tells_who_made_it_of_what_and_that_it_runs() {
        let credits = Credits::read("Ada Byron (London); Grace Hopper", "MIT", "Our sample 10.5281/zenodo.1").unwrap();
        let bytes = zip(&package_of(&Packaging { credits: credits.clone(), example: None }));
        let facts = Facts::read(Cursor::new(bytes)).unwrap();
        assert_eq!((facts.name.as_str(), facts.licence.as_str(), facts.format.as_str()), ("a model", "MIT", "0.5.3"));
        assert_eq!(facts.authors, credits.authors);
        assert_eq!(facts.cite[0], credits.cite[0]);
        assert!(facts.readme.starts_with("# a model"));
        let cover = facts.cover.unwrap();
        assert_eq!((cover.width, cover.height, cover.rgb.len()), (768, 384, 3 * 768 * 384));
        assert_eq!(facts.card.unwrap().scores.unwrap().restored, 26.0);
        assert!(facts.runs.unwrap().unwrap().passed());
    }
}
