//! Java's `StackSource` and `StackSink` as the core's.

use std::sync::Arc;

use jni::{
    Env,
    errors::Error as JniError,
    jni_sig, jni_str,
    objects::{
        JByteArray, JDoubleArray, JFloatArray, JIntArray, JObject, JPrimitiveArray, JShortArray, JString, JValue,
    },
    refs::Global,
};
use undulator::grey::Window;
use undulator::stack::{GreyType, Shape, Size, SliceSink, SliceSource, StackError, VoxelSize, Voxels, integer};

use super::{exception::Border, host::Host};

/// A Java `StackSource`.
pub struct JavaSource {
    host: Arc<Host>,
    object: Global<JObject<'static>>,
    name: String,
    shape: Shape,
}

impl JavaSource {
    pub fn new(env: &mut Env, host: &Arc<Host>, object: &JObject) -> Result<Self, Border> {
        let name = env.call_method(object, jni_str!("name"), jni_sig!("()Ljava/lang/String;"), &[])?.l()?;
        let name = env.cast_local::<JString>(name)?.try_to_string(env)?;
        let size = env.call_method(object, jni_str!("size"), jni_sig!("()[I"), &[])?.l()?;
        let mut numbers = [0; 4];
        env.cast_local::<JIntArray>(size)?.get_region(env, 0, &mut numbers)?;
        let voxel = env.call_method(object, jni_str!("voxel"), jni_sig!("()[D"), &[])?.l()?;
        let mut edges = [0.0; 3];
        env.cast_local::<JDoubleArray>(voxel)?.get_region(env, 0, &mut edges)?;

        let [width, height, slices, bits] = numbers.map(|number| usize::try_from(number).unwrap_or(0));
        let grey = GreyType::from_bits(bits as u32)
            .ok_or_else(|| Border::Refused(format!("{name} has {bits} bits: convert it to 8, 16 or 32 bits")))?;
        let [x, y, z] = edges;
        let shape = Shape { size: Size::new(width, height, slices), voxel: VoxelSize { x, y, z }, grey };
        Ok(Self { host: host.clone(), object: env.new_global_ref(object)?, name, shape })
    }
}

impl SliceSource for JavaSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn shape(&self) -> Shape {
        self.shape
    }

    fn read(&self, z: usize, out: &mut [f32]) -> Result<(), StackError> {
        let mut voxels = Voxels::default();
        self.read_voxels(z, &mut voxels)?;
        voxels.store(0, out);
        Ok(())
    }

    fn read_voxels(&self, z: usize, out: &mut Voxels) -> Result<(), StackError> {
        let plane = self.shape.size.plane();
        let read = |env: &mut Env| {
            let arguments = [JValue::Int(z as i32)];
            let pixels =
                env.call_method(&self.object, jni_str!("read"), jni_sig!("(I)Ljava/lang/Object;"), &arguments)?.l()?;
            // Java's numbers have signs: they lose them where they stand, in the memory of the slice before.
            *out = match (self.shape.grey, std::mem::take(out)) {
                (GreyType::U8, spare) => {
                    let spare = if let Voxels::U8(spare) = spare { spare } else { Vec::new() };
                    let spare = spare.into_iter().map(|grey| grey as i8).collect();
                    let pixels = region(env, &env.cast_local::<JByteArray>(pixels)?, plane, spare)?;
                    Voxels::U8(pixels.into_iter().map(|grey| grey as u8).collect())
                }
                (GreyType::U16, spare) => {
                    let spare = if let Voxels::U16(spare) = spare { spare } else { Vec::new() };
                    let spare = spare.into_iter().map(|grey| grey as i16).collect();
                    let pixels = region(env, &env.cast_local::<JShortArray>(pixels)?, plane, spare)?;
                    Voxels::U16(pixels.into_iter().map(|grey| grey as u16).collect())
                }
                (GreyType::F32, spare) => {
                    let spare = if let Voxels::F32(spare) = spare { spare } else { Vec::new() };
                    Voxels::F32(region(env, &env.cast_local::<JFloatArray>(pixels)?, plane, spare)?)
                }
            };
            Ok(())
        };
        self.host.call(read).map_err(|reason| StackError::Host { slice: z + 1, reason })
    }
}

fn region<T: jni::objects::TypeArray + Default + Clone>(
    env: &Env,
    array: &JPrimitiveArray<T>,
    length: usize,
    mut values: Vec<T>,
) -> Result<Vec<T>, JniError> {
    values.resize(length, T::default());
    array.get_region(env, 0, &mut values)?;
    Ok(values)
}

/// A Java `StackSink`.
pub struct JavaSink {
    host: Arc<Host>,
    object: Global<JObject<'static>>,
    grey: GreyType,
}

impl JavaSink {
    pub fn new(env: &Env, host: &Arc<Host>, object: &JObject) -> Result<Self, Border> {
        Ok(Self { host: host.clone(), object: env.new_global_ref(object)?, grey: GreyType::F32 })
    }

    /// Which grey values to show as black and white.
    pub fn display_range(&self, window: Window) {
        // What Java throws here is thrown again when the call ends.
        let _ = self.host.call(|env| {
            let arguments = [JValue::Double(window.low.into()), JValue::Double(window.high.into())];
            env.call_method(&self.object, jni_str!("displayRange"), jni_sig!("(DD)V"), &arguments)?.v()
        });
    }

    /// A property that the image is to carry.
    pub fn property(&self, key: &str, value: &str) {
        let _ = self.host.call(|env| {
            let (key, value) = (env.new_string(key)?, env.new_string(value)?);
            let signature = jni_sig!("(Ljava/lang/String;Ljava/lang/String;)V");
            let arguments = [JValue::Object(&key), JValue::Object(&value)];
            env.call_method(&self.object, jni_str!("property"), signature, &arguments)?.v()
        });
    }
}

impl SliceSink for JavaSink {
    fn begin(&mut self, shape: Shape) -> Result<(), StackError> {
        self.grey = shape.grey;
        let Shape { size, voxel, grey } = shape;
        let numbers = [size.width, size.height, size.slices, grey.bits() as usize];
        let numbers = numbers.map(|number| i32::try_from(number).unwrap_or(i32::MAX));
        let begin = |env: &mut Env| {
            let mut arguments: Vec<JValue> = numbers.iter().map(|number| JValue::Int(*number)).collect();
            arguments.extend([voxel.x, voxel.y, voxel.z].map(JValue::Double));
            env.call_method(&self.object, jni_str!("begin"), jni_sig!("(IIIIDDD)V"), &arguments)?.v()
        };
        self.host.call(begin).map_err(|reason| StackError::Host { slice: 1, reason })
    }

    fn write(&mut self, z: usize, slice: &[f32]) -> Result<(), StackError> {
        let write = |env: &mut Env| {
            let pixels: JObject = match self.grey {
                GreyType::U8 => {
                    let values: Vec<i8> = slice.iter().map(|grey| integer(*grey) as i8).collect();
                    let array = JByteArray::new(env, values.len())?;
                    array.set_region(env, 0, &values)?;
                    array.into()
                }
                GreyType::U16 => {
                    let values: Vec<i16> = slice.iter().map(|grey| integer(*grey) as i16).collect();
                    let array = JShortArray::new(env, values.len())?;
                    array.set_region(env, 0, &values)?;
                    array.into()
                }
                GreyType::F32 => {
                    let array = JFloatArray::new(env, slice.len())?;
                    array.set_region(env, 0, slice)?;
                    array.into()
                }
            };
            let arguments = [JValue::Int(z as i32), JValue::Object(&pixels)];
            env.call_method(&self.object, jni_str!("write"), jni_sig!("(ILjava/lang/Object;)V"), &arguments)?.v()
        };
        self.host.call(write).map_err(|reason| StackError::Host { slice: z + 1, reason })
    }
}
