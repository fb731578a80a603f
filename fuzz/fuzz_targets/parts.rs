//! One file of a good package, the first byte says which, replaced and its checksum made right: what the zip reader lets
//! through. From 128 on it is the package of another program, whose network is run by tract.
#![no_main]

use std::{
    io::{Cursor, Read, Write},
    sync::LazyLock,
};

use libfuzzer_sys::fuzz_target;
use sha2::{Digest, Sha256};
use undulator::model::Facts;
use zip::{CompressionMethod, ZipArchive, ZipWriter, write::SimpleFileOptions};

type Files = Vec<(String, Vec<u8>)>;

static SEED: LazyLock<Files> = LazyLock::new(|| {
    let mut archive = ZipArchive::new(Cursor::new(include_bytes!("../seeds/tiny.zip"))).unwrap();
    let names: Vec<String> = archive.file_names().map(str::to_owned).collect();
    let file = |name: String| {
        let mut bytes = Vec::new();
        archive.by_name(&name).unwrap().read_to_end(&mut bytes).unwrap();
        (name, bytes)
    };
    names.into_iter().map(file).collect()
});

fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fuzz_target!(|input: &[u8]| {
    let Some((which, content)) = input.split_first() else { return };
    let mut files = SEED.clone();
    let count = files.len();
    let (name, bytes) = &mut files[usize::from(*which & 127) % count];
    let is_description = name == "rdf.yaml";
    let sums = (sum(bytes), sum(content));
    *bytes = content.to_vec();
    if !is_description {
        let rdf = &mut files.iter_mut().find(|(name, _)| name == "rdf.yaml").unwrap().1;
        let owner = if *which < 128 { "undulator:" } else { "stranger:" };
        let text = String::from_utf8(rdf.clone()).unwrap();
        *rdf = text.replace(&sums.0, &sums.1).replace("undulator:", owner).into_bytes();
    }
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in &files {
        zip.start_file(name, SimpleFileOptions::default().compression_method(CompressionMethod::Stored)).unwrap();
        zip.write_all(bytes).unwrap();
    }
    let _ = Facts::read(Cursor::new(zip.finish().unwrap().into_inner()));
});
