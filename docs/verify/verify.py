# Verifies a push of Magpie:  python3 verify.py rsa <request file> <certificate.pem>     (needs: pip install cryptography)
#                             python3 verify.py hmac <request file> <whsec_...>
# The request file holds the request as it came: request line, headers, empty line, body.
import base64
import hashlib
import hmac
import sys
import time
from email.utils import parsedate_to_datetime

TOLERANCE = 300  # seconds


def verify_rsa(path, headers, body, certificate_pem):
    """headers by their lower-case names, path with the query, body as the bytes that came"""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    md5 = hashlib.md5(body).hexdigest()
    digests = [base64.b64encode(md5.encode()).decode(), md5.upper()]  # XML and JSON, SIMPLIFIED
    if headers["content-md5"] not in digests:
        raise ValueError("the body was changed")
    check_time(parsedate_to_datetime(headers["date"]).timestamp())
    own = sorted(name for name in headers if name.startswith("x-mns-"))
    lines = ["POST", headers["content-md5"], headers["content-type"], headers["date"]]
    text = "\n".join(lines + [f"{name}:{headers[name]}" for name in own] + [path])
    key = x509.load_pem_x509_certificate(certificate_pem).public_key()
    try:
        # WSGI and most servers hand out headers as latin1, one character for each byte.
        key.verify(base64.b64decode(headers["authorization"]), text.encode("latin1"), padding.PKCS1v15(), hashes.SHA1())
    except InvalidSignature:
        raise ValueError("the signature does not fit") from None


def verify_hmac(headers, body, secret):
    check_time(int(headers["webhook-timestamp"]))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    if not any(hmac.compare_digest(each, expected) for each in headers["webhook-signature"].split(" ")):
        raise ValueError("the signature does not fit")


def check_time(seconds):
    if abs(time.time() - seconds) > TOLERANCE:
        raise ValueError("the push is too old")


def read_request(file):
    with open(file, "rb") as opened:
        head, body = opened.read().split(b"\r\n\r\n", 1)
    request_line, *lines = head.decode("latin1").split("\r\n")
    pairs = (line.split(":", 1) for line in lines)
    return request_line.split(" ")[1], {name.lower(): value.strip() for name, value in pairs}, body


if __name__ == "__main__":
    kind, file, key = sys.argv[1:]
    path, headers, body = read_request(file)
    try:
        if kind == "rsa":
            with open(key, "rb") as certificate:
                verify_rsa(path, headers, body, certificate.read())
        else:
            verify_hmac(headers, body, key)
    except ValueError as error:
        print(f"invalid: {error}")
        sys.exit(1)
    print("valid")
