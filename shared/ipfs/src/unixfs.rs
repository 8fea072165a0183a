//! UnixFS as Kubo lays a file out: fixed chunks, raw leaves, a balanced tree of dag-pb nodes (specs.ipfs.tech/unixfs).

use crate::content_id::{Codec, ContentId};

/// Bytes in a chunk: Kubo's `size-262144`.
const CHUNK: usize = 262_144;
/// Links in a node: Kubo's default.
const WIDTH: usize = 174;
/// UnixFS's `DataType.File`.
const TYPE_FILE: u64 = 2;

/// A subtree: what its parent writes about it.
struct Part {
    id: ContentId,
    /// Bytes of the file below it.
    file_bytes: u64,
    /// Bytes of all blocks below and including it.
    tree_bytes: u64,
}

/// The CID of a file.
pub(crate) fn root(bytes: &[u8]) -> ContentId {
    // A file without bytes is one empty chunk.
    let chunks = bytes.chunks(CHUNK).chain(bytes.is_empty().then_some(bytes));
    let mut level: Vec<Part> = chunks.map(leaf).collect();
    while level.len() > 1 {
        level = level.chunks(WIDTH).map(node).collect();
    }
    level.first().map_or_else(|| leaf(bytes).id, |top| top.id)
}

fn leaf(chunk: &[u8]) -> Part {
    let size = chunk.len() as u64;
    Part { id: ContentId::of_block(Codec::Raw, chunk), file_bytes: size, tree_bytes: size }
}

/// A dag-pb node over `parts`: its links, then the UnixFS header with the sizes below each of them.
fn node(parts: &[Part]) -> Part {
    let file_bytes = parts.iter().map(|p| p.file_bytes).sum();
    let mut header = Vec::new();
    field(&mut header, 1, TYPE_FILE);
    field(&mut header, 3, file_bytes);
    for part in parts {
        field(&mut header, 4, part.file_bytes);
    }
    let mut block = Vec::new();
    for part in parts {
        let mut link = Vec::new();
        bytes_field(&mut link, 1, &part.id.to_bytes());
        // Names of a file's parts are empty, but written.
        bytes_field(&mut link, 2, b"");
        field(&mut link, 3, part.tree_bytes);
        bytes_field(&mut block, 2, &link);
    }
    bytes_field(&mut block, 1, &header);
    let below: u64 = parts.iter().map(|p| p.tree_bytes).sum();
    Part { id: ContentId::of_block(Codec::DagPb, &block), file_bytes, tree_bytes: below + block.len() as u64 }
}

/// A protobuf varint field.
fn field(out: &mut Vec<u8>, number: u8, value: u64) {
    out.push(number << 3);
    varint(out, value);
}

/// A protobuf length-delimited field.
fn bytes_field(out: &mut Vec<u8>, number: u8, value: &[u8]) {
    out.push(number << 3 | 2);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7f) as u8);
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// Bytes that differ from chunk to chunk, as `tests/make.mjs` makes them.
    fn pattern(length: usize) -> Vec<u8> {
        (0..length).map(|i| (i * 7 + (i >> 8) * 13 + (i >> 16) * 29).to_le_bytes()[0]).collect()
    }

    #[test]
    fn cids_are_those_of_the_reference_importer() {
        let vectors: Value = serde_json::from_str(include_str!("../tests/vectors.json")).unwrap();
        for vector in vectors["files"].as_array().unwrap() {
            let length = usize::try_from(vector["length"].as_u64().unwrap()).unwrap();
            assert_eq!(root(&pattern(length)).to_string(), vector["cid"], "{length} bytes");
        }
        // Also what `ipfs add --cid-version=1` is documented to print.
        let hello = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";
        assert_eq!(root(b"hello world").to_string(), hello);
    }
}
