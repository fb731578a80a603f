//! The package's description, `rdf.yaml`: bioimage.io's model specification 0.5.3.
//!
//! Documentation and covers are bare strings, as JDLL and deepImageJ want them, which later versions no longer allow; and
//! axes have no scale, which not every reader takes for the voxel size. Grey windows are standard pre- and
//! postprocessing, so that every program starts from raw grey values.

use std::time::{SystemTime, UNIX_EPOCH};

use undulator_compute::network::{Activation, Architecture, Plan};
use undulator_onnx::{INPUT, OPSET, OUTPUT};

use super::{
    CARD, COVER, FORMAT, README, TEST_INPUT, TEST_OUTPUT, VERSION, WEIGHTS, WEIGHTS_ONNX,
    credits::{Credits, clean_author, clean_text},
    verify::TOLERANCE,
    yaml::Yaml,
};
use crate::model::Card;

/// What the description is made of.
pub(super) struct Facts<'a> {
    pub name: &'a str,
    pub card: &'a Card,
    pub plan: &'a Plan,
    pub credits: &'a Credits,
    /// Every file and its sha256, in hexadecimal digits.
    pub files: &'a [(&'static str, String)],
}

impl Facts<'_> {
    /// The whole description.
    pub fn describe(&self) -> Yaml {
        let list = |texts: &[&str]| Yaml::List(texts.iter().map(|text| Yaml::text(*text)).collect());
        let network = match self.card.network.network {
            Architecture::RedNet => "red-net",
            Architecture::Srcnn => "srcnn",
        };
        let tags = ["2d", "image-restoration", "denoising", "x-ray-computed-tomography", "onnx", "undulator", network];
        let attached = [CARD, WEIGHTS, README, COVER].map(|name| self.file(name, []));
        Yaml::map([
            ("format_version", Yaml::text("0.5.3")),
            ("type", Yaml::text("model")),
            ("id", Yaml::text(self.id())),
            ("name", Yaml::text(self.name)),
            ("description", Yaml::text(self.description())),
            ("version", Yaml::text("0.1.0")),
            ("timestamp", Yaml::text(now())),
            ("license", Yaml::text(&self.credits.licence)),
            ("authors", self.authors()),
            ("cite", self.cite()),
            ("tags", list(&tags)),
            ("documentation", Yaml::text(README)),
            ("covers", list(&[COVER])),
            ("inputs", Yaml::List(vec![self.input()])),
            ("outputs", Yaml::List(vec![self.output()])),
            (
                "weights",
                Yaml::map([("onnx", self.file(WEIGHTS_ONNX, [("opset_version", Yaml::integer(OPSET as usize))]))]),
            ),
            ("attachments", Yaml::List(attached.to_vec())),
            ("config", self.config()),
        ])
    }

    /// Stays the same for the same weights, and differs for others of the same name.
    fn id(&self) -> String {
        let allowed = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        let name: String = self.name.chars().map(allowed).collect();
        format!("{}-{}", name.trim_matches('-'), &self.sha256(WEIGHTS_ONNX)[..8])
    }

    fn description(&self) -> String {
        format!(
            "Gives slices of a laboratory X-ray CT the look of a synchrotron CT. {}, trained by Undulator at a voxel size \
             of {}.",
            self.card.network, self.card.training.voxel
        )
    }

    fn authors(&self) -> Yaml {
        let author = |name: &str, affiliation: &str| {
            let mut entries = vec![("name".to_owned(), Yaml::text(clean_author(name)))];
            if !affiliation.trim().is_empty() {
                entries.push(("affiliation".to_owned(), Yaml::text(clean_text(affiliation))));
            }
            Yaml::Map(entries)
        };
        let named = self.credits.authors.iter().filter(|author| !author.name.trim().is_empty());
        let mut authors: Vec<Yaml> = named.map(|one| author(&one.name, &one.affiliation)).collect();
        if authors.is_empty() {
            authors.push(author("A user of Undulator", ""));
        }
        Yaml::List(authors)
    }

    /// The user's citations, then the papers of the method.
    fn cite(&self) -> Yaml {
        let entry = |text: &str, doi: &str| Yaml::map([("text", Yaml::text(text)), ("doi", Yaml::text(doi))]);
        let own = self.credits.cite.iter().map(|citation| entry(&clean_text(&citation.text), &citation.doi));
        let mut cite: Vec<Yaml> = own.collect();
        cite.push(entry("Kodama et al., Energy and AI 14 (2023) 100305: the method", "10.1016/j.egyai.2023.100305"));
        cite.push(match self.card.network.network {
            Architecture::RedNet => entry(
                "Mao, Shen and Yang, Image Restoration Using Very Deep Convolutional Encoder-Decoder Networks with \
                 Symmetric Skip Connections (2016): the network",
                "10.48550/arXiv.1603.09056",
            ),
            Architecture::Srcnn => entry(
                "Dong, Loy, He and Tang, IEEE Transactions on Pattern Analysis and Machine Intelligence 38 (2016) 295: the \
                 network",
                "10.1109/TPAMI.2015.2439281",
            ),
        });
        if self.card.network.activation == Activation::Prelu {
            cite.push(entry("He, Zhang, Ren and Sun, ICCV 2015: PReLU", "10.1109/ICCV.2015.123"));
        }
        Yaml::List(cite)
    }

    fn input(&self) -> Yaml {
        let side = |id: &str| {
            let (min, step) = (Yaml::integer(self.plan.least_tile()), Yaml::integer(self.plan.multiple));
            let size = Yaml::map([("min", min), ("step", step)]);
            Yaml::map([("type", Yaml::text("space")), ("id", Yaml::text(id)), ("size", size)])
        };
        let window = self.card.input_window;
        let (low, width) = (f64::from(window.low), f64::from(window.high - window.low));
        let mut steps = vec![as_float()];
        // First the offset, then the gain: the other way round, rounding would cost digits of narrow windows.
        steps.extend(scale(1.0, -low));
        steps.extend(scale(1.0 / width, 0.0));
        Yaml::map([
            ("id", Yaml::text(INPUT)),
            ("description", Yaml::text("a slice of a laboratory CT, raw grey values")),
            ("axes", axes("laboratory", [side("y"), side("x")])),
            ("data", data()),
            ("preprocessing", Yaml::List(steps)),
            ("test_tensor", self.file(TEST_INPUT, [])),
        ])
    }

    fn output(&self) -> Yaml {
        let side = |id: &str| {
            let size = Yaml::map([("tensor_id", Yaml::text(INPUT)), ("axis_id", Yaml::text(id))]);
            let halo = Yaml::integer(self.plan.halo());
            Yaml::map([("type", Yaml::text("space")), ("id", Yaml::text(id)), ("size", size), ("halo", halo)])
        };
        let window = self.card.output_window;
        let mut steps: Vec<Yaml> = scale(f64::from(window.high - window.low), f64::from(window.low)).collect();
        if let Some([low, high]) = self.card.output_scale.ends(self.card.output_grey) {
            let range = Yaml::map([("min", Yaml::number(low.into())), ("max", Yaml::number(high.into()))]);
            steps.push(Yaml::map([("id", Yaml::text("clip")), ("kwargs", range)]));
        }
        steps.push(as_float());
        Yaml::map([
            ("id", Yaml::text(OUTPUT)),
            ("description", Yaml::text("the slice with the look of the synchrotron CT, in its grey values")),
            ("axes", axes("restored", [side("y"), side("x")])),
            ("data", data()),
            ("postprocessing", Yaml::List(steps)),
            ("test_tensor", self.file(TEST_OUTPUT, [])),
        ])
    }

    fn config(&self) -> Yaml {
        let window = self.card.output_window;
        let tolerance = Yaml::map([
            ("relative_tolerance", Yaml::number(0.0)),
            ("absolute_tolerance", Yaml::number(f64::from(TOLERANCE) * f64::from(window.high - window.low))),
            ("mismatched_elements_per_million", Yaml::integer(0)),
        ]);
        let own = Yaml::map([
            ("format", Yaml::text(FORMAT)),
            ("version", Yaml::integer(VERSION)),
            ("written_by", Yaml::text(format!("undulator {}", env!("CARGO_PKG_VERSION")))),
            ("card", Yaml::text(CARD)),
            ("weights", Yaml::text(WEIGHTS)),
        ]);
        let checks = Yaml::map([("reproducibility_tolerance", Yaml::List(vec![tolerance]))]);
        Yaml::map([("bioimageio", checks), ("undulator", own)])
    }

    /// A file with its checksum, and what else is to be said of it.
    fn file<const N: usize>(&self, name: &str, more: [(&str, Yaml); N]) -> Yaml {
        let mut entries =
            vec![("source".to_owned(), Yaml::text(name)), ("sha256".to_owned(), Yaml::text(self.sha256(name)))];
        entries.extend(more.into_iter().map(|(key, value)| (key.to_owned(), value)));
        Yaml::Map(entries)
    }

    fn sha256(&self, name: &str) -> &str {
        self.files.iter().find(|(file, _)| *file == name).map_or("", |(_, sum)| sum)
    }
}

fn axes(channel: &str, sides: [Yaml; 2]) -> Yaml {
    let names = Yaml::List(vec![Yaml::text(channel)]);
    let mut axes = vec![
        Yaml::map([("type", Yaml::text("batch"))]),
        Yaml::map([("type", Yaml::text("channel")), ("channel_names", names)]),
    ];
    axes.extend(sides);
    Yaml::List(axes)
}

fn data() -> Yaml {
    Yaml::map([
        ("type", Yaml::text("float32")),
        ("range", Yaml::List(vec![Yaml::null(), Yaml::null()])),
        ("unit", Yaml::text("arbitrary unit")),
    ])
}

fn as_float() -> Yaml {
    Yaml::map([("id", Yaml::text("ensure_dtype")), ("kwargs", Yaml::map([("dtype", Yaml::text("float32"))]))])
}

/// `gain × grey + offset`, unless that changes nothing, which the specification refuses.
fn scale(gain: f64, offset: f64) -> impl Iterator<Item = Yaml> {
    let one = |value| Yaml::List(vec![Yaml::number(value)]);
    let kwargs = Yaml::map([("axis", Yaml::text("channel")), ("gain", one(gain)), ("offset", one(offset))]);
    let step = Yaml::map([("id", Yaml::text("scale_linear")), ("kwargs", kwargs)]);
    (gain != 1.0 || offset != 0.0).then_some(step).into_iter()
}

/// Now, as ISO 8601 has it.
fn now() -> String {
    // A clock before 1970 is wrong anyway.
    iso_8601(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}

/// The proleptic Gregorian calendar in the era's own days, from March to February, so that leap days come last.
fn iso_8601(seconds: u64) -> String {
    let (days, time) = (seconds / 86_400, seconds % 86_400);
    let day = days + 719_468; // From the first of March of year 0.
    let (era, of_era) = (day / 146_097, day % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let (day, month) =
        (of_year - (153 * from_march + 2) / 5 + 1, if from_march < 10 { from_march + 3 } else { from_march - 9 });
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}+00:00", time / 3_600, time / 60 % 60, time % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        // By GNU date: date -u -d @N +%FT%T+00:00
        assert_eq!(iso_8601(0), "1970-01-01T00:00:00+00:00");
        assert_eq!(iso_8601(951_782_400), "2000-02-29T00:00:00+00:00");
        assert_eq!(iso_8601(1_795_391_999), "2026-11-22T23:59:59+00:00");
        assert_eq!(iso_8601(4_107_542_400), "2100-03-01T00:00:00+00:00");
    }

    #[test]
    fn a_scale_that_changes_nothing_is_left_out() {
        assert_eq!(scale(1.0, 0.0).count() + scale(1.0, -0.0).count(), 0);
        assert_eq!(scale(1.0, 3.0).count() + scale(2.0, 0.0).count(), 2);
    }
}
