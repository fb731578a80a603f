//! What a package says of itself, for people.

use std::io::{Read, Seek};

use super::{Author, Citation, Package, README, Reason, verify::Verification, yaml::Yaml};
use crate::{model::Card, picture::Picture};

const MOST_README_BYTES: u64 = 256 << 10;
const MOST_COVER_BYTES: u64 = 8 << 20;

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
    /// test would take long: that is left to [`verify`](crate::model::verify).
    pub runs: Result<Option<Verification>, String>,
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
    /// Everything that is to be shown of the package, whether or not it can run.
    pub fn facts(&mut self) -> Facts {
        let readme = self.file("documentation").unwrap_or_else(|| README.to_owned());
        let readme = self.archive.read(&readme, MOST_README_BYTES).unwrap_or_default();
        let covers = self.rdf.get("covers").map(texts).unwrap_or_default();
        let cover = covers.iter().find(|name| name.to_ascii_lowercase().ends_with(".png"));
        let cover = cover.and_then(|name| self.archive.read(name, MOST_COVER_BYTES).ok());
        let read = self.model();
        let card = read.as_ref().ok().map(|model| model.card.clone());
        let runs = read.and_then(|model| self.verify_if_quick(&model)).map_err(|Reason(reason)| reason);
        Facts {
            name: self.text("name"),
            description: self.text("description"),
            format: self.text("format_version"),
            authors: self.authors(),
            licence: self.text("license"),
            cite: self.citations(),
            readme: String::from_utf8_lossy(&readme).into_owned(),
            cover: cover.and_then(|bytes| Picture::from_png(&bytes)),
            card,
            runs,
        }
    }

    fn text(&self, key: &str) -> String {
        text(self.rdf.get(key))
    }

    /// A file that stands alone or with its checksum.
    fn file(&self, key: &str) -> Option<String> {
        let entry = self.rdf.get(key)?;
        entry.as_text().or_else(|| entry.get("source")?.as_text()).map(str::to_owned)
    }

    fn authors(&self) -> Vec<Author> {
        let author = |yaml: &Yaml| Author { name: text(yaml.get("name")), affiliation: text(yaml.get("affiliation")) };
        items(self.rdf.get("authors")).iter().map(author).collect()
    }

    fn citations(&self) -> Vec<Citation> {
        let citation = |yaml: &Yaml| Citation { text: text(yaml.get("text")), doi: text(yaml.get("doi")) };
        items(self.rdf.get("cite")).iter().map(citation).collect()
    }
}

fn text(yaml: Option<&Yaml>) -> String {
    super::credits::clean_text(yaml.and_then(Yaml::as_text).unwrap_or_default())
}

fn items(yaml: Option<&Yaml>) -> &[Yaml] {
    if let Some(Yaml::List(items)) = yaml { items } else { &[] }
}

/// A list of texts, or of maps that have a source.
fn texts(yaml: &Yaml) -> Vec<String> {
    let name = |item: &Yaml| item.as_text().or_else(|| item.get("source")?.as_text()).map(str::to_owned);
    items(Some(yaml)).iter().filter_map(name).collect()
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
