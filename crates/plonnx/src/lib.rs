//! Compile ONNX models to plonky2 circuits, prove inferences and verify them
