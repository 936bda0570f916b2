"""Commands of the command line that are chapters of their own, and what all commands share."""
