//! The container of all iden3 files: magic, version, then sections of `id: u32, length: u64, bytes`.
//!
//! Sections may come in any order. A section that is missing, doubled, longer than the file, or of a length
//! that does not follow from the header is refused before anything is allocated for it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use halo2curves::bn256::Fr;

use crate::arithmetic::field::{bytes_of, from_montgomery, ELEMENT};
use crate::arithmetic::point::{Point, POINT};
use crate::error::{AtPath, Error, Result};
use crate::memory::{filled, reserved};

const MAX_SECTIONS: u32 = 1 << 16;
/// Bytes before the first section: magic, version, number of sections.
const HEAD: u64 = 12;
/// Bytes before each section's own: its number and length.
const SECTION_HEAD: u64 = 12;

/// Where a section's bytes are.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// Position of the first byte.
    pub start: u64,
    /// Number of bytes.
    pub length: u64,
}

/// An open container.
pub struct Container {
    path: PathBuf,
    file: File,
    sections: BTreeMap<u32, Vec<Section>>,
}

impl Container {
    /// Opens a file and reads its table of sections; `magic` is its kind, such as `b"zkey"`.
    pub fn open(path: &Path, magic: &[u8; 4], max_version: u32) -> Result<Self> {
        let file = File::open(path).at(path)?;
        let total = file.metadata().at(path)?.len();
        let mut head = [0; HEAD as usize];
        if total < HEAD {
            return Err(Error::format(path, format!("{total} bytes are too few for a header")));
        }
        file.read_exact_at(&mut head, 0).at(path)?;
        let [found, version, count] = [0, 4, 8].map(|i| word(&head, i));
        if found.to_le_bytes() != *magic {
            let kind = String::from_utf8_lossy(magic);
            return Err(Error::format(path, format!("not a .{kind} file (it does not begin with {kind:?})")));
        }
        if version == 0 || version > max_version {
            return Err(Error::format(path, format!("version {version}; up to {max_version} is known")));
        }
        if count > MAX_SECTIONS {
            return Err(Error::format(path, format!("{count} sections")));
        }
        let sections = table(path, &file, count, total)?;
        Ok(Container { path: path.to_owned(), file, sections })
    }

    /// The file's path, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a section exists.
    pub fn has(&self, id: impl Into<u32>) -> bool {
        self.sections.contains_key(&id.into())
    }

    /// The only section with this number.
    pub fn section(&self, id: impl Into<u32>) -> Result<Section> {
        let id = id.into();
        match self.sections.get(&id).map(Vec::as_slice) {
            Some([section]) => Ok(*section),
            Some(several) => {
                Err(Error::format(&self.path, format!("section {id} is there {} times", several.len())))
            }
            None => Err(Error::format(&self.path, format!("section {id} is missing"))),
        }
    }

    /// The only section with this number, which must have `length` bytes.
    pub fn section_of(&self, id: impl Into<u32>, length: u64) -> Result<Section> {
        let id = id.into();
        let section = self.section(id)?;
        if section.length != length {
            let reason =
                format!("section {id} has {} bytes; {length} follow from the header", section.length);
            return Err(Error::format(&self.path, reason));
        }
        Ok(section)
    }

    /// `length` bytes at `offset` of a section.
    pub fn bytes(&self, section: Section, offset: u64, length: usize) -> Result<Vec<u8>> {
        if offset.checked_add(length as u64).is_none_or(|end| end > section.length) {
            return Err(Error::format(&self.path, "read past the end of a section"));
        }
        let mut bytes = filled(0u8, length)?;
        self.file.read_exact_at(&mut bytes, section.start + offset).at(&self.path)?;
        Ok(bytes)
    }

    /// All bytes of a section.
    pub fn all_bytes(&self, section: Section) -> Result<Vec<u8>> {
        let length = usize::try_from(section.length)
            .map_err(|_| Error::format(&self.path, "a section does not fit this machine"))?;
        self.bytes(section, 0, length)
    }

    /// `count` records of `N` bytes, parsed one by one; `what` names a record that `parse` refuses.
    pub fn records<T, const N: usize>(
        &self,
        section: Section,
        offset: u64,
        count: usize,
        what: &str,
        parse: impl Fn(&[u8; N]) -> Option<T>,
    ) -> Result<Vec<T>> {
        const STEP: usize = 1 << 14;
        let mut values = reserved(count)?;
        while values.len() < count {
            let step = STEP.min(count - values.len());
            let bytes = self.bytes(section, offset + (values.len() * N) as u64, step * N)?;
            for record in bytes.chunks_exact(N) {
                let value = record.try_into().ok().and_then(&parse);
                values.push(value.ok_or_else(|| {
                    Error::format(&self.path, format!("{what} {} is not valid", values.len()))
                })?);
            }
        }
        Ok(values)
    }

    /// `count` field elements in Montgomery form.
    pub fn elements(&self, section: Section, offset: u64, count: usize, what: &str) -> Result<Vec<Fr>> {
        self.records::<_, ELEMENT>(section, offset, count, what, from_montgomery)
    }

    /// `count` points of the first group.
    pub fn points(&self, section: Section, offset: u64, count: usize, what: &str) -> Result<Vec<Point>> {
        self.records::<_, POINT>(section, offset, count, what, Point::from_bytes)
    }
}

/// Reads the heads of all `count` sections, which must fill the file of `total` bytes.
fn table(path: &Path, file: &File, count: u32, total: u64) -> Result<BTreeMap<u32, Vec<Section>>> {
    let mut sections: BTreeMap<u32, Vec<Section>> = BTreeMap::new();
    let mut position = HEAD;
    for index in 0..count {
        let mut head = [0; SECTION_HEAD as usize];
        if total - position < SECTION_HEAD {
            return Err(Error::format(path, format!("truncated before section {index} of {count}")));
        }
        file.read_exact_at(&mut head, position).at(path)?;
        let (id, length) = (word(&head, 0), u64::from(word(&head, 4)) | u64::from(word(&head, 8)) << 32);
        let start = position + SECTION_HEAD;
        if length > total - start {
            let reason = format!("section {id} claims {length} bytes; {} are left", total - start);
            return Err(Error::format(path, reason));
        }
        sections.entry(id).or_default().push(Section { start, length });
        position = start + length;
    }
    if position != total {
        return Err(Error::format(path, format!("{} bytes after the last section", total - position)));
    }
    Ok(sections)
}

/// The size and order of a field at the beginning of `header` must be these.
pub fn check_order(path: &Path, header: &[u8], order: &[u64; 4]) -> Result<()> {
    let size = (ELEMENT as u32).to_le_bytes();
    let expected = [&size[..], &bytes_of(order)].concat();
    if header.get(..expected.len()) != Some(&expected[..]) {
        return Err(Error::format(path, "made for another curve than BN254 (bn128)"));
    }
    Ok(())
}

/// Little-endian word at `offset`; callers have checked that it is there.
pub fn word(bytes: &[u8], offset: usize) -> u32 {
    let mut buffer = [0; 4];
    buffer.copy_from_slice(&bytes[offset..offset + 4]);
    u32::from_le_bytes(buffer)
}

/// Writes a container; the caller gives the number of sections up front, as the format has it.
pub struct ContainerWriter {
    path: PathBuf,
    out: BufWriter<File>,
    section_start: u64,
}

impl ContainerWriter {
    /// Creates or replaces `path`.
    pub fn create(path: &Path, magic: &[u8; 4], version: u32, sections: u32) -> Result<Self> {
        let file = File::create(path).at(path)?;
        let mut writer = ContainerWriter {
            path: path.to_owned(),
            out: BufWriter::with_capacity(1 << 20, file),
            section_start: 0,
        };
        writer.write(magic)?;
        writer.write(&version.to_le_bytes())?;
        writer.write(&sections.to_le_bytes())?;
        Ok(writer)
    }

    /// Begins a section; its length is filled in by [`ContainerWriter::end`].
    pub fn begin(&mut self, id: impl Into<u32>) -> Result<()> {
        self.write(&id.into().to_le_bytes())?;
        self.write(&0u64.to_le_bytes())?;
        self.section_start = self.out.stream_position().at(&self.path)?;
        Ok(())
    }

    /// Ends the section that is open.
    pub fn end(&mut self) -> Result<()> {
        let position = self.out.stream_position().at(&self.path)?;
        self.out.seek(SeekFrom::Start(self.section_start - 8)).at(&self.path)?;
        self.write(&(position - self.section_start).to_le_bytes())?;
        self.out.seek(SeekFrom::Start(position)).at(&self.path)?;
        Ok(())
    }

    /// Appends bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.write_all(bytes).at(&self.path)
    }

    /// Appends a little-endian word.
    pub fn write_u32(&mut self, value: usize) -> Result<()> {
        let value = u32::try_from(value).map_err(|_| Error::Internal(format!("{value} needs 33 bits")))?;
        self.write(&value.to_le_bytes())
    }

    /// Appends field elements in Montgomery form.
    pub fn write_elements(&mut self, values: &[Fr]) -> Result<()> {
        values.iter().try_for_each(|value| self.write(&bytes_of(&value.0)))
    }

    /// Appends points.
    pub fn write_points(&mut self, points: &[Point]) -> Result<()> {
        points.iter().try_for_each(|point| self.write(&point.to_bytes()))
    }

    /// Writes what is buffered; the file is complete afterwards.
    pub fn finish(mut self) -> Result<()> {
        self.out.flush().at(&self.path)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Bytes of a container with these sections.
    pub(crate) fn container(magic: &[u8; 4], sections: &[(u32, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = [&magic[..], &1u32.to_le_bytes(), &(sections.len() as u32).to_le_bytes()].concat();
        for (id, content) in sections {
            bytes.extend(id.to_le_bytes());
            bytes.extend((content.len() as u64).to_le_bytes());
            bytes.extend(content);
        }
        bytes
    }

    /// A file of this process with these bytes.
    pub(crate) fn temporary(name: &str, bytes: &[u8]) -> PathBuf {
        let path = std::env::temp_dir().join(format!("twopm-zk-{}-{name}", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        path
    }

    #[test]
    fn what_is_written_is_read_again() {
        let path = temporary("round", b"");
        let mut writer = ContainerWriter::create(&path, b"test", 1, 2).unwrap();
        writer.begin(7u32).unwrap();
        writer.write_elements(&[Fr::from(3), Fr::from(4)]).unwrap();
        writer.end().unwrap();
        writer.begin(2u32).unwrap();
        writer.write_points(&[Point::generator()]).unwrap();
        writer.end().unwrap();
        writer.finish().unwrap();
        let read = Container::open(&path, b"test", 1).unwrap();
        let (seven, two) = (read.section_of(7u32, 64).unwrap(), read.section(2u32).unwrap());
        assert_eq!(read.elements(seven, 32, 1, "x").unwrap(), [Fr::from(4)]);
        assert_eq!(read.points(two, 0, 1, "x").unwrap(), [Point::generator()]);
        assert!(read.section(3u32).is_err() && read.section_of(7u32, 63).is_err());
        assert!(read.bytes(seven, 60, 5).is_err() && read.bytes(seven, u64::MAX, 5).is_err());
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn every_cut_of_a_file_is_refused() {
        let whole = container(b"test", &[(1, vec![9; 5]), (2, vec![9; 5])]);
        let path = temporary("cut", &whole);
        assert!(Container::open(&path, b"test", 1).is_ok());
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(matches!(Container::open(&path, b"test", 1), Err(Error::Format { .. })), "{length}");
        }
        std::fs::remove_file(path).unwrap();
    }
}
