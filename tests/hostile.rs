//! What reading packages from strangers takes of memory: never more than 256 MiB, whatever they claim.

#[path = "common/models.rs"]
mod models;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    fs::File,
    io::{Cursor, Read, Seek, Write},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Instant,
};

use sha2::{Digest, Sha256};
use undulator::{
    grey::Window,
    model::{Card, Facts, Model},
    stack::{GreyScale, GreyType},
};
use undulator_compute::network::{Activation, Architecture, Spec, Weights};
use zip::{CompressionMethod, ZipArchive, ZipWriter, write::SimpleFileOptions};

const MOST_BYTES: usize = 256 << 20;

/// The system's allocator, with what is in use and the most that was.
struct Counting;

static USED: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is the system's own; only sums are kept beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let used = USED.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(used, Relaxed);
        // SAFETY: the caller's promise is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        USED.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The allocator counts for all threads, so one test runs at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads a package and says what came of it; what is held already does not count.
fn read(what: &str, package: impl Read + Seek) -> Result<Facts, String> {
    let before = USED.load(Relaxed);
    PEAK.store(before, Relaxed);
    let start = Instant::now();
    let facts = Facts::read(package);
    let peak = PEAK.load(Relaxed) - before;
    println!("{what}: {} MiB at the most, {:.2} s", peak >> 20, start.elapsed().as_secs_f64());
    assert!(peak <= MOST_BYTES, "{what}: {peak} bytes");
    facts
}

fn model(channels: usize, layers: usize) -> Model {
    let network =
        Spec { network: Architecture::RedNet, layers, activation: Activation::Prelu, channels, residual: true };
    let training = models::training();
    let window = Window::new(0.0, 1000.0).unwrap();
    let (input_window, output_window, output_grey) = (window, window, GreyType::U16);
    let weights = Weights::initial(&network, &network.plan().unwrap(), 3);
    Model {
        card: Card {
            network,
            input_window,
            output_window,
            output_grey,
            output_scale: GreyScale::IDENTITY,
            value_unit: String::new(),
            training,
            scores: None,
            contrast: None,
        },
        weights,
    }
}

/// A small package with one file replaced, and its checksum with it.
fn with(name: &str, bytes: &[u8], method: CompressionMethod) -> Cursor<Vec<u8>> {
    packed(name, bytes, method, "undulator:")
}

/// The same for a package of another program.
fn external(onnx: &[u8]) -> Cursor<Vec<u8>> {
    packed("weights.onnx", onnx, CompressionMethod::Stored, "stranger:")
}

fn packed(name: &str, bytes: &[u8], method: CompressionMethod, owner: &str) -> Cursor<Vec<u8>> {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("model.zip");
    model(2, 3).save(&path).unwrap();
    let mut old = ZipArchive::new(File::open(&path).unwrap()).unwrap();
    let mut content = |file: &str| {
        let mut bytes = Vec::new();
        old.by_name(file).unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    };
    let sum = |bytes: &[u8]| Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut files = FILES.map(|file| (file, content(file)));
    if let Some(at) = FILES.iter().position(|file| *file == name) {
        let sums = [&files[at].1[..], bytes].map(sum);
        files[at].1 = bytes.to_vec();
        if name != "rdf.yaml" {
            files[0].1 = String::from_utf8(files[0].1.clone()).unwrap().replace(&sums[0], &sums[1]).into_bytes();
        }
    }
    if name != "rdf.yaml" {
        files[0].1 = String::from_utf8(files[0].1.clone()).unwrap().replace("undulator:", owner).into_bytes();
    }
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (file, bytes) in &files {
        let method = if *file == name { method } else { CompressionMethod::Stored };
        zip.start_file(*file, SimpleFileOptions::default().compression_method(method)).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap()
}

const FILES: [&str; 8] = [
    "rdf.yaml",
    "README.md",
    "cover.png",
    "test_input.npy",
    "test_output.npy",
    "model.json",
    "weights.onnx",
    "weights.safetensors",
];

#[test]
fn no_package_takes_more_than_its_share_of_memory() {
    let _alone = alone();
    let good = read("a good package", with("", &[], CompressionMethod::Stored)).unwrap();
    assert!(good.runs.unwrap().unwrap().passed());
    let zeros = vec![0; 300 << 20];
    for name in FILES {
        let what = format!("300 MiB of zeros for {name}");
        let said = read(&what, with(name, &zeros, CompressionMethod::Deflated)).unwrap_err();
        assert!(said.contains("more than a model needs"), "{what}: {said}");
    }
    drop(zeros);
    let shape = |shape: &str| format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}").into_bytes();
    for (what, name, bytes, expected) in [
        ("lists in lists", "rdf.yaml", "[".repeat(200_000), "recursion limit"),
        ("a wide map", "rdf.yaml", (0..30_000).map(|n| format!("{n}: 1\n")).collect(), "entries"),
        ("anchors", "rdf.yaml", (0..20_000).map(|n| format!("- &a{n} x\n")).collect(), "anchor"),
        ("a long description", "rdf.yaml", "x".repeat(30 << 20), "bytes, more than"),
        ("brackets for a card", "model.json", "[".repeat(10 << 20), "model.json"),
        ("a huge history", "model.json", format!("{{\"history\": [{}1]}}", "1,".repeat(6 << 20)), "model.json"),
        ("weights of 100 MiB", "weights.safetensors", "x".repeat(100 << 20), "bytes, more than"),
        ("a header of weights that claims all", "weights.safetensors", "\u{7f}".repeat(8) + "{}", "safetensors"),
    ] {
        let facts = read(what, with(name, bytes.as_bytes(), CompressionMethod::Stored));
        let said = facts.and_then(|facts| facts.runs.map(drop)).unwrap_err();
        assert!(said.contains(expected), "{what}: {said}");
    }
    let magic = b"\x93NUMPY\x01\x00".to_vec();
    for claim in ["(4294967296, 4294967296)", "(1, 1, 65535, 65535)", "(99999999999999999999,)"] {
        let header = shape(claim);
        let tensor = [&magic[..], &(header.len() as u16).to_le_bytes(), &header].concat();
        let facts = read(claim, with("test_input.npy", &tensor, CompressionMethod::Stored)).unwrap();
        assert!(facts.runs.unwrap_err().contains("test_input.npy"), "{claim}");
    }
    let readme = "word \u{fffd}\n".repeat(10 << 20);
    assert_eq!(
        read("a README of 90 MiB", with("README.md", readme.as_bytes(), CompressionMethod::Stored)).unwrap().readme,
        ""
    );
}

#[test]
fn a_network_too_large_to_be_run_whenever_it_is_read_is_not_run() {
    let _alone = alone();
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("large.zip");
    model(LARGE, 7).save(&path).unwrap();
    let facts = read("a large network", File::open(&path).unwrap()).unwrap();
    assert_eq!(facts.runs, Ok(None));
    assert!(facts.card.is_some());
}

/// Channels whose test image takes some seconds.
const LARGE: usize = 160;

/// Pieces of ONNX files, in protocol buffers.
mod onnx {
    fn varint(mut number: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        while number > 127 {
            bytes.push(number as u8 | 128);
            number >>= 7;
        }
        bytes.push(number as u8);
        bytes
    }

    fn field(number: u64, bytes: &[u8]) -> Vec<u8> {
        [varint(number << 3 | 2), varint(bytes.len() as u64), bytes.to_vec()].concat()
    }

    pub fn node(operator: &str, inputs: &[&str], output: &str, attributes: &[(&str, &[u64])]) -> Vec<u8> {
        let mut node: Vec<u8> = inputs.iter().flat_map(|input| field(1, input.as_bytes())).collect();
        node.extend(field(2, output.as_bytes()));
        node.extend(field(4, operator.as_bytes()));
        for (name, values) in attributes {
            let values: Vec<u8> = values.iter().flat_map(|value| varint(*value)).collect();
            // Of the type of integers, 7; an axis is one alone, of the type 2.
            let kind = |kind| [varint(20 << 3), varint(kind)].concat();
            let value = match *name {
                "axis" => [varint(3 << 3), values, kind(2)].concat(),
                _ => [field(8, &values), kind(7)].concat(),
            };
            node.extend(field(5, &[field(1, name.as_bytes()), value].concat()));
        }
        field(1, &node)
    }

    /// Floats.
    pub fn tensor(name: &str, shape: &[u64], values: &[f32]) -> Vec<u8> {
        let shape: Vec<u8> = shape.iter().flat_map(|length| varint(*length)).collect();
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        field(5, &[field(1, &shape), vec![16, 1], field(8, name.as_bytes()), field(9, &bytes)].concat())
    }

    /// A network from `in` to `out`.
    pub fn file(parts: &[Vec<u8>]) -> Vec<u8> {
        let image = |name: &str| {
            let lengths = [1u8, 1, 0, 0].iter().flat_map(|length| match length {
                1 => field(1, &[8, 1]),
                _ => field(1, &field(2, b"free")),
            });
            let shape: Vec<u8> = lengths.collect();
            let kind = field(1, &[vec![8, 1], field(2, &shape)].concat());
            [field(1, name.as_bytes()), field(2, &kind)].concat()
        };
        let graph = [parts.concat(), field(2, b"network"), field(11, &image("in")), field(12, &image("out"))].concat();
        [vec![8, 8], field(7, &graph), field(8, &[vec![10, 0], vec![16, 17]].concat())].concat()
    }

    /// One after the other, `link` makes each from the one before.
    pub fn chain(count: usize, link: impl Fn(&str, &str) -> Vec<u8>) -> Vec<Vec<u8>> {
        let name = |at: usize| match at {
            0 => "in".to_owned(),
            at if at == count => "out".to_owned(),
            at => at.to_string(),
        };
        (0..count).map(|at| link(&name(at), &name(at + 1))).collect()
    }
}

#[test]
fn networks_of_strangers_take_no_more_either() {
    let _alone = alone();
    use onnx::{chain, file, node, tensor};

    let with = |mut nodes: Vec<Vec<u8>>, tensors: &[Vec<u8>]| {
        nodes.extend_from_slice(tensors);
        file(&nodes)
    };
    let wide = |channels: usize| tensor("wide", &[channels as u64, 1, 1, 1], &vec![0.5; channels]);
    let square = |edge: usize| tensor("square", &[edge as u64, edge as u64, 1, 1], &vec![0.5; edge * edge]);
    let convolve = |from: &str, to: &str| node("Conv", &[from, "one"], to, &[]);
    let relu = |from: &str, to: &str| node("Relu", &[from], to, &[]);
    let doubled = |from: &str, to: &str| node("Concat", &[from, from], to, &[("axis", &[1])]);
    let plane = vec![node("Conv", &["in", "wide"], "0", &[]), node("Add", &["0", "across"], "out", &[])];
    let one = tensor("one", &[1, 1, 1, 1], &[1.0]);
    // Each step takes its own copy of the weights.
    let again = {
        let mut nodes = chain(300, |from, to| node("Conv", &[from, "square"], to, &[]));
        nodes[0] = [node("Conv", &["in", "wide"], "0", &[]), node("Conv", &["0", "square"], "1", &[])].concat();
        with(nodes, &[wide(500), square(500)])
    };
    let weighty = |edge: usize| {
        let first = [node("Conv", &["in", "wide"], "0", &[]), node("Conv", &["0", "square"], "1", &[])];
        let last = node("ReduceMean", &["1"], "out", &[("axes", &[1])]);
        with([&first[..], &[last]].concat(), &[wide(edge), square(edge)])
    };
    let averaged = {
        let mut nodes = chain(16, doubled);
        nodes[15] = node("ReduceMean", &["15"], "out", &[("axes", &[1])]);
        nodes
    };
    let across = tensor("across", &[4096, 1, 1, 1], &vec![0.0; 4096]);
    let strides: &[u64] = &[4096, 4096];
    for (what, bytes, expected) in [
        ("a chain of 800 nodes", with(chain(800, relu), &[]), "does not reproduce"),
        ("a chain of 266 convolutions", with(chain(266, convolve), std::slice::from_ref(&one)), "does not reproduce"),
        ("a chain of 267 convolutions", with(chain(267, convolve), &[one]), "more steps than 800"),
        ("too many nodes", with(chain(6000, relu), &[]), "more than 5000 nodes"),
        ("channels doubled forty times", with(chain(40, doubled), &[]), "too much memory"),
        ("channels doubled fourteen times", with(chain(14, doubled), &[]), "16777216 values, its input 1024"),
        ("channels doubled and averaged", with(averaged, &[]), "not tried"),
        ("a plane of many channels", with(plane, &[wide(4096), across]), "too much memory"),
        ("weights that are used 300 times", again, "again and again"),
        ("60 MiB of weights", weighty(3900), "does not reproduce"),
        (
            "strides of 4096",
            with(vec![node("ConvTranspose", &["in", "square"], "out", &[("strides", strides)])], &[square(1)]),
            "too much memory",
        ),
    ] {
        let facts = read(what, external(&bytes)).unwrap();
        let said = match facts.runs {
            Ok(Some(verification)) => verification.to_string(),
            Ok(None) => "not tried".to_owned(),
            Err(reason) => reason,
        };
        assert!(said.contains(expected), "{what}: {said}");
    }
}
