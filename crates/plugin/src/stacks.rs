//! Java's `StackSource` and `StackSink` as the library's images.

use std::sync::Arc;

use jni::{
    Env,
    errors::Error as JniError,
    objects::{JByteArray, JDoubleArray, JFloatArray, JIntArray, JObject, JShortArray, JString},
    refs::Global,
};

use ndarray::{Array2, ArrayView2, ArrayViewMut2, Dim, Ix2};

use super::{
    argument::{Argument, java},
    caller::Caller,
};
use undulator::{
    command::{Code, CommandError, FILLER, Image, ImageSink},
    grey::Window,
    stack::{GreyScale, GreyType, Shape, Size, SliceSink, SliceSource, StackError, VoxelSize, Voxels, flat, flat_mut},
};

/// A Java `StackSource`.
pub struct JavaImage {
    planes: Planes,
    name: String,
    unit: String,
    value_unit: String,
    shape: Shape,
    channels: usize,
    frames: usize,
    has_filler: bool,
}

impl JavaImage {
    pub fn new(env: &mut Env, caller: &Arc<Caller>, object: &JObject) -> Result<Result<Self, CommandError>, JniError> {
        let name = java!(env, object, "name": [() -> JString])?.l()?;
        let name = env.cast_local::<JString>(name)?.try_to_string(env)?;
        let mut units: [String; 3] = Default::default();
        for (axis, unit) in units.iter_mut().enumerate() {
            let text = java!(env, object, "unit": [(jint) -> JString], axis)?.l()?;
            *unit = env.cast_local::<JString>(text)?.try_to_string(env)?;
        }
        let value_unit = java!(env, object, "valueUnit": [() -> JString])?.l()?;
        let value_unit = env.cast_local::<JString>(value_unit)?.try_to_string(env)?;
        let (scale, mut line) = (java!(env, object, "greyScale": [() -> [jdouble]])?.l()?, [0.0; 2]);
        env.cast_local::<JDoubleArray>(scale)?.get_region(env, 0, &mut line)?;
        let (size, mut numbers) = (java!(env, object, "size": [() -> [jint]])?.l()?, [0; 4]);
        env.cast_local::<JIntArray>(size)?.get_region(env, 0, &mut numbers)?;
        let (voxel, mut edges) = (java!(env, object, "voxel": [() -> [jdouble]])?.l()?, [0.0; 3]);
        env.cast_local::<JDoubleArray>(voxel)?.get_region(env, 0, &mut edges)?;
        let channels = java!(env, object, "channels": [() -> jint])?.i()?.max(1) as usize;
        let frames = java!(env, object, "frames": [() -> jint])?.i()?.max(1) as usize;
        let has_filler = java!(env, object, "hasFiller": [() -> jboolean])?.z()?;

        let [width, height, slices, bits] = numbers.map(|number| number.max(0) as usize);
        let Some(grey) = GreyType::from_bits(bits as u32) else {
            let error = CommandError::new(Code::Image, format!("{name} has {bits} bits"));
            return Ok(Err(error.advice("convert it to 8, 16 or 32 bits")));
        };
        let [offset, slope] = line;
        let Some(scale) = GreyScale::new(offset, slope, grey) else {
            let message =
                format!("the grey calibration of {name}, {offset} + {slope} × number, leaves no distinct values");
            return Ok(Err(CommandError::new(Code::Image, message).advice("mend or remove its calibration")));
        };
        let voxel = VoxelSize::in_units(edges, units.each_ref().map(String::as_str));
        let shape = Shape { scale, ..Shape::new(Size::new(width, height, slices), voxel, grey) };
        let [unit, ..] = units;
        let planes = Planes { caller: caller.clone(), object: env.new_global_ref(object)? };
        Ok(Ok(Self { planes, name, unit, value_unit, shape, channels, frames, has_filler }))
    }
}

impl Image for JavaImage {
    fn channels(&self) -> usize {
        self.channels
    }

    fn frames(&self) -> usize {
        self.frames
    }
}

impl SliceSource for JavaImage {
    fn name(&self) -> &str {
        &self.name
    }

    fn shape(&self) -> Shape {
        self.shape
    }

    fn unit(&self) -> &str {
        &self.unit
    }

    fn value_unit(&self) -> &str {
        &self.value_unit
    }

    fn has_filler(&self) -> bool {
        self.has_filler
    }

    fn read(&self, z: usize, out: ArrayViewMut2<'_, f32>) -> Result<(), StackError> {
        self.planes.read_out(self.shape, z, out)
    }

    fn read_voxels(&self, z: usize, out: &mut Voxels<Ix2>) -> Result<(), StackError> {
        self.planes.read(self.shape, z, out)
    }
}

/// Edges of a voxel in a unit, and offset and slope of the grey values.
pub fn calibration(shape: Shape, unit: &str) -> ([f64; 3], [f64; 2]) {
    (shape.voxel.edges_in(unit), [shape.scale.offset, shape.scale.slope])
}

/// A Java object whose planes are read or written.
struct Planes {
    caller: Arc<Caller>,
    object: Global<JObject<'static>>,
}

impl Planes {
    fn call<T>(&self, z: usize, body: impl FnOnce(&mut Env) -> Result<T, JniError>) -> Result<T, StackError> {
        self.caller.call(body).map_err(|reason| StackError::Host { slice: z + 1, reason })
    }

    fn read_out(&self, shape: Shape, z: usize, mut out: ArrayViewMut2<'_, f32>) -> Result<(), StackError> {
        let mut voxels = Voxels::<Ix2>::default();
        self.read(shape, z, &mut voxels)?;
        voxels.store(out.view_mut());
        shape.scale.calibrate(flat_mut(&mut out));
        Ok(())
    }

    fn read(&self, shape: Shape, z: usize, out: &mut Voxels<Ix2>) -> Result<(), StackError> {
        out.fit(shape.grey, Dim(shape.size.slice_dim()))?;
        self.call(z, |env| {
            let (array, old) = (java!(env, &self.object, "read": [(jint) -> JObject], z)?.l()?, std::mem::take(out));
            // Java's numbers have signs: they lose them where they stand, in the memory of the slice before.
            macro_rules! voxels {
                ($grey:ident, $array:ty, $java:ty, $own:ty) => {{
                    let old = if let Voxels::$grey(old) = old { old.into_raw_vec_and_offset().0 } else { Vec::new() };
                    let mut values: Vec<$java> = old.into_iter().map(|grey| grey as $java).collect();
                    env.cast_local::<$array>(array)?.get_region(env, 0, &mut values)?;
                    let values = values.into_iter().map(|grey| grey as $own).collect();
                    Voxels::$grey(Array2::from_shape_vec(shape.size.slice_dim(), values).expect("values of one slice"))
                }};
            }
            *out = match shape.grey {
                GreyType::U8 => voxels!(U8, JByteArray, i8, u8),
                GreyType::U16 => voxels!(U16, JShortArray, i16, u16),
                GreyType::F32 => voxels!(F32, JFloatArray, f32, f32),
            };
            Ok(())
        })
    }

    fn write<T>(&self, z: usize, values: &[T]) -> Result<(), StackError>
    where
        for<'any, 'local> &'any [T]: Argument<'local>,
    {
        self.call(z, |env| java!(env, &self.object, "write": [(jint, JObject)], z, values)?.v())
    }
}

/// A Java `StackSink`.
pub struct JavaSink {
    planes: Planes,
    /// The image's unit of length.
    unit: String,
    /// Known once it has begun.
    shape: Option<Shape>,
}

impl JavaSink {
    pub fn new(caller: &Arc<Caller>, object: Global<JObject<'static>>, unit: String) -> Self {
        Self { planes: Planes { caller: caller.clone(), object }, unit, shape: None }
    }

    fn shape(&self, z: usize) -> Result<Shape, StackError> {
        let reason = "no slice is known to come".to_owned();
        self.shape.ok_or(StackError::Host { slice: z + 1, reason })
    }
}

impl ImageSink for JavaSink {
    fn display_range(&mut self, range: Window) {
        let Planes { caller, object } = &self.planes;
        // ImageJ shows stored numbers.
        let scale = self.shape.map_or(GreyScale::IDENTITY, |shape| shape.scale);
        let ends = [range.low, range.high].map(|grey| f64::from(scale.stored(grey)));
        let (low, high) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
        caller.tell(|env| java!(env, object, "displayRange": [(jdouble, jdouble)], low, high)?.v());
    }

    fn property(&mut self, key: &str, value: &str) {
        let Planes { caller, object } = &self.planes;
        caller.tell(|env| java!(env, object, "property": [(JString, JString)], key, value)?.v());
    }
}

impl SliceSink for JavaSink {
    fn begin(&mut self, shape: Shape) -> Result<(), StackError> {
        self.shape = Some(shape);
        let Shape { size: Size { width, height, slices }, grey, .. } = shape;
        let (object, bits, (voxel, scale)) =
            (&self.planes.object, grey.bits() as usize, calibration(shape, &self.unit));
        self.planes.call(0, |env| {
            java!(env, object, "begin": [(jint, jint, jint, jint, [jdouble], [jdouble])],
                width, height, slices, bits, &voxel[..], &scale[..])?
            .v()
        })
    }

    fn write(&mut self, z: usize, slice: ArrayView2<'_, f32>) -> Result<(), StackError> {
        let (slice, Shape { grey: kind, scale, .. }) = (flat(&slice), self.shape(z)?);
        let numbers = slice.iter().map(|grey| scale.whole(kind, *grey));
        match kind {
            GreyType::U8 => self.planes.write(z, &numbers.map(|number| number as i8).collect::<Vec<_>>()),
            GreyType::U16 => self.planes.write(z, &numbers.map(|number| number as i16).collect::<Vec<_>>()),
            GreyType::F32 => self.planes.write(z, slice),
        }
    }

    fn mark_filler(&mut self) {
        self.property(FILLER.0, FILLER.1);
    }

    fn read_done(&mut self, z: usize, out: ArrayViewMut2<'_, f32>) -> Result<(), StackError> {
        self.planes.read_out(self.shape(z)?, z, out)
    }
}
