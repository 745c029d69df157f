"""One training of a VQGAN as a LightningModule: the step, the running mean of the weights, what
a checkpoint holds.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from lightning import LightningModule
from taming.modules.discriminator.model import NLayerDiscriminator, weights_init
from torch import Tensor, nn

from . import codebook, losses, network
from .budget import Budget
from .comparison import Comparison
from .config import TrainConfig

VQGAN_BETAS, DISCRIMINATOR_BETAS = (0.9, 0.99), (0.5, 0.9)
DISCRIMINATOR_RATE = 1.3  # of its learning rate to the VQGAN's
LOWEST = 0.03  # of the learning rate at the end to that at the start
SAMPLED = 65_536  # places of latents kept, of which the codebook is made


class VQGANTraining(LightningModule):
    """Encoder, decoder, codebook and discriminator under the names of taming's VQModel, and how
    they learn.

    The `state_dict` in its checkpoints is what a film needs: the running mean of the weights, for
    norms of taming's eps. What only the training needs, such as the weights themselves, stands
    under "training".
    """

    def __init__(
        self,
        config: TrainConfig,
        parts: nn.Module,
        difference: Comparison,
        budget: Budget,
        known: bool,
    ):
        """parts: of `network.new_network` or `network.network_of`. known: whether its codebook is
        that of a model.
        """
        super().__init__()
        self.automatic_optimization = False
        self.config, self.budget, self.known = config, budget, known
        self.difference = difference
        self.began: float | None = None  # what `samples.likeness` was before the first step, dB
        for name, part in parts.named_children():
            self.add_module(name, part)
        network.set_eps(self, config.training.group_norm_eps)
        self.loss = nn.Module()
        sizes = config.losses
        self.loss.discriminator = NLayerDiscriminator(
            ndf=sizes.disc_ndf, n_layers=sizes.disc_num_layers
        )
        self.loss.discriminator.apply(weights_init)
        self.mean = {name: weight.detach().clone() for name, weight in self.weights()}
        self.generator = torch.Generator().manual_seed(0)
        self.seen: list[Tensor] = []  # places of recent latents
        self.terms: dict[str, Tensor] = {}  # of the last step, detached

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        training = self.config.training
        options = {"lr": training.learning_rate, "weight_decay": training.weight_decay}
        weights = [weight for _, weight in self.weights()]
        judge = self.loss.discriminator.parameters()
        return [
            torch.optim.AdamW(weights, betas=VQGAN_BETAS, **options),
            torch.optim.AdamW(judge, betas=DISCRIMINATOR_BETAS, **options | {"weight_decay": 0.0}),
        ]

    def training_step(self, batch: Tensor, batch_index: int) -> None:
        """batch: uint8 [n, 3, crop, crop]."""
        images = batch.float() / 127.5 - 1
        optimiser, judge_optimiser = self.optimizers()
        rate = self._learning_rate()
        for each, share in ((optimiser, 1.0), (judge_optimiser, DISCRIMINATOR_RATE)):
            each.param_groups[0]["lr"] = rate * share
        weights = self.config.losses
        judging = weights.disc_weight > 0 and self.budget.done >= weights.disc_start
        self.toggle_optimizer(optimiser)
        pictures = self._learn(images, judging, optimiser)
        self.untoggle_optimizer(optimiser)
        if judging:
            self.toggle_optimizer(judge_optimiser)
            self._learn_to_judge(images, pictures, judge_optimiser)
            self.untoggle_optimizer(judge_optimiser)
        self._follow()
        self.budget.done += 1

    def on_train_start(self) -> None:
        self.mean = {name: tensor.to(self.device) for name, tensor in self.mean.items()}
        self.budget.begin()

    @property
    def quantising(self) -> bool:
        """Whether the decoder gets entries of the codebook at this step."""
        start = self.config.training.quantise_from
        return start is not None and (self.known or self.budget.done >= start)

    def _learn(self, images: Tensor, judging: bool, optimiser: Any) -> Tensor:
        """One step of encoder, decoder and codebook; returns the reconstructions, detached."""
        weights = self.config.losses
        latents = network.encode_pictures(self, images).float()
        self._remember(latents)
        latent_loss = weights.latent_normal_weight * losses.latent_normal(latents)
        given, entries = latents, self._entries(latents)
        if self.quantising:
            vq = codebook.vq_loss(latents, entries, weights.commitment_weight)
            latent_loss = latent_loss + weights.codebook_weight * vq
            given = codebook.straight_through(latents, entries)
            self.terms["codebook"] = vq.detach()
            entries = None  # nothing is left to round
        pictures = network.decode_latents(
            self, network.corrupted(given, self.config.training.corrupt, entries)
        ).float()
        # The gradient of the terms with respect to the pictures is taken by itself, so that the
        # adaptive weight costs one more pass through the last layer and none through the networks
        # that judge.
        apart = pictures.detach().requires_grad_()
        difference, told = self.difference(apart, images)
        (slope,) = torch.autograd.grad(difference, apart)
        self.terms |= told
        if judging:
            adversarial = -self.loss.discriminator(apart).float().mean()
            (pull,) = torch.autograd.grad(adversarial, apart)
            adaptive = losses.adaptive_weight(pictures, slope, pull, self.decoder.conv_out.weight)
            slope = slope + weights.disc_weight * adaptive * pull
            self.terms["adversarial"], self.terms["adaptive"] = adversarial.detach(), adaptive
        optimiser.zero_grad()
        self.manual_backward((pictures * slope).sum() + latent_loss)
        self.clip_gradients(optimiser, gradient_clip_val=1.0, gradient_clip_algorithm="norm")
        optimiser.step()
        self.terms["latent"] = latent_loss.detach()
        return pictures.detach()

    def _learn_to_judge(self, images: Tensor, pictures: Tensor, optimiser: Any) -> None:
        verdicts = (self.loss.discriminator(each).float() for each in (images, pictures))
        loss = losses.discriminator_hinge(*verdicts)
        optimiser.zero_grad()
        self.manual_backward(loss)
        optimiser.step()
        self.terms["discriminator"] = loss.detach()

    def _learning_rate(self) -> float:
        training, share = self.config.training, self.budget.fraction
        if self.budget.done < training.warmup:
            return training.learning_rate * (self.budget.done + 1) / training.warmup
        falling = max(0.0, share - training.constant) / max(1 - training.constant, 1e-9)
        wave = 1 + math.cos(math.pi * min(falling, 1.0))
        return training.learning_rate * (LOWEST + (1 - LOWEST) * 0.5 * wave)

    def _entries(self, latents: Tensor) -> Tensor | None:
        """The entries of the codebook nearest to the latents, in their shape; None while there
        is no codebook.
        """
        if self.quantising and not self.known:
            self.make_codebook(10)
        return codebook.quantised(latents, self.quantize.embedding.weight) if self.known else None

    def _remember(self, latents: Tensor) -> None:
        """Keep some places of this batch, the newest SAMPLED of all."""
        found = codebook.places(latents.detach())
        self.seen.append(
            found[torch.randint(len(found), (min(len(found), 256),), device=found.device)].cpu()
        )
        del self.seen[: -(SAMPLED // 256)]

    def make_codebook(self, rounds: int) -> None:
        """Fit the codebook to the latents seen lately, by rounds of k-means; the same one on
        every device.
        """
        if not self.seen:
            return
        vectors, weight = torch.cat(self.seen), self.quantize.embedding.weight
        begin = (
            weight.detach().cpu()
            if self.known
            else codebook.drawn_from(vectors, len(weight), self.generator)
        )
        found = self.trainer.strategy.broadcast(
            codebook.k_means(vectors, begin, rounds, self.generator)
        )
        with torch.no_grad():
            weight.copy_(found)
            self.mean["quantize.embedding.weight"].copy_(found)
        self.known = True

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the running mean of the weights; at the start it follows faster."""
        decay = min(self.config.training.ema, (1 + self.budget.done) / (10 + self.budget.done))
        means, weights = zip(
            *((self.mean[name], weight.detach()) for name, weight in self.weights()), strict=True
        )
        torch._foreach_lerp_(list(means), list(weights), 1 - decay)

    def weights(self) -> list[tuple[str, nn.Parameter]]:
        """What is averaged and saved: all but the discriminator's."""
        return [
            (name, weight)
            for name, weight in self.named_parameters()
            if not name.startswith("loss.")
        ]

    def is_sound(self) -> bool:
        """Whether every weight is a number; on several devices all have the same."""
        norms = torch._foreach_norm([weight.detach() for _, weight in self.weights()])
        return bool(torch.stack(norms).isfinite().all())

    def published(self) -> dict[str, Tensor]:
        """What a film is made with, on the CPU: the running mean, for norms of taming's eps."""
        mean = {name: tensor.cpu() for name, tensor in self.mean.items()}
        eps = self.config.training.group_norm_eps
        return network.rescale_norms(mean, eps, network.PUBLISHED_EPS)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if self.config.training.quantise_from is None:
            self.make_codebook(30 if self.budget.fraction == 1 else 4)
        judge = {
            name: tensor
            for name, tensor in checkpoint["state_dict"].items()
            if name.startswith("loss.")
        }
        checkpoint["training"] = {
            "weights": checkpoint["state_dict"],
            "mean": self.mean,
            "step": self.budget.done,
            "seconds": self.budget.seconds,
            "known": self.known,
            "eps": self.config.training.group_norm_eps,
            "seen": self.seen,
            "began": self.began,
        }
        checkpoint["state_dict"] = self.published() | judge

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        found = checkpoint["training"]
        self.mean, self.known = found["mean"], found["known"]
        # without them the codebook would be made of the last few steps alone
        self.seen = list(found.get("seen", ()))
        self.began = found.get("began")
        self.budget.resume({"done": found["step"], "seconds": found["seconds"]})
        checkpoint["state_dict"] = found["weights"]
