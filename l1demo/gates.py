"""The LSTM's four gates. The server names them too, so they stand apart from the network, which needs torch."""

from l1demo.text import N_

GATES = (N_("input"), N_("forget"), N_("cell"), N_("output"))  # in the order of nn.LSTM's rows
