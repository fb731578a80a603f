//! What happens when Java loads the library.

use std::ffi::c_void;

use jni::sys::{JNI_VERSION_1_8, JavaVM, jint};

/// Makes the GPUs known.
#[unsafe(no_mangle)]
pub extern "system" fn JNI_OnLoad(_vm: *mut JavaVM, _reserved: *mut c_void) -> jint {
    undulator_gpu::register();
    JNI_VERSION_1_8
}
