//! Proven intervals of field values.
