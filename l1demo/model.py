"""The recogniser: an LSTM over log-mel frames, its outputs averaged over time, and a linear layer. One file, read top to bottom."""

import torch
from torch import nn

from l1demo.spec import RunSpec


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

    def units(self) -> list[torch.Tensor]:
        """Say which weights are a hidden unit's: what it hears of the input, and what it tells others and the words.

        Returns
        -------
        list of torch.Tensor, int64, shape (H, n)
            One a layer: indices into all of ``weights()`` end to end. Each weight is one unit's. The connections between two layers
            are the lower one's, so that a unit whose weights are all 0 can be cut away without a trace.

        References
        ----------
        W. Wen et al., "Learning intrinsic sparse structures within long short-term memory", ICLR 2018: there a unit's rows and
        columns are its group, here each weight is in one group only, so that the proximal map is exact.
        """
        places, start = {}, 0
        for name, w in self.weights().items():
            places[name] = torch.arange(start, start + w.numel()).view_as(w)
            start += w.numel()
        layers, h = self.lstm.num_layers, self.lstm.hidden_size
        heard = places["lstm.weight_ih_l0"].view(4, h, -1).transpose(0, 1).reshape(h, -1)  # (H, 4 M)
        told = [places[f"lstm.weight_hh_l{layer}"].T for layer in range(layers)]  # (H, 4 H)
        above = [places[f"lstm.weight_ih_l{layer}"].T for layer in range(1, layers)] + [places["out.weight"].T]
        return [torch.cat([*([heard] if layer == 0 else []), told[layer], above[layer]], dim=1) for layer in range(layers)]


def build(spec: RunSpec, words: int) -> Recogniser:
    """Make the recogniser with the first weights that ``spec.seed`` gives, whatever λ is."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(spec.seed)
        return Recogniser(spec.features.n_mels, spec.model.hidden, spec.model.layers, words)
