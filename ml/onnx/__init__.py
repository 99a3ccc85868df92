"""Import networks that come as ONNX files. A file is checked before any library reads it; see ADR 0226."""
