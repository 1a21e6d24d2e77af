//! Turns a float graph into a field program: calibration, scales, interval proof and fidelity
