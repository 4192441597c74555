//! Hears which key a captcha asks for, by comparing what comes with the prompts of the ten keys.
//!
//! A caller of the demo has no speech recognition; it knows the very recordings. Each key's recording is searched for
//! in the received audio by normalised cross-correlation: first its loudest 20 ms, and where that fits, all of it.

use media::{Digit, Library, PromptId, g711};

/// One caller's ear.
pub(super) struct Ear {
    templates: Vec<Template>,
    heard: Vec<i16>,
    /// Energy of the samples before each place of `heard`.
    energy: Vec<f64>,
    /// Up to where `heard` has been searched.
    searched: usize,
    /// Where a key may have begun, to be checked once all of it was heard.
    suspected: Vec<(usize, usize)>,
}

struct Template {
    digit: Digit,
    samples: Vec<i16>,
    /// Where its loudest part begins.
    probe: usize,
    probe_energy: f64,
}

/// Samples of the loudest part: 20 ms.
const PROBE: usize = 160;
/// How much of the energy must agree, 0 to 1: the only difference is G.711's rounding.
const PROBE_FITS: f64 = 0.98;
/// A probe is compared only where the energy is the same, so that listening costs little.
const LOUDNESS_FITS: f64 = 0.03;
const WHOLE_FITS: f64 = 0.95;

impl Ear {
    /// An ear that knows these prompts.
    pub(super) fn new(library: &Library) -> Self {
        let names = (0..10).flat_map(|key| {
            [
                (key, format!("digit-within-{key}")),
                (key, format!("digit-end-{key}")),
            ]
        });
        let templates = names.filter_map(|(key, name)| {
            let samples = library.find(&PromptId::named(name))?;
            Template::new(Digit::from_event_code(key)?, samples)
        });
        Self {
            templates: templates.collect(),
            heard: Vec::new(),
            energy: vec![0.0],
            searched: 0,
            suspected: Vec::new(),
        }
    }

    /// Takes the next samples; says which key was spoken, once.
    pub(super) fn hear(&mut self, samples: &[i16]) -> Option<Digit> {
        for sample in samples {
            let before = self.energy.last().copied().unwrap_or(0.0);
            self.heard.push(*sample);
            self.energy.push(before + f64::from(*sample) * f64::from(*sample));
        }
        while self.searched + PROBE <= self.heard.len() {
            let at = self.searched;
            self.searched += 1;
            let energy = self.energy[at + PROBE] - self.energy[at];
            for (index, template) in self.templates.iter().enumerate() {
                let as_loud = (energy / template.probe_energy - 1.0).abs() < LOUDNESS_FITS;
                if as_loud && at >= template.probe {
                    let heard = &self.heard[at..at + PROBE];
                    if likeness(heard, template.probe()) > PROBE_FITS {
                        self.suspected.push((index, at - template.probe));
                    }
                }
            }
        }
        let found = self.confirm()?;
        // The next sentence asks for another key.
        self.heard.clear();
        self.energy.truncate(1);
        self.searched = 0;
        self.suspected.clear();
        Some(found)
    }

    /// Compares the whole recording where its loudest part was found.
    fn confirm(&mut self) -> Option<Digit> {
        let (heard, templates) = (&self.heard, &self.templates);
        let mut found = None;
        self.suspected.retain(|(index, start)| {
            let template = &templates[*index];
            let Some(part) = heard.get(*start..*start + template.samples.len()) else {
                return true;
            };
            if likeness(part, &template.samples) > WHOLE_FITS {
                found = Some(template.digit);
            }
            false
        });
        found
    }
}

impl Template {
    fn new(digit: Digit, samples: &[i16]) -> Option<Self> {
        let as_sent = |sample: &i16| g711::decode_ulaw(g711::encode_ulaw(*sample));
        let samples: Vec<i16> = samples.iter().map(as_sent).collect();
        let energy = |at: &usize| energy_of(samples.get(*at..*at + PROBE).unwrap_or_default());
        let places = (0..samples.len().checked_sub(PROBE)?).step_by(PROBE / 4);
        let probe = places.max_by(|one, other| energy(one).total_cmp(&energy(other)))?;
        let probe_energy = energy(&probe);
        Some(Self {
            digit,
            probe,
            probe_energy,
            samples,
        })
    }

    fn probe(&self) -> &[i16] {
        &self.samples[self.probe..self.probe + PROBE]
    }
}

fn energy_of(samples: &[i16]) -> f64 {
    samples.iter().map(|sample| f64::from(*sample).powi(2)).sum()
}

/// Normalised cross-correlation: 1 for the same sound, whatever its level.
fn likeness(one: &[i16], other: &[i16]) -> f64 {
    let both: f64 = one
        .iter()
        .zip(other)
        .map(|(one, other)| f64::from(*one) * f64::from(*other))
        .sum();
    both / (energy_of(one) * energy_of(other)).sqrt().max(1.0)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn each_key_is_heard_in_its_sentence_and_nothing_in_one_without() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/prompts");
        let library = media_io::load_prompts(&folder).unwrap();
        let samples = |name: &str| library.find(&PromptId::named(name)).unwrap().to_vec();
        for key in 0..10 {
            for form in ["within", "end"] {
                let mut ear = Ear::new(&library);
                let mut sentence = vec![0; 777];
                sentence.extend(samples("ask-4-before"));
                sentence.extend(samples(&format!("digit-{form}-{key}")));
                sentence.extend(samples("ask-4-after"));
                let found: Vec<char> = sentence
                    .chunks(160)
                    .filter_map(|frame| ear.hear(&through_g711(frame)))
                    .map(Digit::as_char)
                    .collect();
                assert_eq!(found, [char::from(b'0' + key)], "{form}");
            }
        }
        let mut ear = Ear::new(&library);
        for name in ["try-again", "not-verified", "connecting", "ask-3-after"] {
            for frame in samples(name).chunks(160) {
                assert!(ear.hear(&through_g711(frame)).is_none(), "{name}");
            }
        }
    }

    fn through_g711(samples: &[i16]) -> Vec<i16> {
        let sent = samples.iter().map(|sample| g711::encode_ulaw(*sample));
        sent.map(g711::decode_ulaw).collect()
    }
}
