"""The client of the operators' listener, for commands that order something."""

from __future__ import annotations

import getpass
import http.client
import json as jsonlib

from gateway.config.model import Ops

TIMEOUT = 10.0  # seconds

_ON_THIS_HOST = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # how a listener on all addresses is reached from here


def send_order(ops: Ops, path: str, order: dict[str, str], done: str) -> dict[str, bool]:
    """Send ``order`` to the operators' listener. Returns the member ``done`` of its response, whether it had an effect.

    Raises ValueError with a sentence when the order is refused or no gateway is there.
    """
    headers = {"content-type": "application/json"}
    if ops.token:
        headers["authorization"] = f"Bearer {ops.token.reveal()}"
    host = _ON_THIS_HOST.get(ops.host, ops.host)
    connection = http.client.HTTPConnection(host, ops.port, timeout=TIMEOUT)
    try:
        connection.request("POST", path, jsonlib.dumps(order), headers)
        response = connection.getresponse()
        result = jsonlib.loads(response.read(64 * 1024))
        if response.status == 200:
            return {done: result[done] is True}
        raise ValueError(f"refused with {response.status}: {result.get('title', '')}")
    except (OSError, http.client.HTTPException) as error:
        raise ValueError(f"no gateway answers on {host}:{ops.port}: {error}") from error
    except (KeyError, TypeError, AttributeError, jsonlib.JSONDecodeError) as error:
        raise ValueError(f"what answers on {host}:{ops.port} is no gateway") from error
    finally:
        connection.close()


def user_name() -> str:
    """The user of this shell, empty where there is none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a numbered user of a container has no name
        return ""
