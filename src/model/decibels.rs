//! PSNR in JSON, which has no infinity: equal images have `"infinite"`.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

const INFINITE: &str = "infinite";

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Number(f64),
    Word(String),
}

impl From<f64> for Written {
    fn from(psnr: f64) -> Self {
        if psnr == f64::INFINITY { Self::Word(INFINITE.to_owned()) } else { Self::Number(psnr) }
    }
}

impl Written {
    fn psnr<E: Error>(self) -> Result<f64, E> {
        match self {
            Self::Number(psnr) => Ok(psnr),
            Self::Word(word) if word == INFINITE => Ok(f64::INFINITY),
            Self::Word(word) => Err(E::custom(format!("{word:?} is no PSNR"))),
        }
    }
}

pub fn serialize<S: Serializer>(psnr: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    Written::from(*psnr).serialize(serializer)
}

pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Written::deserialize(deserializer)?.psnr()
}

/// Of slices that may not be there.
pub mod optional {
    use super::*;

    pub fn serialize<S: Serializer>(psnr: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
        psnr.map(Written::from).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
        Option::<Written>::deserialize(deserializer)?.map(Written::psnr).transpose()
    }
}

#[cfg(test)]
mod tests {
    use crate::model::{Epoch, Scores};

    #[test]
    fn infinite_scores_come_back() {
        let scores = Scores { restored: 20.5, raw: 12.0, matched: f64::INFINITY, filtered: f64::INFINITY };
        let text = serde_json::to_string(&scores).unwrap();
        assert_eq!(serde_json::from_str::<Scores>(&text).unwrap(), scores);
        for psnr in [None, Some(21.25), Some(f64::INFINITY)] {
            let epoch = Epoch { psnr, ..Default::default() };
            let text = serde_json::to_string(&epoch).unwrap();
            assert_eq!(serde_json::from_str::<Epoch>(&text).unwrap(), epoch);
        }
        assert!(serde_json::from_str::<Scores>(&text.replace("infinite", "large")).is_err());
    }
}
