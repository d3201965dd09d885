#!/usr/bin/env python3
"""rank_table.py IN-DIR OUT.bin OUT.h - one read-only table of the tokens of cl100k_base and o200k_base.
rank_table.py --check IN-DIR          - only sees whether the two files are the published ones.

IN-DIR holds cl100k_base.tiktoken and o200k_base.tiktoken ("base64-of-the-token rank" a line). The table
(little-endian, nothing to be relocated; ranks.c reads it):

    u32 offset[BUCKETS + 1]   of each bucket, from the table's beginning
    buckets of records        u32: rank in o200k_base or NO_RANK (18 bits), length - 1 (7), tag (6),
                              is it in cl100k_base too (1); u24 rank there, if it is; the token's bytes
"""
import base64
import hashlib
import os
import sys

PUBLISHED = {  # SHA-256, as OpenAI's tiktoken checks them
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
}
BUCKETS = 1 << 16
NO_RANK = (1 << 18) - 1
LONGEST = 128
MASK = (1 << 64) - 1


def read(folder, name):
    path = os.path.join(folder, name + ".tiktoken")
    with open(path, "rb") as f:
        data = f.read()
    if hashlib.sha256(data).hexdigest() != PUBLISHED[name]:
        sys.exit(f"{path} is not the file that tiktoken publishes; run script/tokenizers again")
    pairs = (line.split() for line in data.splitlines() if line)
    return {base64.b64decode(token): int(rank) for token, rank in pairs}


def token_hash(token):
    """As hash() of ranks.c."""
    h = len(token) * 0x9E3779B97F4A7C15 & MASK
    for i in range(0, len(token), 8):
        h = (h ^ int.from_bytes(token[i : i + 8], "little")) * 0xFF51AFD7ED558CCD & MASK
        h ^= h >> 32
    return h * 0xC4CEB9FE1A85EC53 & MASK


def record(token, tag, cl100k, o200k):
    rank, other = o200k.get(token, NO_RANK), cl100k.get(token)
    word = rank | len(token) - 1 << 18 | tag << 25 | (other is not None) << 31
    return word.to_bytes(4, "little") + (b"" if other is None else other.to_bytes(3, "little")) + token


def table(cl100k, o200k):
    buckets = [[] for _ in range(BUCKETS)]
    for token in sorted(cl100k.keys() | o200k.keys()):
        assert len(token) <= LONGEST
        h = token_hash(token)
        buckets[h >> 48].append(record(token, h >> 42 & 63, cl100k, o200k))
    at, offsets, bodies = 4 * (BUCKETS + 1), [], []
    for bucket in buckets:
        offsets.append(at)
        bodies.append(b"".join(bucket))
        at += len(bodies[-1])
    offsets.append(at)
    return b"".join(o.to_bytes(4, "little") for o in offsets) + b"".join(bodies)


def main():
    folder = sys.argv[2] if sys.argv[1] == "--check" else sys.argv[1]
    cl100k, o200k = (read(folder, name) for name in PUBLISHED)
    if sys.argv[1] == "--check":
        return
    data = table(cl100k, o200k)
    with open(sys.argv[2], "wb") as f:
        f.write(data)
    with open(sys.argv[3], "w") as f: # changes with the table, so that what holds it is compiled again
        f.write(f'#define TOKEN_RANKS_FILE "{os.path.abspath(sys.argv[2])}"\n'
                f'/* {hashlib.sha256(data).hexdigest()} */\n')


main()
