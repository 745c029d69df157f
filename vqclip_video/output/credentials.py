"""Content credentials: a signature over a finished file, by which a changed byte shows.

The manifest is that of C2PA (https://c2pa.org), written and read by c2pa-python. It says the same
as the file's label, and comes last: whatever changes the file afterwards breaks it.
"""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._version import __version__
from ..disk.cache import cache_dir
from ..disk.files import beside, explained, remove, swap_in, sync_file
from ..errors import UsageError
from .provenance import TERMS, read_label

KINDS = {
    ".mp4": "video/mp4",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".avif": "image/avif",
}
# Nothing is asked of a network, and no thumbnail is put in.
SETTINGS = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
    "builder": {"thumbnail": {"enabled": False}},
}
UNSIGNED, CHANGED = "unsigned", "invalid"
YEARS = 10  # that a local certificate is good for
UNVERIFIED = (
    "the certificate was made on this machine: it shows whether a file was changed, not who made "
    "it, and verifiers will call it unverified"
)


@dataclass(frozen=True)
class Signatory:
    """A chain of certificates, the signer's own first, and the private key of that one; PEM."""

    chain: bytes
    key: bytes
    algorithm: str  # of C2PA's
    local: bool = False  # whether they were made here


def sign_file(path: Path, by: Signatory) -> None:
    """Signs a file of ours, which is replaced when the signed one is whole.

    Raises UsageError for what cannot be signed, OutputError when the disk refuses.
    """
    kind, source = _kind(path), read_label(path).source
    if not source:
        raise UsageError(f"{path}: it does not say that it was generated; sign what was rendered")
    if state_of(path) != UNSIGNED:
        raise UsageError(f"{path}: signed already; render or deliver it anew to sign it again")
    c2pa, part = _c2pa(), beside(path)
    try:
        with (
            explained(path),
            path.open("rb") as before,
            part.open("w+b") as after,
            _refusals(c2pa, path),
        ):
            told = c2pa.C2paSignerInfo(c2pa.C2paSigningAlg[by.algorithm], by.chain, by.key, None)
            builder = c2pa.Builder(_manifest(path, source), _context(c2pa))
            builder.sign(c2pa.Signer.from_info(told), kind, before, after)
        with explained(path):
            sync_file(part)
            swap_in(part, path)
    finally:
        remove(part)


def state_of(path: Path) -> str:
    """Whether a file is as it was signed: "unsigned", "invalid", "valid", or "trusted" where the
    certificate is one that this machine's verifier knows.

    Raises UsageError for a kind of file that is not signed, OutputError where it cannot be read.
    """
    kind, c2pa = _kind(path), _c2pa()
    with explained(path), path.open("rb") as file:
        try:
            reader = c2pa.Reader(kind, file, context=_context(c2pa))
        except c2pa.C2paError.ManifestNotFound:
            return UNSIGNED
        except c2pa.C2paError:  # a manifest that is none any more
            return CHANGED
        return str(reader.get_validation_state() or CHANGED).lower()


def given_signatory(chain: Path, key: Path) -> Signatory:
    """Of a certificate's files. Raises UsageError where they are none."""
    _c2pa()
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    contents = []
    for path in (chain, key):
        try:
            contents.append(path.read_bytes())
        except OSError as error:
            raise UsageError(f"{path}: cannot be read ({error.strerror}); name a PEM") from None
    try:
        first, *_ = x509.load_pem_x509_certificates(contents[0])
    except ValueError:
        raise UsageError(f"{chain}: no certificates in PEM, the signer's own first") from None
    try:
        private = load_pem_private_key(contents[1], None)
    except (ValueError, TypeError):
        raise UsageError(f"{key}: no private key in PEM without a passphrase") from None
    if private.public_key() != first.public_key():
        raise UsageError(f"{key}: not the key of the first certificate of {chain}")
    return Signatory(*contents, _algorithm(private, key))


def local_signatory() -> Signatory:
    """A certificate of this machine's own, made the first time and kept in the cache folder.

    Raises OutputError where it cannot be kept.
    """
    _c2pa()
    folder = cache_dir() / "credentials"
    chain, key = folder / "chain.pem", folder / "key.pem"
    if not (chain.is_file() and key.is_file()):
        with explained(chain):
            folder.mkdir(parents=True, exist_ok=True)
            for path, content in zip((key, chain), _made_here(), strict=True):
                remove(path)
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
                with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
                    file.write(content)
    found = given_signatory(chain, key)
    return Signatory(found.chain, found.key, found.algorithm, local=True)


def _made_here() -> tuple[bytes, bytes]:
    """A private key, and the chain of its certificate and of the authority that signed it, whose
    own key is forgotten.
    """
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    authority, own = (generate_private_key(SECP256R1()) for _ in range(2))
    chain = [_certificate(own.public_key(), authority, "signer", authority.public_key())]
    chain.append(_certificate(authority.public_key(), authority, "authority"))
    key = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return key, b"".join(each.public_bytes(Encoding.PEM) for each in chain)


def _certificate(public, signer, role: str, issuer=None) -> Any:
    """issuer: the public key of who signs; None for one that signs itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    def named(what: str) -> x509.Name:
        parts = {
            NameOID.ORGANIZATION_NAME: "vqclip-video on this machine",
            NameOID.COMMON_NAME: what,
        }
        return x509.Name([x509.NameAttribute(oid, text) for oid, text in parts.items()])

    today, own = datetime.datetime.now(datetime.timezone.utc), issuer is None
    uses = x509.KeyUsage(not own, False, False, False, False, own, own, False, False)
    above = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer or public)
    builder = (
        x509.CertificateBuilder(named("authority"), named(role), public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=365 * YEARS))
        .add_extension(x509.BasicConstraints(ca=own, path_length=None), critical=True)
        .add_extension(uses, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(above, critical=False)
    )
    if not own:  # C2PA asks that a signer's certificate says what it is for
        mail = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(mail, critical=False)
    return builder.sign(signer, SHA256())


def _algorithm(private, path: Path) -> str:
    """What C2PA calls the signatures of a key (C2PA specification, digital signatures)."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(private, ec.EllipticCurvePrivateKey):
        curves = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
        if private.curve.name in curves:
            return curves[private.curve.name]
    if isinstance(private, rsa.RSAPrivateKey):
        return "PS256"
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return "ED25519"
    raise UsageError(f"{path}: no kind of key that C2PA signs with; take EC P-256, RSA or Ed25519")


def _manifest(path: Path, source: str) -> str:
    created = {"action": "c2pa.created", "digitalSourceType": f"{TERMS}{source}"}
    return json.dumps(
        {
            "claim_generator_info": [{"name": "vqclip-video", "version": __version__}],
            "title": path.name,
            "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [created]}}],
        }
    )


def _kind(path: Path) -> str:
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise UsageError(f"{path}: not a kind of file that is signed: {', '.join(KINDS)}")
    return kind


@contextmanager
def _refusals(c2pa: Any, path: Path) -> Iterator[None]:
    try:
        yield
    except c2pa.C2paError as error:
        raise UsageError(f"{path}: cannot be signed ({error}); try another certificate") from error


def _context(c2pa: Any) -> Any:
    return c2pa.Context(c2pa.Settings.from_dict(SETTINGS))


def _c2pa() -> Any:
    try:
        import c2pa
        import cryptography  # noqa: F401
    except ImportError as error:
        remedy = "pip install 'vqclip-video[credentials]'"
        raise UsageError(f"signing takes c2pa-python and cryptography: {remedy}") from error
    return c2pa
