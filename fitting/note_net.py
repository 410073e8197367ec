"""The networks that write short fit notes: a generator, word by word, and a discriminator that reads them whole.

The generator is a recurrent network (Hochreiter and Schmidhuber 1997) that is told what the note is about at every
word. Trained by maximum likelihood it is a language model; as a GAN its words are drawn through the Gumbel-softmax
(Jang et al. 2017, arXiv:1611.01144; Kusner and Hernández-Lobato 2016, arXiv:1611.04051), so that the discriminator's
gradient reaches it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fitting.garment import Category

END, UNKNOWN = 0, 1  # words of every vocabulary: the end (and the blank after it, and the start), and any rare word
AGES = (30, 40, 50, 60)  # where bands of ages begin; before the first is a band, too
LONGEST = 20  # words of a note


@dataclass(frozen=True)
class About:
    """What B notes are about.

    Attributes:
        category: (B,) from 1, in the order of `Category`; 0 for any.
        rating: (B,) stars from 1; 0 for any.
        recommended: (B,) 1 no, 2 yes; 0 for any.
        age: (B,) band from 1; 0 for any.
    """

    category: Tensor
    rating: Tensor
    recommended: Tensor
    age: Tensor

    def __len__(self) -> int:
        return len(self.category)

    def take(self, rows: Tensor) -> About:
        return About(*(block[rows] for block in self.blocks))

    @property
    def blocks(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return self.category, self.rating, self.recommended, self.age

    def dropped(self, share: float, random: torch.Generator) -> About:
        """Each block taken away from a random share, so that notes can be asked for about anything."""
        return About(*(block * (torch.rand(len(block), generator=random) >= share) for block in self.blocks))


@dataclass(frozen=True)
class NoteConfig:
    """Shape of both networks, and their words; stored beside their weights.

    Attributes:
        words: the vocabulary; the first two are `END` and `UNKNOWN`.
        token: numbers that stand for a word.
        width: of the recurrent layer.
        about: numbers that stand for what a note is about.
        filters: of the discriminator, for each length of a phrase.
        dropout: in training.
        temperature: that notes are written at.
    """

    words: tuple[str, ...] = ("", "?")
    token: int = 64
    width: int = 160
    about: int = 24
    filters: int = 48
    dropout: float = 0.25
    temperature: float = 0.7

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", tuple(self.words))  # JSON knows lists alone


class AboutEncoder(nn.Module):
    """What notes are about, as one vector each."""

    def __init__(self, width: int) -> None:
        super().__init__()
        sizes = (len(Category) + 1, 6, 3, len(AGES) + 2)
        self.blocks = nn.ModuleList(nn.Embedding(size, width) for size in sizes)

    def forward(self, about: About) -> Tensor:
        """(B, width)."""
        return torch.stack([known(block) for known, block in zip(self.blocks, about.blocks, strict=True)]).sum(0)


class NoteGenerator(nn.Module):
    """Words so far and what the note is about -> logits of the next word."""

    def __init__(self, config: NoteConfig) -> None:
        super().__init__()
        self.word = nn.Embedding(len(config.words), config.token)
        self.about = AboutEncoder(config.about)
        self.recurrent = nn.LSTM(config.token + config.about, config.width, batch_first=True)
        self.dropout = nn.Dropout(config.dropout)
        self.narrow = nn.Linear(config.width + config.about, config.token)
        self.bias = nn.Parameter(torch.zeros(len(config.words)))
        nn.init.normal_(self.word.weight, std=0.1)  # logits are products of these

    def forward(self, words: Tensor, about: About) -> Tensor:
        """(B, L) words, each note's own -> (B, L + 1, V) logits of each word and of the end, from the words before."""
        told = self.about(about)[:, None].expand(-1, words.shape[1] + 1, -1)
        before = self.word(F.pad(words, (1, 0), value=END))
        hidden, _ = self.recurrent(torch.cat([self.dropout(before), told], 2))
        return self._logits(hidden, told)

    def roll(self, about: About, random: torch.Generator, heat: float, length: int = LONGEST) -> Tensor:
        """Notes drawn so that gradient passes: (B, length, V), one word each, by the Gumbel-softmax.

        Args:
            heat: its temperature; the lower, the sharper and the louder the gradient.
        """
        told = self.about(about)[:, None]
        before = self.word(torch.full((len(about), 1), END))
        state: tuple[Tensor, Tensor] | None = None
        drawn, alive = [], torch.ones(len(about), 1)
        end = F.one_hot(torch.tensor(END), len(self.bias)).float()
        for _ in range(length):
            hidden, state = self.recurrent(torch.cat([before, told], 2), state)
            logits = self._logits(hidden, told)[:, 0]
            logits = logits - torch.empty_like(logits).exponential_(generator=random).log()
            soft = (logits / heat).softmax(1)
            hard = F.one_hot(soft.argmax(1), len(self.bias)).float()
            word = hard + soft - soft.detach()  # one word forwards, all of them backwards
            word = alive * word + (1 - alive) * end  # after its end a note is blank
            drawn.append(word)
            alive = alive * (hard.argmax(1, keepdim=True) != END).float()
            before = (word @ self.word.weight)[:, None]
        return torch.stack(drawn, 1)

    @torch.inference_mode()
    def write(self, about: About, random: torch.Generator, temperature: float = 1.0, length: int = LONGEST) -> Tensor:
        """(B, length) words drawn one by one; `UNKNOWN` is never among them.

        Args:
            temperature: 1 draws as likely as was learned; below, likely words become likelier.
        """
        told = self.about(about)[:, None]
        word = torch.full((len(about), 1), END)
        alive = torch.ones(len(about), dtype=torch.bool)
        state: tuple[Tensor, Tensor] | None = None
        written = []
        for _ in range(length):
            hidden, state = self.recurrent(torch.cat([self.word(word), told], 2), state)
            logits = self._logits(hidden, told)[:, 0] / temperature
            logits[:, UNKNOWN] = -1e9
            word = torch.multinomial(logits.softmax(1), 1, generator=random) * alive[:, None]
            alive &= word[:, 0] != END
            written.append(word)
        return torch.cat(written, 1)

    def _logits(self, hidden: Tensor, told: Tensor) -> Tensor:
        """Words are told apart by the same numbers that they are read by (Press and Wolf 2017, arXiv:1608.05859)."""
        narrow = self.narrow(torch.cat([self.dropout(hidden), told], 2))
        return narrow @ self.word.weight.T + self.bias


class NoteDiscriminator(nn.Module):
    """Reads a note by its phrases of two to five words (Kim 2014, arXiv:1408.5882), told what it is about."""

    def __init__(self, config: NoteConfig) -> None:
        super().__init__()
        self.word = nn.Linear(len(config.words), config.token, bias=False)
        self.phrases = nn.ModuleList(nn.Conv1d(config.token, config.filters, size) for size in (2, 3, 4, 5))
        seen = 4 * config.filters
        self.dropout = nn.Dropout(config.dropout)
        self.body = nn.Sequential(nn.Linear(seen, seen), nn.LeakyReLU(0.2))
        self.about = AboutEncoder(seen)
        self.real = nn.Linear(seen, 1)

    def forward(self, words: Tensor, about: About) -> Tensor:
        """(B, L, V) words, one or a mixture at each place -> (B,) logits."""
        tokens = self.word(words).transpose(1, 2)
        found = torch.cat([F.leaky_relu(phrase(tokens), 0.2).amax(2) for phrase in self.phrases], 1)
        seen = self.body(self.dropout(found))
        return self.real(seen)[:, 0] + (seen * self.about(about)).sum(1) / seen.shape[1] ** 0.5


class Notes(nn.Module):
    """The generator as it is saved, loaded and used."""

    Config = NoteConfig

    def __init__(self, config: NoteConfig | None = None) -> None:
        super().__init__()
        self.config = config or NoteConfig()
        self.generator = NoteGenerator(self.config)


def likelihood(logits: Tensor, words: Tensor) -> Tensor:
    """(B, L + 1) minus the log likelihood of each word of notes (B, L) and of their end; 0 after it."""
    wanted = F.pad(words, (0, 1), value=END)
    loss = F.cross_entropy(logits.transpose(1, 2), wanted, reduction="none")
    before_end = F.pad(words != END, (1, 0), value=True)  # the end itself counts, blanks do not
    return loss * before_end
