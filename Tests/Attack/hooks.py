"""What Schemathesis has to know to get past the door: half of the calls come from somebody who may make them.

CW_TOKEN is a person's access token, CW_AGENT and CW_KEY an agent of theirs and its key, CW_MANAGED another agent, whose
keys nobody needs, CW_HASH the payment webhook's secret.
"""

import os
import zlib

import schemathesis


def chosen(case):
    """Half of the cases, the same ones whenever they come again."""
    return zlib.crc32(repr((case.path_parameters, case.query, case.body)).encode()) % 2 == 0


@schemathesis.hook
def before_call(context, case, kwargs):
    path, method = case.operation.path, case.method.upper()
    headers = case.headers
    if path.startswith("/api/agent/{id}/webhook"):
        if chosen(case):
            headers["X-AGENT-KEY"] = os.environ["CW_KEY"]
            case.path_parameters["id"] = os.environ["CW_AGENT"]
    elif path == "/api/flutterwave-webhook":
        if chosen(case):
            headers["verif-hash"] = os.environ["CW_HASH"]
    else:
        if path != "/auth/v1/logout":  # or nobody would be signed in any more
            headers["Authorization"] = "Bearer " + os.environ["CW_TOKEN"]
        if chosen(case):
            headers.pop("X-Workspace-Id", None)
            if "{id}" in path and path.startswith("/api/agent") and method != "DELETE":
                case.path_parameters["id"] = os.environ["CW_MANAGED"]
