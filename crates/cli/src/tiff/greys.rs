//! What the numbers of a file mean, as ImageJ has it.

use undulator::stack::{GreyScale, GreyType};

/// What the numbers of a file mean.
#[derive(Clone, Debug, PartialEq)]
pub enum Meaning {
    /// They lie on a straight line.
    Line(GreyScale),
    /// They lie on a curve: the grey value of each number. Its grey values are 32-bit floats.
    Curve(Vec<f32>),
}

impl Meaning {
    /// Of ImageJ's calibration function (`cf=` in its text) with these coefficients; ImageJ sets values below 0 to 0 if
    /// `clipped`.
    ///
    /// # Errors
    /// With what is wrong, for functions that are not straight lines or polynomials.
    pub fn of(function: u32, coefficients: &[f64], clipped: bool, grey: GreyType) -> Result<Self, String> {
        let Some(white) = grey.white() else { return Ok(Self::Line(GreyScale::IDENTITY)) };
        let number = usize::try_from(function).unwrap_or(usize::MAX);
        if number > LAST_POLYNOMIAL {
            return Err(format!(
                "its grey values are calibrated by ImageJ's function {function}, which is not a polynomial: convert it to \
                 32 bits in ImageJ first"
            ));
        }
        let Some(coefficients) = coefficients.get(..number + 2) else {
            return Err("its grey calibration lacks coefficients: calibrate it again".to_owned());
        };
        if let ([offset, slope], false) = (coefficients, clipped) {
            let scale = GreyScale::new(*offset, *slope, grey);
            return scale.map(Self::Line).ok_or_else(|| {
                format!(
                    "its grey calibration, {offset} + {slope} × number, leaves no distinct values: mend or remove it"
                )
            });
        }
        let value = |number: u32| coefficients.iter().rev().fold(0.0, |sum, c| sum * f64::from(number) + c);
        let clip = |value: f64| if clipped { value.max(0.0) } else { value };
        Ok(Self::Curve((0..=white as u32).map(|number| clip(value(number)) as f32).collect()))
    }
}

/// ImageJ's polynomials are the functions 0, a straight line, to 3, of the fourth degree.
const LAST_POLYNOMIAL: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stay_lines_and_polynomials_become_tables() {
        let signed = Meaning::of(0, &[-32768.0, 1.0], false, GreyType::U16);
        assert_eq!(signed, Ok(Meaning::Line(GreyScale::SIGNED_16)));
        let Ok(Meaning::Curve(square)) = Meaning::of(1, &[1.0, 0.0, 2.0], false, GreyType::U8) else { panic!() };
        assert_eq!((square.len(), square[3]), (256, 19.0));
        let Ok(Meaning::Curve(clipped)) = Meaning::of(0, &[-10.0, 1.0], true, GreyType::U8) else { panic!() };
        assert_eq!((clipped[3], clipped[12]), (0.0, 2.0));
        assert_eq!(Meaning::of(0, &[-10.0, 2.0], false, GreyType::F32), Ok(Meaning::Line(GreyScale::IDENTITY)));
    }

    #[test]
    fn what_cannot_be_followed_is_refused() {
        let refused =
            |function, coefficients: &[f64]| Meaning::of(function, coefficients, false, GreyType::U8).unwrap_err();
        assert!(refused(7, &[1.0; 4]).contains("function 7"));
        assert!(refused(1, &[1.0]).contains("lacks coefficients"));
        assert!(refused(0, &[5.0, 0.0]).contains("5 + 0 × number"));
    }
}
