//! CIDs as a node computes them: apart from `descrow-ipfs` and by another way, so that the two check each other.
//!
//! Here the tree grows from its leaves while the file is read, as Kubo's balanced layout does it: a level that is full is
//! written out as one node of the level above.

use sha2::{Digest, Sha256};

const CHUNK: usize = 256 << 10;
const LINKS: usize = 174;

/// A block that was written: its binary CID, the file's bytes below it, and the bytes of all blocks below it and its own.
struct Block {
    cid: Vec<u8>,
    file: u64,
    total: u64,
}

/// The CID of a file, version 1 in base32, with raw leaves of 256 KiB.
pub(super) fn of(bytes: &[u8]) -> String {
    let mut levels: Vec<Vec<Block>> = vec![Vec::new()];
    let mut rest = bytes;
    loop {
        let (chunk, after) = rest.split_at(rest.len().min(CHUNK));
        let size = chunk.len() as u64;
        push(&mut levels, 0, Block { cid: cid(0x55, chunk), file: size, total: size });
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    // What is left of each level goes up, until one block stands for all.
    let mut level = 0;
    while let Some(blocks) = levels.get_mut(level).map(std::mem::take) {
        match blocks.as_slice() {
            [root] if levels.len() == level + 1 => return text(&root.cid),
            blocks => push(&mut levels, level + 1, node(blocks)),
        }
        level += 1;
    }
    String::new()
}

fn push(levels: &mut Vec<Vec<Block>>, level: usize, block: Block) {
    if levels.len() <= level {
        levels.push(Vec::new());
    }
    let Some(blocks) = levels.get_mut(level) else { return };
    if blocks.len() == LINKS {
        let full = std::mem::take(blocks);
        blocks.push(block);
        push(levels, level + 1, node(&full));
    } else {
        blocks.push(block);
    }
}

fn node(children: &[Block]) -> Block {
    let file = children.iter().map(|child| child.file).sum();
    // UnixFS: Type = File, filesize, blocksizes.
    let mut unixfs = vec![0x08, 0x02, 0x18];
    unixfs.extend(varint(file));
    for child in children {
        unixfs.push(0x20);
        unixfs.extend(varint(child.file));
    }
    // PBNode: Links (2), each with Hash, Name and Tsize, before Data (1).
    let mut block = Vec::new();
    for child in children {
        let link = [&[0x0A][..], &sized(&child.cid), &[0x12, 0x00, 0x18], &varint(child.total)].concat();
        block.push(0x12);
        block.extend(sized(&link));
    }
    block.push(0x0A);
    block.extend(sized(&unixfs));
    let total = block.len() as u64 + children.iter().map(|child| child.total).sum::<u64>();
    Block { cid: cid(0x70, &block), file, total }
}

fn sized(bytes: &[u8]) -> Vec<u8> {
    [varint(bytes.len() as u64).as_slice(), bytes].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let low = u8::try_from(value & 0x7F).unwrap_or_default();
        value >>= 7;
        if value == 0 {
            out.push(low);
            return out;
        }
        out.push(low | 0x80);
    }
}

fn cid(codec: u8, block: &[u8]) -> Vec<u8> {
    [&[1, codec, 0x12, 0x20][..], &Sha256::digest(block)].concat()
}

/// Base32 of RFC 4648, five bits of the whole string of bits at a time.
fn text(bytes: &[u8]) -> String {
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let symbol = |five: &[u8]| {
        let value = five.iter().chain(&[0; 4]).take(5).fold(0, |value, bit| value << 1 | bit);
        char::from(if value < 26 { b'a' + value } else { b'2' + value - 26 })
    };
    std::iter::once('b').chain(bits.chunks(5).map(symbol)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    #[test]
    fn cids_are_those_of_the_reference_importer() {
        let vectors: Value = serde_json::from_str(include_str!("../../../../shared/ipfs/tests/vectors.json")).unwrap();
        for vector in vectors["files"].as_array().unwrap() {
            let length = usize::try_from(vector["length"].as_u64().unwrap()).unwrap();
            let bytes: Vec<u8> =
                (0..length).map(|i| (i * 7 + (i >> 8) * 13 + (i >> 16) * 29).to_le_bytes()[0]).collect();
            assert_eq!(super::of(&bytes), vector["cid"], "{length} bytes");
        }
    }
}
