"""The fake, judged by the vendor's own client: what it must do, one line each."""

import sys

from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import secretmanager_v1 as sm
from google.cloud.secretmanager_v1.services.secret_manager_service import transports
from google.protobuf import duration_pb2, field_mask_pb2

transport = transports.SecretManagerServiceRestTransport(
    host=sys.argv[1].removeprefix("http://"), credentials=AnonymousCredentials(), url_scheme="http"
)
client = sm.SecretManagerServiceClient(transport=transport)
State = sm.SecretVersion.State
passed = 0


def holds(what, truth):
    global passed
    assert truth, what
    passed += 1


def refused(what, kind, call, request):
    try:
        call(request=request, retry=None)
    except exceptions.GoogleAPICallError as error:
        # Over REST the client tells kinds by the HTTP status alone: the service's own word says more.
        word = error.response.json()["error"]["status"]
        holds(f"{what}: {word}", word == kind)
    else:
        raise AssertionError(what)


def crc(data):
    """CRC-32C bit by bit, as RFC 3720 defines it: not the table of the fake."""
    rest = 0xFFFFFFFF
    for byte in data:
        rest ^= byte
        for _ in range(8):
            rest = rest >> 1 ^ (0x82F63B78 if rest & 1 else 0)
    return rest ^ 0xFFFFFFFF


def add(name, data, checksum=None):
    payload = {"data": data, "data_crc32c": crc(data) if checksum is None else checksum}
    return {"parent": name, "payload": payload}


def update(secret, **fields):
    mask = field_mask_pb2.FieldMask(paths=list(fields))
    return {"secret": {"name": secret.name, "etag": secret.etag, **fields}, "update_mask": mask}


def scenario(parent, replication):
    asked = {"parent": parent, "secret_id": "judged", "secret": {"labels": {"team": "a"}, **replication}}
    secret = client.create_secret(request=asked)
    holds("a secret has its full name", secret.name == f"{parent}/secrets/judged")
    refused("a name is taken once", "ALREADY_EXISTS", client.create_secret, asked)
    missing = {"name": f"{parent}/secrets/none"}
    refused("a secret that is not there", "NOT_FOUND", client.get_secret, missing)

    first = client.add_secret_version(request=add(secret.name, b"example-1"))
    holds("versions count from one", first.name.endswith("/versions/1"))
    holds("a new version is enabled", first.state == State.ENABLED)
    holds("the checksum was seen", first.client_specified_payload_checksum)
    wrong = add(secret.name, b"example-1", checksum=1)
    refused("a wrong checksum", "INVALID_ARGUMENT", client.add_secret_version, wrong)
    large = add(secret.name, b"x" * 65537)
    refused("more than 64 KiB", "INVALID_ARGUMENT", client.add_secret_version, large)
    client.add_secret_version(request=add(secret.name, b"example-2"))
    got = client.access_secret_version(name=f"{secret.name}/versions/latest")
    holds("latest is the newest", got.name.endswith("/versions/2"))
    holds("the payload", got.payload.data == b"example-2")
    holds("its checksum", got.payload.data_crc32c == crc(b"example-2"))

    holds("adding leaves the secret's etag", client.get_secret(name=secret.name).etag == secret.etag)
    pointed = client.update_secret(request=update(secret, version_aliases={"current": 1}))
    holds("an update changes the etag", pointed.etag != secret.etag)
    holds("the mask leaves the labels", dict(pointed.labels) == {"team": "a"})
    stale = update(secret, version_aliases={"current": 2})
    refused("an old etag", "FAILED_PRECONDITION", client.update_secret, stale)
    got = client.access_secret_version(name=f"{secret.name}/versions/current")
    holds("an alias", got.payload.data == b"example-1")
    noted = client.update_secret(request=update(pointed, annotations={"note": "by hand"}))
    holds("annotations", noted.annotations["note"] == "by hand" and noted.version_aliases["current"] == 1)
    reserved = update(noted, version_aliases={"latest": 1})
    refused("a reserved alias", "INVALID_ARGUMENT", client.update_secret, reserved)
    full = update(noted, annotations={"big": "x" * 16384})
    refused("annotations of 16 KiB", "INVALID_ARGUMENT", client.update_secret, full)

    second = client.get_secret_version(name=f"{secret.name}/versions/2")
    disabled = client.disable_secret_version(request={"name": second.name, "etag": second.etag})
    holds("disabled", disabled.state == State.DISABLED)
    latest = {"name": f"{secret.name}/versions/latest"}
    refused("latest does not fall back", "FAILED_PRECONDITION", client.access_secret_version, latest)
    old = {"name": second.name, "etag": second.etag}
    refused("an old etag of a version", "FAILED_PRECONDITION", client.enable_secret_version, old)
    enabled = client.enable_secret_version(request={"name": second.name, "etag": disabled.etag})
    holds("enabled", enabled.state == State.ENABLED)
    pages = list(client.list_secret_versions(request={"parent": secret.name, "page_size": 1}).pages)
    numbers = [version.name.rsplit("/")[-1] for page in pages for version in page.versions]
    holds("pages, newest first", (len(pages), numbers) == (2, ["2", "1"]))
    client.disable_secret_version(name=first.name)
    some = client.list_secret_versions(request={"parent": secret.name, "filter": "state:ENABLED"})
    holds("a filter of versions", [version.name for version in some] == [second.name])

    gone = client.destroy_secret_version(name=first.name)
    holds("destroyed, with its date", gone.state == State.DESTROYED and gone.destroy_time)
    again = {"name": first.name}
    refused("destroyed stays destroyed", "FAILED_PRECONDITION", client.enable_secret_version, again)
    refused("and unreadable", "FAILED_PRECONDITION", client.access_secret_version, again)
    ttl = duration_pb2.Duration(seconds=86400)
    client.update_secret(request=update(client.get_secret(name=secret.name), version_destroy_ttl=ttl))
    later = client.destroy_secret_version(name=second.name)
    holds("destroyed later", later.state == State.DISABLED and later.scheduled_destroy_time)
    kept = client.enable_secret_version(name=second.name)
    holds("unless it is enabled", kept.state == State.ENABLED and not kept.scheduled_destroy_time)

    found = client.list_secrets(request={"parent": parent, "filter": "labels.team=a"})
    holds("a filter of secrets", [one.name for one in found] == [secret.name])
    asked = {"resource": secret.name, "permissions": ["secretmanager.versions.access"]}
    granted = client.test_iam_permissions(request=asked).permissions
    holds("permissions are told", list(granted) == asked["permissions"])


scenario("projects/example", {"replication": {"automatic": {}}})
scenario("projects/example/locations/europe-west3", {})
print(passed)
