//! Few constants, computed by tract from the steps that lead to them.

use std::io::Cursor;

use tract_onnx::prelude::*;

use crate::{network::on_its_own_stack, write::model_of};

/// The numbers of a constant that the steps, which are in order, compute from the tensors.
///
/// # Errors
/// In words: when they do not.
pub(crate) fn numbers(steps: &[&[u8]], tensors: &[&[u8]], name: &str, opset: u64) -> Result<Vec<f64>, String> {
    let bytes = model_of(steps, tensors, name, opset);
    on_its_own_stack(|| {
        let reader = tract_onnx::onnx().with_ignore_output_shapes(true).with_ignore_value_info(true);
        let file = reader.proto_model_for_read(&mut Cursor::new(&bytes))?;
        let made = reader.model_for_proto_model(&file)?.into_typed()?.into_runnable()?.run(tvec!())?;
        let made = &made[0];
        // Sizes of tensors are symbols to tract, which stand for whole numbers.
        let whole = made.datum_type() == DatumType::TDim;
        let plain = if whole { made.cast_to::<i64>()? } else { made.cast_to::<f64>()? };
        Ok(plain.cast_to::<f64>()?.try_as_plain_ram()?.as_slice::<f64>()?.to_vec())
    })
}
