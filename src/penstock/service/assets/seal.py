"""Text that only this home can read: AES-GCM under a key made from the home's own. The one place where Penstock encrypts.

Knows a key and a label; must not know what is sealed or where it is kept.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os

from penstock.model.errors import CannotServe

PREFIX = "sealed:1:"
NONCE_BYTES = 12


def seal(key: bytes, label: str, text: str) -> str:
    """`text` sealed for the place that `label` names: moved to another place it does not open."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # 20 ms that only a secret pays

    nonce = os.urandom(NONCE_BYTES)
    sealed = AESGCM(_key(key)).encrypt(nonce, text.encode("utf-8", "surrogatepass"), label.encode())
    return PREFIX + base64.urlsafe_b64encode(nonce + sealed).decode("ascii")


def unseal(key: bytes, label: str, sealed: str) -> str:
    """What `seal` was given; CannotServe when this home's key is another one, or the text was changed."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        whole = base64.urlsafe_b64decode(sealed.removeprefix(PREFIX))
        opened = AESGCM(_key(key)).decrypt(whole[:NONCE_BYTES], whole[NONCE_BYTES:], label.encode())
    except (InvalidTag, ValueError):
        raise CannotServe(
            f"The secret of {label} cannot be read with this home's key: the file 'key' of the home was replaced, or the "
            "database was changed. Restore the key from a backup, or set the secret again.",
            target=label,
        ) from None
    return opened.decode("utf-8", "surrogatepass")


def is_sealed(text: object) -> bool:
    return isinstance(text, str) and text.startswith(PREFIX)


def _key(key: bytes) -> bytes:
    """A key for this use alone: the home's own also signs."""
    return hmac.new(key, b"penstock seal 1", hashlib.sha256).digest()
