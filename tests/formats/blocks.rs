//! Blocks of every storage type against the Python package `gguf`, bit for bit (`tests/golden/blocks/make.py`).

use nanolm::tensor::DType;
use std::collections::BTreeSet;

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes().chunks(2).map(|two| u8::from_str_radix(str::from_utf8(two).unwrap(), 16).unwrap()).collect()
}

#[test]
fn blocks_are_those_of_the_reference_implementation() {
    let mut decoded = BTreeSet::new();
    for line in include_str!("../golden/blocks/blocks.txt").lines() {
        let [name, what, block, elements] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let dtype = DType::from_name(name).unwrap();
        let (block, elements) = (bytes(block), bytes(elements));
        let elements: Vec<f32> = elements.as_chunks::<4>().0.iter().map(|x| f32::from_le_bytes(*x)).collect();
        match what {
            "decode" => {
                decoded.insert(name);
                let mut out = vec![f32::NAN; elements.len()];
                dtype.decode(&block, &mut out);
                // By bits, but for the sign of zero.
                assert_eq!(out, elements, "{name}");
            }
            _ => assert_eq!(dtype.encode(&elements), block, "{name}"),
        }
    }
    let quantised = DType::ALL.into_iter().filter(|dtype| dtype.is_quantised()).map(DType::name);
    assert_eq!(decoded, quantised.collect(), "every type has cases; run the script with its name added");
}
