//! Text form of graphs.
