//! Pictures in the terminal.

/// Pixels from this value on are drawn.
const INK: f64 = 0.4;

/// Lines of block characters for the part of the picture with ink; a character is two pixels high. All lines are as wide
/// as the picture.
pub(super) fn draw(pixels: &[f64], width: usize) -> Vec<String> {
    let rows: Vec<Vec<bool>> = pixels.chunks(width).map(|row| row.iter().map(|v| *v >= INK).collect()).collect();
    let inked = |row: &Vec<bool>| row.contains(&true);
    let (Some(first), Some(last)) = (rows.iter().position(inked), rows.iter().rposition(inked)) else {
        return Vec::new();
    };
    let blank = vec![false; width];
    let pairs = rows[first..=last].chunks(2).map(|pair| (&pair[0], pair.get(1).unwrap_or(&blank)));
    pairs.map(|(upper, lower)| upper.iter().zip(lower).map(|(u, l)| block(*u, *l)).collect()).collect()
}

fn block(upper: bool, lower: bool) -> char {
    match (upper, lower) {
        (true, true) => '█',
        (true, false) => '▀',
        (false, true) => '▄',
        (false, false) => ' ',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_cropped() {
        let pixels = [0.0, 0.0, 0.0, 1.0, 0.9, 0.0, 1.0, 0.1, 0.5, 0.0, 0.0, 0.0];
        assert_eq!(draw(&pixels, 3), ["█▀▄"]);
        assert_eq!(draw(&pixels[..9], 3), ["█▀▄"]);
        assert!(draw(&[0.0; 9], 3).is_empty());
    }
}
