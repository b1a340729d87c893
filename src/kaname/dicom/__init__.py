"""The language: keys, Part 10 files, element scan, character sets, frames, DICOM JSON, tables of the Standard."""
