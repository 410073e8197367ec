"""One thread for every test: sums come out the same on every machine, and small nets run faster."""

import torch

torch.set_num_threads(1)
