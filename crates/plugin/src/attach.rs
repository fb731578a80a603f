//! Threads of the library stay attached to Java until they end: attaching makes a Java thread each time, and a stack is
//! read slice by slice.

#[cfg(not(windows))]
pub use once::attach;

/// On Windows the end of a thread is no place to call Java from: there each call attaches for itself.
#[cfg(windows)]
pub fn attach(_vm: &jni::JavaVM) {}

#[cfg(not(windows))]
mod once {
    use std::{cell::OnceCell, ptr::null_mut};

    use jni::{JavaVM, sys};

    thread_local! {
        static ATTACHED: OnceCell<Attached> = const { OnceCell::new() };
    }

    /// This thread's attachment, which ends with the thread.
    struct Attached(*mut sys::JavaVM);

    impl Drop for Attached {
        fn drop(&mut self) {
            // SAFETY: this thread was attached to that virtual machine, which lasts as long as the process, and no frame of
            // Java is on its stack when its locals are dropped.
            unsafe { ((**self.0).v1_1.DetachCurrentThread)(self.0) };
        }
    }

    /// Attaches this thread unless it is Java's own or attached already. Java does not wait for it when it ends: threads
    /// of a pool never do. What fails here is told by the call that follows, which attaches for itself.
    pub fn attach(vm: &JavaVM) {
        // A thread that ends has no locals any longer.
        let _ = ATTACHED.try_with(|attached| {
            if attached.get().is_some() || vm.is_thread_attached().unwrap_or(true) {
                return;
            }
            let (raw, mut env) = (vm.get_raw(), null_mut());
            // SAFETY: the pointers are valid, and null stands for no arguments.
            let code = unsafe { ((**raw).v1_4.AttachCurrentThreadAsDaemon)(raw, &mut env, null_mut()) };
            if code == sys::JNI_OK {
                let _ = attached.set(Attached(raw));
            }
        });
    }
}
