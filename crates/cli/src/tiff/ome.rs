//! What an OME-TIFF says in the XML of its first page: axes, voxel size, and which plane is which page.
//!
//! The schema is that of June 2016; files of several images or with planes in other files are refused.

use std::collections::{BTreeMap, BTreeSet};

use roxmltree::{Document, Node};
use undulator::stack::length;

use super::{Axes, Calibration};

/// What the XML says.
#[derive(Debug, PartialEq)]
pub struct Ome {
    pub axes: Axes,
    pub calibration: Calibration,
    /// The page of each plane: channels first, then z, then the frames.
    pub pages: Vec<usize>,
}

/// Whether a description is OME's.
pub fn is_ome(description: &str) -> bool {
    description.trim_end().ends_with("OME>")
}

/// Reads the XML of a file with so many pages.
///
/// # Errors
/// With what is wrong, to be put behind the file's name.
pub fn read(description: &str, pages: usize) -> Result<Ome, String> {
    let document = Document::parse(description).map_err(|error| format!("its OME-XML is damaged: {error}"))?;
    let root = document.root_element();
    if child(root, "BinaryOnly").is_some() {
        return Err("its OME-XML is in a companion file, which is not supported: export it as one file".to_owned());
    }
    let mut images = children(root, "Image");
    let (Some(image), None) = (images.next(), images.next()) else {
        return Err("it holds several images or none: export the one that is meant".to_owned());
    };
    let planes = child(image, "Pixels").ok_or("its OME-XML describes no pixels")?;
    let order = Order::read(planes)?;
    Ok(Ome {
        axes: Axes { channels: order.length('C'), frames: order.length('T') },
        calibration: calibration(planes)?,
        pages: pages_of(planes, &order, pages)?,
    })
}

fn children<'a>(node: Node<'a, 'a>, name: &'static str) -> impl Iterator<Item = Node<'a, 'a>> {
    node.children().filter(move |child| child.tag_name().name() == name)
}

fn child<'a>(node: Node<'a, 'a>, name: &'static str) -> Option<Node<'a, 'a>> {
    children(node, name).next()
}

fn number(node: Node, name: &str) -> Option<usize> {
    node.attribute(name)?.trim().parse().ok()
}

/// The axes beyond x and y, the fastest first.
struct Order(Vec<(char, usize)>);

impl Order {
    fn read(planes: Node) -> Result<Self, String> {
        let order = planes.attribute("DimensionOrder").unwrap_or_default();
        let axes = order.strip_prefix("XY").filter(|rest| {
            let letters: BTreeSet<char> = rest.chars().collect();
            rest.len() == 3 && letters == BTreeSet::from(['C', 'T', 'Z'])
        });
        let axes = axes.ok_or_else(|| format!("its order of dimensions is {order:?}, which OME does not have"))?;
        let length = |axis| match number(planes, &format!("Size{axis}")) {
            Some(length @ 1..) => Ok((axis, length)),
            _ => Err(format!("its OME-XML has no Size{axis} above zero")),
        };
        axes.chars().map(length).collect::<Result<_, _>>().map(Self)
    }

    fn length(&self, axis: char) -> usize {
        self.0.iter().find(|(name, _)| *name == axis).map_or(1, |(_, length)| *length)
    }

    /// How many planes there are; `None` if more than there can be.
    fn planes(&self) -> Option<usize> {
        self.0.iter().try_fold(1usize, |planes, (_, length)| planes.checked_mul(*length))
    }

    /// The number of a plane in this order.
    fn number(&self, position: impl Fn(char) -> usize) -> usize {
        self.0.iter().rev().fold(0, |number, (axis, length)| number * length + position(*axis))
    }

    /// The number of the plane with that number in this order, when channels come first, then z, then the frames.
    fn in_our_order(&self, mut number: usize) -> usize {
        let mut at = BTreeMap::new();
        for (axis, length) in &self.0 {
            at.insert(*axis, number % length);
            number /= length;
        }
        (at[&'T'] * self.length('Z') + at[&'Z']) * self.length('C') + at[&'C']
    }
}

/// Finds the page of each plane.
fn pages_of(planes: Node, order: &Order, pages: usize) -> Result<Vec<usize>, String> {
    let total = order.planes().filter(|total| *total <= pages);
    let total = total.ok_or_else(|| format!("its OME-XML describes more planes than the {pages} pages of the file"))?;
    let blocks: Vec<Node> = children(planes, "TiffData").collect();
    refuse_other_files(&blocks)?;
    let mut found = vec![None; total];
    for block in &blocks {
        let first = |name: &str| number(*block, name).unwrap_or(0);
        let start = order.number(|axis| first(&format!("First{axis}")));
        // Without a page's number, all planes from there on follow each other.
        let all = total.saturating_sub(start);
        let count = number(*block, "PlaneCount").unwrap_or(if block.has_attribute("IFD") { 1 } else { all });
        for plane in 0..count.min(all) {
            found[order.in_our_order(start + plane)] = Some(first("IFD") + plane);
        }
    }
    if blocks.is_empty() {
        (0..total).for_each(|plane| found[order.in_our_order(plane)] = Some(plane));
    }
    let whole = found.into_iter().map(|page| page.filter(|page| *page < pages)).collect::<Option<Vec<usize>>>();
    whole.ok_or_else(|| "some of the planes in its OME-XML have no page in the file".to_owned())
}

fn refuse_other_files(blocks: &[Node]) -> Result<(), String> {
    let files: BTreeSet<&str> = (blocks.iter())
        .filter_map(|block| child(*block, "UUID"))
        .filter_map(|id| id.attribute("FileName").or_else(|| id.text()))
        .collect();
    match files.len() {
        // A file that was renamed still names itself as it was.
        0 | 1 => Ok(()),
        files => Err(format!("its planes are in {files} files: export it as one file")),
    }
}

fn calibration(planes: Node) -> Result<Calibration, String> {
    let edge = |axis: &str| {
        let edge = planes.attribute(format!("PhysicalSize{axis}").as_str())?.trim().parse::<f64>().ok()?;
        let unit = planes.attribute(format!("PhysicalSize{axis}Unit").as_str()).unwrap_or("µm");
        (edge > 0.0 && edge.is_finite()).then_some((edge, unit.replace('μ', "µ")))
    };
    let Some((x, unit)) = edge("X") else {
        return Ok(Calibration { edges: [1.0; 3], unit: "pixel".to_owned(), depth_missing: false });
    };
    let same_unit = |axis: &str| match edge(axis) {
        Some((length, other)) if other == unit => Ok(Some(length)),
        Some((edge, other)) => match length::is_known(&other) && length::is_known(&unit) {
            true => Ok(Some(length::from_micrometres(length::to_micrometres(edge, &other), &unit))),
            false => Err(format!("its voxel size is in {unit} along X but in {other} along {axis}")),
        },
        None => Ok(None),
    };
    let (y, z) = (same_unit("Y")?.unwrap_or(x), same_unit("Z")?);
    Ok(Calibration { edges: [x, y, z.unwrap_or(1.0)], depth_missing: z.is_none(), unit })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn xml(order: &str, inside: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?><OME xmlns=\"http://www.openmicroscopy.org/Schemas/OME/2016-06\"><Image ID=\"Image:0\">\
             <Pixels DimensionOrder=\"{order}\" SizeX=\"4\" SizeY=\"4\" SizeC=\"2\" SizeZ=\"3\" SizeT=\"1\" Type=\"uint8\" \
             PhysicalSizeX=\"600\" PhysicalSizeXUnit=\"nm\" PhysicalSizeY=\"0.5\" PhysicalSizeZ=\"0.7\">{inside}</Pixels>\
             </Image></OME>"
        )
    }

    #[test]
    fn planes_are_found_in_every_order() {
        let read = |order: &str, inside: &str| read(&xml(order, inside), 6).unwrap();
        assert_eq!(read("XYCZT", "<TiffData/>").pages, [0, 1, 2, 3, 4, 5]);
        assert_eq!(read("XYZCT", "").pages, [0, 3, 1, 4, 2, 5]);
        let one_by_one = (0..6).map(|page| {
            format!("<TiffData IFD=\"{page}\" FirstC=\"{}\" FirstZ=\"{}\" FirstT=\"0\"/>", page / 3, 2 - page % 3)
        });
        let found = read("XYCZT", &one_by_one.collect::<String>());
        assert_eq!(found.pages, [2, 5, 1, 4, 0, 3]);
        assert_eq!(found.axes, Axes { channels: 2, frames: 1 });
    }

    #[test]
    fn edges_come_in_the_unit_of_x() {
        let calibration = read(&xml("XYCZT", ""), 6).unwrap().calibration;
        let [x, y, z] = calibration.edges;
        assert!(x == 600.0 && (y - 500.0).abs() < 1e-9 && (z - 700.0).abs() < 1e-9, "{calibration:?}");
        assert_eq!(calibration.unit, "nm");
    }

    #[test]
    fn what_is_not_in_the_file_is_refused() {
        let of = |inside: &str, pages| read(&xml("XYCZT", inside), pages).unwrap_err();
        let part = |name: &str| format!("<TiffData IFD=\"0\"><UUID FileName=\"{name}\">urn:uuid:1</UUID></TiffData>");
        assert!(of(&(part("a.tif") + &part("b.tif")), 6).contains("2 files"));
        assert!(of("", 5).contains("more planes than the 5 pages"));
        assert!(of("<TiffData IFD=\"0\"/>", 6).contains("no page"));
        let companion = "<OME><BinaryOnly MetadataFile=\"a.companion.ome\" UUID=\"urn:uuid:1\"/></OME>";
        assert!(read(companion, 6).unwrap_err().contains("companion"));
    }
}
