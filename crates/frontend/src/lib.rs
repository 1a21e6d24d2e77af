//! Reads ONNX models into plonnx graphs
