//! Bounds contain every value, and are reached where the documentation says so.

use plonnx_ir::op::{Contract, Conv, Reduce, Reducer, Requant, View, Window};
use plonnx_ir::{CoreOp, DType, Field, Graph, Interval, IrError, Log2Scale, NodeId, bounds, eval_all, verify};

use crate::random::{Random, tensor};
use crate::sample::{self, Builder};

#[test]
fn bounds_contain_values() {
    let mut evaluated = 0;
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let graph = sample::random(&mut random);
        assert_eq!(verify(&graph), Ok(()));
        let bounds = bounds(&graph).expect("bounded");
        for _ in 0..10 {
            match eval_all(&graph, &sample::inputs(&mut random, &graph)) {
                Ok(values) => {
                    evaluated += 1;
                    for (id, (bound, value)) in graph.ids().zip(bounds.iter().zip(&values)) {
                        let outside = value.iter().find(|v| !bound.contains(*v));
                        assert_eq!(
                            outside,
                            None,
                            "{id} of seed {seed} in {bound}:\n{}",
                            plonnx_ir::text::print(&graph)
                        );
                    }
                }
                Err(error) => assert!(matches!(error, IrError::Range { .. }), "{error}"),
            }
        }
    }
    assert!(evaluated > 1000, "most inputs are in range: {evaluated} of 3000");
}

fn bound(graph: &Graph<Field>, id: NodeId) -> Interval {
    bounds(graph).expect("bounded")[id.index()].clone()
}

/// Largest and smallest value of node `id`, with every element of the only input at the end of `window` that each row
/// of `weights` makes worst.
fn reached(graph: &Graph<Field>, id: NodeId, window: Window, weights: &[Vec<i64>]) -> Interval {
    let shape = graph.shape(graph.inputs()[0]);
    let mut out: Option<Interval> = None;
    for row in weights {
        for sign in [-1, 1] {
            let worst = |w: &i64| if w * sign > 0 { window.hi() } else { window.lo };
            let input = tensor(shape, row.iter().map(worst).collect());
            for v in eval_all(graph, &[input]).expect("evaluates")[id.index()].iter() {
                out = Some(out.map_or(Interval::point(v), |i| i.union(&Interval::point(v))));
            }
        }
    }
    out.expect("not empty")
}

#[test]
fn products_with_constants_are_exact() {
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let window = Window { lo: random.int(-60, 60), bits: 6 };
        let mut b = Builder::<Field>::new(Log2Scale(0));
        let x = b.input(&[1, 5], DType::Int, window);
        let weights: Vec<Vec<i64>> = (0..4).map(|_| (0..5).map(|_| random.int(-9, 9)).collect()).collect();
        let w = b.constant(&[4, 5], DType::Int, &weights.concat());
        let w = b.add(CoreOp::View(View::Transpose { perm: vec![1, 0] }), &[w]);
        let (spec, operands) = if seed % 2 == 0 { ("ab,bc->ac", [x, w]) } else { ("bc,ab->ca", [w, x]) };
        let y = b.add(CoreOp::Contract(Contract::parse(spec).expect("labels")), &operands);
        assert_eq!(bound(&b.graph, y), reached(&b.graph, y, window, &weights));
    }
}

#[test]
fn convolutions_with_constants_are_exact() {
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let window = if seed % 2 == 0 { Window::signed(5) } else { Window { lo: 3, bits: 4 } };
        let pad = if seed % 2 == 0 { 1 } else { 0 };
        let mut b = Builder::<Field>::new(Log2Scale(0));
        let x = b.input(&[1, 2, 3, 3], DType::Int, window);
        let weights: Vec<Vec<i64>> = (0..3).map(|_| (0..18).map(|_| random.int(-9, 9)).collect()).collect();
        let w = b.constant(&[3, 2, 3, 3], DType::Int, &weights.concat());
        let conv =
            Conv { strides: vec![1; 2], dilations: vec![1; 2], before: vec![pad; 2], after: vec![pad; 2], groups: 1 };
        let y = b.add(CoreOp::Conv(conv), &[x, w]);
        assert_eq!(bound(&b.graph, y), reached(&b.graph, y, window, &weights));
    }
}

#[test]
fn padding_counts_zeros() {
    let mut b = Builder::<Field>::new(Log2Scale(0));
    let x = b.input(&[1, 1, 4], DType::Int, Window { lo: 3, bits: 2 });
    let w = b.constant(&[1, 1, 2], DType::Int, &[2, -1]);
    let mut conv = |before| {
        let conv = Conv { strides: vec![1], dilations: vec![1], before: vec![before], after: vec![0], groups: 1 };
        let y = b.add(CoreOp::Conv(conv), &[x, w]);
        bound(&b.graph, y)
    };
    assert_eq!(conv(0), Interval::new(2 * 3 - 6, 2 * 6 - 3));
    assert_eq!(conv(1), Interval::new(-6, 2 * 6));
    let mut pad = |operands: &[NodeId]| {
        let view = View::Pad { before: vec![0; 3], after: vec![0, 0, 1], interior: vec![0; 3] };
        let y = b.add(CoreOp::View(view), operands);
        bound(&b.graph, y)
    };
    assert_eq!(pad(&[x]), Interval::new(0, 6));
}

#[test]
fn repeated_terms_count() {
    let mut b = Builder::<Field>::new(Log2Scale(0));
    let x = b.input(&[2, 3], DType::Int, Window { lo: -1, bits: 2 });
    let w = b.constant(&[2], DType::Int, &[3, -5]);
    let mut product = |spec: &str, y: NodeId| {
        let id = b.add(CoreOp::Contract(Contract::parse(spec).expect("labels")), &[x, y]);
        bound(&b.graph, id)
    };
    // The axis of extent 3 is summed over.
    assert_eq!(product("ab,c->c", w), Interval::new(6 * -10, 6 * 6));
    assert_eq!(product("ab,a->a", w), Interval::new(3 * -10, 3 * 6));
    assert_eq!(product("ab,a->b", w), Interval::new(-3 - 10, 6 + 5));
    assert_eq!(product("ab,ac->bc", x), Interval::new(2 * -2, 2 * 4));
    let sum = b.add(CoreOp::Reduce(Reduce { reducer: Reducer::Sum, axes: vec![0, 1], keep: false }), &[x]);
    assert_eq!(bound(&b.graph, sum), Interval::new(-6, 12));
}

#[test]
fn requantisations_give_what_their_operands_allow() {
    let mut b = Builder::<Field>::new(Log2Scale(0));
    let x = b.input(&[4], DType::Int, Window { lo: 5, bits: 4 });
    let mut map = |requant| {
        let id = b.add(CoreOp::Map(requant), &[x]);
        bound(&b.graph, id)
    };
    assert_eq!(map(Requant::Round { shift: 2, window: Window::signed(8) }), Interval::new(1, 5));
    assert_eq!(map(Requant::Round { shift: 2, window: Window { lo: 2, bits: 1 } }), Interval::new(2, 3));
    assert_eq!(map(Requant::Relu { shift: 0, bits: 4 }), Interval::new(5, 15));
    assert_eq!(map(Requant::Sqrt { shift: 2, bits: 8 }), Interval::new(4, 8));
    assert_eq!(map(Requant::Rsqrt { shift: 10, bits: 8 }), Interval::new(7, 14));
    // Nothing is admitted: the window itself.
    assert_eq!(map(Requant::Round { shift: 0, window: Window { lo: -4, bits: 1 } }), Interval::new(-4, -3));
    let table = sample::table(6);
    let expected = table.values[32 + 5..=32 + 20].iter().map(|v| Interval::point(*v)).reduce(|a, b| a.union(&b));
    assert_eq!(map(Requant::Table { shift: 0, table }), expected.expect("not empty"));
}

#[test]
fn empty_tensors_are_bounded() {
    let mut b = Builder::<Field>::new(Log2Scale(0));
    let x = b.input(&[0, 3], DType::Int, Window::signed(8));
    let w = b.constant(&[3, 0], DType::Int, &[]);
    let product = b.add(CoreOp::Contract(Contract::parse("ab,bc->ac").expect("labels")), &[x, w]);
    let sum = b.add(CoreOp::Contract(Contract::parse("ab,ca->bc").expect("labels")), &[x, w]);
    for id in [x, w, product] {
        assert_eq!(bound(&b.graph, id), Interval::point(0));
    }
    assert_eq!(bound(&b.graph, sum), Interval::point(0));
}

#[test]
fn bounds_beyond_the_field_name_the_node() {
    let mut b = Builder::<Field>::new(Log2Scale(0));
    let x = b.input(&[8], DType::Int, Window::signed(31));
    let square = b.add(CoreOp::Contract(Contract::parse("a,a->a").expect("labels")), &[x, x]);
    assert_eq!(bound(&b.graph, square), Interval::new(-(1 << 30) * ((1 << 30) - 1), 1 << 60));
    let norm = b.add(CoreOp::Contract(Contract::parse("a,a->").expect("labels")), &[x, x]);
    let name = b.graph.node(norm).name.clone();
    assert_eq!(
        bounds(&b.graph),
        Err(IrError::Limit {
            node: name,
            op: "contract",
            what: "largest absolute value",
            got: 1 << 63,
            limit: (1 << 62) - 1
        })
    );
}

#[test]
fn the_limit_is_sharp() {
    for (value, fits) in [((1 << 62) - 1, true), (1 << 62, false), (-(1 << 62) + 1, true), (i64::MIN, false)] {
        let mut b = Builder::<Field>::new(Log2Scale(0));
        b.constant(&[1], DType::Int, &[value]);
        assert_eq!(bounds(&b.graph).is_ok(), fits, "{value}");
        assert_eq!(Interval::point(value).fits_field(), fits, "{value}");
    }
    let shown = Interval::new(-3, 4);
    assert_eq!(shown.to_string(), "[-3, 4]");
    assert!(shown.contains(4) && !shown.contains(5) && !shown.contains(-4));
}
