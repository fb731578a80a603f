//! Protocol-buffers messages of strangers, walked through in place.

/// What a field holds.
pub(crate) enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    /// A float or a double.
    Fixed,
}

/// The fields of a message with their numbers, in their order; after an error there are none.
pub(crate) struct Fields<'a>(pub &'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = field(&mut self.0);
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

fn field<'a>(rest: &mut &'a [u8]) -> Result<(u64, Value<'a>), String> {
    let key = varint(rest)?;
    let value = match key & 7 {
        0 => Value::Number(varint(rest)?),
        1 => take(rest, 8).map(|_| Value::Fixed)?,
        2 => {
            let length = varint(rest)?;
            Value::Bytes(take(rest, length)?)
        }
        5 => take(rest, 4).map(|_| Value::Fixed)?,
        _ => return Err(damaged()),
    };
    Ok((key >> 3, value))
}

/// Takes a number off.
pub(crate) fn varint(rest: &mut &[u8]) -> Result<u64, String> {
    let mut number = 0;
    for at in 0..10 {
        let (byte, after) = rest.split_first().ok_or_else(damaged)?;
        *rest = after;
        number |= u64::from(byte & 127) << (7 * at);
        if *byte < 128 {
            return Ok(number);
        }
    }
    Err(damaged())
}

fn take<'a>(rest: &mut &'a [u8], length: u64) -> Result<&'a [u8], String> {
    let length = usize::try_from(length).map_err(|_| damaged())?;
    let (taken, after) = rest.split_at_checked(length).ok_or_else(damaged)?;
    *rest = after;
    Ok(taken)
}

pub(crate) fn damaged() -> String {
    "it is not an ONNX model, or damaged".to_owned()
}

pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|_| damaged())
}

/// The last value of a text field, as all readers take it; empty without one.
pub(crate) fn text(message: &[u8], number: u64) -> Result<&str, String> {
    Ok(texts(message, number)?.pop().unwrap_or_default())
}

/// All values of a text field.
pub(crate) fn texts(message: &[u8], number: u64) -> Result<Vec<&str>, String> {
    let mut found = Vec::new();
    for field in Fields(message) {
        if let (at, Value::Bytes(bytes)) = field?
            && at == number
        {
            found.push(utf8(bytes)?);
        }
    }
    Ok(found)
}

/// All values of a field of numbers, whether they stand alone or packed.
pub(crate) fn numbers(message: &[u8], number: u64) -> Result<Vec<u64>, String> {
    let mut found = Vec::new();
    for field in Fields(message) {
        match field? {
            (at, Value::Number(value)) if at == number => found.push(value),
            (at, Value::Bytes(mut packed)) if at == number => {
                while !packed.is_empty() {
                    found.push(varint(&mut packed)?);
                }
            }
            _ => {}
        }
    }
    Ok(found)
}
