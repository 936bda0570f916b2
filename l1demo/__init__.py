"""L1 Speech Lab: what the penalty λΣ|w| does to a recurrent network that listens to speech."""


class LabError(ValueError):
    """Something that the person at the screen can mend; the message is a sentence for them."""
