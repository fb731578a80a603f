//! What ImageJ writes beside the pixels: a text in the first page's description, and the page's resolution.
//!
//! `ij.io.FileSaver` writes it and `ij.io.FileOpener` reads it (version 1.54p); what they make of centimetres and inches
//! is made of them here, so that a voxel has the size that ImageJ shows.

use undulator::{
    command::FILLER,
    grey::Window,
    stack::{GreyType, length},
};

use super::{Axes, Calibration, directory::Directory, greys::Meaning};

/// How ImageJ's text begins.
const MARK: &str = "ImageJ=";

/// ImageJ's text, in keys and values.
pub struct Text<'a>(&'a str);

impl<'a> Text<'a> {
    /// The text of a page, if ImageJ wrote it or another program in its way.
    pub fn of(page: &'a Directory) -> Option<Self> {
        page.description.starts_with(MARK).then_some(Self(&page.description))
    }

    fn get(&self, key: &str) -> Option<&'a str> {
        self.0.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).map(str::trim)
    }

    fn count(&self, key: &str) -> usize {
        self.get(key).and_then(|count| count.parse::<f64>().ok()).map_or(1, |count| count.max(1.0) as usize)
    }

    /// How many pages there are, whether or not each has a directory.
    pub fn images(&self) -> usize {
        self.count("images")
    }

    /// Channels, slices and frames; all pages are slices where the text does not add up.
    pub fn axes(&self) -> Axes {
        let (channels, frames) = (self.count("channels"), self.count("frames"));
        match channels.saturating_mul(frames).saturating_mul(self.count("slices")) == self.images() {
            true => Axes { channels, frames },
            false => Axes { channels: 1, frames: 1 },
        }
    }

    /// What the numbers mean, if the text says it; ImageJ reads its function only with a unit.
    ///
    /// # Errors
    /// With what is wrong, for functions that are not followed here.
    pub fn meaning(&self, grey: GreyType) -> Result<Option<Meaning>, String> {
        let Some((function, _)) = self.get("cf").zip(self.get("vunit")) else { return Ok(None) };
        let Ok(function) = function.parse() else {
            return Err(format!("its grey calibration {function} is no number"));
        };
        let coefficient = |number| self.get(&format!("c{number}"))?.parse().ok();
        let coefficients: Vec<f64> = (0..5).map_while(coefficient).collect();
        Meaning::of(function, &coefficients, self.get("zeroclip") == Some("true"), grey).map(Some)
    }

    /// What the grey values are measured in; empty if the text does not say it.
    pub fn value_unit(&self) -> String {
        self.get("vunit").map(unescaped).filter(|unit| unit != GREY_VALUE).unwrap_or_default()
    }

    /// Whether it has filler, as Undulator marks it.
    pub fn has_filler(&self) -> bool {
        let (key, value) = FILLER;
        self.get(key) == Some(value)
    }

    /// Which numbers are shown as black and white.
    pub fn range(&self) -> Option<Window> {
        let end = |key| self.get(key)?.parse().ok();
        Window::new(end("min")?, end("max")?).ok()
    }
}

/// The voxel size as ImageJ reads it, of its own files and of others.
pub fn calibration(page: &Directory) -> Calibration {
    let text = Text::of(page);
    let [mut x, mut y] = page.edges.map(|edge| edge.unwrap_or(1.0));
    let mut unit = match page.resolution_unit {
        2 => "inch",
        3 => "cm",
        _ => "",
    }
    .to_owned();
    if unit == "inch" && (x * 72.0 - 1.0).abs() < 1e-6 {
        // Programs that know no resolution write that of old screens.
        (x, y, unit) = (1.0, 1.0, String::new());
    }
    let given = |key| text.as_ref().and_then(|text| text.get(key));
    if let Some(given) = given("unit") {
        unit = unescaped(given);
    }
    let spacing = given("spacing").and_then(|spacing| spacing.parse::<f64>().ok());
    let spacing = spacing.map(f64::abs).filter(|spacing| *spacing > 0.0 && spacing.is_finite());
    let mut z = spacing.unwrap_or(1.0);
    if unit == "cm" && x <= if text.is_some() { 1e-4 } else { 1e-3 } {
        (x, y, unit) = (x * 1e4, y * 1e4, length::MICROMETRE.to_owned());
        z *= if spacing.is_some() { 1e4 } else { 1.0 };
    }
    let calibrated = (x, y) != (1.0, 1.0);
    if unit.is_empty() || !calibrated && spacing.is_none() && text.is_none() {
        unit = "pixel".to_owned();
    }
    Calibration { edges: [x, y, z], unit, depth_missing: calibrated && spacing.is_none() }
}

/// What ImageJ calls grey values without a unit.
const GREY_VALUE: &str = "Gray Value";

/// Characters beyond ASCII stand as `\u00b5` in ImageJ's text. Programs that write it spell micrometres in several ways.
fn unescaped(words: &str) -> String {
    let mut units: Vec<u16> = Vec::new();
    let mut rest = words;
    while let Some(first) = rest.chars().next() {
        let code = rest.strip_prefix("\\u").and_then(|code| u16::from_str_radix(code.get(..4)?, 16).ok());
        match code {
            Some(code) => {
                units.push(code);
                rest = &rest[6..];
            }
            None => {
                units.extend(first.encode_utf16(&mut [0; 2]).iter());
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    let unit = String::from_utf16_lossy(&units);
    match unit.as_str() {
        "um" | "micron" | "microns" | "micrometer" | "μm" => length::MICROMETRE.to_owned(),
        _ => unit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(description: &str, edge: f64, resolution_unit: u64) -> Directory {
        let (description, edges) = (description.to_owned(), [Some(edge), Some(edge)]);
        Directory { description, edges, resolution_unit, ..Directory::default() }
    }

    #[test]
    fn voxels_are_as_large_as_in_imagej() {
        let own = calibration(&page("ImageJ=1.54p\nimages=4\nunit=\\u00B5m\nspacing=-0.6\n", 0.5, 1));
        assert_eq!((own.edges, own.unit.as_str()), ([0.5, 0.5, 0.6], "µm"));
        assert!(!own.depth_missing);
        let centimetres = calibration(&page("", 5e-5, 3));
        assert!((centimetres.edges[0] - 0.5).abs() < 1e-12 && centimetres.unit == "µm" && centimetres.depth_missing);
        let screen = calibration(&page("", 1.0 / 72.0, 2));
        assert_eq!((screen.edges, screen.unit.as_str()), ([1.0; 3], "pixel"));
    }

    #[test]
    fn axes_that_do_not_add_up_are_slices() {
        let page = |text: &str| page(text, 1.0, 1);
        let axes = |text: &str| Text::of(&page(text)).unwrap().axes();
        assert_eq!(axes("ImageJ=1\nimages=12\nchannels=2\nslices=3\nframes=2\n"), Axes { channels: 2, frames: 2 });
        assert_eq!(axes("ImageJ=1\nimages=12\nchannels=5\n"), Axes { channels: 1, frames: 1 });
    }

    #[test]
    fn units_are_unescaped() {
        assert_eq!(unescaped("\\u00b5m"), "µm");
        assert_eq!(unescaped("micron"), "µm");
        assert_eq!(unescaped("a\\u005cb\\"), "a\\b\\");
    }
}
