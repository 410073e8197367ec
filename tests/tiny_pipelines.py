"""Diffusion pipelines of the real classes, tiny and untrained, made in memory: nothing is downloaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

WORDS = ["<|startoftext|>", "<|endoftext|>", "a", "a</w>", "photo</w>", "of</w>", "person</w>", "</w>"]
WIDE = 16


def inpainting(folder: Path, channels: int = 9) -> Any:
    """Stable Diffusion for inpainting, made for 64x64; 4 channels: one that was not trained for it."""
    from diffusers import DDIMScheduler, StableDiffusionInpaintPipeline, UNet2DConditionModel

    with torch.random.fork_rng():
        torch.manual_seed(0)
        unet = UNet2DConditionModel(
            sample_size=16, in_channels=channels, out_channels=4, layers_per_block=1, block_out_channels=(8, 16),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=WIDE, attention_head_dim=4, norm_num_groups=4,
        )  # fmt: skip
        parts = _vae(3), _text_encoder(), _tokenizer(folder)
    scheduler = DDIMScheduler(beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=False, steps_offset=1)
    pipeline = StableDiffusionInpaintPipeline(*parts, unet, scheduler, None, None, requires_safety_checker=False)
    return _quiet(pipeline)


def flux(folder: Path, reference: bool) -> Any:
    """FLUX Fill; or Kontext for inpainting, which looks at a second picture. Made for 32x32."""
    from diffusers import (
        FlowMatchEulerDiscreteScheduler,
        FluxFillPipeline,
        FluxKontextInpaintPipeline,
        FluxTransformer2DModel,
    )
    from transformers import T5Config, T5EncoderModel

    latent = 16  # 4 channels, packed two by two
    masked = latent + 16  # Fill is also given what is kept, and the mask's own pixels
    with torch.random.fork_rng():
        torch.manual_seed(0)
        transformer = FluxTransformer2DModel(
            patch_size=1, in_channels=latent if reference else latent + masked, out_channels=latent, num_layers=1,
            num_single_layers=1, attention_head_dim=16, num_attention_heads=2, joint_attention_dim=WIDE,
            pooled_projection_dim=WIDE, axes_dims_rope=(4, 4, 8), guidance_embeds=not reference,
        )  # fmt: skip
        t5 = T5EncoderModel(
            T5Config(vocab_size=len(WORDS), d_model=WIDE, d_kv=4, d_ff=16, num_layers=1, num_heads=2)
        ).eval()
        vae, clip = _vae(2, shift_factor=0.0, scaling_factor=1.0), _text_encoder()
    kind = FluxKontextInpaintPipeline if reference else FluxFillPipeline
    words = _tokenizer(folder)
    pipeline = kind(FlowMatchEulerDiscreteScheduler(), vae, clip, words, t5, words, transformer)
    pipeline.default_sample_size = 16
    return _quiet(pipeline)


def image_adapter(folder: Path, pipeline: Any) -> None:
    """Write an IP-Adapter for `inpainting()`, as the published ones lie on the Hub."""
    from safetensors.torch import save_file
    from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

    place = folder / "models"
    generator = torch.Generator().manual_seed(1)

    def drawn(*size: int) -> torch.Tensor:
        return 0.1 * torch.randn(size, generator=generator)

    encoder = CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=32,
            patch_size=16, projection_dim=WIDE,
        )
    )  # fmt: skip
    encoder.save_pretrained(place / "image_encoder")
    size = {"height": 32, "width": 32}
    CLIPImageProcessor(size=size, crop_size=size).save_pretrained(place / "image_encoder")
    state = {
        "image_proj.proj.weight": drawn(4 * WIDE, WIDE), "image_proj.proj.bias": torch.zeros(4 * WIDE),
        "image_proj.norm.weight": torch.ones(WIDE), "image_proj.norm.bias": torch.zeros(WIDE),
    }  # fmt: skip
    crossed = [name for name in pipeline.unet.attn_processors if "attn2" in name]
    for number in range(len(crossed)):
        for kind in ("k", "v"):
            state[f"ip_adapter.{2 * number + 1}.to_{kind}_ip.weight"] = drawn(16, WIDE)
    save_file(state, place / "ip-adapter_sd15.safetensors")


def _vae(levels: int, **options: Any) -> Any:
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(8,) * levels, down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels, latent_channels=4, norm_num_groups=4, **options,
    ).eval()  # fmt: skip


def _text_encoder() -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel

    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(WORDS), hidden_size=WIDE, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
            max_position_embeddings=77, bos_token_id=0, eos_token_id=1, pad_token_id=1, projection_dim=WIDE,
        )
    ).eval()  # fmt: skip


def _tokenizer(folder: Path) -> Any:
    """One that knows hardly a word."""
    from transformers import CLIPTokenizer

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(WORDS)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=77)


def _quiet(pipeline: Any) -> Any:
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
