//! Snapshots of what a model becomes.

/// Compares what a [`ModelTest`](crate::ModelTest) becomes with the [insta] snapshots `NAME.graph`, `NAME.program` and
/// `NAME.circuit`: the text of the imported graph, that of the field program, and statistics of the circuit. A model that
/// became slower shows as a diff.
///
/// [insta]: https://insta.rs
#[cfg(feature = "circuit")]
#[macro_export]
macro_rules! assert_model_snapshots {
    ($name:expr, $test:expr $(,)?) => {{
        let (name, test) = ($name, &$test);
        $crate::insta::assert_snapshot!(format!("{name}.graph"), test.graph_text());
        $crate::insta::assert_snapshot!(format!("{name}.program"), test.program_text());
        $crate::insta::assert_snapshot!(format!("{name}.circuit"), test.circuit_text());
    }};
}
