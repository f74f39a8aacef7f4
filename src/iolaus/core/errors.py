"""Errors that a user can act on: what is wrong, where, and the next step."""


class IolausError(Exception):
    """Base of every error that is the input's or the configuration's fault, not a bug of ours.

    The command line prints it without a traceback and exits with status 2.
    """

    def __init__(self, what: str, *, where: str = "", next_step: str = "") -> None:
        self.what, self.where, self.next_step = what, where, next_step
        head = f"{where}: {what}" if where else what
        super().__init__(f"{head} {next_step}".rstrip())


class InputError(IolausError):
    """The log, a truth directory or another input cannot be used as it is."""


class ConfigError(IolausError):
    """A setting is unknown, of the wrong type or out of range."""


class ResourceError(IolausError):
    """Memory or disk is not enough for what was asked."""
