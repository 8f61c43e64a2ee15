//! Which layers of an image an engine lacks, by the way it finds those it has, and which of its images hold the others.

use std::collections::BTreeSet;

use super::{EngineInfo, ImageStore, ObservedImage};

/// From this API on an engine that keeps images as registries do says whether it has all layers of an image.
const SAYS_WHAT_IS_MISSING: (u32, u32) = (1, 48);

/// The layers of an image by what becomes of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LayerChoice {
    /// Positions of those that are sent.
    pub sent: Vec<usize>,
    /// Ids of images on the engine that hold the others.
    pub bases: Vec<String>,
}

/// Chooses the layers, named by the digests of their uncompressed content, that must be sent.
pub fn missing_layers(layers: &[String], present: &[ObservedImage], engine: &EngineInfo) -> LayerChoice {
    match engine.host.image_store {
        ImageStore::Classic => beyond_prefix(layers, present),
        ImageStore::Containerd if engine.api_at_least(SAYS_WHAT_IS_MISSING.0, SAYS_WHAT_IS_MISSING.1) => {
            absent(layers, present)
        }
        // It would report an image as loaded that lacks layers.
        ImageStore::Containerd => all_layers(layers),
    }
}

/// Every layer.
pub fn all_layers(layers: &[String]) -> LayerChoice {
    LayerChoice { sent: (0..layers.len()).collect(), bases: Vec::new() }
}

fn beyond_prefix(layers: &[String], present: &[ObservedImage]) -> LayerChoice {
    let common = |image: &ObservedImage| layers.iter().zip(&image.layers).take_while(|(a, b)| a == b).count();
    let mut best: Option<(usize, &ObservedImage)> = None;
    for image in present {
        let length = common(image);
        if length > best.map_or(0, |(longest, _)| longest) {
            best = Some((length, image));
        }
    }
    let length = best.map_or(0, |(length, _)| length);
    LayerChoice {
        sent: (length..layers.len()).collect(),
        bases: best.into_iter().map(|(_, image)| image.id.clone()).collect(),
    }
}

fn absent(layers: &[String], present: &[ObservedImage]) -> LayerChoice {
    let mut left: BTreeSet<&String> = layers.iter().collect();
    let mut bases = Vec::new();
    loop {
        let gain = |image: &&ObservedImage| image.layers.iter().collect::<BTreeSet<_>>().intersection(&left).count();
        let Some(image) = present.iter().max_by_key(gain).filter(|image| gain(image) > 0) else { break };
        for layer in &image.layers {
            left.remove(layer);
        }
        bases.push(image.id.clone());
    }
    LayerChoice { sent: (0..layers.len()).filter(|at| left.contains(&layers[*at])).collect(), bases }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::EngineHost;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn engine(image_store: ImageStore, api: &str) -> EngineInfo {
        EngineInfo {
            api_version: api.into(),
            host: EngineHost { image_store, ..Default::default() },
            ..Default::default()
        }
    }

    fn chosen(layers: &str, present: &[&str], engine: &EngineInfo) -> (Vec<usize>, Vec<String>) {
        let image = |layers: &&str| ObservedImage { id: (*layers).into(), layers: words(layers), ..Default::default() };
        let present: Vec<ObservedImage> = present.iter().map(image).collect();
        let LayerChoice { sent, bases } = missing_layers(&words(layers), &present, engine);
        (sent, bases)
    }

    #[test]
    fn a_classic_store_keeps_the_longest_common_prefix_and_nothing_above_it() {
        let classic = engine(ImageStore::Classic, "1.41");
        for (present, sent, base) in [
            (&[][..], &[0, 1, 2, 3][..], None),
            (&["b c d"], &[0, 1, 2, 3], None),
            (&["a", "a b", "x"], &[2, 3], Some("a b")),
            (&["a b x d", "a"], &[2, 3], Some("a b x d")),
            (&["a b c d e"], &[], Some("a b c d e")),
        ] {
            let bases: Vec<String> = base.iter().map(|base: &&str| (*base).to_owned()).collect();
            assert_eq!(chosen("a b c d", present, &classic), (sent.to_vec(), bases), "{present:?}");
        }
    }

    #[test]
    fn a_containerd_store_finds_layers_at_any_position_in_as_few_images_as_possible() {
        let containerd = engine(ImageStore::Containerd, "1.48");
        let chosen = |present: &[&str]| chosen("a b c d", present, &containerd);
        let (sent, bases) = chosen(&["x c", "d"]);
        assert_eq!((sent, bases.len()), (vec![0, 1], 2));
        assert_eq!(chosen(&["b c", "a b c", "x"]), (vec![3], vec!["a b c".to_owned()]));
        assert_eq!(chosen(&[]).0, [0, 1, 2, 3]);
    }

    #[test]
    fn an_engine_that_cannot_say_what_it_lacks_gets_every_layer() {
        let old = engine(ImageStore::Containerd, "1.47");
        assert_eq!(chosen("a b", &["a b"], &old), (vec![0, 1], Vec::new()));
    }
}
