"""Django's PostgreSQL backend, whose connections start the embedded server when it isn't running."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.db.backends.postgresql import base, client
from django.utils.asyncio import async_unsafe

from microfund.kernel.embedded import postgres


class DatabaseClient(client.DatabaseClient):
    """``manage.py dbshell`` with the wheel's own ``psql``."""

    def runshell(self, parameters: Iterable[str]) -> None:
        self.executable_name = str(postgres.programs() / "psql")
        self.connection.ensure_connection()
        super().runshell(parameters)


class DatabaseWrapper(base.DatabaseWrapper):
    """A PostgreSQL connection that belongs to an embedded cluster (``OPTIONS["embedded"]``)."""

    client_class = DatabaseClient

    @property
    def cluster(self) -> postgres.Cluster:
        """The cluster this connection belongs to."""
        own = self.settings_dict["OPTIONS"]["embedded"]
        return postgres.Cluster.at(Path(own["data_dir"]), {"durable": own["durable"]})

    def get_connection_params(self) -> dict[str, Any]:
        """Django's parameters without our own option, which libpq does not know."""
        params = super().get_connection_params()
        params.pop("embedded", None)
        return params

    @async_unsafe
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect; if that fails because the server or the database isn't there, see to it and try once more.

        Raises :class:`~microfund.kernel.embedded.EmbeddedError` if the server can't be started.
        """
        self.cluster.hold()
        try:
            return super().get_new_connection(conn_params)
        except self.Database.OperationalError as error:
            if not self._mend(error, conn_params):
                raise
        return super().get_new_connection(conn_params)

    def _mend(self, error: Exception, conn_params: dict[str, Any]) -> bool:
        """Whether there was something to mend, so that a second try makes sense."""
        name = self.settings_dict["OPTIONS"]["embedded"]["name"]
        message = str(error)
        if conn_params.get("dbname") == name and f'database "{name}" does not exist' in message:
            self.cluster.create_database(name)
            return True
        if "the database system is" in message or not self.cluster.is_running():
            # Killed, stopped by hand, or on its way down or up.
            self.cluster.ensure_running()
            return True
        # It died and came back between the two looks, or refuses for another reason (too many connections).
        return "No such file or directory" in message or "Connection refused" in message
