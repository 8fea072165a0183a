//! Messages in frames that the gateway takes.

/// The longest frame. API Gateway refuses what is above 128 KB; whether that is 128,000 or 131,072 bytes is not worth finding out.
pub const MAX_FRAME_BYTES: usize = 127_000;
/// The longest message, which in a frame of several stands between [`OPEN`] and [`CLOSE`].
pub const MAX_MESSAGE_BYTES: usize = 120_000;

const OPEN: &str = r#"{"type":"batch","messages":["#;
const CLOSE: &str = "]}";

/// The frames that carry `messages` (JSON, each at most [`MAX_MESSAGE_BYTES`]) in order and byte for byte: one by itself as it
/// is, several as `batch`, no frame longer than [`MAX_FRAME_BYTES`].
pub fn frames<'a>(messages: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut frames = Vec::new();
    let mut batch: Vec<&str> = Vec::new();
    let mut length = OPEN.len() + CLOSE.len();
    for message in messages {
        if !batch.is_empty() && length + message.len() + 1 > MAX_FRAME_BYTES {
            frames.push(frame(&batch));
            batch.clear();
            length = OPEN.len() + CLOSE.len();
        }
        length += message.len() + 1;
        batch.push(message);
    }
    if !batch.is_empty() {
        frames.push(frame(&batch));
    }
    frames
}

fn frame(messages: &[&str]) -> String {
    match messages {
        [one] => (*one).to_owned(),
        several => [OPEN, &several.join(","), CLOSE].concat(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::realtime::{MessageId, ServerMessage};

    #[test]
    fn several_messages_are_a_batch_of_them() {
        let pongs = [1, 2].map(|n| ServerMessage::Pong { at: String::new(), last: MessageId::new(n) });
        let texts = pongs.clone().map(|pong| serde_json::to_string(&pong).unwrap());
        assert_eq!(frames([texts[0].as_str()]), [texts[0].clone()]);
        let [batch] = frames(texts.iter().map(String::as_str)).try_into().unwrap();
        let read: ServerMessage = serde_json::from_str(&batch).unwrap();
        assert_eq!(read, ServerMessage::Batch { messages: pongs.to_vec() });
        assert_eq!(frames([]), [""; 0]);
    }

    proptest! {
        #[test]
        fn frames_are_short_enough_and_lose_nothing(lengths in prop::collection::vec(2..MAX_MESSAGE_BYTES, 0..12)) {
            let messages: Vec<String> = lengths.iter().map(|length| format!("\"{}\"", "x".repeat(length - 2))).collect();
            let frames = frames(messages.iter().map(String::as_str));
            prop_assert!(frames.iter().all(|frame| frame.len() <= MAX_FRAME_BYTES));
            let unpacked = frames.iter().flat_map(|frame| {
                let inside = frame.strip_prefix(OPEN).and_then(|rest| rest.strip_suffix(CLOSE)).unwrap_or(frame);
                inside.split(',').map(ToOwned::to_owned).collect::<Vec<_>>()
            });
            prop_assert_eq!(unpacked.collect::<Vec<_>>(), messages);
        }
    }
}
