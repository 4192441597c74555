#!/bin/sh
# Speaks every line of prompts.toml into a WAV file beside it: 8 kHz, mono, 16-bit.
# Needs espeak-ng and sox. The same text, voice and versions give the same files.
set -eu
cd "$(dirname "$0")"
VOICE=${VOICE:-en-us+f3}
WORDS_PER_MINUTE=${WORDS_PER_MINUTE:-150}
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

sed -n 's/^\([a-z0-9-]*\) = "\(.*\)"$/\1|\2/p' prompts.toml | while IFS='|' read -r name text; do
    espeak-ng -v "$VOICE" -s "$WORDS_PER_MINUTE" -w "$work/spoken.wav" "$text"
    # -R: the same dither every time. Cut the silence at both ends, keep to the telephone band, even out the level,
    # fade the edges against clicks, leave 30 ms on either side.
    sox -R -V1 "$work/spoken.wav" -r 8000 -c 1 -b 16 "$work/cut.wav" gain -3 \
        silence 1 0.01 0.5% reverse silence 1 0.01 0.5% reverse \
        rate 8000 highpass 200 norm -4
    sox -R -V1 "$work/cut.wav" -b 16 "$name.wav" fade t 0.008 -0 0.008 pad 0.03 0.03
done
