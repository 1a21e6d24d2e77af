//! Operators that read images between their elements, with results worked out by hand.

use plonnx_testkit::onnx::{self, Attr, Model};

#[test]
fn images_are_resized_axis_by_axis() {
    let resize = |attributes: &[(&str, Attr)], scales: &[f32]| {
        let model = Model::new(19).input("x", &[1, 4]).floats("scales", &[2], scales);
        model.node_with("Resize", &["x", "", "scales"], &["y"], attributes).output("y")
    };
    let x: &[f64] = &[1., 2., 3., 4.];
    let nearest = resize(&[("nearest_mode", Attr::Text("floor"))], &[1., 1.5]);
    assert!(nearest.text().contains("gather") && !nearest.text().contains("contract"));
    nearest.check(&[x], &[1, 6], &[1., 1., 2., 2., 3., 4.]);
    let linear = resize(&[("mode", Attr::Text("linear"))], &[1., 0.5]);
    linear.check(&[x], &[1, 2], &[1.5, 3.5]);
    let corners = [("mode", Attr::Text("linear")), ("coordinate_transformation_mode", Attr::Text("align_corners"))];
    resize(&corners, &[1., 1.75]).check(&[x], &[1, 7], &[1., 1.5, 2., 2.5, 3., 3.5, 4.]);
    let wide = [("mode", Attr::Text("linear")), ("antialias", Attr::Int(1))];
    // Weights 1, 3, 3, 1 of 8 around 0.5, those outside on the first element.
    resize(&wide, &[1., 0.5]).check(&[x], &[1, 2], &[1.625, 3.375]);
    let cubic = [("mode", Attr::Text("cubic")), ("exclude_outside", Attr::Int(1))];
    resize(&cubic, &[1., 1.]).check(&[x], &[1, 4], &[1., 2., 3., 4.]);
}

#[test]
fn a_single_element_is_the_first_one_as_pytorch_has_it() {
    let to_one = |size: (&str, &[f32])| {
        let model = Model::new(13).input("x", &[1, 3]).floats("scales", &[2], size.1);
        let attributes = [
            ("mode", Attr::Text(size.0)),
            ("coordinate_transformation_mode", Attr::Text("pytorch_half_pixel")),
            ("exclude_outside", Attr::Int(i64::from(size.0 == "cubic"))),
        ];
        let model = model.node_with("Resize", &["x", "", "scales"], &["y"], &attributes).output("y");
        model.check(&[&[1., 3., 8.]], &[1, 1], &[1.]);
    };
    to_one(("cubic", &[1., 0.34]));
    // One and a half elements are one.
    to_one(("linear", &[1., 0.5]));
}

#[test]
fn sizes_may_keep_the_aspect_ratio() {
    let model = Model::new(19).input("x", &[1, 1, 2, 4]).ints("sizes", &[7, 8]);
    let attributes = [("axes", Attr::Ints(&[2, 3])), ("keep_aspect_ratio_policy", Attr::Text("not_larger"))];
    let model = model.node_with("Resize", &["x", "", "", "sizes"], &["y"], &attributes).output("y");
    assert_eq!(model.run(&[&[1., 2., 3., 4., 5., 6., 7., 8.]])[0].0, [1, 1, 4, 8]);
    let none = Model::new(19).input("x", &[2]).node("Resize", &["x"], &["y"]).output("y");
    assert!(none.error().contains("expected either scales or sizes"), "{}", none.error());
    let whole = Model::new(19).typed_input("x", onnx::INT64, &[2]).floats("s", &[1], &[2.]);
    let linear = [("mode", Attr::Text("linear"))];
    let whole = whole.node_with("Resize", &["x", "", "s"], &["y"], &linear).output("y");
    assert!(whole.error().contains("interpolation between integers"), "{}", whole.error());
}

#[test]
fn regions_outside_are_extrapolated() {
    let model = Model::new(11).input("x", &[3]).floats("roi", &[2], &[0., 2.]).floats("s", &[1], &[1.]);
    let attributes = [
        ("mode", Attr::Text("linear")),
        ("coordinate_transformation_mode", Attr::Text("tf_crop_and_resize")),
        ("extrapolation_value", Attr::Float(-9.)),
    ];
    let model = model.node_with("Resize", &["x", "roi", "s"], &["y"], &attributes).output("y");
    model.check(&[&[1., 2., 5.]], &[3], &[1., 5., -9.]);
}

#[test]
fn upsample_repeats_elements() {
    let model = Model::new(9).input("x", &[1, 2]).floats("s", &[2], &[2., 2.]);
    let model = model.node("Upsample", &["x", "s"], &["y"]).output("y");
    model.check(&[&[1., 2.]], &[2, 4], &[1., 1., 2., 2., 1., 1., 2., 2.]);
}

/// Samples a row of three elements at positions given in elements.
fn row(positions: &[f64], attributes: &[(&str, Attr)]) -> Vec<f64> {
    let n = positions.len() as i64;
    let model = Model::new(20).input("x", &[1, 1, 1, 3]).input("grid", &[1, 1, n, 2]);
    let corners: Vec<(&str, Attr)> = vec![("align_corners", Attr::Int(1))];
    let attributes: Vec<(&str, Attr)> = attributes
        .iter()
        .map(|(name, attr)| match attr {
            Attr::Text(text) => (*name, Attr::Text(text)),
            _ => panic!("texts only"),
        })
        .chain(corners)
        .collect();
    let model = model.node_with("GridSample", &["x", "grid"], &["y"], &attributes).output("y");
    let grid: Vec<f64> = positions.iter().flat_map(|p| [p - 1.0, 0.0]).collect();
    model.run(&[&[10., 20., 40.], &grid])[0].1.clone()
}

#[test]
fn grids_sample_between_and_beyond_elements() {
    let at = [0.5, 1.75, -0.5, 2.5];
    onnx::close(&row(&at, &[]), &[15., 35., 5., 20.]);
    onnx::close(&row(&at, &[("padding_mode", Attr::Text("border"))]), &[15., 35., 10., 40.]);
    onnx::close(&row(&at, &[("padding_mode", Attr::Text("reflection"))]), &[15., 35., 15., 30.]);
    onnx::close(&row(&[0.4, 1.6, -0.6], &[("mode", Attr::Text("nearest"))]), &[10., 40., 0.]);
    onnx::close(&row(&[1.0], &[("mode", Attr::Text("cubic"))]), &[20.]);
    // Far outside there is nothing but the border.
    for (mode, at) in [("nearest", [-9., 9.]), ("linear", [-1.5, 3.5]), ("cubic", [-1.5, 4.])] {
        let attributes = [("mode", Attr::Text(mode)), ("padding_mode", Attr::Text("border"))];
        onnx::close(&row(&at, &attributes), &[10., 40.]);
    }
    let near = [("mode", Attr::Text("cubic")), ("padding_mode", Attr::Text("border"))];
    // Weights of elements at -2, -1, 0, 1: the first three are the first element.
    onnx::close(&row(&[-0.5], &near), &[10. * 1.09375 - 20. * 0.09375]);
    // Weights -0.09375, 0.59375, 0.59375, -0.09375; the first element lies outside.
    onnx::close(&row(&[0.5], &[("mode", Attr::Text("cubic"))]), &[5.9375 + 11.875 - 3.75]);
}

#[test]
fn affine_maps_give_grids() {
    let model = Model::new(20).input("theta", &[1, 2, 3]).ints("size", &[1, 1, 1, 2]);
    let model = model.node("AffineGrid", &["theta", "size"], &["y"]).output("y");
    model.check(&[&[1., 0., 0.25, 2., 0., 0.]], &[1, 1, 2, 2], &[-0.25, -1., 0.75, 1.]);
}

#[test]
fn kernels_are_moved_by_offsets() {
    let model = Model::new(19).input("x", &[1, 1, 1, 3]).floats("w", &[1, 1, 1, 1], &[2.]);
    let model = model.input("offset", &[1, 2, 1, 3]).floats("b", &[1], &[1.]).input("mask", &[1, 1, 1, 3]);
    let model = model.node("DeformConv", &["x", "w", "offset", "b", "mask"], &["y"]).output("y");
    let offset: &[f64] = &[0., 0., 0.5, 0.5, -1., 0.];
    model.check(&[&[10., 20., 40.], offset, &[1., 0.5, 1.]], &[1, 1, 1, 3], &[31., 11., 41.]);
}

#[test]
fn regions_are_pooled() {
    let regions = |mode: &str| {
        let model = Model::new(16).input("x", &[1, 1, 2, 2]).floats("rois", &[1, 4], &[0., 0., 2., 2.]);
        let attributes = [
            ("mode", Attr::Text(mode)),
            ("sampling_ratio", Attr::Int(2)),
            ("coordinate_transformation_mode", Attr::Text("output_half_pixel")),
        ];
        let model = model.ints("batch", &[0]);
        model.node_with("RoiAlign", &["x", "rois", "batch"], &["y"], &attributes).output("y")
    };
    // Samples at 0.5 and 1.5 of both axes, where the image ends: weights 1/2, 1/2 and 0, 1.
    regions("avg").check(&[&[0., 4., 8., 12.]], &[1, 1, 1, 1], &[9.]);
    regions("max").check(&[&[0., 4., 8., 12.]], &[1, 1, 1, 1], &[12.]);
    let open = Model::new(16).input("x", &[1, 1, 2, 2]).input("rois", &[1, 4]).ints("batch", &[0]);
    let open = open.node("RoiAlign", &["x", "rois", "batch"], &["y"]).output("y");
    assert!(open.error().contains("operand \"rois\" depends on the input data"), "{}", open.error());
}
