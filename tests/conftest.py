"""One thread for every test, so that sums come out the same on every machine; and fixtures that several files use."""

import torch
from postgres import postgres, postgres_server  # noqa: F401
from shopping import fake_networks, files, importer, store  # noqa: F401
from studying import inpainting, saved_model, studio, tiny_folder, tryon  # noqa: F401

torch.set_num_threads(1)
