"""The recogniser: an LSTM over log-mel frames, its outputs averaged over time, and a linear layer. One file, read top to bottom."""

import torch
from torch import nn

from l1demo.spec import RunSpec

GATES = ("input", "forget", "cell", "output")  # in the order of nn.LSTM's rows


class Recogniser(nn.Module):
    """Word logits from log-mel frames.

    Parameters
    ----------
    n_mels, hidden, layers, words : int
    """

    def __init__(self, n_mels: int, hidden: int, layers: int, words: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(n_mels, hidden, layers, batch_first=True)
        self.out = nn.Linear(hidden, words)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return the logits.

        Parameters
        ----------
        x : torch.Tensor, shape (B, T, M)
            Normalised log-mel frames.
        lengths : torch.Tensor, shape (B,)

        Returns
        -------
        torch.Tensor, shape (B, C)
        """
        h, _ = self.lstm(x)  # (B, T, H)
        present = (torch.arange(x.shape[1]) < lengths[:, None]).to(h.dtype)  # (B, T)
        mean = torch.bmm(present[:, None], h)[:, 0] / lengths[:, None]  # (B, H)
        return self.out(mean)

    def weights(self) -> dict[str, nn.Parameter]:
        """Return the weight matrices, which are penalised; biases are not."""
        return {name: p for name, p in self.named_parameters() if p.ndim == 2}


def build(spec: RunSpec, words: int) -> Recogniser:
    """Make the recogniser with the first weights that ``spec.seed`` gives, whatever λ is."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(spec.seed)
        return Recogniser(spec.features.n_mels, spec.model.hidden, spec.model.layers, words)
