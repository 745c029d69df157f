"""The storyboard that `vqclip-video new` writes.

A line with `#` directly before a key is an option to uncomment; `# ` begins an explanation.
"""

TEMPLATE = """\
# A storyboard: timed prompts that become a film.
#   vqclip-video plan FILE      what will happen, and how long it takes
#   vqclip-video render FILE    the film

title: From dawn to night
size: 192x192               # delivered pixels, width x height
fps: 24                     # frames a second
seed: 7                     # another seed, another film
models: storybook           # the small pair in the package; `vqclip-video models list` shows the others
# `sketchbook: own.safetensors` has pictures of your own to draw toward (`vqclip-video sketchbook build`)
#init: {noise: 0.3}         # or {image: start.png}, or {latent: earlier-film.safetensors}
grids: 2                    # resolutions the latent is the sum of; 1 is the plain latent, more is softer
#grow: true                 # the first half of the first scene at half the resolution: sooner there
#camera: {zoom: 1.1, pan: [0.05, 0], rotate: 2, border: reflect}   # motion in a second; see docs/camera.md
#latents: ends              # latents to keep: of the scenes' ends, or of all `frames`, to print from
#pacing: steady             # frames as they were optimised, instead of at an even speed; a scene's own too
#loop: pingpong             # there and back; or true: the end leads back to the first picture, without a hold
#hold: 0.5s                 # the last picture stands still so long, within the last scene; a scene's own too
#deliver: [reel, {name: square, fit: blur}]   # files to post, made of the finished film; see docs/deliver.md
#captions: {text: prompt, style: outline}     # words over them; or true, and a scene's own `caption`
# `audio: song.mp3` is heard with it, `length: audio` lets it last as long; `bpm: 124` and `offset: 0.37s`, or `beats: list.txt`,
# give times in beats, 4b, and bars, 2bars (of 4 beats; `bar: 3` of three); `drive` moves settings with it, `land: beats` lets pictures change on beats; see docs/sound.md
#provenance: on             # every file says that it was generated

settings:                   # for every scene; a scene's own settings come first
  style: soft colours       # said once, for every scene
  w1: 1.0                   # weight of a scene's prompt
  w2: 0.3                   # weight of the style
  exclude: [grey, text]     # what should not be seen
  learning_rate: {start: 0.08, end: 0.03}    # higher: quicker and rougher; one number: the same all through a scene
  cutouts: 16               # views of the picture that CLIP judges each iteration; more is finer and slower
  show_step: 2              # iterations between two frames; more gives each frame more change
  losses: {clip: 1.0, vq: 0.2, tv: 0.0, prior: 3.0}    # what is minimised; vq keeps to what the VQGAN can paint,
                            # prior to what pictures of the prompt look like, in scenes without a guide
  #guide: auto              # draws toward a dream of the prompt; or off, {dream: a ship}, {sketch: a ship}, {image: my.png}
  #dream: {tries: 4}        # dreams drawn for a scene, of which the best is taken; or {seed: 9}, {carry: 0.9}
  #guide_weight: 0.25       # how strongly; or {start: 0.3, end: 0.1, over: 0.6}: then less, and CLIP paints more freely
  #smoothing: 0.5           # share of the frame before in what is shown: calmer
  #weight_decay: 0.0        # pulls the latent towards its middle
  #noise_factor: 0.1        # noise on the cutouts
  #batch_size: 8            # cutouts per CLIP call, to save memory; the picture stays the same
  #augment: {flip: 0.5, rotate: 12, shear: 5, overview: 0.4, smallest: 0.45, pad: 0.06, gain: 0.15}

# A scene lasts `duration`, or `iterations: 96` optimiser steps; or every scene says `at` which time it starts.
scenes:
  - prompt: a pink sunrise sky over the sea
    duration: 2s            # 3, 2.5s, 500ms, 1:30

  - prompt:                 # several wishes, each with its weight
      - a wheat field
      - {text: a blue sky, weight: 0.5}
      #- {image: reference.png, weight: 0.3}
    duration: 2s
    transition:             # how the film comes here from the scene before
      duration: 1s          # at most as long as the scene
      curve: ease-in-out    # linear, ease-in, ease-out, ease-in-out, cut
      blend: slerp          # along the sphere; or lerp, straight

  - prompt: fire at night
    #caption: The end       # words to show, in place of the prompt
    duration: 2s
    #name: fire             # what another scene's `from` calls it
    #from: previous         # what the picture begins as; or, as a cut, noise, {image: my.png}, {scene: NAME}
    transition: {duration: 1.5s}
    settings: {learning_rate: 0.1}
"""
