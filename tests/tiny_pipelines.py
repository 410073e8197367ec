"""Diffusion pipelines of the real classes, tiny and untrained, made in memory: nothing is downloaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

WORDS = ["<|startoftext|>", "<|endoftext|>", "a", "a</w>", "photo</w>", "of</w>", "person</w>", "</w>"]


def tokenizer(folder: Path) -> Any:
    """A CLIP tokenizer that knows hardly a word."""
    from transformers import CLIPTokenizer

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(WORDS)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=77)


def text_encoder() -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel

    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(WORDS), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
            max_position_embeddings=77, bos_token_id=0, eos_token_id=1, pad_token_id=1, projection_dim=16,
        )
    ).eval()  # fmt: skip


def inpainting(folder: Path, channels: int = 9) -> Any:
    """Stable Diffusion for inpainting, at 64x64."""
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionInpaintPipeline, UNet2DConditionModel

    with torch.random.fork_rng():
        torch.manual_seed(0)
        unet = UNet2DConditionModel(
            sample_size=16, in_channels=channels, out_channels=4, layers_per_block=1, block_out_channels=(8, 16),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=16, attention_head_dim=4, norm_num_groups=4,
        )  # fmt: skip
        vae = AutoencoderKL(
            block_out_channels=(8, 8, 8), down_block_types=("DownEncoderBlock2D",) * 3,
            up_block_types=("UpDecoderBlock2D",) * 3, latent_channels=4, norm_num_groups=4,
        )  # fmt: skip
        encoder = text_encoder()
    scheduler = DDIMScheduler(beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=False)
    pipeline = StableDiffusionInpaintPipeline(
        vae, encoder, tokenizer(folder), unet, scheduler, None, None, requires_safety_checker=False
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
