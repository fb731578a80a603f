//! Java's `StackSource` and `StackSink` as the library's images.

use std::sync::Arc;

use jni::{
    Env,
    errors::Error as JniError,
    objects::{
        JByteArray, JDoubleArray, JFloatArray, JIntArray, JObject, JPrimitiveArray, JShortArray, JString, TypeArray,
    },
    refs::Global,
};

use ndarray::{Array2, ArrayView2, ArrayViewMut2, Ix2};

use super::{argument::java, caller::Caller};
use undulator::{
    command::{Code, CommandError, Image, ImageSink},
    grey::Window,
    stack::{GreyType, Shape, Size, SliceSink, SliceSource, StackError, VoxelSize, Voxels, flat, integer},
};

/// A Java `StackSource`.
pub struct JavaImage {
    planes: Planes,
    name: String,
    unit: String,
    shape: Shape,
    channels: usize,
    frames: usize,
}

impl JavaImage {
    pub fn new(env: &mut Env, caller: &Arc<Caller>, object: &JObject) -> Result<Result<Self, CommandError>, JniError> {
        let name = java!(env, object, "name", "()Ljava/lang/String;")?.l()?;
        let name = env.cast_local::<JString>(name)?.try_to_string(env)?;
        let unit = java!(env, object, "unit", "()Ljava/lang/String;")?.l()?;
        let unit = env.cast_local::<JString>(unit)?.try_to_string(env)?;
        let (size, mut numbers) = (java!(env, object, "size", "()[I")?.l()?, [0; 4]);
        env.cast_local::<JIntArray>(size)?.get_region(env, 0, &mut numbers)?;
        let (voxel, mut edges) = (java!(env, object, "voxel", "()[D")?.l()?, [0.0; 3]);
        env.cast_local::<JDoubleArray>(voxel)?.get_region(env, 0, &mut edges)?;
        let counts = [java!(env, object, "channels", "()I")?.i()?, java!(env, object, "frames", "()I")?.i()?];

        let [width, height, slices, bits] = numbers.map(|number| number.max(0) as usize);
        let [channels, frames] = counts.map(|count| count.max(1) as usize);
        let Some(grey) = GreyType::from_bits(bits as u32) else {
            let error = CommandError::new(Code::Image, format!("{name} has {bits} bits"));
            return Ok(Err(error.advice("convert it to 8, 16 or 32 bits")));
        };
        let [x, y, z] = edges;
        let shape = Shape { size: Size::new(width, height, slices), voxel: VoxelSize { x, y, z }, grey };
        let planes = Planes { caller: caller.clone(), object: env.new_global_ref(object)? };
        Ok(Ok(Self { planes, name, unit, shape, channels, frames }))
    }
}

impl Image for JavaImage {
    fn unit(&self) -> &str {
        &self.unit
    }

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

    fn read(&self, z: usize, out: ArrayViewMut2<'_, f32>) -> Result<(), StackError> {
        let mut voxels = Voxels::<Ix2>::default();
        self.read_voxels(z, &mut voxels)?;
        voxels.store(out);
        Ok(())
    }

    fn read_voxels(&self, z: usize, out: &mut Voxels<Ix2>) -> Result<(), StackError> {
        self.planes.read(self.shape, z, out)
    }
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

    fn read(&self, shape: Shape, z: usize, out: &mut Voxels<Ix2>) -> Result<(), StackError> {
        let length = shape.size.plane();
        self.call(z, |env| {
            let array = java!(env, &self.object, "read", "(I)Ljava/lang/Object;", z)?.l()?;
            let old = std::mem::take(out);
            // Java's numbers have signs: they lose them where they stand, in the memory of the slice before.
            macro_rules! voxels {
                ($grey:ident, $array:ty, $java:ty, $own:ty) => {{
                    let old = if let Voxels::$grey(old) = old { old.into_raw_vec_and_offset().0 } else { Vec::new() };
                    let array = env.cast_local::<$array>(array)?;
                    let values = values(env, &array, length, old, |grey| grey as $java, |grey| grey as $own)?;
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
}

/// The values of a Java array, in the memory of `old` ones.
fn values<G, J: TypeArray + Default + Clone>(
    env: &Env,
    array: &JPrimitiveArray<J>,
    length: usize,
    old: Vec<G>,
    to_java: impl Fn(G) -> J,
    from_java: impl Fn(J) -> G,
) -> Result<Vec<G>, JniError> {
    let mut values: Vec<J> = old.into_iter().map(to_java).collect();
    values.resize(length, J::default());
    array.get_region(env, 0, &mut values)?;
    Ok(values.into_iter().map(from_java).collect())
}

/// A Java array of a slice's values.
fn array<'local, J: TypeArray>(
    env: &mut Env<'local>,
    slice: &[f32],
    to_java: impl Fn(f32) -> J,
) -> Result<JObject<'local>, JniError> {
    let values: Vec<J> = slice.iter().map(|grey| to_java(*grey)).collect();
    let array = JPrimitiveArray::<J>::new(env, values.len())?;
    array.set_region(env, 0, &values)?;
    Ok(array.into())
}

/// A Java `StackSink`.
pub struct JavaSink {
    planes: Planes,
    /// Known once it has begun.
    shape: Option<Shape>,
}

impl JavaSink {
    pub fn new(caller: &Arc<Caller>, object: Global<JObject<'static>>) -> Self {
        Self { planes: Planes { caller: caller.clone(), object }, shape: None }
    }

    fn shape(&self, z: usize) -> Result<Shape, StackError> {
        let reason = "no slice is known to come".to_owned();
        self.shape.ok_or(StackError::Host { slice: z + 1, reason })
    }
}

impl ImageSink for JavaSink {
    fn display_range(&mut self, range: Window) {
        let (low, high) = (f64::from(range.low), f64::from(range.high));
        self.planes.caller.tell(|env| java!(env, &self.planes.object, "displayRange", "(DD)V", low, high)?.v());
    }

    fn property(&mut self, key: &str, value: &str) {
        let planes = &self.planes;
        planes.caller.tell(|env| {
            java!(env, &planes.object, "property", "(Ljava/lang/String;Ljava/lang/String;)V", key, value)?.v()
        });
    }
}

impl SliceSink for JavaSink {
    fn begin(&mut self, shape: Shape) -> Result<(), StackError> {
        self.shape = Some(shape);
        let Shape { size, voxel: VoxelSize { x, y, z }, grey } = shape;
        let bits = grey.bits() as usize;
        self.planes.call(0, |env| {
            let object = &self.planes.object;
            java!(env, object, "begin", "(IIIIDDD)V", size.width, size.height, size.slices, bits, x, y, z)?.v()
        })
    }

    fn write(&mut self, z: usize, slice: ArrayView2<'_, f32>) -> Result<(), StackError> {
        let (grey, slice) = (self.shape(z)?.grey, flat(&slice));
        self.planes.call(z, |env| {
            let plane = match grey {
                GreyType::U8 => array(env, slice, |grey| integer(grey) as i8)?,
                GreyType::U16 => array(env, slice, |grey| integer(grey) as i16)?,
                GreyType::F32 => array(env, slice, |grey| grey)?,
            };
            java!(env, &self.planes.object, "write", "(ILjava/lang/Object;)V", z, plane)?.v()
        })
    }

    fn read_done(&mut self, z: usize, out: ArrayViewMut2<'_, f32>) -> Result<(), StackError> {
        let mut voxels = Voxels::<Ix2>::default();
        self.planes.read(self.shape(z)?, z, &mut voxels)?;
        voxels.store(out);
        Ok(())
    }
}
