//! Contractions against the definition.

use plonnx_ir::op::{Contract, Label};
use plonnx_ir::{CoreOp, Domain, Field, Float, Scalar, Tensor, eval_op};

use crate::random::{Random, at, indices, tensor};

/// The sum over all labels that the result has not, by nested loops.
fn reference<T: Scalar>(c: &Contract, a: &Tensor<T>, b: &Tensor<T>) -> Tensor<T> {
    let extent = |l: &Label| c.extent(*l, a.shape(), b.shape()).expect("label");
    let shape: Vec<usize> = c.out.iter().map(extent).collect();
    let summed = c.summed();
    let inner: Vec<usize> = summed.iter().map(extent).collect();
    let data = indices(&shape)
        .into_iter()
        .map(|outer| {
            let mut sum = T::zero();
            for inner in indices(&inner) {
                let value = |l: &Label| match c.out.iter().position(|m| m == l) {
                    Some(i) => outer[i],
                    None => inner[summed.iter().position(|m| m == l).expect("label")],
                };
                let index = |labels: &[Label]| labels.iter().map(value).collect::<Vec<_>>();
                sum += at(a, &index(&c.a)) * at(b, &index(&c.b));
            }
            sum
        })
        .collect();
    tensor(&shape, data)
}

fn check<D: Domain>(random: &mut Random, spec: &str, extent: &mut dyn FnMut(&mut Random, Label) -> usize) {
    let contract = Contract::parse(spec).expect("specification");
    let mut extents = std::collections::BTreeMap::new();
    for l in contract.a.iter().chain(&contract.b) {
        let n = extent(random, *l);
        extents.entry(*l).or_insert(n);
    }
    let shape = |labels: &[Label]| labels.iter().map(|l| extents[l]).collect::<Vec<_>>();
    let a = random.tensor::<D::Scalar>(&shape(&contract.a));
    let b = random.tensor::<D::Scalar>(&shape(&contract.b));
    let got = eval_op::<D>("c", &CoreOp::Contract(contract.clone()), &[&a, &b]).expect("evaluates");
    assert_eq!(got.to_vec(), reference(&contract, &a, &b).to_vec(), "{spec} {:?} {:?}", a.shape(), b.shape());
    assert_eq!(got.shape(), reference(&contract, &a, &b).shape());
}

#[test]
fn by_hand() {
    let a = tensor(&[2, 2], vec![1.0, 2.0, 3.0, 4.0]);
    let b = tensor(&[2, 2], vec![5.0, 6.0, 7.0, 8.0]);
    let product = |spec: &str| {
        let op = CoreOp::<Float>::Contract(Contract::parse(spec).expect("specification"));
        eval_op("c", &op, &[&a, &b]).expect("evaluates").to_vec()
    };
    assert_eq!(product("ab,bc->ac"), [19.0, 22.0, 43.0, 50.0]);
    assert_eq!(product("ab,cb->ac"), [17.0, 23.0, 39.0, 53.0]);
    assert_eq!(product("ab,ab->ab"), [5.0, 12.0, 21.0, 32.0]);
    assert_eq!(product("ab,ab->"), [70.0]);
    assert_eq!(product("ab,cd->a"), [78.0, 182.0]);
}

const SPECS: [&str; 22] = [
    "ab,bc->ac",
    "ab,cb->ac",
    "ba,bc->ac",
    "ba,cb->ca",
    "abc,abc->abc",
    "abc,abc->cab",
    "ab,b->ab",
    "b,ab->ab",
    "ab,b->a",
    "a,a->",
    "a,b->ab",
    "a,b->ba",
    ",->",
    "a,->a",
    "ab,cd->ad",
    "abc,d->bd",
    "bhqd,bhkd->bhqk",
    "bqhd,bkhd->bhqk",
    "bhqk,bkhd->bqhd",
    "abcd,efcd->abef",
    "acbd,cedf->bafe",
    "ab,ab->b",
];

#[test]
fn agrees_with_nested_loops() {
    let mut random = Random::new(1);
    for spec in SPECS {
        for _ in 0..20 {
            check::<Float>(&mut random, spec, &mut |r, _| 1 + r.below(4));
            check::<Field>(&mut random, spec, &mut |r, _| 1 + r.below(4));
        }
    }
}

/// Every layout of the kernel, beyond its block sizes, with and without threads.
#[test]
fn agrees_with_nested_loops_on_long_axes() {
    let mut random = Random::new(2);
    let shapes: [[usize; 3]; 10] = [
        [1, 300, 70],
        [2, 130, 600],
        [3, 1000, 2],
        [70, 9, 20],
        [65, 140, 9],
        [1, 3000, 40],
        [100, 70, 1],
        [1, 5000, 1],
        [9, 7, 8],
        [40, 1, 40],
    ];
    for [m, k, n] in shapes {
        for spec in ["ab,bc->ac", "ab,cb->ac", "ba,bc->ac", "ba,cb->ca"] {
            let mut extent = |_: &mut Random, l: Label| [m, k, n][usize::from(l - b'a')];
            check::<Float>(&mut random, spec, &mut extent);
            check::<Field>(&mut random, spec, &mut extent);
        }
    }
}

#[test]
fn empty_extents() {
    let mut random = Random::new(3);
    for spec in SPECS {
        for zero in b'a'..=b'f' {
            check::<Field>(&mut random, spec, &mut |_, l| if l == zero { 0 } else { 2 });
        }
    }
}
