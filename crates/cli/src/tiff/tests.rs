//! Files as other programs write them.

use std::{fs, path::Path};

use ndarray::Array2;
use serde_json::{Value, json};
use tempfile::tempdir;
use undulator::{
    command::{Code, Image},
    stack::{GreyType, Shape, Size, SliceSink, SliceSource, VoxelSize, Voxels, flat, flat_mut},
    stack_file::{DisplaySettings, Job, StackFile},
};

use super::TiffImage;

#[path = "../../../../tests/common/python.rs"]
mod python;

const WIDTH: usize = 37;
const HEIGHT: usize = 21;

/// What `tiff_variants.py` says of a file.
struct Expected(Value);

impl Expected {
    fn text(&self, key: &str) -> &str {
        self.0[key].as_str().unwrap()
    }

    fn number(&self, key: &str) -> f64 {
        self.0[key].as_f64().unwrap()
    }

    fn count(&self, key: &str) -> usize {
        self.number(key) as usize
    }

    /// The grey values of a slice, in the order in which images have them.
    fn slice(&self, number: usize) -> Vec<f32> {
        let (channels, slices) = (self.count("channels"), self.count("slices"));
        let (c, z, t) = match self.0.get("no_axes") {
            Some(_) => (0, number, 0),
            None => (number % channels, number / channels % slices, number / channels / slices),
        };
        let grey = |x: usize, y: usize| (7 * x + 13 * y + 31 * z + 101 * c + 57 * t) % 251;
        let scaled = |grey: usize| (grey as f64 * self.number("scale") + self.number("offset")) as f32;
        (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (x, y))).map(|(x, y)| scaled(grey(x, y))).collect()
    }

    fn check(&self, image: &TiffImage) {
        let (file, shape) = (self.text("file"), image.shape());
        let (channels, slices, frames) = (self.count("channels"), self.count("slices"), self.count("frames"));
        assert_eq!((image.channels(), image.frames()), (channels, frames), "{file}");
        assert_eq!([shape.size.width, shape.size.height], [WIDTH, HEIGHT], "{file}");
        assert_eq!(shape.size.slices, channels * slices * frames, "{file}");
        assert_eq!(f64::from(shape.grey.bits()), self.number("grey"), "{file}");
        assert_eq!(image.unit(), self.text("unit"), "{file}");
        let VoxelSize { x, y, z, .. } = shape.voxel;
        for (read, wanted) in [x, y, z].into_iter().zip(self.0["voxel"].as_array().unwrap()) {
            assert!((read - wanted.as_f64().unwrap()).abs() < 1e-6, "{file}: {} but {wanted}", shape.voxel);
        }
        let mut spare = Voxels::default();
        for slice in (0..shape.size.slices).rev() {
            let (mut read, wanted) = (Array2::from_elem((HEIGHT, WIDTH), f32::NAN), self.slice(slice));
            image.read(slice, read.view_mut()).unwrap();
            assert!(flat(&read) == wanted, "{file}, slice {slice}: {:?} but {:?}", read.row(0), &wanted[..WIDTH]);
            image.read_voxels(slice, &mut spare).unwrap();
            spare.store(read.view_mut());
            shape.scale.calibrate(flat_mut(&mut read));
            assert!(flat(&read) == wanted, "{file}, slice {slice}, in its own type");
        }
    }
}

#[test]
fn files_are_read_as_their_writers_meant_them() {
    let folder = tempdir().unwrap();
    let files = python::ask("tiff_variants.py", &json!({ "folder": folder.path() }));
    let files = files.as_array().unwrap();
    assert!(files.len() > 30, "{}", files.len());
    for file in files {
        let path = folder.path().join(file["file"].as_str().unwrap());
        let opened = TiffImage::open(&path);
        match file.get("refused") {
            None => Expected(file.clone()).check(&opened.unwrap_or_else(|error| panic!("{error}"))),
            Some(reason) => {
                let error = opened.map(|_| ()).expect_err(&path.display().to_string());
                assert!(error.message.contains(reason.as_str().unwrap()), "{error}");
                assert!(error.message.contains(&path.display().to_string()), "{error}");
            }
        }
    }
}

#[test]
fn many_threads_read_one_file() {
    let folder = tempdir().unwrap();
    let files = python::ask("tiff_variants.py", &json!({ "folder": folder.path() }));
    let is = |file: &&Value| file["file"] == "tiles-deflate.tif";
    let expected = Expected(files.as_array().unwrap().iter().find(is).unwrap().clone());
    let image = TiffImage::open(&folder.path().join("tiles-deflate.tif")).unwrap();
    std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(|| expected.check(&image)))));
}

#[test]
fn slices_beyond_4_gib_are_read() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("large.tif");
    let shape = Shape::new(Size::new(1 << 14, 1 << 12, 70), VoxelSize::isotropic(0.6), GreyType::U8);
    let look =
        DisplaySettings { unit: "µm".to_owned(), value_unit: String::new(), channels: 1, frames: 1, range: None };
    let mut file = StackFile::new(&path, look, Job::default());
    file.begin(shape).unwrap();
    // What lies between takes no room on the disk.
    let last = Array2::from_shape_fn(shape.size.slice_dim(), |(y, x)| ((y * shape.size.width + x) % 251) as f32);
    file.write(69, last.view()).unwrap();
    file.finish().unwrap();
    let image = TiffImage::open(&path).unwrap();
    assert_eq!((image.shape(), image.unit()), (shape, "µm"));
    let mut read = Array2::zeros(shape.size.slice_dim());
    image.read(69, read.view_mut()).unwrap();
    assert!(read == last);
}

#[test]
fn damaged_files_are_errors_and_nothing_worse() {
    let folder = tempdir().unwrap();
    python::ask("tiff_variants.py", &json!({ "folder": folder.path() }));
    for name in ["pages-16-motorola.tif", "tiles-deflate.tif", "imagej-contiguous.tif", "ome-big.ome.tif", "lzw.tif"] {
        let whole = fs::read(folder.path().join(name)).unwrap();
        let damaged = folder.path().join("damaged.tif");
        // Directories are at the beginning, or behind the pages.
        for at in (0..400).chain((400..whole.len()).step_by(whole.len() / 200)) {
            let mut bytes = whole.clone();
            bytes[at] ^= 0xff;
            read_all(&damaged, &bytes);
        }
        for length in (0..whole.len()).step_by(whole.len() / 50) {
            read_all(&damaged, &whole[..length]);
        }
    }
}

/// Reads what can be read.
fn read_all(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
    let Ok(image) = TiffImage::open(path) else { return };
    assert!(image.shape().size.plane() < 1 << 28, "{}", image.shape().size);
    let mut out = Array2::zeros(image.shape().size.slice_dim());
    for slice in 0..image.shape().size.slices.min(3) {
        // Whether it goes well depends on what was damaged.
        let _ = image.read(slice, out.view_mut());
    }
}

#[test]
fn what_is_no_file_is_an_error_of_files() {
    let error = TiffImage::open(Path::new("/no/such/file.tif")).map(|_| ()).unwrap_err();
    assert_eq!(error.code, Code::File);
    assert!(error.message.starts_with("/no/such/file.tif cannot be read"), "{error}");
}
