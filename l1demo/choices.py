"""What the choices of a setting are called, on screens and in sentences. Which choices there are is spec's."""

from l1demo.text import N_

NAMES = {
    "speakers": N_("unseen speakers"),
    "recordings": N_("seen speakers, other recordings"),
    "both": N_("unseen speakers, beside the seen"),
    "official": N_("the makers' own split"),
    "none": N_("none"),
    "l1": "L1",
    "l2": "L2",
    "group": N_("group lasso"),
    "proximal": N_("proximal Adam"),
    "subgradient": N_("penalty in the loss"),
    "sgd": N_("proximal SGD"),
    "unscaled": N_("unscaled threshold"),
    "decoupled": N_("decoupled weight decay"),
    "ce": N_("cross-entropy"),
    "bce": N_("binary cross-entropy"),
    "mse": N_("mean squared error"),
    "anywhere": N_("cut anywhere"),
    "quiet": N_("cut where it is quiet"),
    "once": N_("once, over the run's second half"),
    "each": N_("for each λ anew"),
}
