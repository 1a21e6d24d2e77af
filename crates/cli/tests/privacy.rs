//! What a statement contains, on the command line: visibility, commitments, chains, keys made again.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

struct Session(TempDir);

struct Ran(Output);

fn fixture(name: &str, file: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(name).join(file);
    path.to_str().unwrap().to_string()
}

impl Session {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    fn run(&self, args: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plonnx"));
        command.env("PLONNX_NO_CALIBRATION", "1");
        Ran(command.args(args).current_dir(self.0.path()).output().unwrap())
    }

    /// Compiles the iris model to `NAME.plonnx`, `NAME.vk` and `NAME.json`.
    fn iris(&self, name: &str, more: &[&str]) -> String {
        let (model, inputs) = (fixture("logreg-iris", "model.onnx"), fixture("logreg-iris", "inputs.npz"));
        let (out, vk, settings) = (format!("{name}.plonnx"), format!("{name}.vk"), format!("{name}.json"));
        let args = ["compile", &model, "-o", &out, "--vk", &vk, "--settings", &settings, "--dim", "batch=1"];
        self.run(&[&args[..], &["--calibrate", &inputs], more].concat()).ok()
    }
}

impl Ran {
    fn text(&self) -> (String, String) {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (text(&self.0.stdout), text(&self.0.stderr))
    }

    fn ok(&self) -> String {
        let (out, err) = self.text();
        assert_eq!(self.0.status.code(), Some(0), "{out}{err}");
        out
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.ok()).unwrap()
    }

    fn failed(&self, code: i32, parts: &[&str]) {
        let (out, err) = self.text();
        assert_eq!(self.0.status.code(), Some(code), "{out}{err}");
        for part in parts {
            assert!(err.contains(part), "expected {part}\ngot {err}");
        }
    }
}

#[test]
fn tensors_are_committed_to_and_opened() {
    let s = Session::new();
    let inputs = fixture("logreg-iris", "inputs.npz");
    s.iris("m", &["--input", "committed", "--output", "committed"]);
    let made = s.run(&["commit", "--vk", "m.vk", "--tensor", "features", "--data", &inputs, "--sample", "4", "--json"]);
    let commitment = made.json()["commitment"].as_str().unwrap().to_string();
    let opened = s.run(&["commit", "--open", "commitment.openings.plonnx", "--expect", &commitment]).ok();
    assert!(opened.contains("is a commitment to features 1x4 = ["), "{opened}");
    s.run(&["commit", "--open", "commitment.openings.plonnx", "--expect", &"0".repeat(64)]).failed(1, &["no opening"]);

    // A proof about the same tensor with the same commitment.
    let opening = "commitment.openings.plonnx";
    let prove = ["prove", "m.plonnx", "--opening", opening, "--json"];
    let proved = s.run(&prove).json();
    assert_eq!(proved["committed"]["features"], Value::String(commitment.clone()));
    assert_eq!(proved["zero_knowledge"], Value::Bool(false));
    let verified = s.run(&["verify", "--vk", "m.vk", "--proof", "proof.plonnx", "--json"]).json();
    assert_eq!(verified["committed"], proved["committed"]);
    assert_eq!((&verified["public"], &verified["private"]), (&serde_json::json!({}), &serde_json::json!([])));
    let text = s.run(&["verify", "--vk", "m.vk", "--proof", "proof.plonnx"]).ok();
    assert!(text.contains(&format!("committed input features = {commitment}")), "{text}");
    assert!(text.contains("not zero knowledge") && text.contains("security: 9"), "{text}");
    let output = proved["committed"]["probabilities"].as_str().unwrap();
    s.run(&["commit", "--open", "proof.openings.plonnx", "--expect", output]).ok();

    // Another sample cannot be proved under it.
    let other = ["prove", "m.plonnx", "--opening", opening, "--data", &inputs, "--sample", "5"];
    s.run(&other).failed(3, &["opening of \"features\": the tensor of this inference has other elements"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        for file in [opening, "proof.openings.plonnx"] {
            assert_eq!(fs::metadata(s.path(file)).unwrap().permissions().mode() & 0o077, 0, "{file} is readable");
        }
    }
    s.run(&["inspect", opening]).failed(2, &["openings are secret"]);
    s.run(&["commit", "--vk", "m.vk", "--tensor", "colour", "--data", &inputs]).failed(2, &["features, probabilities"]);
}

#[test]
fn proofs_are_chained() {
    let s = Session::new();
    let inputs = fixture("logreg-iris", "inputs.npz");
    s.iris("a", &["--input", "public", "--output", "committed"]);
    let model = s.path("second.onnx");
    fs::write(&model, second_model()).unwrap();
    let model = model.to_str().unwrap();
    let base = ["compile", model, "-o", "b.plonnx", "--vk", "b.vk", "--range", "0,1", "--input", "committed"];
    s.run(&[&base[..], &["--link", "p=a.vk#probabilities"]].concat()).ok();
    s.run(&["prove", "a.plonnx", "--data", &inputs, "--sample", "2", "-o", "a.proof"]).ok();
    s.run(&["prove", "b.plonnx", "--opening", "p=a.openings.plonnx#probabilities", "-o", "b.proof"]).ok();
    let chain = ["verify", "--vk", "a.vk", "--vk", "b.vk", "--chain"];
    let text = s.run(&[&chain[..], &["a.proof", "b.proof"]].concat()).ok();
    assert!(
        text.contains("2 proofs are valid and linked") && text.contains("output probabilities is input p"),
        "{text}"
    );
    let json = s.run(&[&chain[..], &["a.proof", "b.proof", "--json"]].concat()).json();
    assert_eq!(json["links"][0][0]["input"], "p");
    // The other way round there is no link, and neither is there to a proof of another sample.
    s.run(&[&chain[..], &["b.proof", "a.proof"]].concat()).failed(1, &["proofs 1 and 2 of the chain are not linked"]);
    s.run(&["prove", "a.plonnx", "--data", &inputs, "--sample", "3", "-o", "c.proof"]).ok();
    s.run(&[&chain[..], &["c.proof", "b.proof"]].concat()).failed(1, &["no commitment to an output of the first"]);
    s.run(&["verify", "--vk", "b.vk", "--chain", "a.proof", "b.proof"]).failed(1, &["none of the keys is its key"]);
    // Without the link the encodings differ, and the opening does not fit.
    s.run(&base).ok();
    s.run(&["prove", "b.plonnx", "--opening", "p=a.openings.plonnx#probabilities"])
        .failed(3, &["opening of \"p\": expected the encoding", "compile with the other model's encoding"]);
}

/// `y = relu(p)` for `p` of shape `[1, 3]`, as an ONNX file.
fn second_model() -> Vec<u8> {
    fn field(number: u8, body: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, body.len() as u8], body].concat()
    }
    fn value(name: &str) -> Vec<u8> {
        let dim = |extent: u8| field(1, &[8, extent]);
        let tensor = [&[8, 1][..], &field(2, &[dim(1), dim(3)].concat())].concat();
        [field(1, name.as_bytes()), field(2, &field(1, &tensor))].concat()
    }
    let node = [field(1, b"p"), field(2, b"y"), field(3, b"relu"), field(4, b"Relu")].concat();
    let graph = [field(1, &node), field(2, b"second"), field(11, &value("p")), field(12, &value("y"))].concat();
    [&[8, 8][..], &field(7, &graph), &field(8, &[16, 13])].concat()
}

/// Without --zk every output says that proofs are not zero knowledge, as text and as JSON; with it none does.
#[test]
fn outputs_say_what_is_not_hidden() {
    let s = Session::new();
    let inputs = fixture("logreg-iris", "inputs.npz");
    let model = fixture("logreg-iris", "model.onnx");
    for (name, flags, zero_knowledge) in [("plain", &[][..], false), ("blind", &["--zk"][..], true)] {
        let compiled = s.iris(name, flags);
        let [file, vk, settings] = ["plonnx", "vk", "json"].map(|extension| format!("{name}.{extension}"));
        let prove = ["prove", &file, "--data", &inputs];
        let texts = [
            compiled,
            s.run(&prove).ok(),
            s.run(&[&prove[..], &["--no-verify"]].concat()).ok(),
            s.run(&["verify", "--vk", &vk, "--proof", "proof.plonnx"]).ok(),
            s.run(&["inspect", &vk]).ok(),
            s.run(&["inspect", &file]).ok(),
            s.run(&["vk", &model, "--settings", &settings]).ok(),
        ];
        for text in texts {
            assert_eq!(text.contains("not zero knowledge"), !zero_knowledge, "{text}");
        }
        let jsons = [
            s.run(&[&prove[..], &["--json"]].concat()).json(),
            s.run(&["verify", "--vk", &vk, "--proof", "proof.plonnx", "--json"]).json(),
            s.run(&["inspect", &vk, "--json"]).json(),
            s.run(&["inspect", &file, "--json"]).json(),
            s.run(&["vk", &model, "--settings", &settings, "--json"]).json(),
        ];
        for json in jsons {
            assert_eq!(json["zero_knowledge"], zero_knowledge, "{json}");
        }
    }
    let proof = s.run(&["inspect", "proof.plonnx"]).ok();
    assert!(proof.contains("not zero knowledge, unless its key says"), "{proof}");
}

#[test]
fn keys_are_made_again() {
    let s = Session::new();
    let model = fixture("logreg-iris", "model.onnx");
    let text = s.iris("m", &["--input", "public", "--profile", "fast", "--headroom", "1.7"]);
    assert!(text.contains("plonnx vk makes the key again"), "{text}");
    let again = s.run(&["vk", &model, "--settings", "m.json", "--vk", "m.vk", "-o", "again.vk"]).ok();
    assert!(again.contains("it is the key that was expected"), "{again}");
    assert_eq!(fs::read(s.path("m.vk")).unwrap(), fs::read(s.path("again.vk")).unwrap());
    // One changed choice is another key.
    let settings = fs::read_to_string(s.path("m.json")).unwrap();
    let mut hashes = vec![s.run(&["vk", &model, "--settings", "m.json", "--json"]).json()["key"].to_string()];
    for (old, new) in [
        ("\"fast\"", "\"standard\""),
        ("\"visibility\": \"public\"", "\"visibility\": \"private\""),
        ("\"zero_knowledge\": false", "\"zero_knowledge\": true"),
        ("\"weights\": \"public\"", "\"weights\": \"committed\""),
        ("\"activation_bits\": 16", "\"activation_bits\": 12"),
        ("\"headroom\": \"1.7\"", "\"headroom\": \"40\""),
    ] {
        assert!(settings.contains(old), "{old}");
        fs::write(s.path("other.json"), settings.replacen(old, new, 1)).unwrap();
        s.run(&["vk", &model, "--settings", "other.json", "--vk", "m.vk"]).failed(1, &["expected key"]);
        hashes.push(s.run(&["vk", &model, "--settings", "other.json", "--json"]).json()["key"].to_string());
    }
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), 7, "two settings have one key");
    let other = fixture("mlp-mnist", "model.onnx");
    s.run(&["vk", &other, "--settings", "m.json"]).failed(3, &["the settings are of the model with hash"]);
    fs::write(s.path("cut.json"), &settings[..100]).unwrap();
    s.run(&["vk", &model, "--settings", "cut.json"]).failed(3, &["cut.json: settings: not JSON"]);
}

#[test]
fn weak_proofs_are_refused_on_demand() {
    let s = Session::new();
    let inputs = fixture("logreg-iris", "inputs.npz");
    s.iris("m", &["--profile", "fast"]);
    let proved = s.run(&["prove", "m.plonnx", "--data", &inputs, "--json"]).json();
    assert_eq!(proved["security"]["bits"], 79.0);
    assert_eq!(proved["security"]["weakest"], "FRI, conjectured");
    let verify = ["verify", "--vk", "m.vk", "--proof", "proof.plonnx"];
    s.run(&[&verify[..], &["--min-bits", "79"]].concat()).ok();
    let refused = s.run(&[&verify[..], &["--min-bits", "79.5"]].concat());
    refused.failed(1, &["expected at least 79.5 bits with FRI as conjectured, the key has 79.00 (profile fast)"]);
    s.run(&[&verify[..], &["--min-proven-bits", "80"]].concat()).failed(1, &["expected at least 80 bits proven"]);
    s.run(&[&verify[..], &["--min-bits", "nan"]].concat()).failed(1, &["expected at least NaN bits"]);
}

#[test]
fn weights_are_committed_to() {
    let s = Session::new();
    let inputs = fixture("logreg-iris", "inputs.npz");
    let text = s.iris("m", &["--weights", "committed", "--input", "public"]);
    let commitment = text.lines().find_map(|l| l.strip_prefix("committed weights = ")).unwrap();
    for sample in ["0", "1"] {
        let proved = s.run(&["prove", "m.plonnx", "--data", &inputs, "--sample", sample, "--json"]).json();
        assert_eq!(proved["model"], commitment, "sample {sample}");
    }
    let verified = s.run(&["verify", "--vk", "m.vk", "--proof", "proof.plonnx"]).ok();
    assert!(verified.contains(&format!("committed weights = {commitment}")), "{verified}");
    let inspected = s.run(&["inspect", "m.plonnx"]).ok();
    assert!(inspected.contains(&format!("committed weights = {commitment}")), "{inspected}");
    let inspected = s.run(&["inspect", "m.plonnx", "--json"]).json();
    assert_eq!(inspected["model_commitment"], commitment);
    assert!(inspected["public_constants"].is_array(), "{inspected}");
    // The same model with another salt has the same key and another commitment.
    let other = s.iris("n", &["--weights", "committed", "--input", "public"]);
    assert!(!other.contains(commitment));
    assert_eq!(fs::read(s.path("m.vk")).unwrap(), fs::read(s.path("n.vk")).unwrap());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(
            fs::metadata(s.path("m.plonnx")).unwrap().permissions().mode() & 0o077,
            0,
            "the weights are readable"
        );
    }
}
