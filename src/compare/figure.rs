//! The figure of a comparison: PSNR against layers, and the paper's beside it.

use std::{io::Write, ops::Range, path::Path, sync::Once};

use plotters::{
    coord::Shift,
    prelude::*,
    style::{FontStyle, register_font, text_anchor::*},
};
use undulator_compute::network::{Activation, Architecture};

use super::{CompareError, Row};
use crate::{disk::write_whole, picture};

const WIDTH: u32 = 1200;
const HEIGHT: u32 = 600;

/// Colours that colour-blind people tell apart (Okabe and Ito 2008).
const RELU: RGBColor = RGBColor(0, 114, 178);
const PRELU: RGBColor = RGBColor(213, 94, 0);
const SRCNN: RGBColor = RGBColor(0, 158, 115);
const GREY: RGBColor = RGBColor(110, 110, 110);

/// One line of the figure: its name, colour, and points of (layers, PSNR).
struct Series {
    name: &'static str,
    colour: RGBColor,
    points: Vec<(f64, f64)>,
}

/// What one of the two panels shows.
struct Panel {
    title: &'static str,
    series: Vec<Series>,
    baselines: Vec<(&'static str, f64)>,
    /// A point of which only a lower bound is known.
    above: Option<(f64, f64)>,
}

/// Draws the figure to `path`, a PNG, and to the SVG of the same name.
pub(super) fn write(path: &Path, rows: &[Row]) -> Result<(), CompareError> {
    let panels = [measured(rows), paper()];
    let svg = path.with_extension("svg");
    let failed = |path: &Path, reason: String| CompareError::Figure { path: path.to_owned(), reason };
    let text = to_svg(&panels).map_err(|reason| failed(&svg, reason))?;
    let written = write_whole(&svg, |file| file.write_all(text.as_bytes()));
    written.map_err(|error| failed(&svg, error.to_string()))?;
    let bytes = to_png(&panels).map_err(|reason| failed(path, reason))?;
    let written = write_whole(path, |file| file.write_all(&bytes));
    written.map_err(|error| failed(path, error.to_string()))
}

fn to_svg(panels: &[Panel; 2]) -> Result<String, String> {
    let mut text = String::new();
    draw(SVGBackend::with_string(&mut text, (WIDTH, HEIGHT)).into_drawing_area(), panels)?;
    Ok(text)
}

fn to_png(panels: &[Panel; 2]) -> Result<Vec<u8>, String> {
    let mut pixels = vec![0; (3 * WIDTH * HEIGHT) as usize];
    draw(BitMapBackend::with_buffer(&mut pixels, (WIDTH, HEIGHT)).into_drawing_area(), panels)?;
    picture::to_png(&pixels, WIDTH, HEIGHT, picture::ColorType::Rgb).map_err(|error| error.to_string())
}

/// The panel of this comparison.
fn measured(rows: &[Row]) -> Panel {
    let points = |network, activation| {
        let wanted = |row: &&Row| row.spec.network == network && row.spec.activation == activation;
        let point = |row: &Row| Some((row.spec.layers as f64, row.scores?.restored));
        let mut points: Vec<_> = rows.iter().filter(wanted).filter_map(point).collect();
        points.retain(|(_, psnr)| psnr.is_finite());
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        points
    };
    // They are of the pair, and so the same in every row.
    let lines = rows.iter().find_map(|row| row.scores).map(|scores| {
        vec![("input as it is", scores.raw), ("grey-matched", scores.matched), ("Gaussian filter", scores.filtered)]
    });
    Panel {
        title: "this comparison",
        series: vec![
            Series { name: "RED-Net, PReLU", colour: PRELU, points: points(Architecture::RedNet, Activation::Prelu) },
            Series { name: "RED-Net, ReLU", colour: RELU, points: points(Architecture::RedNet, Activation::Relu) },
            Series { name: "SRCNN, ReLU", colour: SRCNN, points: points(Architecture::Srcnn, Activation::Relu) },
        ],
        baselines: lines.unwrap_or_default(),
        above: None,
    }
}

/// The panel of Kodama et al. (2023), with the numbers that can be read there.
fn paper() -> Panel {
    Panel {
        title: "Kodama et al. (2023), their battery electrode",
        series: vec![
            Series { name: "RED-Net, ReLU", colour: RELU, points: vec![(3.0, 15.6), (6.0, 22.4), (7.0, 22.1)] },
            Series { name: "SRCNN", colour: SRCNN, points: vec![(3.0, 15.6)] },
        ],
        baselines: vec![("input as it is", 12.8)],
        above: Some((6.0, 30.0)),
    }
}

fn draw<B: DrawingBackend>(area: DrawingArea<B, Shift>, panels: &[Panel; 2]) -> Result<(), String> {
    static FONT: Once = Once::new();
    FONT.call_once(|| {
        // It fails only for a damaged font, and this one is part of the program.
        let _ = register_font("sans-serif", FontStyle::Normal, dejavu::sans::regular());
    });
    let failed = |error: DrawingAreaErrorKind<B::ErrorType>| error.to_string();
    area.fill(&WHITE).map_err(failed)?;
    let halves = area.split_evenly((1, 2));
    let (decibels, layers) = (range(panels), layers(panels));
    for (half, panel) in halves.iter().zip(panels) {
        draw_panel(half, panel, decibels.clone(), layers.clone()).map_err(failed)?;
    }
    area.present().map_err(failed)
}

/// The decibels that both panels show.
fn range(panels: &[Panel; 2]) -> Range<f64> {
    let points = panels.iter().flat_map(|panel| {
        let series = panel.series.iter().flat_map(|series| series.points.iter().map(|point| point.1));
        series.chain(panel.baselines.iter().map(|line| line.1)).chain(panel.above.map(|point| point.1 + 1.0))
    });
    let finite: Vec<f64> = points.filter(|psnr| psnr.is_finite()).collect();
    let (low, high) = finite.iter().fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(*v), high.max(*v)));
    (low - 1.0).floor()..(high + 1.0).ceil()
}

fn layers(panels: &[Panel; 2]) -> Range<f64> {
    let all = panels.iter().flat_map(|panel| panel.series.iter().flat_map(|series| &series.points));
    let (low, high) = all.fold((3.0f64, 7.0f64), |(low, high), point| (low.min(point.0), high.max(point.0)));
    low - 0.4..high + 0.4
}

fn draw_panel<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    panel: &Panel,
    decibels: Range<f64>,
    layers: Range<f64>,
) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
    let text = |size: u32, colour: &RGBColor| ("sans-serif", size).into_font().color(colour);
    let mut chart = ChartBuilder::on(area)
        .margin(14)
        .caption(panel.title, ("sans-serif", 20))
        .x_label_area_size(44)
        .y_label_area_size(56)
        .build_cartesian_2d(layers.clone(), decibels.clone())?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(WHITE)
        .bold_line_style(RGBColor(225, 225, 225))
        .x_labels((layers.end - layers.start) as usize + 1)
        .x_label_formatter(&|layers| format!("{layers:.0}"))
        .y_label_formatter(&|decibels| format!("{decibels:.0}"))
        .x_desc("layers")
        .y_desc("PSNR of the validation slices, dB")
        .label_style(("sans-serif", 15))
        .axis_desc_style(("sans-serif", 16))
        .draw()?;
    for (name, psnr) in panel.baselines.iter().filter(|line| line.1.is_finite()) {
        let ends = [(layers.start, *psnr), (layers.end, *psnr)];
        chart.draw_series(DashedLineSeries::new(ends, 6, 5, GREY.stroke_width(1)))?;
        let style = text(14, &GREY).pos(Pos::new(HPos::Right, VPos::Bottom));
        chart.draw_series([Text::new(format!("{name} {psnr:.1}"), (layers.end - 0.05, *psnr), style)])?;
    }
    for series in panel.series.iter().filter(|series| !series.points.is_empty()) {
        let colour = series.colour;
        chart
            .draw_series(LineSeries::new(series.points.clone(), colour.stroke_width(2)))?
            .label(series.name)
            .legend(move |(x, y)| Circle::new((x + 10, y), 5, colour.filled()));
        chart.draw_series(series.points.iter().map(|&point| Circle::new(point, 5, colour.filled())))?;
        chart.draw_series(series.points.iter().map(|&(layers, psnr)| {
            let style = text(14, &colour).pos(Pos::new(HPos::Center, VPos::Bottom));
            EmptyElement::at((layers, psnr)) + Text::new(format!("{psnr:.1}"), (0, -9), style)
        }))?;
    }
    if let Some(point) = panel.above {
        let style = text(14, &PRELU).pos(Pos::new(HPos::Center, VPos::Top));
        let arrow = EmptyElement::at(point)
            + TriangleMarker::new((0, 0), 8, PRELU.filled())
            + Text::new(format!("PReLU, above {:.0}", point.1), (0, 10), style);
        chart.draw_series([arrow])?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .border_style(RGBColor(200, 200, 200))
        .label_font(("sans-serif", 15))
        .draw()
}

#[cfg(test)]
mod tests {
    use undulator_compute::network::Spec;

    use super::*;
    use crate::model::Scores;

    fn row(network: Architecture, layers: usize, activation: Activation, psnr: Option<f64>) -> Row {
        Row {
            spec: Spec { network, layers, activation, channels: 4, residual: false },
            parameters: 1,
            best_epoch: 1,
            epochs: 1,
            scores: psnr.map(|restored| Scores { restored, raw: 12.8, matched: 14.0, filtered: f64::INFINITY }),
            seconds: 1.0,
            note: String::new(),
            model: "x.zip".into(),
        }
    }

    #[test]
    fn both_files_are_drawn_whatever_there_is_to_show() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("comparison.png");
        let rows = [
            row(Architecture::RedNet, 4, Activation::Prelu, Some(24.25)),
            row(Architecture::RedNet, 3, Activation::Prelu, None),
            row(Architecture::Srcnn, 9, Activation::Relu, Some(f64::INFINITY)),
        ];
        for rows in [&rows[..], &rows[1..2], &[]] {
            write(&path, rows).unwrap();
            let svg = std::fs::read_to_string(path.with_extension("svg")).unwrap();
            assert!(svg.contains("Kodama") && svg.contains("22.4"));
            assert_eq!(svg.contains("24.2"), rows.len() == 3);
            let decoder = png::Decoder::new(std::io::BufReader::new(std::fs::File::open(&path).unwrap()));
            let info = decoder.read_info().unwrap().info().clone();
            assert_eq!((info.width, info.height), (WIDTH, HEIGHT));
        }
        let missing = write(&folder.path().join("absent/c.png"), &rows).unwrap_err().to_string();
        assert!(missing.contains("absent"), "{missing}");
    }
}
