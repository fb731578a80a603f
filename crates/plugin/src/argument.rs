//! Rust's values as arguments of Java's methods.

use jni::{
    Env,
    errors::Error as JniError,
    objects::{JObject, JObjectArray, JPrimitiveArray, JString, JValueOwned, TypeArray},
};

/// What a method of Java takes.
pub trait Argument<'local> {
    fn java(self, env: &mut Env<'local>) -> Result<JValueOwned<'local>, JniError>;
}

macro_rules! arguments {
    ($($rust:ty: |$value:ident, $env:ident| $java:expr;)*) => {$(
        impl<'local> Argument<'local> for $rust {
            fn java(self, $env: &mut Env<'local>) -> Result<JValueOwned<'local>, JniError> {
                let $value = self;
                Ok($java.into())
            }
        }
    )*};
}

arguments! {
    bool: |value, _env| value;
    f64: |value, _env| value;
    i64: |value, _env| value;
    usize: |value, _env| i32::try_from(value).unwrap_or(i32::MAX);
    JObject<'local>: |value, _env| value;
    &str: |value, env| env.new_string(value)?;
    Option<&str>: |value, env| value.map_or(Ok(JString::null()), |text| env.new_string(text))?;
    &[u8]: |value, env| env.byte_array_from_slice(value)?;
    &[i8]: |value, env| array(env, value)?;
    &[i16]: |value, env| array(env, value)?;
    &[f32]: |value, env| array(env, value)?;
    &[f64]: |value, env| array(env, value)?;
    &[&str]: |value, env| strings(env, value.iter().copied().map(Some))?;
    &[Option<&str>]: |value, env| strings(env, value.iter().copied())?;
}

fn array<'local, T: TypeArray>(env: &mut Env<'local>, values: &[T]) -> Result<JPrimitiveArray<'local, T>, JniError> {
    let array = JPrimitiveArray::new(env, values.len())?;
    array.set_region(env, 0, values)?;
    Ok(array)
}

/// A Java array of strings; `None` is null.
pub fn strings<'local, S: AsRef<str>>(
    env: &mut Env<'local>,
    values: impl ExactSizeIterator<Item = Option<S>>,
) -> Result<JObjectArray<'local, JString<'local>>, JniError> {
    let array = JObjectArray::<JString>::new(env, values.len(), JString::null())?;
    for (at, value) in values.enumerate() {
        let value = value.map_or(Ok(JString::null()), |text| env.new_string(text))?;
        array.set_element(env, at, &value)?;
    }
    Ok(array)
}

/// Calls a method, or with `new` a constructor: `java!(env, object, "read": [(jint) -> JObject], plane)`.
macro_rules! java {
    ($env:expr, new $class:expr => [$($signature:tt)*], $($argument:expr),*) => {{
        let arguments = [$($crate::argument::Argument::java($argument, $env)?),*];
        let arguments = arguments.each_ref().map(|argument| argument.borrow());
        $env.new_object($class, ::jni::jni_sig!($($signature)*), &arguments)
    }};
    ($env:expr, $object:expr, $method:literal: [$($signature:tt)*] $(, $argument:expr)*) => {{
        let arguments: [::jni::objects::JValueOwned; _] = [$($crate::argument::Argument::java($argument, $env)?),*];
        let arguments = arguments.each_ref().map(|argument| argument.borrow());
        $env.call_method($object, ::jni::jni_str!($method), ::jni::jni_sig!($($signature)*), &arguments)
    }};
}
pub(super) use java;
