//! The border to Java: translation and nothing else.
//!
//! Commands are data and functions of the library (`undulator::command`), so one door runs them all. A Java `Host` is a
//! host of the library's; its images are read and written plane by plane, from whatever thread needs it. Errors and panics
//! become Java exceptions, and an exception of the host comes back unchanged.

mod argument;
mod attach;
mod caller;
mod host;
#[cfg(feature = "cuda")]
mod load;
mod schema;
mod stacks;
mod training;

use jni::{
    EnvUnowned,
    errors::{Error as JniError, ThrowRuntimeExAndDefault},
    objects::{JClass, JObject, JObjectArray, JString},
};

use argument::strings;
use host::JavaHost;
use undulator::command;

type Strings<'local> = JObjectArray<'local, JString<'local>>;

/// `String version()`.
#[unsafe(no_mangle)]
pub extern "system" fn Java_undulator_Native_version<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
) -> JString<'local> {
    env.with_env(|env| env.new_string(env!("CARGO_PKG_VERSION"))).resolve::<ThrowRuntimeExAndDefault>()
}

/// `String[][] schema()`: a row for each command, followed by rows for its keys and their presets.
#[unsafe(no_mangle)]
pub extern "system" fn Java_undulator_Native_schema<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
) -> JObjectArray<'local, Strings<'local>> {
    let rows = env.with_env(|env| {
        let rows = schema::rows(command::all());
        let array = JObjectArray::<Strings>::new(env, rows.len(), Strings::null())?;
        for (at, row) in rows.iter().enumerate() {
            let row = strings(env, row.iter().map(Some))?;
            array.set_element(env, at, &row)?;
        }
        Ok::<_, JniError>(array)
    });
    rows.resolve::<ThrowRuntimeExAndDefault>()
}

/// `String run(String command, String[] options, Host host)`: the report's sentence. Rows were told to the host.
#[unsafe(no_mangle)]
pub extern "system" fn Java_undulator_Native_run<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    command: JString<'local>,
    options: Strings<'local>,
    host: JObject<'local>,
) -> JString<'local> {
    let sentence = env.with_env(|env| {
        let mut given = Vec::new();
        for at in (0..options.len(env)?).step_by(2) {
            let (key, value) = (options.get_element(env, at)?, options.get_element(env, at + 1)?);
            given.push((key.try_to_string(env)?, value.try_to_string(env)?));
        }
        let (command, host) = (command.try_to_string(env)?, JavaHost::new(env, &host)?);
        let report = command::run(&command, &given, &host);
        let report = host.caller.finish(env, report)?;
        env.new_string(report.sentence)
    });
    sentence.resolve::<ThrowRuntimeExAndDefault>()
}
