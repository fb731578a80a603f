//! The package's README: what was trained on what, and how well it did.

use std::fmt::Write;

use undulator_compute::network::Plan;

use crate::model::{Card, Epoch, Scores};

/// Rows of the validation curve.
const MOST_ROWS: usize = 25;

/// The README of a model, in Markdown.
pub(super) fn readme(name: &str, card: &Card, plan: &Plan) -> String {
    let training = &card.training;
    let mut out = format!(
        "# {name}\n\n\
         Gives slices of a laboratory X-ray CT the look of a synchrotron CT of the same kind of sample. Trained by \
         Undulator, a plugin for ImageJ and Fiji, after Kodama et al., Energy and AI 14 (2023) 100305.\n\n\
         The model knows one sample, one laboratory scanner and one setting. On other data it may draw structures that \
         are not there: check it against a measured reference first.\n\n\
         ## Use\n\n\
         - Slices one by one (2D), raw grey values in, raw grey values out: the grey windows are in the pre- and \
         postprocessing.\n\
         - Voxel size: {voxel}. Resample other stacks to it first.\n\
         - Width and height: multiples of {multiple}; tiles of at least {tile} pixels, {halo} pixels at each edge lost.\n\n\
         ## Training\n\n\
         | | |\n| --- | --- |\n",
        voxel = training.voxel,
        multiple = plan.multiple,
        tile = plan.least_tile(),
        halo = plan.halo(),
    );
    for (what, value) in card.summary() {
        let _ = writeln!(out, "| {what} | {} |", value.replace('|', "/"));
    }
    out.push_str("\n## Validation\n\n");
    match &card.scores {
        Some(scores) => validation(scores, &mut out),
        None => out.push_str("No slices were held back: how well the model does on unseen slices is not known.\n"),
    }
    curve(&training.history, &mut out);
    out
}

fn validation(scores: &Scores, out: &mut String) {
    let _ = write!(
        out,
        "PSNR on the slices held back, on 8 bits in the grey windows. What simple means reach stands beside it.\n\n\
         | | PSNR, dB |\n| --- | --- |\n\
         | restored by this model | {:.2} |\n\
         | laboratory as it is | {:.2} |\n\
         | grey values matched by a straight line | {:.2} |\n\
         | Gaussian-filtered and matched | {:.2} |\n",
        scores.restored, scores.raw, scores.matched, scores.filtered
    );
}

/// Some epochs of the history, the last among them.
fn curve(history: &[Epoch], out: &mut String) {
    if history.is_empty() {
        return;
    }
    out.push_str("\n| epoch | training loss | validation PSNR, dB |\n| --- | --- | --- |\n");
    let step = history.len().div_ceil(MOST_ROWS);
    let last = history.len() - 1;
    for epoch in history.iter().enumerate().filter(|(at, _)| (last - at).is_multiple_of(step)).map(|(_, epoch)| epoch) {
        let psnr = epoch.psnr.map_or("—".to_owned(), |psnr| format!("{psnr:.2}"));
        let _ = writeln!(out, "| {} | {:.6} | {psnr} |", epoch.epoch, epoch.loss);
    }
}
