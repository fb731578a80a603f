//! The table of a comparison as comma-separated values.

use std::{fmt::Write, io, path::Path};

use super::{Row, write_whole};
use crate::measure::Baselines;

const HEADINGS: &str = "network,layers,activation,channels,residual,parameters,epochs,best epoch,PSNR,paper PSNR,\
                        raw PSNR,matched PSNR,filtered PSNR,seconds,model,note";

pub(super) fn write(path: &Path, rows: &[Row], baselines: Option<&Baselines>) -> io::Result<()> {
    write_whole(path, text(rows, baselines).as_bytes())
}

fn text(rows: &[Row], baselines: Option<&Baselines>) -> String {
    let mut text = format!("{HEADINGS}\n");
    let [raw, matched, filtered] = match baselines {
        None => [const { String::new() }; 3],
        Some(b) => [b.raw.psnr, b.matched.psnr, b.filtered.psnr].map(|psnr| format!("{psnr:.3}")),
    };
    for row in rows {
        let spec = row.spec;
        let model = row.model.file_name().unwrap_or_default().to_string_lossy();
        let psnr = if row.psnr.is_nan() { String::new() } else { format!("{:.3}", row.psnr) };
        writeln!(
            text,
            "{},{},{},{},{},{},{},{},{psnr},{},{raw},{matched},{filtered},{:.1},{model},{}",
            spec.network,
            spec.layers,
            spec.activation,
            spec.channels,
            spec.residual,
            row.parameters,
            row.epochs,
            row.best_epoch,
            row.paper(),
            row.seconds,
            quoted(&row.note)
        )
        .expect("text grows as long as there is memory");
    }
    text
}

/// A field that may hold commas.
fn quoted(field: &str) -> String {
    match field.is_empty() {
        true => String::new(),
        false => format!("\"{}\"", field.replace('"', "\"\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        measure::Score,
        network::{Activation, Architecture, Spec},
    };

    #[test]
    fn every_row_has_every_field() {
        let spec = Spec {
            network: Architecture::RedNet,
            layers: 6,
            activation: Activation::Prelu,
            channels: 32,
            residual: false,
        };
        let row = Row {
            spec,
            parameters: 93_441,
            best_epoch: 7,
            epochs: 9,
            psnr: 25.125,
            seconds: 60.0,
            note: "it said \"no\", twice".to_owned(),
            model: "a/red-net-6-prelu.zip".into(),
        };
        let score = |psnr| Score { psnr, ssim: 0.5 };
        let baselines = Baselines { raw: score(12.8), matched: score(14.0), filtered: score(20.0), sigma: 1.0 };
        let rows = [row.clone(), Row { note: String::new(), psnr: f64::NAN, ..row }];
        let text = text(&rows, Some(&baselines));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[1],
            "RED-Net,6,PReLU,32,false,93441,9,7,25.125,>30,12.800,14.000,20.000,60.0,red-net-6-prelu.zip,\
             \"it said \"\"no\"\", twice\""
        );
        assert_eq!(lines[2].split(',').count(), HEADINGS.split(',').count());
    }
}
