//! Changes of containers that leave the rest sound: inside one section, whose length follows, or of whole sections.

use libfuzzer_sys::fuzzer_mutate;

/// Where the number of sections is.
const COUNT_AT: usize = 8;
/// Bytes by which a section grows at most.
const MORE: usize = 1 << 10;

/// The number and the content of a section.
type Section = ([u8; 4], Vec<u8>);

/// Changes the input `data[..size]`; its new size, or `None` where it has no sections, or gets too long.
pub fn change(data: &mut [u8], size: usize, seed: u32) -> Option<usize> {
    let mut sections = split(&data[..size])?;
    let picked = (seed / 8) as usize % sections.len();
    match seed % 8 {
        0 => drop(sections.remove(picked)),
        1 => sections.push(sections[picked].clone()),
        2 => sections.swap(0, picked),
        _ => {
            let (_, content) = &mut sections[picked];
            let length = content.len();
            content.resize(length + MORE, 0);
            let length = fuzzer_mutate(content, length, length + MORE);
            content.truncate(length);
        }
    }
    let mut bytes = data[..COUNT_AT].to_vec();
    bytes.extend((sections.len() as u32).to_le_bytes());
    for (number, content) in &sections {
        bytes.extend(number);
        bytes.extend((content.len() as u64).to_le_bytes());
        bytes.extend(content);
    }
    data.get_mut(..bytes.len())?.copy_from_slice(&bytes);
    Some(bytes.len())
}

fn split(data: &[u8]) -> Option<Vec<Section>> {
    let (count, mut rest) = data.get(COUNT_AT..)?.split_first_chunk()?;
    let mut sections = Vec::new();
    for _ in 0..u32::from_le_bytes(*count) {
        let (number, tail) = rest.split_first_chunk()?;
        let (length, tail) = tail.split_first_chunk()?;
        let (content, tail) = tail.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
        sections.push((*number, content.to_vec()));
        rest = tail;
    }
    (!sections.is_empty()).then_some(sections)
}
