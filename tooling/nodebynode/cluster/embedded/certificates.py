"""The cluster's own certificates: who may talk to whom, proven without any password.

Two authorities, as kubeadm has them: one for all who talk to the API server and to kubelets, one
for etcd alone, so that no certificate of the cluster opens the store behind the API server's back.
"""

from __future__ import annotations

import ipaddress
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from nodebynode import settings
from nodebynode.cluster.embedded.files import Files, write_private
from nodebynode.errors import ClusterError

AGENT = "nodebynode:node-agent"
"""The user that the node agent is to the API server; it has only the rights that it is given."""
CA, ETCD_CA, SERVICE_ACCOUNTS = "ca", "etcd-ca", "service-accounts"
SERVICE_IP = "10.96.0.1"
"""The first address of the Services' range, which the API server takes for itself."""

_VALID = timedelta(days=365)
_RENEW = timedelta(days=30)
_BACK = timedelta(days=1)
"""Certificates begin a day ago: a clock that is set back a little does no harm."""
_CURVE = ec.SECP256R1()


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A certificate to be issued.

    Attributes:
        name: Its file's name.
        user: The common name: the user that it is to the API server.
        group: The organization: the group that the user is in.
        hosts: Addresses and names it serves under; empty for one that is a client's only.
        issuer: The authority.
    """

    name: str
    user: str
    group: str = ""
    hosts: tuple[str, ...] = ()
    issuer: str = CA


def ensure(files: Files, nodes: Sequence[str], now: datetime | None = None) -> bool:
    """Issue the certificates unless good ones are there; returns whether they are new.

    They are issued anew as well when less than 30 days are left, and when by the clock they are
    not valid yet or any more. The key that signs service accounts' tokens is kept.

    Args:
        files: The cluster's files.
        nodes: The nodes' names, which the kubelets serve under.
        now: The time; the clock's when None.

    Raises:
        ClusterError: a file is there and is no certificate, or does not fit the others.
    """
    now = now or datetime.now(UTC)
    wanted = _wanted(nodes)
    names = [CA, ETCD_CA, *(one.name for one in wanted)]
    paths = [path for name in names for path in (files.certificate(name), files.key(name))]
    tokens = files.key(SERVICE_ACCOUNTS)
    kept = _load_key(tokens) if tokens.exists() else None
    if kept and all(path.exists() for path in paths):
        found = {name: _load(files, name) for name in names}
        _require_match(files, found, wanted)
        if all(_lasts(certificate, now) for certificate in found.values()):
            return False
    _issue(files, wanted, kept or ec.generate_private_key(_CURVE), now)
    return True


def _wanted(nodes: Sequence[str]) -> list[_Wanted]:
    here = ("127.0.0.1", "localhost")
    service = ("kubernetes", "kubernetes.default", "kubernetes.default.svc")
    api = (*here, SERVICE_IP, *service, "kubernetes.default.svc.cluster.local")
    return [
        _Wanted("etcd", "etcd", hosts=here, issuer=ETCD_CA),
        _Wanted("apiserver-etcd-client", "kube-apiserver", issuer=ETCD_CA),
        _Wanted("apiserver", "kube-apiserver", hosts=api),
        _Wanted("apiserver-kubelet-client", "kube-apiserver-kubelet-client"),
        _Wanted("kubelet", "kubelet", hosts=(*here, *nodes)),
        _Wanted("admin", "kubernetes-admin", "system:masters"),
        _Wanted("kube-controller-manager", "system:kube-controller-manager"),
        _Wanted("kube-scheduler", "system:kube-scheduler"),
        _Wanted("node-agent", AGENT),
        _Wanted("supervisor", "nodebynode:supervisor"),  # /readyz is open to every user
    ]


def _lasts(certificate: x509.Certificate, now: datetime) -> bool:
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return begins <= now <= ends - _RENEW


# ── issuing ──────────────────────────────────────────────────────────────────────────────────────


def _issue(
    files: Files, wanted: Iterable[_Wanted], tokens: ec.EllipticCurvePrivateKey, now: datetime
) -> None:
    """Write all certificates into a new folder, and put it in the place of the old one."""
    part = Files(files.folder.joinpath("certificates.part"))
    shutil.rmtree(part.folder, ignore_errors=True)
    part.certificates.mkdir(parents=True)
    for folder in (part.folder, part.certificates):
        folder.chmod(0o700)
    authorities = {}
    for name in (CA, ETCD_CA):
        key = ec.generate_private_key(_CURVE)
        own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"nodebynode-{name}")])
        built = _authority(own, key, now)
        authorities[name] = (built, key)
        _store(part, name, built, key)
    for one in wanted:
        issuer, issuer_key = authorities[one.issuer]
        key = ec.generate_private_key(_CURVE)
        _store(part, one.name, _leaf(one, key, issuer, issuer_key, now), key)
    write_private(part.key(SERVICE_ACCOUNTS), _pem(tokens))
    shutil.rmtree(files.certificates, ignore_errors=True)
    part.certificates.replace(files.certificates)
    part.folder.rmdir()


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACK)
        .not_valid_after(now + _VALID)
    )


def _authority(name: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    public = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        _builder(name, name, key, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .add_extension(public, critical=False)
        .sign(key, hashes.SHA256())
    )


def _leaf(
    one: _Wanted,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Certificate,
    issuer_key: ec.EllipticCurvePrivateKey,
    now: datetime,
) -> x509.Certificate:
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, one.user)]
    if one.group:
        subject.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, one.group))
    uses = [ExtendedKeyUsageOID.CLIENT_AUTH]
    if one.hosts:
        uses.append(ExtendedKeyUsageOID.SERVER_AUTH)
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    builder = (
        _builder(x509.Name(subject), issuer.subject, key, now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        .add_extension(authority, critical=False)
    )
    if one.hosts:
        names = x509.SubjectAlternativeName([_general_name(host) for host in one.hosts])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True, key_cert_sign=authority, crl_sign=authority,
        content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _store(
    files: Files, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
) -> None:
    write_private(files.key(name), _pem(key))
    write_private(files.certificate(name), certificate.public_bytes(serialization.Encoding.PEM))


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    # The traditional form ("EC PRIVATE KEY") is the one that every component reads.
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


# ── reading what is there ────────────────────────────────────────────────────────────────────────


def _load(files: Files, name: str) -> x509.Certificate:
    """Return a certificate whose key is there and fits."""
    path = files.certificate(name)
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except ValueError as error:
        raise _damaged(path, "holds no certificate") from error
    if certificate.public_key() != _load_key(files.key(name)).public_key():
        raise _damaged(path, "does not belong to the key beside it")
    return certificate


def _load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise _damaged(path, "holds no private key") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise _damaged(path, "holds another kind of key")
    return key


def _require_match(
    files: Files, found: dict[str, x509.Certificate], wanted: Iterable[_Wanted]
) -> None:
    for one in wanted:
        try:
            found[one.name].verify_directly_issued_by(found[one.issuer])
        except (ValueError, TypeError, InvalidSignature) as error:
            raise _damaged(
                files.certificate(one.name), "is not from the cluster's own authority"
            ) from error


def _damaged(path: Path, how: str) -> ClusterError:
    cluster = path.parents[1].name
    return ClusterError(
        f"The cluster's data is damaged: {path} {how}.",
        f"`{settings.command('down --purge', cluster)}` and `{settings.command('up', cluster)}` "
        "begin anew.",
    )
