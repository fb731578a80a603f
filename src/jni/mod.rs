//! The border to Java: translation and nothing else.
//!
//! One function for each native method of the class `undulator.Native`. A stack is read and written through the
//! interfaces `StackSource` and `StackSink`, slice by slice, from whatever thread needs it; options come as keys and
//! values. Errors and panics become Java exceptions, and an exception of a called interface comes back unchanged.

mod comparison;
mod exception;
mod host;
mod model_card;
mod options;
mod stacks;
mod training;

use jni::{
    EnvUnowned,
    objects::{JClass, JDoubleArray, JObject, JObjectArray, JString},
};

use crate::{
    align, apply, compare,
    engine::device,
    measure, model,
    progress::Progress,
    resample, sample,
    stack::{SliceSink, SliceSource},
    stack_file::StackFile,
    train,
};
use comparison::ComparisonMonitor;
use exception::{Border, guard};
use host::{Host, JavaMonitor, number, strings};
use model_card::JavaModelCard;
use options::Options;
use stacks::{JavaSink, JavaSource};

type Strings<'local> = JObjectArray<'local, JString<'local>>;

/// `String version()`.
#[unsafe(no_mangle)]
pub extern "system" fn Java_undulator_Native_version<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
) -> JString<'local> {
    guard(env, |env| Ok(env.new_string(env!("CARGO_PKG_VERSION"))?))
}

/// `String[] devices()`: rows of three, item, state, detail.
#[unsafe(no_mangle)]
pub extern "system" fn Java_undulator_Native_devices<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
) -> Strings<'local> {
    guard(env, |env| Ok(strings(env, &device::report().concat())?))
}

/// `void sampleData(StackSink laboratory, StackSink synchrotron, String[] options, Monitor monitor)`.
#[unsafe(no_mangle)]
pub extern "system" fn Java_undulator_Native_sampleData<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    laboratory: JObject<'local>,
    synchrotron: JObject<'local>,
    options: Strings<'local>,
    monitor: JObject<'local>,
) {
    guard(env, |env| {
        let (host, options) = (Host::new(env)?, Options::read(env, &options)?.sample()?);
        let monitor = JavaMonitor::new(env, &host, &monitor)?;
        let mut laboratory = JavaSink::new(env, &host, &laboratory)?;
        let mut synchrotron = JavaSink::new(env, &host, &synchrotron)?;
        let summary =
            host.finish(sample::sample_pair(&options, &mut laboratory, &mut synchrotron, Progress::new(&monitor)))?;
        laboratory.display_range(summary.laboratory_window);
        synchrotron.display_range(summary.synchrotron_window);
        if let Some(transform) = &summary.transform {
            let transform = host.finish(serde_json::to_string(transform))?;
            laboratory.property("undulator.transform", &transform);
            synchrotron.property("undulator.transform", &transform);
        }
        monitor.row(&[("PSNR", number(summary.psnr))]);
        host.end()
    })
}

/// `void resample(StackSource image, StackSink result, String[] options, Monitor monitor)`; where the options name an
/// output, slices go to that file and not to the sink.
#[unsafe(no_mangle)]
pub extern "system" fn Java_undulator_Native_resample<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    image: JObject<'local>,
    result: JObject<'local>,
    options: Strings<'local>,
    monitor: JObject<'local>,
) {
    guard(env, |env| {
        let (host, options) = (Host::new(env)?, Options::read(env, &options)?);
        let monitor = JavaMonitor::new(env, &host, &monitor)?;
        let image = JavaSource::new(env, &host, &image)?;
        let mut result = JavaSink::new(env, &host, &result)?;
        let (voxel, interpolation) = (options.get("voxel")?, options.get("interpolation")?);
        let mut file = match options.file("output")? {
            None => None,
            Some(path) => {
                let job = host.finish(resample::job(&image, voxel, interpolation))?;
                Some(StackFile::new(&path, options.look(None)?, job))
            }
        };
        let sink = file.as_mut().map_or(&mut result as &mut dyn SliceSink, |file| file);
        host.finish(resample::resample(&image, voxel, interpolation, sink, Progress::new(&monitor)))?;
        Ok(())
    })
}

/// `double[] align(StackSource moving, StackSource reference, StackSink result, StackSink matched, String[] options,
/// Monitor monitor)`: where the grid starts (x, y, z); `matched`, which may be null, takes the reference on that grid.
#[unsafe(no_mangle)]
pub extern "system" fn Java_undulator_Native_align<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    moving: JObject<'local>,
    reference: JObject<'local>,
    result: JObject<'local>,
    matched: JObject<'local>,
    options: Strings<'local>,
    monitor: JObject<'local>,
) -> JDoubleArray<'local> {
    guard(env, |env| {
        let (host, options) = (Host::new(env)?, Options::read(env, &options)?);
        let monitor = JavaMonitor::new(env, &host, &monitor)?;
        let moving = JavaSource::new(env, &host, &moving)?;
        let reference = JavaSource::new(env, &host, &reference)?;
        let mut result = JavaSink::new(env, &host, &result)?;
        let (voxel, crop) = (options.get("voxel")?, options.get("crop")?);
        let grid =
            |transform: &_, crop| host.finish(align::Target::chosen(&moving, &reference, transform, voxel, crop));
        // An impossible grid or file is refused before the long work.
        grid(&align::Transform::identity(), false)?;
        let save = options.file("save")?;
        if let Some(file) = &save {
            host.finish(align::Transform::check_writable(file))?;
        }
        let found = match options.align()? {
            (Some(known), wanted) => {
                host.finish(align::assess(&moving, &reference, &known, &wanted, Progress::new(&monitor)))?
            }
            (None, wanted) => host.finish(align::align(&moving, &reference, &wanted, Progress::new(&monitor)))?,
        };
        monitor.alignment(&found);
        let transform = found.transform;
        if let Some(file) = &save {
            host.finish(transform.save(file))?;
        }
        let target = grid(&transform, crop)?;
        host.finish(align::apply_transform(&moving, &target, &transform, &mut result, Progress::new(&monitor)))?;
        if !matched.is_null() {
            let mut matched = JavaSink::new(env, &host, &matched)?;
            let same = align::Transform::identity();
            host.finish(align::apply_transform(&reference, &target, &same, &mut matched, Progress::new(&monitor)))?;
        }
        let [z, y, x] = target.corner(reference.shape());
        let corner = JDoubleArray::new(env, 3)?;
        corner.set_region(env, 0, &[x, y, z])?;
        Ok(corner)
    })
}

/// `void overlay(StackSource aligned, StackSource reference, StackSink first, StackSink second, String[] options,
/// Monitor monitor)`.
#[unsafe(no_mangle)]
pub extern "system" fn Java_undulator_Native_overlay<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    aligned: JObject<'local>,
    reference: JObject<'local>,
    first: JObject<'local>,
    second: JObject<'local>,
    options: Strings<'local>,
    monitor: JObject<'local>,
) {
    guard(env, |env| {
        let (host, overlay) = (Host::new(env)?, Options::read(env, &options)?.get::<align::Overlay>("overlay")?);
        let monitor = JavaMonitor::new(env, &host, &monitor)?;
        let aligned = JavaSource::new(env, &host, &aligned)?;
        let reference = JavaSource::new(env, &host, &reference)?;
        let mut first = JavaSink::new(env, &host, &first)?;
        let mut second = JavaSink::new(env, &host, &second)?;
        host.finish(overlay.draw(&aligned, &reference, &mut first, &mut second, Progress::new(&monitor)))
    })
}

/// `void train(StackSource low, StackSource reference, String[] options, TrainingMonitor monitor)`.
#[unsafe(no_mangle)]
pub extern "system" fn Java_undulator_Native_train<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    low: JObject<'local>,
    reference: JObject<'local>,
    options: Strings<'local>,
    monitor: JObject<'local>,
) {
    guard(env, |env| {
        let (host, options) = (Host::new(env)?, Options::read(env, &options)?.train()?);
        let monitor = JavaMonitor::new(env, &host, &monitor)?;
        let low = JavaSource::new(env, &host, &low)?;
        let reference = JavaSource::new(env, &host, &reference)?;
        let trained = host.finish(train::train(&low, &reference, &options, &monitor))?;
        monitor.trained(&trained);
        match trained.cancelled {
            true => Err(Border::Cancelled(trained.to_string())),
            false => host.end(),
        }
    })
}

/// `String compare(StackSource low, StackSource reference, String[] options, TrainingMonitor monitor)`: the figure's file.
#[unsafe(no_mangle)]
pub extern "system" fn Java_undulator_Native_compare<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    low: JObject<'local>,
    reference: JObject<'local>,
    options: Strings<'local>,
    monitor: JObject<'local>,
) -> JString<'local> {
    guard(env, |env| {
        let (host, options) = (Host::new(env)?, Options::read(env, &options)?.compare()?);
        let monitor = ComparisonMonitor(JavaMonitor::new(env, &host, &monitor)?);
        let low = JavaSource::new(env, &host, &low)?;
        let reference = JavaSource::new(env, &host, &reference)?;
        let comparison = host.finish(compare::compare(&low, &reference, &options, &monitor))?;
        host.end()?;
        Ok(env.new_string(comparison.figure.display().to_string())?)
    })
}

/// `void apply(StackSource image, StackSource reference, StackSink result, String[] options, Monitor monitor)`; the
/// reference may be null; where the options name an output, slices go to that file and not to the sink.
#[unsafe(no_mangle)]
pub extern "system" fn Java_undulator_Native_apply<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    image: JObject<'local>,
    reference: JObject<'local>,
    result: JObject<'local>,
    options: Strings<'local>,
    monitor: JObject<'local>,
) {
    guard(env, |env| {
        let (host, options) = (Host::new(env)?, Options::read(env, &options)?);
        let monitor = JavaMonitor::new(env, &host, &monitor)?;
        let image = JavaSource::new(env, &host, &image)?;
        let reference = match reference.is_null() {
            true => None,
            false => Some(JavaSource::new(env, &host, &reference)?),
        };
        let mut result = JavaSink::new(env, &host, &result)?;
        let model = host.finish(model::load(options.text("model")?.as_ref(), options.get("force")?))?;
        let range = model.output_window();
        let reference = reference.as_ref().map(|stack| stack as &dyn SliceSource);
        let choice = options.choice()?;
        let mut file = match options.file("output")? {
            None => None,
            Some(path) => {
                let bytes = host.finish(std::fs::read(options.text("model")?))?;
                let look = options.look(range)?;
                Some(StackFile::new(&path, look, host.finish(apply::job(&image, &bytes))?))
            }
        };
        let sink = file.as_mut().map_or(&mut result as &mut dyn SliceSink, |file| file);
        let applied =
            host.finish(apply::apply_any(&image, reference, &model, choice, sink, Progress::new(&monitor)))?;
        if let Some(range) = range {
            result.display_range(range);
        }
        if let Some(comparison) = &applied.comparison {
            monitor.comparison(comparison);
        }
        host.end()
    })
}

/// `void inspectModel(String[] options, StackSource image, ModelCard card)`; the image may be null.
#[unsafe(no_mangle)]
pub extern "system" fn Java_undulator_Native_inspectModel<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    options: Strings<'local>,
    image: JObject<'local>,
    card: JObject<'local>,
) {
    guard(env, |env| {
        let (host, options) = (Host::new(env)?, Options::read(env, &options)?);
        let facts = host.finish(model::inspect(options.text("model")?.as_ref()))?;
        let voxel = match image.is_null() {
            true => None,
            false => Some(JavaSource::new(env, &host, &image)?.shape().voxel),
        };
        JavaModelCard::new(env, &host, &card)?.tell(&facts, voxel);
        host.end()
    })
}

/// `String verifyModel(String[] options)`: how closely the model reproduces its test image.
#[unsafe(no_mangle)]
pub extern "system" fn Java_undulator_Native_verifyModel<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    options: Strings<'local>,
) -> JString<'local> {
    guard(env, |env| {
        let (host, options) = (Host::new(env)?, Options::read(env, &options)?);
        let verification = host.finish(model::verify(options.text("model")?.as_ref()))?;
        match verification.passed() {
            true => Ok(env.new_string(verification.to_string())?),
            false => Err(Border::Refused(verification.to_string())),
        }
    })
}

/// `String installModel(String[] options)`: the copy.
#[unsafe(no_mangle)]
pub extern "system" fn Java_undulator_Native_installModel<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    options: Strings<'local>,
) -> JString<'local> {
    guard(env, |env| {
        let (host, options) = (Host::new(env)?, Options::read(env, &options)?);
        let (file, folder) = (options.text("model")?.as_ref(), options.text("folder")?.as_ref());
        let installed = host.finish(model::install(file, folder, options.get("force")?))?;
        Ok(env.new_string(installed.display().to_string())?)
    })
}

/// `String exportModel(String[] options)`: the file.
#[unsafe(no_mangle)]
pub extern "system" fn Java_undulator_Native_exportModel<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    options: Strings<'local>,
) -> JString<'local> {
    guard(env, |env| {
        let (host, options) = (Host::new(env)?, Options::read(env, &options)?);
        let (file, folder) = (options.text("model")?.as_ref(), options.text("folder")?.as_ref());
        let exported = host.finish(model::export(file, options.get("format")?, folder, options.get("force")?))?;
        Ok(env.new_string(exported.display().to_string())?)
    })
}

/// `void measure(StackSource test, StackSource reference, String[] options, Monitor monitor)`.
#[unsafe(no_mangle)]
pub extern "system" fn Java_undulator_Native_measure<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    test: JObject<'local>,
    reference: JObject<'local>,
    options: Strings<'local>,
    monitor: JObject<'local>,
) {
    guard(env, |env| {
        let (host, options) = (Host::new(env)?, Options::read(env, &options)?);
        let monitor = JavaMonitor::new(env, &host, &monitor)?;
        let test = JavaSource::new(env, &host, &test)?;
        let reference = JavaSource::new(env, &host, &reference)?;
        let windowed = measure::Options { windowed: options.get("windowed")? };
        let measured = host.finish(measure::measure(&test, &reference, windowed, Progress::new(&monitor)))?;
        monitor.score("stack", &measured.stack);
        for (z, score) in measured.slices.iter().enumerate() {
            monitor.score(&(z + 1).to_string(), score);
        }
        host.end()
    })
}
