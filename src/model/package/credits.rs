//! Who made a model, and what others may do with it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Licences to choose from: those of the SPDX list that suit data and models.
pub const LICENCES: [&str; 8] =
    ["CC-BY-4.0", "CC0-1.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "MIT", "BSD-3-Clause", "Apache-2.0", "GPL-3.0-or-later"];

/// Names have at most this many characters, and at least [`SHORTEST_NAME`].
const LONGEST_NAME: usize = 64;
const SHORTEST_NAME: usize = 5;
const LONGEST_TEXT: usize = 500;

/// Who made a model, its name, and what others may do with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credits {
    /// The model's name; empty for one made of the file's name.
    pub name: String,
    /// Who made it; empty when nobody wants to be named.
    pub authors: Vec<Author>,
    /// One of [`LICENCES`].
    pub licence: String,
    /// What to cite beside the papers of the method.
    pub cite: Vec<Citation>,
}

/// One author.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// The full name.
    pub name: String,
    /// Institute or company; may be empty.
    pub affiliation: String,
}

/// Something to cite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Citation {
    /// Authors, title, journal, in any form.
    pub text: String,
    /// Its digital object identifier, such as `10.1016/j.egyai.2023.100305`.
    pub doi: String,
}

impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if self.affiliation.is_empty() { Ok(()) } else { write!(f, " ({})", self.affiliation) }
    }
}

impl fmt::Display for Citation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.text, self.doi)
    }
}

impl Default for Credits {
    fn default() -> Self {
        Self { name: String::new(), authors: Vec::new(), licence: LICENCES[0].to_owned(), cite: Vec::new() }
    }
}

/// Why credits cannot go into a package.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreditsError {
    /// A licence that is none of the known ones.
    #[error("licence={0} is not known: choose one of {list}", list = LICENCES.join(", "))]
    Licence(String),
    /// A digital object identifier that is none.
    #[error(
        "{0:?} is not a DOI: end a citation with one, as 10.1016/j.egyai.2023.100305, without an address before it"
    )]
    Doi(String),
}

impl Credits {
    /// Reads credits as a user types them: authors as `Ada Lovelace (University of London); Grace Hopper`, citations as
    /// `text 10.1016/j.egyai.2023.100305; more text 10.5281/zenodo.1`, the text of which may be left out.
    ///
    /// # Errors
    /// When the licence is none of [`LICENCES`], or a citation does not end with a DOI.
    ///
    /// ```
    /// use undulator::model::Credits;
    ///
    /// let credits = Credits::read("Ada Lovelace (London); Grace Hopper", "MIT", "Our sample 10.5281/zenodo.1")?;
    /// assert_eq!(credits.authors[0].affiliation, "London");
    /// assert_eq!(credits.authors[1].name, "Grace Hopper");
    /// assert_eq!((credits.cite[0].text.as_str(), credits.cite[0].doi.as_str()), ("Our sample", "10.5281/zenodo.1"));
    /// # Ok::<(), undulator::model::CreditsError>(())
    /// ```
    pub fn read(authors: &str, licence: &str, cite: &str) -> Result<Self, CreditsError> {
        fn parts(text: &str) -> impl Iterator<Item = &str> {
            text.split(';').map(str::trim).filter(|part| !part.is_empty())
        }
        let author = |text: &str| match text.strip_suffix(')').and_then(|text| text.split_once('(')) {
            Some((name, place)) => Author { name: name.trim().to_owned(), affiliation: place.trim().to_owned() },
            None => Author { name: text.to_owned(), affiliation: String::new() },
        };
        let citation = |entry: &str| {
            let (text, doi) = entry.rsplit_once(char::is_whitespace).unwrap_or((entry, entry));
            Citation { text: text.trim().to_owned(), doi: doi.to_owned() }
        };
        let credits = Self {
            name: String::new(),
            authors: parts(authors).map(author).collect(),
            licence: licence.trim().to_owned(),
            cite: parts(cite).map(citation).collect(),
        };
        credits.check().map(|()| credits)
    }

    /// Refuses what no reader would accept and cleaning cannot mend.
    pub(super) fn check(&self) -> Result<(), CreditsError> {
        if !LICENCES.contains(&self.licence.as_str()) {
            return Err(CreditsError::Licence(self.licence.clone()));
        }
        let doi = |doi: &str| doi.starts_with("10.") && doi.contains('/') && doi.chars().all(|c| c.is_ascii_graphic());
        match self.cite.iter().find(|citation| !doi(&citation.doi)) {
            Some(citation) => Err(CreditsError::Doi(citation.doi.clone())),
            None => Ok(()),
        }
    }
}

/// A name as the specification wants it: 5 to 64 letters, digits, spaces and `_+-()`.
pub(super) fn clean_name(name: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+- ()".contains(c);
    let cleaned: String = name.trim().chars().map(|c| if allowed(c) { c } else { '_' }).take(LONGEST_NAME).collect();
    let cleaned = cleaned.trim();
    if cleaned.len() < SHORTEST_NAME { format!("Undulator {cleaned}").trim().to_owned() } else { cleaned.to_owned() }
}

/// Text in one line, without control characters.
pub(super) fn clean_text(text: &str) -> String {
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    text.trim().chars().map(shown).take(LONGEST_TEXT).collect()
}

/// An author's name: one line, no slashes.
pub(super) fn clean_author(name: &str) -> String {
    clean_text(name).replace(['/', '\\'], "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_what_the_specification_allows() {
        assert_eq!(clean_name("  Kathode: Zelle/3 (Müller) "), "Kathode_ Zelle_3 (M_ller)");
        assert_eq!(clean_name("a"), "Undulator a");
        assert_eq!(clean_name(""), "Undulator");
        assert_eq!(clean_name(&"x".repeat(200)).len(), 64);
        assert_eq!(clean_author("A/B\nC"), "A-B C");
    }

    #[test]
    fn an_unknown_licence_and_a_link_for_a_doi_are_refused() {
        let credits = Credits { licence: "mine".to_owned(), ..Default::default() };
        assert!(credits.check().unwrap_err().to_string().contains("CC-BY-4.0"));
        let cite = vec![Citation { text: "x".to_owned(), doi: "doi.org/10.1/2".to_owned() }];
        assert!(matches!(Credits { cite, ..Default::default() }.check(), Err(CreditsError::Doi(_))));
    }
}
