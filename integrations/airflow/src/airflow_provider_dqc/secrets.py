"""Secrets on their way from Airflow to the program: through the environment alone, and masked in every log.

They are never arguments, which every process of the machine can read, and never templated fields, which the web page shows.
"""

from __future__ import annotations

from collections.abc import Mapping

from airflow.sdk import Connection, Variable
from airflow.sdk.log import mask_secret


#: A region's name would be masked wherever a log says it.
_PUBLIC = ("AWS_REGION", "AWS_ENDPOINT")


def resolve(secrets: Mapping[str, str], aws_conn_id: str | None) -> dict[str, str]:
    """The environment that they make.

    :param secrets: from an environment variable's name to where its value is kept: `conn:ID` (the connection's password),
        `conn:ID.login`, `conn:ID.extra.KEY`, or `var:NAME`.
    :param aws_conn_id: an Amazon Web Services connection, as the variables that dqc's storage reads.
    :raises ValueError: a reference that is none, or names what is not there.
    """
    env = _aws(Connection.get(aws_conn_id)) if aws_conn_id else {}
    for name, reference in secrets.items():
        env[name] = _value(reference)
    for name, value in env.items():
        if name not in _PUBLIC:
            mask_secret(value, name)
    return env


def hidden(env: Mapping[str, str]) -> list[str]:
    """What nobody may read of what the program prints, the longest first: its last lines go into messages, too, where
    Airflow masks nothing. As with Airflow's own masking, what is shorter than five characters is left alone.
    """
    values = {value for name, value in env.items() if name not in _PUBLIC and len(value) >= 5}
    return sorted(values, key=len, reverse=True)


def _value(reference: str) -> str:
    kind, _, rest = reference.partition(":")
    if kind == "var" and rest:
        value = Variable.get(rest)
    elif kind == "conn" and rest:
        name, _, part = rest.partition(".")
        connection = Connection.get(name)
        if part.startswith("extra."):
            value = connection.extra_dejson.get(part.removeprefix("extra."))
        elif part in ("", "password", "login"):
            value = getattr(connection, part or "password")
        else:
            raise ValueError(f"a connection has no {part!r}: write conn:{name}, conn:{name}.login or conn:{name}.extra.KEY")
    else:
        raise ValueError(f"{reference!r} names no secret: write conn:ID, conn:ID.extra.KEY or var:NAME")
    if value is None or value == "":
        raise ValueError(f"{reference!r} is empty")
    return str(value)


def _aws(connection: Connection) -> dict[str, str]:
    extra = connection.extra_dejson
    named = {
        "AWS_ACCESS_KEY_ID": connection.login,
        "AWS_SECRET_ACCESS_KEY": connection.password,
        "AWS_SESSION_TOKEN": extra.get("aws_session_token"),
        "AWS_REGION": extra.get("region_name"),
        "AWS_ENDPOINT": extra.get("endpoint_url"),
    }
    return {name: str(value) for name, value in named.items() if value}
