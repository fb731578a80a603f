//! Units of length: what programs write for them, and how long they are.
//!
//! Inside this crate a voxel size is in micrometres wherever its unit is known. Everything that comes from or goes to a
//! user is converted here, and nowhere else.

/// The unit inside this crate.
pub const MICROMETRE: &str = "µm";

/// Micrometres in one unit, as a fraction of whole numbers, so that 600 nm are 0.6 µm exactly.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Length {
    micrometres: f64,
    per: f64,
}

const fn length(micrometres: f64, per: f64) -> Option<Length> {
    Some(Length { micrometres, per })
}

/// The length that a unit names; `None` for "pixel", for nothing, and for words that are no lengths.
fn of(unit: &str) -> Option<Length> {
    let unit = unit.trim();
    // Capitals make other units of these: megametres, petametres, moles per litre.
    if matches!(unit, "Mm" | "Pm" | "PM" | "M") {
        return None;
    }
    let unit = unit.to_lowercase().replace("\\u00b5", "µ").replace("\\u03bc", "µ").replace("\\u00c5", "å");
    // Two characters of Unicode look like micro; the pair is UTF-8 that was read as Latin-1.
    let unit = unit.replace("âµ", "µ").replace('μ', "µ");
    let singular = match unit.as_str() {
        "inches" => "inch",
        words if words.chars().count() > 3 => words.strip_suffix('s').unwrap_or(words),
        symbol => symbol,
    };
    match singular {
        "pm" | "picometer" | "picometre" => length(1.0, 1e6),
        "å" | "angstrom" | "ångström" | "ångstrom" | "angström" => length(1.0, 1e4),
        "nm" | "㎚" | "nanometer" | "nanometre" => length(1.0, 1e3),
        "µm" | "µ" | "um" | "㎛" | "micron" | "micrometer" | "micrometre" => length(1.0, 1.0),
        "mm" | "㎜" | "millimeter" | "millimetre" => length(1e3, 1.0),
        "cm" | "㎝" | "centimeter" | "centimetre" => length(1e4, 1.0),
        "in" | "inch" | "\"" => length(25_400.0, 1.0),
        "m" | "meter" | "metre" => length(1e6, 1.0),
        _ => None,
    }
}

/// Whether the unit names a length.
///
/// ```
/// use undulator::stack::length;
///
/// assert!(length::is_known("nm") && length::is_known("microns"));
/// assert!(!length::is_known("pixel") && !length::is_known(""));
/// ```
pub fn is_known(unit: &str) -> bool {
    of(unit).is_some()
}

/// A length in `unit`, in micrometres; as it is if the unit is unknown.
///
/// ```
/// use undulator::stack::length;
///
/// assert_eq!(length::to_micrometres(600.0, "nm"), 0.6);
/// assert_eq!(length::to_micrometres(600.0, "pixel"), 600.0);
/// ```
pub fn to_micrometres(value: f64, unit: &str) -> f64 {
    match of(unit) {
        Some(Length { micrometres, per }) if micrometres != per => tidy(value * micrometres / per),
        _ => value,
    }
}

/// A length in micrometres, in `unit`: what [`to_micrometres`] undoes.
pub fn from_micrometres(value: f64, unit: &str) -> f64 {
    match of(unit) {
        Some(Length { micrometres, per }) if micrometres != per => tidy(value * per / micrometres),
        _ => value,
    }
}

/// To 15 digits, which is as many as survive there and back.
fn tidy(value: f64) -> f64 {
    format!("{value:.14e}").parse().unwrap_or(value)
}

/// A number for a message: six digits, since files hold lengths as fractions that are a hair off.
pub(crate) fn short(value: f64) -> String {
    format!("{value:.5e}").parse().unwrap_or(value).to_string()
}

/// What the unit is called in a message.
pub fn name(unit: &str) -> &str {
    if unit.trim().is_empty() { "no unit" } else { unit.trim() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_writing_a_unit_is_the_same_length() {
        for (micrometres, names) in [
            (
                1.0,
                "µm|\u{3bc}m|um|uM|UM|micron|microns|Micron|micrometer|micrometre|micrometers|µ|\\u00B5m|\\u03bcm| µm ",
            ),
            (1e-3, "nm|NM|nanometer|nanometres"),
            (1e-4, "Å|\u{212b}|angstrom|Angstroms|ångström|\\u00c5"),
            (1e-6, "pm|picometre"),
            (1e3, "mm|MM|millimeter|Millimetres"),
            (1e4, "cm|centimeters"),
            (1e6, "m|metre|Meter|meters"),
            (25_400.0, "inch|in|inches|Inch|\""),
        ] {
            for name in names.split('|') {
                assert!(is_known(name), "{name}");
                assert_eq!(to_micrometres(1.0, name), micrometres, "{name}");
            }
        }
        for unknown in ["pixel", "pixels", "voxel", "", " ", "sec", "Mm", "M", "degrees", "s", "µs", "foo"] {
            assert!(!is_known(unknown), "{unknown}");
            assert_eq!(to_micrometres(0.6, unknown), 0.6, "{unknown}");
        }
    }

    #[test]
    fn messages_have_short_numbers() {
        let shown = [0.600_000_240_000_096, 9600.0, 0.0288, 1e-7, f64::NAN].map(short);
        assert_eq!(shown, ["0.6", "9600", "0.0288", "0.0000001", "NaN"]);
    }

    #[test]
    fn lengths_come_back_as_they_were() {
        for unit in ["nm", "mm", "inch", "Å", "pm", "m", "cm", "µm", "pixel"] {
            for value in [0.6, 600.0, 0.31, 1e-7, 123.456, 25.4] {
                assert_eq!(from_micrometres(to_micrometres(value, unit), unit), value, "{value} {unit}");
            }
        }
        assert_eq!(to_micrometres(0.0006, "mm"), 0.6);
        assert_eq!(from_micrometres(0.6, "mm"), 0.0006);
    }
}
