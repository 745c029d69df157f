"""Makes pulse.ogg, the song of pulse.yaml, and pulse-drums.ogg, its drums alone: of nothing but
numbers.

    python storyboards/pulse.py
"""

import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np

HERTZ, BPM, BARS = 32_000, 112, 5
BEAT = 60 / BPM
CHORDS = [(57, 60, 64), (53, 57, 60), (48, 52, 55), (55, 59, 62), (57, 60, 64)]  # Am F C G Am
DICE = np.random.default_rng(112)


def hertz(note: int) -> float:
    return 440 * 2 ** ((note - 69) / 12)


def put(song: np.ndarray, second: float, sound: np.ndarray) -> None:
    first = round(second * HERTZ)
    song[first : first + len(sound)] += sound[: len(song) - first]


def voice(note: int, seconds: float, decay: float) -> np.ndarray:
    t = np.arange(round(seconds * HERTZ)) / HERTZ
    tones = sum(np.sin(2 * np.pi * hertz(note) * k * t) / k**1.6 for k in range(1, 6))
    return tones * np.exp(-t * decay) * np.minimum(t / 0.008, 1)


def drums(length: int) -> np.ndarray:
    song, t = np.zeros(length), np.arange(HERTZ // 3) / HERTZ
    kick = 0.8 * np.sin(2 * np.pi * (48 * t + 4 * (1 - np.exp(-t * 32)))) * np.exp(-t * 11)
    snare = 0.3 * DICE.standard_normal(len(t)) * np.exp(-t * 19)
    hat = 0.07 * np.diff(DICE.standard_normal(len(t) + 1)) * np.exp(-t * 55)
    for beat in range(4 * BARS):
        put(song, beat * BEAT, kick if beat % 2 == 0 else snare)
        put(song, (beat + 0.5) * BEAT, hat)
    return song


def main() -> None:
    length = round(4 * BARS * BEAT * HERTZ)
    beats, song = drums(length), np.zeros(length)
    for bar, chord in enumerate(CHORDS):
        for note in chord:
            put(song, 4 * bar * BEAT, 0.07 * voice(note, 4 * BEAT, 0.5))
        put(song, 4 * bar * BEAT, 0.2 * voice(chord[0] - 24, 4 * BEAT, 0.9))
        for eighth in range(8):
            note = chord[(0, 1, 2, 1, 2, 0, 1, 2)[eighth]] + 12
            put(song, (4 * bar + eighth / 2) * BEAT, 0.09 * voice(note, 0.4, 6))
    for name, sound in (("pulse.ogg", song + beats), ("pulse-drums.ogg", beats)):
        samples = (0.7 * sound / np.abs(song + beats).max()).astype("<f4").tobytes()
        source = ["-f", "f32le", "-ar", str(HERTZ), "-ac", "1", "-i", "-"]
        coded = ["-c:a", "libvorbis", "-q:a", "1", "-fflags", "+bitexact"]
        target = str(Path(__file__).with_name(name))
        ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error"]
        subprocess.run([*ffmpeg, *source, *coded, target], input=samples, check=True)


if __name__ == "__main__":
    main()
