"""What a reader sees with the vendor's own client, as JSON: by selector, and each version's state by number."""

import json
import sys

from google.auth.credentials import AnonymousCredentials
from google.cloud import secretmanager_v1 as sm
from google.cloud.secretmanager_v1.services.secret_manager_service import transports

address, secret, selector = sys.argv[1:]
transport = transports.SecretManagerServiceRestTransport(
    host=address.removeprefix("http://"), credentials=AnonymousCredentials(), url_scheme="http"
)
client = sm.SecretManagerServiceClient(transport=transport)
got = client.access_secret_version(name=f"{secret}/versions/{selector}")
versions = client.list_secret_versions(parent=secret)
states = {version.name.rsplit("/")[-1]: version.state.name for version in versions}
print(json.dumps({"payload": got.payload.data.decode(), "states": states}))
