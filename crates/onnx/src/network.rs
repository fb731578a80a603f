//! ONNX networks of other programs, read and made ready by tract.

use std::{
    fmt,
    io::Cursor,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
};

use tract_linalg::multithread::Executor;
use tract_onnx::{
    prelude::*,
    tract_core::{internal::Cost, ops::konst::Const, runtime::RunOptions},
    tract_hir::infer::Factoid,
};

use crate::graph;

/// Values of one image between two steps: 2 GiB.
const MOST_VALUES: usize = 1 << 29;
/// tract goes through networks by recursion here and there.
const STACK_BYTES: usize = 64 << 20;

/// A network that was read, for images of any size. Copies share the weights.
#[derive(Clone)]
pub struct Network {
    model: Arc<InferenceModel>,
    /// The kind of numbers that it takes.
    kind: DatumType,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a network of {} nodes", self.model.nodes.len())
    }
}

/// A network for images of one size.
#[derive(Debug)]
pub struct Ready {
    plan: Arc<TypedRunnableModel>,
    kind: DatumType,
    /// Of the images.
    pub shape: Vec<usize>,
    /// That its images take together, at the most.
    pub bytes: u64,
    /// Of one run.
    pub multiplications: u64,
}

impl Network {
    /// Reads an ONNX file once it has been looked through.
    ///
    /// # Errors
    /// In words: for all that does not run here.
    pub fn read(onnx: Vec<u8>) -> Result<Self, String> {
        graph::check(&onnx)?;
        let model = on_its_own_stack(|| {
            // What the file says of sizes is not needed, and need not be true.
            let reader = tract_onnx::onnx().with_ignore_output_shapes(true).with_ignore_value_info(true);
            let file = reader.proto_model_for_read(&mut Cursor::new(&onnx))?;
            drop(onnx);
            reader.model_for_proto_model(&file)
        })?;
        let kind = model.input_fact(0).ok().and_then(|fact| fact.datum_type.concretize()).unwrap_or(DatumType::F32);
        Ok(Self { model: Arc::new(model), kind })
    }

    /// The kind of numbers that the network takes, as NumPy names it.
    pub fn takes(&self) -> String {
        match self.kind {
            DatumType::F16 => "float16".to_owned(),
            DatumType::F32 => "float32".to_owned(),
            DatumType::F64 => "float64".to_owned(),
            DatumType::Bool => "bool".to_owned(),
            DatumType::U8 | DatumType::U16 | DatumType::U32 | DatumType::U64 => {
                format!("uint{}", 8 * self.kind.size_of())
            }
            DatumType::I8 | DatumType::I16 | DatumType::I32 | DatumType::I64 => {
                format!("int{}", 8 * self.kind.size_of())
            }
            other => format!("{other:?}"),
        }
    }

    /// Gets the network ready for images of that shape, of which it is to make images of the shape `expected`.
    ///
    /// # Errors
    /// In words: when it does not take them or makes others, or a step takes too much memory.
    pub fn ready(&self, shape: Vec<usize>, expected: Vec<usize>) -> Result<Ready, String> {
        on_its_own_stack(|| {
            let fact = InferenceFact::dt_shape(self.kind, &shape);
            let model = InferenceModel::clone(&self.model).with_input_fact(0, fact)?.into_typed()?;
            check_sizes(&model)?;
            check_output(&model, &shape, &expected)?;
            let model = model.into_optimized()?;
            check_sizes(&model)?;
            let (bytes, multiplications) = (bytes(&model)?, multiplications(&model)?);
            let options = RunOptions { executor: Some(Executor::RayonGlobal), ..RunOptions::default() };
            let plan = model.into_runnable_with_options(&options)?;
            Ok(Ready { plan, kind: self.kind, shape: shape.clone(), bytes, multiplications })
        })
    }
}

impl Ready {
    /// The network's answer to an image, as 32-bit floats.
    ///
    /// # Errors
    /// In words: when it fails, or the answer has another size.
    pub fn run(&self, image: &[f32]) -> Result<Vec<f32>, String> {
        let made = caught(|| {
            let input = Tensor::from_shape(&self.shape, image)?.cast_to_dt(self.kind)?.into_owned();
            let outputs = self.plan.run(tvec!(input.into()))?;
            let output = outputs[0].cast_to::<f32>()?;
            Ok(output.try_as_plain_ram()?.as_slice::<f32>()?.to_vec())
        })?;
        match made.len() == image.len() {
            true => Ok(made),
            false => Err(format!("its output has {} values, its input {}", made.len(), image.len())),
        }
    }
}

/// Refuses networks whose output is no image of the input's size. Where axes of length one stand does not matter.
fn check_output(model: &TypedModel, shape: &[usize], expected: &[usize]) -> TractResult<()> {
    let made = &model.output_fact(0)?.shape;
    let (values, given) = (made.volume().to_i64()?, shape.iter().product::<usize>());
    if usize::try_from(values).ok() != Some(given) {
        return Err(TractError::msg(format!("its output has {values} values, its input {given}")));
    }
    let long = |lengths: &[usize]| lengths.iter().copied().filter(|length| *length != 1).collect::<Vec<_>>();
    let made = made.as_concrete().unwrap_or_default();
    if long(made) != long(expected) {
        return Err(TractError::msg(format!("its output has the shape {made:?}, its description says {expected:?}")));
    }
    Ok(())
}

/// Refuses networks a step of which makes an image that is too large.
fn check_sizes(model: &TypedModel) -> TractResult<()> {
    for node in &model.nodes {
        for output in &node.outputs {
            let lengths = output.fact.shape.as_concrete().unwrap_or_default();
            let values = lengths.iter().try_fold(1usize, |values, length| values.checked_mul(*length));
            if values.is_none_or(|values| values > MOST_VALUES) {
                return Err(TractError::msg(format!("its step {} takes too much memory", node.name)));
            }
        }
    }
    Ok(())
}

/// What a run takes at its height beside the weights.
fn bytes(model: &TypedModel) -> TractResult<u64> {
    let steps = model.eval_tmp_memory_usage(&model.eval_order_opt_ram()?, |node| !node.op_is::<Const>())?;
    let mut most = 0;
    for (_, bytes) in &steps {
        most = most.max(bytes.to_i64()?);
    }
    Ok(most.max(0) as u64)
}

fn multiplications(model: &TypedModel) -> TractResult<u64> {
    let mut sum = 0u64;
    for node in &model.nodes {
        let inputs = model.node_input_facts(node.id)?;
        for (kind, count) in node.op.cost(&inputs)? {
            if let Cost::FMA(_) = kind {
                sum = sum.saturating_add(count.to_i64()?.max(0) as u64);
            }
        }
    }
    Ok(sum)
}

/// As [`caught`], on a thread with a large stack.
pub(crate) fn on_its_own_stack<T: Send>(work: impl FnOnce() -> TractResult<T> + Send) -> Result<T, String> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("undulator onnx".to_owned()).stack_size(STACK_BYTES);
        match thread.spawn_scoped(scope, || caught(work)) {
            Ok(thread) => thread.join().unwrap_or_else(|_| Err(unsound())),
            Err(error) => Err(format!("no thread can be started: {error}")),
        }
    })
}

/// The error of a step in words, a panic too: what strangers send may find a mistake in tract.
fn caught<T>(work: impl FnOnce() -> TractResult<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(|error| format!("{error:#}")),
        Err(_) => Err(unsound()),
    }
}

fn unsound() -> String {
    "it is not sound".to_owned()
}
