//! Packages read back, and packages from strangers.

use std::io::Cursor;

use ndarray::Array2;
use undulator_compute::{
    Loss, Schedule,
    network::{Activation, Architecture, Spec, Weights},
};

use super::{opened::MOST_MULTIPLICATIONS, *};
use crate::{
    grey::Window,
    model::{Epoch, Scores, Training},
    stack::{GreyScale, GreyType, Size, VoxelSize},
};

pub(in crate::model) fn model() -> Model {
    let network =
        Spec { network: Architecture::Srcnn, layers: 3, activation: Activation::Prelu, channels: 4, residual: true };
    let plan = network.plan().unwrap();
    let epoch = |epoch| Epoch { epoch, loss: 0.25, psnr: Some(20.0), ..Default::default() };
    let training = Training {
        size: Size::new(64, 48, 10),
        voxel: VoxelSize::isotropic(0.6),
        training_slices: (0, 7),
        validation_slices: (8, 10),
        batch: 4,
        patch: 0,
        rate: 1e-3,
        schedule: Schedule::Cosine,
        loss: Loss::Mse,
        augment: true,
        seed: 1,
        device: "cpu".to_owned(),
        best_epoch: 2,
        history: (1..=60).map(epoch).collect(),
    };
    let card = Card {
        network,
        input_window: Window::new(1000.0, 3000.0).unwrap(),
        output_window: Window::new(-0.5, 1.5).unwrap(),
        output_grey: GreyType::F32,
        output_scale: GreyScale::IDENTITY,
        value_unit: String::new(),
        training,
        scores: Some(Scores { restored: 26.0, raw: 12.8, matched: 15.5, filtered: 22.4 }),
        contrast: None,
    };
    Model { card, weights: Weights::initial(&network, &plan, 3) }
}

pub(super) type Files = Vec<(&'static str, Vec<u8>)>;

fn package() -> Files {
    package_of(&Packaging::default())
}

pub(super) fn package_of(packaging: &Packaging) -> Files {
    files(&model(), packaging, "a model").unwrap()
}

pub(super) fn zip(files: &Files) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    write(files, &mut out).unwrap();
    out.into_inner()
}

fn refusal(bytes: Vec<u8>) -> String {
    read(Cursor::new(bytes), false).expect_err("it should be refused").0
}

/// A model of this project.
fn read_own(bytes: Vec<u8>, force: bool) -> Model {
    match read(Cursor::new(bytes), force).unwrap() {
        Loaded::Own(model) => *model,
        Loaded::External(model) => panic!("{model:?}"),
    }
}

/// The package with one file changed, and its checksum with it.
fn with(name: &'static str, bytes: &[u8]) -> Files {
    let mut files = package();
    let old = files.iter_mut().find(|(file, _)| *file == name).unwrap();
    let sums = [&old.1[..], bytes].map(checksum::of);
    old.1 = bytes.to_vec();
    with_rdf(files, |rdf| rdf.replace(&sums[0], &sums[1]))
}

fn with_rdf(mut files: Files, change: impl Fn(&str) -> String) -> Files {
    let rdf = std::str::from_utf8(&files[0].1).unwrap();
    let changed = change(rdf);
    assert_ne!(rdf, changed, "the change does nothing");
    files[0].1 = changed.into_bytes();
    files
}

/// One file of a zip that is written byte by byte.
#[derive(Clone)]
struct Raw {
    name: String,
    local_name: String,
    data: Vec<u8>,
    size: u32,
    crc: u32,
    method: u16,
    flags: u16,
    mode: u32,
}

impl Raw {
    fn stored(name: &str, data: &[u8]) -> Self {
        let (size, crc) = (data.len() as u32, crc32fast::hash(data));
        let names = [name, name].map(str::to_owned);
        let [name, local_name] = names;
        Self { name, local_name, data: data.to_vec(), size, crc, method: 0, flags: 0, mode: 0 }
    }

    /// `length` zeros, deflated.
    fn zeros(name: &str, length: usize) -> Self {
        let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        std::io::copy(&mut std::io::repeat(0).take(length as u64), &mut deflate).unwrap();
        let data = deflate.finish().unwrap();
        Self { size: length as u32, method: 8, ..Self::stored(name, &data) }
    }

    fn headers(&self, offset: u32) -> (Vec<u8>, Vec<u8>) {
        let common = |name: &str| {
            let mut bytes = [self.flags, self.method, 0, 0].map(u16::to_le_bytes).concat();
            bytes.extend([self.crc, self.data.len() as u32, self.size].map(u32::to_le_bytes).concat());
            bytes.extend([name.len() as u16, 0].map(u16::to_le_bytes).concat());
            bytes
        };
        let local = [b"PK\x03\x04\x14\x00", &common(&self.local_name)[..], self.local_name.as_bytes()].concat();
        let mut central = [b"PK\x01\x02\x14\x03\x14\x00", &common(&self.name)[..], &[0; 6]].concat();
        central.extend((self.mode << 16).to_le_bytes());
        central.extend(offset.to_le_bytes());
        central.extend(self.name.as_bytes());
        (local, central)
    }
}

/// A zip of `raws`, whose end claims `claimed` files.
fn raw_zip(raws: &[Raw], claimed: u16) -> Vec<u8> {
    let (mut zip, mut directory) = (Vec::new(), Vec::new());
    for raw in raws {
        let (local, central) = raw.headers(zip.len() as u32);
        zip.extend(local);
        zip.extend(&raw.data);
        directory.extend(central);
    }
    let end = [directory.len() as u32, zip.len() as u32].map(u32::to_le_bytes).concat();
    zip.extend(directory);
    zip.extend([&b"PK\x05\x06\0\0\0\0"[..], &claimed.to_le_bytes(), &claimed.to_le_bytes(), &end, &[0, 0]].concat());
    zip
}

fn raws() -> Vec<Raw> {
    package().iter().map(|(name, bytes)| Raw::stored(name, bytes)).collect()
}

/// The package with one more file in it.
fn beside(raw: Raw) -> Vec<u8> {
    let mut raws = raws();
    raws.push(raw);
    raw_zip(&raws, raws.len() as u16)
}

#[test]
fn a_package_reads_back_as_the_model_that_it_was() {
    assert_eq!(read_own(zip(&package()), false), model());
    // The hand-made zips of the other tests are sound where they are left alone.
    assert_eq!(read_own(raw_zip(&raws(), 8), false), model());
    assert_eq!(read_own(beside(Raw::stored("notes.txt", b"x")), false), model());
}

#[test]
fn what_is_no_whole_zip_file_is_refused() {
    let whole = zip(&package());
    for length in [0, 1, 21, 22, whole.len() / 2, whole.len() - 1] {
        assert!(refusal(whole[..length].to_vec()).contains("zip"), "{length}");
    }
    assert!(refusal(b"PK".repeat(5000)).contains("zip"));
    assert!(refusal([&whole[..], b"more"].concat()).contains("follows its end"));
    assert!(refusal([b"before", &whole[..]].concat()).contains("before its files"));
    assert!(refusal(raw_zip(&raws(), 7)).contains("does not end"));
    assert!(refusal(raw_zip(&raws(), 9)).contains("damaged"));
    assert!(refusal(raw_zip(&raws(), u16::MAX)).contains("at most"));
    assert!(refusal(zip(&vec![("a.txt", vec![1])])).contains("rdf.yaml"));
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    for name in
        ["../x", "..", "a/../../x", "/etc/x", "folder/", "folder/x", "a\\b", "c:x", "", ".hidden", "a\0b", "x.", "a\nb"]
    {
        assert!(refusal(beside(Raw::stored(name, b"x"))).contains("no folders"), "{name:?}");
    }
    for mode in [0o120_777, 0o040_755, 0o020_666, 0o010_666] {
        let link = Raw { mode, ..Raw::stored("link", b"../../x") };
        assert!(refusal(beside(link)).contains("is a link"), "{mode:o}");
    }
    assert!(read(Cursor::new(beside(Raw { mode: 0o100_644, ..Raw::stored("file", b"x") })), false).is_ok());
}

#[test]
fn two_files_in_one_place_are_refused() {
    assert!(refusal(beside(Raw::stored(WEIGHTS, b"x"))).contains("twice"));
    assert!(refusal(beside(Raw::stored("RDF.yaml", b"x"))).contains("twice"));
    let other = Raw { local_name: "other.json".to_owned(), ..raws()[5].clone() };
    let mut files = raws();
    assert_eq!(files[5].name, CARD);
    files[5] = other;
    assert!(refusal(raw_zip(&files, 8)).contains("stands otherwise"));
    // The second file's bytes are the first one's.
    let raws = [Raw::stored("a.txt", &[7; 100]), Raw::stored("b.txt", &[7; 100])];
    let mut overlapping = raw_zip(&raws, 2);
    let second = overlapping.len() - END_AND_NAME;
    overlapping[second - 4..second].copy_from_slice(&[0; 4]);
    assert!(refusal(overlapping).contains("over one another"));
}

/// The end record and the last name of the list.
const END_AND_NAME: usize = 22 + 5;

#[test]
fn bombs_are_refused_before_they_unpack() {
    assert!(refusal(beside(Raw::zeros("bomb", 100 << 20))).contains("would unpack to"));
    let many: Vec<Raw> = (0..70).map(|at| Raw::stored(&format!("{at}"), b"x")).collect();
    assert!(refusal(raw_zip(&many, 70)).contains("70 files"));
    let liar = Raw { size: 1000, ..Raw::zeros(COVER, 50 << 20) };
    let mut files = raws();
    files[2] = liar;
    assert!(refusal(raw_zip(&files, 8)).contains("longer than its 1000 bytes"));
    let claims = Raw { size: u32::MAX, ..Raw::stored("huge", &[1; 100 << 10]) };
    assert!(refusal(beside(claims)).contains("would unpack to"));
    // Ratios within what is allowed, but too much together.
    let claims = |name: &str| Raw { size: 150 << 20, ..Raw::stored(name, &vec![1; 1 << 20]) };
    let mut files = raws();
    files.extend(["a", "b", "c"].map(claims));
    assert!(refusal(raw_zip(&files, 11)).contains("its files have"));
}

#[test]
fn damaged_and_encrypted_files_are_refused() {
    let changed = |change: fn(&mut Raw)| {
        let mut raws = raws();
        change(&mut raws[5]);
        refusal(raw_zip(&raws, 8))
    };
    assert!(changed(|raw| raw.data[3] ^= 1).contains("damaged"));
    assert!(changed(|raw| raw.size += 1).contains("damaged"));
    assert!(changed(|raw| raw.method = 8).contains("damaged"));
    assert!(changed(|raw| raw.flags = 1).contains("encrypted"));
    assert!(changed(|raw| raw.method = 12).contains("method 12"));
}

#[test]
fn a_description_that_says_more_than_it_may_is_refused() {
    let refused = |from: &str, to: &str, reason: &str| {
        let message = refusal(zip(&with_rdf(package(), |rdf| rdf.replace(from, to))));
        assert!(message.contains(reason), "{to}: {message}");
    };
    refused("source: test_input.npy", "source: ../test_input.npy", "bare names");
    refused("source: test_input.npy", "source: \"https://example.org/x.npy\"", "bare names");
    refused("source: test_input.npy", "source: [a]", "bare names");
    refused("source: test_input.npy", "source: absent.npy", "absent.npy");
    refused("source: model.json", "source: README.md", "two checksums for README.md");
    refused("source: model.json", "source: other.json", "does not name model.json");
    refused("sha256: ", "sha: ", "no sha256");
    refused("type: model", "type: dataset", "dataset");
    refused("0.5.3", "0.3.9", "0.3.9");
    refused("version: 2", "version: 3", "update Undulator");
    refused("version: 2", "version: 1", "early version");
    refused("undulator-model", "other-model", "other-model");
    refused("version: 2", "version: &a 2", "anchors");
    refused("tags:", "tags: !!seq", "tags are not allowed");
    let long = with_rdf(package(), |rdf| format!("{rdf}# {}", "x".repeat(yaml::MOST_BYTES)));
    assert!(refusal(zip(&long)).contains("more than the"));
    let deep = with_rdf(package(), |rdf| format!("{rdf}deep: {}{}", "[".repeat(5000), "]".repeat(5000)));
    assert!(refusal(zip(&deep)).contains("description"));
}

#[test]
fn a_changed_file_is_noticed_by_its_checksum() {
    for at in 1..8 {
        let mut files = package();
        files[at].1[20] ^= 1;
        let message = refusal(zip(&files));
        assert!(message.contains("was changed") && message.contains(files[at].0), "{message}");
    }
}

#[test]
fn weights_and_cards_that_do_not_fit_are_refused() {
    assert!(refusal(zip(&with(WEIGHTS, &vec![1; 1 << 20]))).contains("more than the"));
    assert!(refusal(zip(&with(WEIGHTS, b"12345678"))).contains(WEIGHTS));
    let mut broken = model().weights;
    broken.0[0].values[0] = f32::NAN;
    assert!(refusal(zip(&with(WEIGHTS, &tensors::write_weights(&broken).unwrap()))).contains("finite"));
    let mut short = model().weights;
    short.0.pop();
    assert!(refusal(zip(&with(WEIGHTS, &tensors::write_weights(&short).unwrap()))).contains("output.bias"));

    let card = serde_json::to_string(&model().card).unwrap();
    let changed = |from: &str, to: &str| {
        assert!(card.contains(from), "{card}");
        refusal(zip(&with(CARD, card.replacen(from, to, 1).as_bytes())))
    };
    assert!(changed("3000.0", "1000.0").contains("input_window"));
    assert!(changed("\"layers\":3", "\"layers\":99999999").contains("layers=99999999"));
    assert!(changed("\"channels\":4", "\"channels\":512").contains("features.0.weight"));
    assert!(changed("\"layers\":3", "\"layers\":-1").contains(CARD));
    assert!(refusal(zip(&with(CARD, b"[[[["))).contains(CARD));
}

#[test]
fn a_package_of_the_first_kind_says_so() {
    let old = vec![(CARD, b"{}".to_vec()), (WEIGHTS, vec![])];
    assert!(refusal(zip(&old)).contains("early version"));
}

#[test]
fn an_example_without_all_its_pixels_is_refused() {
    let picture = |height, width, grey| Array2::from_elem((height, width), grey);
    let [input, restored, reference] = [(); 3].map(|()| picture(2, 3, 1.0));
    let whole = Example { input, restored, reference };
    let packed = |example: Example| {
        files(&model(), &Packaging { example: Some(example), ..Default::default() }, "x").map_err(|reason| reason.0)
    };
    assert!(packed(whole.clone()).is_ok());
    for bad in [
        Example { restored: picture(2, 4, 1.0), ..whole.clone() },
        Example { input: picture(2, 3, f32::NAN), ..whole.clone() },
        Example { input: picture(0, 0, 1.0), restored: picture(0, 0, 1.0), reference: picture(0, 0, 1.0) },
    ] {
        assert!(packed(bad).unwrap_err().contains("example"));
    }
}

#[test]
fn a_model_that_does_not_reproduce_its_test_image_is_refused_unless_forced() {
    let edge = model().card.network.plan().unwrap().least_tile();
    let mut output = package().into_iter().find(|(name, _)| *name == TEST_OUTPUT).unwrap().1;
    let last = output.len() - 4;
    let grey = f32::from_le_bytes(output[last..].try_into().unwrap());
    output[last..].copy_from_slice(&(grey + 0.02).to_le_bytes());
    let said = refusal(zip(&with(TEST_OUTPUT, &output)));
    assert!(said.contains("does not reproduce its test image") && said.contains("is 0.02 in grey"), "{said}");
    assert_eq!(read_own(zip(&with(TEST_OUTPUT, &output)), true), model());
    for (tensor, said) in [
        (npy::write(edge + 1, &vec![0.0; (edge + 1) * (edge + 1)]), "test output has the shape"),
        (b"numbers".to_vec(), "NumPy"),
    ] {
        assert!(refusal(zip(&with(TEST_OUTPUT, &tensor))).contains(said));
    }
}

#[test]
fn a_package_that_says_nothing_of_this_project_is_run_by_tract() {
    let external = with_rdf(package(), |rdf| rdf.replace("undulator:", "other:"));
    let Loaded::External(model) = read(Cursor::new(zip(&external)), false).unwrap() else { panic!("it is external") };
    assert_eq!(model.grey(), GreyType::F32);
    assert!(verify(Cursor::new(zip(&external))).unwrap().passed());
}

#[test]
fn a_large_network_is_not_run_whenever_it_is_loaded() {
    let work = |channels, layers| {
        let plan = Spec { network: Architecture::RedNet, channels, layers, ..model().card.network }.plan().unwrap();
        plan.multiplications(plan.least_tile().pow(2) as u64)
    };
    assert!(work(64, 7) < MOST_MULTIPLICATIONS && work(512, 7) > MOST_MULTIPLICATIONS);
}
