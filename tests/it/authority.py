"""Makes an authority, and a certificate by it for this machine: FOLDER/authority.pem, own.pem and own.key.

    authority.py FOLDER
"""

import datetime
import ipaddress
import sys
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NOW = datetime.datetime.now(datetime.timezone.utc)


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def made(text, key, by, by_key, extension):
    built = x509.CertificateBuilder().subject_name(name(text)).issuer_name(name(by)).public_key(key.public_key())
    built = built.serial_number(x509.random_serial_number())
    built = built.not_valid_before(NOW - datetime.timedelta(1)).not_valid_after(NOW + datetime.timedelta(2))
    return built.add_extension(extension, critical=False).sign(by_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


folder = Path(sys.argv[1])
authority, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
(folder / "authority.pem").write_bytes(made("authority", authority, "authority", authority, x509.BasicConstraints(True, None)))
(folder / "own.pem").write_bytes(made("own", own, "authority", authority, here))
key = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
(folder / "own.key").write_bytes(own.private_bytes(*key))
