"""L1 Speech Lab: what the penalty λΣ|w| does to a recurrent network that listens to speech."""
