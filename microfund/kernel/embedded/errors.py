"""The one error of the embedded default."""


class EmbeddedError(Exception):
    """Something the person at the keyboard must do; the message is one line that says what.

    ``manage.py`` and the supervisor print it without a traceback and exit with 1.
    """
