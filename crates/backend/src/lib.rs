//! Emits field programs as plonky2 circuits: gates, arguments, witness assignment, checker and statistics
